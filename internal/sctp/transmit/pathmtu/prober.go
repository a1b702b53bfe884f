// Package pathmtu finds the largest packet that a path carries by sending larger
// ones and seeing them acknowledged: Datagram Packetization Layer Path MTU Discovery
// (RFC 8899), for SCTP section 6.2. It needs no ICMP.
//
// A Prober is a plain value with one owner. Sizes are those of SCTP packets.
package pathmtu

import "time"

const (
	// maxProbes is how often one size is tried: MAX_PROBES (RFC 8899 section 5.1.2).
	maxProbes = 3
	// raise is PMTU_RAISE_TIMER: how long after the search it begins anew (section
	// 5.1.1).
	raise = 600 * time.Second
	// leastTimer bounds PROBE_TIMER from below (section 5.1.1).
	leastTimer = time.Second
	// step is the precision of the search, in bytes.
	step = 8
)

// never is a time that does not come.
const never = time.Duration(1<<63 - 1)

// Prober is the state of the search. Its phases are those of RFC 8899 section 5.2:
// BASE and ERROR are one here, since the base is what every path must carry.
type Prober struct {
	base, most int
	size       int // PLPMTU: what is known to pass
	low, high  int // the search is for the largest in low..high; low passes
	probe      int // PROBED_SIZE; 0: no probe is on its way
	probes     int // PROBE_COUNT
	at         time.Duration
	number     uint32
	done       bool // SEARCH_COMPLETE
}

// New makes a Prober that knows that base passes, and searches up to most.
func New(base, most int) Prober {
	p := Prober{base: base, most: most &^ 3, at: 0}
	p.begin()
	return p
}

// Restart begins at the base again, as another path does, and searches up to most.
// Answers to earlier probes are not taken.
func (p *Prober) Restart(most int) {
	p.most = max(most, p.base) &^ 3
	p.at = 0
	p.begin()
}

func (p *Prober) begin() {
	p.size, p.low, p.high = p.base, p.base, p.most
	p.probe, p.probes = 0, 0
	p.done = p.high < p.low+step
}

// Size is PLPMTU, in bytes.
func (p *Prober) Size() int { return p.size }

// Searching tells whether the search goes on.
func (p *Prober) Searching() bool { return !p.done }

// Deadline is when Advance has something to do.
func (p *Prober) Deadline() time.Duration {
	if p.most < p.base+step || p.probe == 0 && !p.done {
		return never
	}
	return p.at
}

// Advance lets time pass: a probe that was not answered is lost, and a search that
// ended long ago begins anew.
func (p *Prober) Advance(now time.Duration) {
	if now < p.Deadline() {
		return
	}
	if p.done {
		p.low, p.high, p.done = p.size, p.most, p.most < p.size+step
		p.at = now + raise
		return
	}
	p.probe = 0
	if p.probes >= maxProbes {
		p.high = p.lastSize() - 4
		p.probes = 0
		p.narrow(now)
	}
}

// lastSize is the size that is being tried: the largest first, as most paths carry
// it, then halfway.
func (p *Prober) lastSize() int {
	if p.high == p.most {
		return p.most
	}
	return (p.low + p.high + 4) / 2 &^ 3
}

func (p *Prober) narrow(now time.Duration) {
	if p.high < p.low+step {
		p.done = true
		p.at = now + raise
	}
}

// Next returns the size and the number of the probe to send now; false: none is due.
// The probe is taken as sent. rto is the retransmission timeout.
func (p *Prober) Next(now, rto time.Duration) (size int, number uint32, ok bool) {
	if p.done || p.probe != 0 {
		return 0, 0, false
	}
	p.probe = p.lastSize()
	p.probes++
	p.number++
	p.at = now + max(leastTimer, rto)
	return p.probe, p.number, true
}

// Acknowledged takes the answer to the probe of that number.
func (p *Prober) Acknowledged(now time.Duration, number uint32) {
	if p.done || p.probe == 0 || number != p.number {
		return
	}
	p.size, p.low = p.probe, p.probe
	p.probe, p.probes = 0, 0
	p.narrow(now)
}

// BlackHole tells that packets of Size seem to get lost (RFC 8899 section 4.3): back
// to the base, and the search begins anew after a while.
func (p *Prober) BlackHole(now time.Duration) {
	if p.size == p.base {
		return
	}
	p.begin()
	p.done = true
	p.at = now + raise
}
