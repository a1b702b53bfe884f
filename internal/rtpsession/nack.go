package rtpsession

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/seqnum"
)

const (
	// A packet is missed when so many later ones have come, or so much time has
	// passed since the first of them. Packets of one burst that change places
	// do so by one or two, so that three (as TCP has it, RFC 5681 section 3.2)
	// tell loss within the burst, where video loses most; time bounds the wait
	// where the next packet is a frame away.
	nackPackets = 3
	nackDelay   = 10 * time.Millisecond

	// Asking ends after so many times or so long: what comes later than that
	// comes after the frame was given up.
	nackTries = 10
	nackAge   = 2 * time.Second

	// nackLimit is how many packets may be missing at once. With more, what is
	// left of the stream is of no use without a new key frame.
	nackLimit = 1000

	// nackBatch is the most sequence numbers of one message, 1000 octets at the
	// worst, so that it fits in a datagram with the reports beside it.
	nackBatch = 250

	defaultRTT = 100 * time.Millisecond
	minRepeat  = 20 * time.Millisecond
)

// missing is a packet that has not come.
type missing struct {
	seq   int64
	since time.Duration // when a later one came, since the generator began
	due   time.Duration // when to ask next
	wait  time.Duration
	tries int
}

// NackGenerator watches the sequence numbers of one SSRC and says which packets
// to ask for again (RFC 4585 section 6.2.1). Packets without payload have to be
// told too: a number that is never told is asked for.
//
// Each packet is asked for after it is missed, then once a round trip, each
// time waiting a quarter longer, 10 times or for 2 s at most.
type NackGenerator struct {
	unwrap  seqnum.Unwrapper16
	highest int64
	started bool
	began   time.Time
	stray   int32 // what would follow a jump; -1 where there was none

	list    []missing // ascending
	unasked int       // at the end of the list
	rtt     time.Duration
	next    time.Duration // of Advance; 0: never

	asked    []uint16
	taken    int
	askedAt  time.Duration // when the first of those that NextNack has was asked for
	keyframe bool
	stats    NackStats
}

// NackStats is what a [NackGenerator] has done.
type NackStats struct {
	Requested   int64 // packets asked for, repeats counted
	Messages    int64 // messages of NextNack
	Recovered   int64 // packets that came after they were asked for
	Late        int64 // packets that came before that
	GivenUp     int64 // packets not asked for any longer
	Overflows   int64 // times that more than 1000 were missing
	OutOfBounds int64 // packets of a jump of the sequence number
}

// NewNackGenerator has no packet yet.
func NewNackGenerator() *NackGenerator {
	return &NackGenerator{rtt: defaultRTT, stray: -1}
}

// SetRTT sets the round-trip time, which is how long an answer takes; 100 ms
// until it is known. It counts for the next request of each packet.
func (g *NackGenerator) SetRTT(rtt time.Duration) {
	if rtt > 0 {
		g.rtt = rtt
	}
}

// Received takes the sequence number of a packet that came: for one that came by
// retransmission (RFC 4588) the original one. What is missed by it is ready in
// NextNack.
func (g *NackGenerator) Received(now time.Time, seq uint16, retransmitted bool) {
	if !g.started {
		// A retransmission is of a packet from before: what lies between it and
		// the stream was sent before this end listened.
		if !retransmitted {
			g.began = now.Add(-1) // so that no time is 0
			g.start(seq)
		}
		return
	}
	n := g.unwrap.Peek(seq)
	switch gap := n - g.highest; {
	case gap >= maxDropout || gap <= -maxMisorder:
		g.jump(seq, retransmitted)
	case gap > 0:
		g.stray = -1
		g.unwrap.Unwrap(seq)
		g.advance(now.Sub(g.began), n)
	default:
		g.arrived(n)
	}
}

func (g *NackGenerator) start(seq uint16) {
	g.unwrap = seqnum.Unwrapper16{}
	g.highest = g.unwrap.Unwrap(seq)
	g.started = true
	g.stray = -1
	g.clear()
}

// jump takes a number that belongs to no loss. A second one that follows it is a
// stream that starts anew (RFC 3550 appendix A.1).
func (g *NackGenerator) jump(seq uint16, retransmitted bool) {
	g.stats.OutOfBounds++
	switch {
	case retransmitted:
	case int32(seq) == g.stray:
		g.start(seq)
	default:
		g.stray = int32(seq + 1)
	}
}

func (g *NackGenerator) clear() {
	g.list, g.unasked, g.next = g.list[:0], 0, 0
}

