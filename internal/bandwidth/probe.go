package bandwidth

import "time"

// ProbeID names a probe; 0 is no probe.
type ProbeID int32

// Probe is a request to send a little faster than the target for a moment, with
// padding where media does not suffice, to see whether that arrives.
type Probe struct {
	ID      ProbeID
	Bitrate Bitrate
	// Packets and Bytes are the least that must be sent as part of the probe.
	Packets, Bytes int
}

const (
	probePackets = 5
	// probeBytes is the least of a probe: a shorter one fits between two packets
	// of somebody else, and finds the rate of the link instead of what is left.
	probeBytes = 2000
	// A probe lasts as long as some inter-group delay variations, in bounds; at
	// the start they are not known.
	probeLeast      = 15 * time.Millisecond
	probeMost       = 50 * time.Millisecond
	probeStart      = 25 * time.Millisecond
	probeVariations = 8
	// probeShare of the packets and bytes must have arrived for a result.
	probeShare    = 0.8
	probeKept     = 8 // probes whose packets are followed
	probeInterval = time.Second
	// probeRatio is how many times longer than the arrival the sending may have
	// taken: more means that the packets were held back and came in a burst.
	probeRatio = 2
	// probeSaturated is where the probe has filled the path; what arrived is the
	// capacity then, of which probeMargin is used.
	probeSaturated = 0.9
	probeMargin    = 0.95
	probeLoss      = 0.15 // of a probe, more than which says that it has filled the path
	// probeFar is how far above what it carried at the last over-use a path that a
	// probe has filled must be found, and probeMemory for how long that holds.
	probeFar    = 1.7
	probeMemory = 30 * time.Second
)

// cluster is what has arrived of a probe.
type cluster struct {
	probe                     Probe
	packets, bytes            int
	lost                      int // reported so; with a full queue they count double
	firstSent, lastSent       time.Duration
	firstArrival, lastArrival time.Duration
	lastSentSize              int
	firstArrivalSize          int
	fresh                     bool // something arrived since the last result
}

// probeMeter measures the rate of probes by what arrives of them.
type probeMeter struct {
	clusters [probeKept]cluster
}

// begin follows a probe, in place of the oldest.
func (m *probeMeter) begin(p Probe) {
	m.clusters[uint32(p.ID)%probeKept] = cluster{probe: p}
}

// add takes a packet of a probe that arrived.
func (m *probeMeter) add(p *sent, arrival time.Duration) {
	c := m.of(p.probe)
	if c == nil {
		return
	}
	size := int(p.size)
	if c.packets == 0 {
		c.firstSent, c.lastSent, c.firstArrival, c.lastArrival = p.at, p.at, arrival, arrival
		c.lastSentSize, c.firstArrivalSize = size, size
	}
	c.firstSent = min(c.firstSent, p.at)
	if p.at > c.lastSent {
		c.lastSent, c.lastSentSize = p.at, size
	}
	if arrival < c.firstArrival {
		c.firstArrival, c.firstArrivalSize = arrival, size
	}
	c.lastArrival = max(c.lastArrival, arrival)
	c.packets++
	c.bytes += size
	c.fresh = true
}

// lose notes a packet of a probe that did not arrive.
func (m *probeMeter) lose(p *sent, full bool) {
	if c := m.of(p.probe); c != nil {
		c.lost++
		if full {
			c.lost++
		}
	}
}

// of is what is kept of a probe, nil when it is another one by now.
func (m *probeMeter) of(id ProbeID) *cluster {
	c := &m.clusters[uint32(id)%probeKept]
	if c.probe.ID != id {
		return nil
	}
	return c
}

// found is what a probe has measured.
type found struct {
	rate Bitrate
	full bool // the probe was faster than the path
}

// result returns what a probe has found since the last call.
func (m *probeMeter) result() (found, bool) {
	for i := range m.clusters {
		c := &m.clusters[i]
		if !c.fresh || !c.complete() {
			continue
		}
		c.fresh = false
		if f, ok := c.measure(); ok {
			return f, true
		}
	}
	return found{}, false
}

func (c *cluster) complete() bool {
	return float64(c.packets) >= probeShare*float64(c.probe.Packets) &&
		float64(c.bytes) >= probeShare*float64(c.probe.Bytes)
}

// measure compares how long the probe took to be sent with how long it took to
// arrive. The last packet sent and the first that arrived have no interval of
// their own; since packets are not of one size, that makes the two rates differ
// even where the intervals do not, so that the intervals decide.
func (c *cluster) measure() (found, bool) {
	sending, arriving := c.lastSent-c.firstSent, c.lastArrival-c.firstArrival
	if sending <= 0 || arriving <= 0 || sending > probeInterval || arriving > probeInterval {
		return found{}, false
	}
	if sending > arriving*probeRatio {
		return found{}, false
	}
	rate := rateOf(int64(c.bytes-c.lastSentSize), max(sending, arriving))
	saturated := float64(sending) < probeSaturated*float64(arriving)
	if saturated {
		rate = rateOf(int64(c.bytes-c.firstArrivalSize), arriving)
	}
	share := float64(c.packets) / float64(c.packets+c.lost)
	switch {
	case float64(c.lost) > max(1, probeLoss*float64(c.packets)):
		// What a full queue dropped leaves the rest at the rate it was sent.
		return found{rate.scale(share * probeMargin), true}, true
	case saturated:
		return found{rate.scale(probeMargin), true}, true
	}
	return found{rate: min(rate.scale(1/share), c.probe.Bitrate)}, true // a lost one took its time too
}
