package transmit

import "time"

// Defaults of Config. RFC 9260 section 16 recommends 1 s, 1 s and 60 s, for paths
// between hosts with several addresses; the browsers' SCTP waits 400 ms at least,
// since a retransmission of a message is somebody waiting, and 3 s at most, since
// ICE decides when a path is dead.
const (
	defaultRTOInitial = time.Second
	defaultRTOMin     = 400 * time.Millisecond
	defaultRTOMax     = 3 * time.Second
)

// rto is the retransmission timeout of RFC 9260 section 6.3.1.
type rto struct {
	min, max  time.Duration
	srtt      time.Duration // 0: nothing was measured
	variation time.Duration // RTTVAR
	value     time.Duration
	initial   time.Duration
	stale     bool // srtt is another path's: a guess until the first measurement

	// floor is the least round trip of the last minWindow or so (RFC 8985 section
	// 6.2); 0: nothing was measured.
	floor   time.Duration
	floorAt time.Duration
	latest  time.Duration // the newest round trip
}

// minWindow is how long the least round trip counts.
const minWindow = 10 * time.Second

func newRTO(initial, least, most time.Duration) rto {
	if initial <= 0 {
		initial = defaultRTOInitial
	}
	if least <= 0 {
		least = defaultRTOMin
	}
	if most <= 0 {
		most = defaultRTOMax
	}
	initial = min(max(initial, least), max(most, least))
	return rto{min: least, max: max(most, least), value: initial, initial: initial}
}

// restart begins anew on another path (RFC 9260 section 6.3.1 C1).
func (r *rto) restart() { r.value, r.stale, r.latest = r.initial, true, 0 }

// measure takes a round trip in (RFC 9260 section 6.3.1 C2, C3, C6, C7).
func (r *rto) measure(rtt time.Duration) {
	if r.srtt == 0 || r.stale {
		r.srtt, r.variation, r.stale = rtt, rtt/2, false
	} else {
		// RTO.Alpha is 1/8, RTO.Beta 1/4 (section 16).
		d := r.srtt - rtt
		if d < 0 {
			d = -d
		}
		r.variation += (d - r.variation) / 4
		r.srtt += (rtt - r.srtt) / 8
	}
	r.srtt = max(r.srtt, 1)
	// What is added to the round trip is half of RTO.Min at least, where section 6.3.1 G1
	// asks for a tick of the clock: queues fill faster than RTTVAR grows, and a timeout
	// that comes too soon costs the window.
	r.value = min(max(r.srtt+max(4*r.variation, r.min/2), r.min), r.max)
}

// observe notes every round trip for the least.
func (r *rto) observe(now, rtt time.Duration) {
	r.latest = rtt
	if r.floor == 0 || rtt <= r.floor || now-r.floorAt > minWindow {
		r.floor, r.floorAt = max(rtt, 1), now
	}
}

// timeout is how long T3-rtx runs: RTO, and longer where the newest round trip is far
// above the smoothed one, which is measured once in a round trip (section 6.3.1 C4) and
// follows a queue that fills too late.
func (r *rto) timeout() time.Duration { return min(max(r.value, r.latest+r.min/2), r.max) }

// backOff doubles the timeout (RFC 9260 section 6.3.3 E2). The next measurement
// ends that.
func (r *rto) backOff() { r.value = min(2*r.value, r.max) }
