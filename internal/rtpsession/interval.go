package rtpsession

import (
	"math"
	"math/rand/v2"
	"time"
)

// The least time between two regular reports, the T_rr_interval of RFC 4585
// section 3.4. AVPF has no minimum of its own between two peers (section 3.5.1),
// and 5 % of a video call would be hundreds of reports a second; what browsers
// keep is one a second where there is video, and one in five for audio alone.
const (
	VideoReportInterval = time.Second
	AudioReportInterval = 5 * time.Second
)

const (
	rtcpFraction   = 0.05 // of the session bandwidth: RFC 3550 section 6.2
	senderFraction = 0.25 // of that, for senders, while they are few

	// compensation is e - 3/2: timer reconsideration makes intervals longer
	// than what was drawn, and this takes it back (RFC 3550 section 6.3.1).
	compensation = math.E - 1.5

	// firstRTCPSize is taken for the average size before the first packet: an
	// SR, a block and a CNAME, with IPv4, UDP and SRTCP around them.
	firstRTCPSize = 140

	// inactiveIntervals is after how many intervals without a packet a member
	// is gone: the M of RFC 3550 section 6.3.5.
	inactiveIntervals = 5
)

// Interval says when regular RTCP reports go (RFC 3550 sections 6.2 and 6.3, with
// the changes of RFC 4585 section 3.5 for AVPF). It is for a point-to-point
// session, as each WebRTC transport has: the initial minimum is 0, and a BYE
// needs no back-off, which RFC 3550 section 6.3.7 wants from 50 members on.
//
// The calls are: Start once, then at each Deadline Due; where that is true, the
// report is sent and Sent called.
type Interval struct {
	bandwidth float64       // of RTCP, in octets/s; 0: not known
	regular   time.Duration // T_rr_interval
	random    *rand.Rand

	members, senders int
	pmembers         int // members when the next time was computed
	weSent           bool
	average          float64 // avg_rtcp_size, in octets
	sent             bool    // a regular report: "initial" is false

	previous time.Time     // tp
	next     time.Time     // tn
	reported time.Time     // t_rr_last
	dither   time.Duration // T_rr_current_interval
}

// NewInterval makes a schedule with a least time between regular reports:
// VideoReportInterval or AudioReportInterval. The seed makes the random numbers
// that keep ends from reporting in step.
func NewInterval(regular time.Duration, seed uint64) *Interval {
	return &Interval{
		regular: regular, random: rand.New(rand.NewPCG(seed, 0x52544350)),
		members: 2, pmembers: 2, average: firstRTCPSize,
	}
}

// SetBandwidth sets the session bandwidth, of RTP and all, in bits/s; 5 % of it are
// RTCP's. 0 means that it is not known: then reports go at the least time.
func (i *Interval) SetBandwidth(bps int64) { i.bandwidth = max(float64(bps), 0) * rtcpFraction / 8 }

// SetRegular sets the least time between regular reports, from the next on.
func (i *Interval) SetRegular(regular time.Duration) { i.regular = regular }

// SetMembers sets how many ends there are, this one included, how many of them
// send media, and whether this one does (RFC 3550 sections 6.3.3 and 6.3.8). When members
// leave, the next report comes sooner (reverse reconsideration, section 6.3.4).
func (i *Interval) SetMembers(now time.Time, members, senders int, weSent bool) {
	i.members, i.senders, i.weSent = max(members, 1), senders, weSent
	if i.members >= i.pmembers || i.next.IsZero() {
		return
	}
	left := float64(i.members) / float64(i.pmembers)
	i.next = now.Add(scale(i.next.Sub(now), left))
	i.previous = now.Add(-scale(now.Sub(i.previous), left))
	i.pmembers = i.members
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// Received takes the size of an RTCP datagram that came, in octets, with UDP and
// IP headers (RFC 3550 sections 6.2 and 6.3.3).
func (i *Interval) Received(size int) { i.average += (float64(size) - i.average) / 16 }

// deterministic is Td of RFC 3550 section 6.3.1, with a minimum of 0.
func (i *Interval) deterministic(weSent bool) time.Duration {
	if i.bandwidth == 0 {
		return 0
	}
	share, n := 1.0, i.members
	if float64(i.senders) <= senderFraction*float64(i.members) {
		if weSent {
			share, n = senderFraction, i.senders
		} else {
			share, n = 1-senderFraction, i.members-i.senders
		}
	}
	seconds := float64(n) * i.average / (share * i.bandwidth)
	return time.Duration(min(seconds, 3600) * float64(time.Second))
}

// draw is T of RFC 3550 section 6.3.1.
func (i *Interval) draw() time.Duration {
	return scale(i.deterministic(i.weSent), (0.5+i.random.Float64())/compensation)
}

// Start begins the schedule: this end has joined (RFC 3550 section 6.3.2).
func (i *Interval) Start(now time.Time) {
	i.previous, i.sent = now, false
	i.schedule()
}

// schedule sets the next time. Before the first report there is only the
// bandwidth's interval; later, RFC 4585 section 3.5.3 suppresses reports until
// the least time has passed. It draws that time at each report that it
// suppresses; here it is drawn once, and the clock does not run for those.
func (i *Interval) schedule() {
	i.pmembers = i.members
	i.next = i.previous.Add(i.draw())
	if !i.sent {
		return
	}
	if allowed := i.reported.Add(i.dither); allowed.After(i.next) {
		i.next = allowed
	}
}

// Deadline is when to ask Due; zero before Start.
func (i *Interval) Deadline() time.Time { return i.next }

// Due reports whether a regular report is to be sent now. With more members than
// when the time was computed, or larger packets, it may turn out that it is too
// early: then there is a later Deadline (timer reconsideration, RFC 3550 section
// 6.3.6).
func (i *Interval) Due(now time.Time) bool {
	if i.next.IsZero() || now.Before(i.next) {
		return false
	}
	if at := i.previous.Add(i.draw()); at.After(now) {
		i.next, i.pmembers = at, i.members
		return false
	}
	return true
}

// Sent tells that a regular report of that size, in octets with UDP and IP
// headers, went out.
func (i *Interval) Sent(now time.Time, size int) {
	i.Received(size)
	i.previous, i.reported, i.sent = now, now, true
	i.dither = scale(i.regular, 0.5+i.random.Float64())
	i.schedule()
}

// Early tells that feedback of that size went out before a report. Between two
// peers it may go at once (RFC 4585 section 3.5.2: T_dither_max is 0); it counts
// in the average size, and the next report waits for one interval more.
func (i *Interval) Early(size int) {
	i.Received(size)
	if i.next.IsZero() || i.bandwidth == 0 {
		return
	}
	interval := i.draw()
	i.previous = i.previous.Add(interval)
	if at := i.previous.Add(interval); at.After(i.next) {
		i.next = at
	}
}

// Timeout is after how long without a packet a member is gone: five intervals of a
// receiver (RFC 3550 section 6.3.5), with T_rr_interval as the least one (RFC 4585
// section 3.5.4).
func (i *Interval) Timeout() time.Duration {
	return inactiveIntervals * max(i.deterministic(false), i.regular)
}