// advance moves on to n: all between are missing.
func (g *NackGenerator) advance(now time.Duration, n int64) {
	if lost := n - g.highest - 1; int64(len(g.list))+lost > nackLimit {
		g.stats.Overflows++
		g.stats.GivenUp += int64(len(g.list)) + lost
		g.clear()
		g.keyframe = true
	} else {
		for m := g.highest + 1; m < n; m++ {
			g.list = append(g.list, missing{seq: m, since: now, due: now + nackDelay})
			g.unasked++
		}
		if lost > 0 {
			g.sooner(now + nackDelay)
		}
	}
	g.highest = n
	for i := len(g.list) - g.unasked; i < len(g.list) && g.list[i].seq <= n-nackPackets; i++ {
		g.ask(now, &g.list[i])
		g.sooner(g.list[i].due)
	}
}

func (g *NackGenerator) sooner(at time.Duration) {
	if g.next == 0 || at < g.next {
		g.next = at
	}
}

// arrived takes a packet from before the highest off the list.
func (g *NackGenerator) arrived(n int64) {
	i, ok := slices.BinarySearchFunc(g.list, n, func(m missing, n int64) int {
		return int(m.seq - n)
	})
	if !ok {
		return
	}
	if g.list[i].tries > 0 {
		g.stats.Recovered++
	} else {
		g.stats.Late++
		g.unasked--
	}
	g.list = slices.Delete(g.list, i, i+1)
	if len(g.list) == 0 {
		g.next = 0
	}
}

// Forget stops asking for packets before seq, as when a key frame began there.
func (g *NackGenerator) Forget(seq uint16) {
	n := g.unwrap.Peek(seq)
	i := 0
	for i < len(g.list) && g.list[i].seq < n {
		i++
	}
	g.stats.GivenUp += int64(i)
	g.list = slices.Delete(g.list, 0, i)
	g.unasked = min(g.unasked, len(g.list))
	if len(g.list) == 0 {
		g.next = 0
	}
}

// Advance asks for what is due, in NextNack, and gives up what is too old.
func (g *NackGenerator) Advance(now time.Time) {
	if len(g.list) == 0 {
		return
	}
	at := now.Sub(g.began)
	g.next = 0
	kept := 0
	for i := range g.list {
		m := &g.list[i]
		due := m.due <= at
		if at-m.since >= nackAge || m.tries >= nackTries && due {
			g.stats.GivenUp++
			if m.tries == 0 {
				g.unasked--
			}
			continue
		}
		if due {
			g.ask(at, m)
		}
		g.sooner(m.due)
		if kept != i {
			g.list[kept] = *m
		}
		kept++
	}
	g.list = g.list[:kept]
}

func (g *NackGenerator) ask(now time.Duration, m *missing) {
	if m.tries == 0 {
		g.unasked--
		m.wait = max(g.rtt, minRepeat)
	} else {
		m.wait += m.wait / 4
	}
	m.tries++
	m.due = now + m.wait
	if g.taken == len(g.asked) {
		g.asked, g.taken, g.askedAt = g.asked[:0], 0, now
	}
	g.asked = append(g.asked, uint16(m.seq))
	g.stats.Requested++
}

// Deadline is when to Advance next; zero while nothing is missing.
func (g *NackGenerator) Deadline() time.Time {
	if g.next == 0 {
		return time.Time{}
	}
	return g.began.Add(g.next)
}

// asking is since when NextNack has something, zero while it has nothing.
func (g *NackGenerator) asking() time.Time {
	if g.taken == len(g.asked) {
		return time.Time{}
	}
	return g.began.Add(g.askedAt)
}

// NextNack is the sequence numbers to ask for in one message, ascending; false
// when there are none. The slice is good until the next call of any method.
func (g *NackGenerator) NextNack() ([]uint16, bool) {
	if g.taken == len(g.asked) {
		return nil, false
	}
	batch := g.asked[g.taken:min(g.taken+nackBatch, len(g.asked))]
	g.taken += len(batch)
	g.stats.Messages++
	return batch, true
}

// KeyframeNeeded reports, once each time, that so much is missing that only a key
// frame helps (RFC 4585 section 6.3.1).
func (g *NackGenerator) KeyframeNeeded() bool {
	needed := g.keyframe
	g.keyframe = false
	return needed
}

// Missing is how many packets are missing and not given up.
func (g *NackGenerator) Missing() int { return len(g.list) }

// Stats returns what was counted.
func (g *NackGenerator) Stats() NackStats { return g.stats }

// AppendNackPairs appends the feedback control information of a generic NACK:
// pairs of a packet identifier and a mask of the 16 packets after it (RFC 4585
// section 6.2.1). The numbers have to be ascending; repeated ones are named once.
func AppendNackPairs(dst []byte, seqs []uint16) []byte {
	for i := 0; i < len(seqs); {
		pid, mask := seqs[i], uint16(0)
		for i++; i < len(seqs) && seqs[i]-pid <= 16; i++ {
			if bit := seqs[i] - pid; bit > 0 {
				mask |= 1 << (bit - 1)
			}
		}
		dst = binary.BigEndian.AppendUint16(dst, pid)
		dst = binary.BigEndian.AppendUint16(dst, mask)
	}
	return dst
}
