package bandwidth

import "time"

const (
	// burstTime delimits groups: draft-ietf-rmcat-gcc-02 section 5.6.
	burstTime = 5 * time.Millisecond
	// burstLimit is how long a group may take to arrive: without it, a queue
	// that is drained at line rate would make one endless group.
	burstLimit = 100 * time.Millisecond
	// arrivalJump is where an arrival time is no delay any more: the receiver's
	// clock was set, or its feedback is forged.
	arrivalJump = 3 * time.Second
)

// group is a burst of packets: section 5.2.
type group struct {
	firstSent, lastSent       time.Duration
	firstArrival, lastArrival time.Duration
	packets                   int
}

// groups makes groups of packets, and the inter-group delay variation of each
// pair: the arrival-time model of draft-ietf-rmcat-gcc-02 section 5.1 with the
// pre-filtering of section 5.2.
type groups struct {
	current, previous group // packets is 0 where there is none
}

// add takes a packet that arrived. It returns d(i) = t(i)-t(i-1)-(T(i)-T(i-1))
// when the packet begins a group and there are two complete ones before it.
func (g *groups) add(sentAt, arrival time.Duration) (d, arrived time.Duration, ok bool) {
	c := &g.current
	switch {
	case c.packets == 0:
		*c = newGroup(sentAt, arrival)
		return 0, 0, false
	case arrival-c.lastArrival > arrivalJump, c.lastArrival-arrival > arrivalJump:
		*g = groups{current: newGroup(sentAt, arrival)}
		return 0, 0, false
	case sentAt < c.firstSent: // section 5.1: out of order is ignored
		return 0, 0, false
	case g.belongs(sentAt, arrival):
		c.lastSent = max(c.lastSent, sentAt)
		c.lastArrival = max(c.lastArrival, arrival)
		c.packets++
		return 0, 0, false
	}
	if p := &g.previous; p.packets > 0 {
		d = c.lastArrival - p.lastArrival - (c.lastSent - p.lastSent)
		arrived, ok = c.lastArrival, c.lastArrival >= p.lastArrival
	}
	g.previous, g.current = g.current, newGroup(sentAt, arrival)
	return d, arrived, ok
}

func newGroup(sentAt, arrival time.Duration) group {
	return group{sentAt, sentAt, arrival, arrival, 1}
}

// belongs reports whether a packet is of the current group: it was sent within
// burst_time of the group's first, or it arrived within burst_time of the last
// one with a smaller delay than that, as what was held back in an outage does.
func (g *groups) belongs(sentAt, arrival time.Duration) bool {
	c := &g.current
	if sentAt-c.firstSent <= burstTime {
		return true
	}
	between := arrival - c.lastArrival
	return between <= burstTime && between-(sentAt-c.lastSent) < 0 && arrival-c.firstArrival < burstLimit
}
