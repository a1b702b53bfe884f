package transmit

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// state is where a chunk is that has a TSN.
type state uint8

const (
	flying    state = iota // sent, and not known to be lost; in the list flying
	lost                   // to be sent again; in the list lost
	acked                  // reported in a gap block; in no list
	abandoned              // RFC 3758; in no list
)

// sent is a chunk with a TSN that is not cumulatively acknowledged.
type sent struct {
	message *message
	at      time.Duration // of the last transmission
	order   uint64        // number of the packet of the last transmission
	// Neighbours in the list of its state; none at the ends.
	before, after int64

	offset, length uint32 // its part of the payload
	fsn            uint32
	sends          uint32 // transmissions
	state          state
}

const none = -1

// list is chunks, linked by serial.
type list struct{ head, tail int64 }

// outstanding is the retransmission queue: the chunks from the first that is not
// cumulatively acknowledged to the last that has a TSN. A chunk's serial is its
// distance from the initial TSN, which does not wrap; its place in the ring is the
// serial's lower bits.
//
// Two lists run through it: flying in the order of transmission, which is that of
// RACK (RFC 8985 section 6.2 step 5: "walk the time-ordered list"), and lost in the
// order in which the loss was found. So a SACK costs what it changes.
type outstanding struct {
	initial chunk.TSN
	header  int // bytes of the chunk header
	ring    []sent
	base    int64 // serial of the first chunk that is not acknowledged
	next    int64 // serial of the next chunk

	flying, lost list
	flight       int // bytes of the chunks that fly, headers and padding included
	payload      int // bytes of their payload: what the peer's window pays for

	spans []span // what gap blocks have acknowledged, ascending, apart from each other
}

// span is serials from first to last.
type span struct{ first, last int64 }

const minRing = 32

func newOutstanding(initial chunk.TSN, header int) outstanding {
	return outstanding{
		initial: initial, header: header,
		flying: list{none, none}, lost: list{none, none},
	}
}

// tsn is the TSN of a serial.
func (o *outstanding) tsn(serial int64) chunk.TSN { return o.initial + chunk.TSN(uint32(serial)) }

// serial is the serial that a TSN near the window stands for.
func (o *outstanding) serial(tsn chunk.TSN) int64 {
	return o.base + int64(int32(tsn-o.tsn(o.base)))
}

func (o *outstanding) at(serial int64) *sent { return &o.ring[int(serial)&(len(o.ring)-1)] }

// past looks up a chunk that may have left the window; nil: nothing is known of it.
func (o *outstanding) past(serial int64) *sent {
	if serial < 0 || serial >= o.next || serial < o.next-int64(len(o.ring)) {
		return nil
	}
	return o.at(serial)
}

// bytes is the size of a chunk in a packet.
func (o *outstanding) bytes(c *sent) int { return o.header + int(c.length+3)&^3 }

// push makes the next chunk; it is in no list yet.
func (o *outstanding) push() (int64, *sent) {
	if int(o.next-o.base) == len(o.ring) {
		o.grow()
	}
	serial := o.next
	o.next++
	c := o.at(serial)
	*c = sent{before: none, after: none}
	return serial, c
}

func (o *outstanding) grow() {
	ring := make([]sent, max(minRing, 2*len(o.ring)))
	for s := o.base; s < o.next; s++ {
		ring[int(s)&(len(ring)-1)] = *o.at(s)
	}
	o.ring = ring
}

// shrink gives the memory of a long window back, when all is acknowledged.
func (o *outstanding) shrink() {
	if len(o.ring) > 1024 && o.base == o.next {
		o.ring = nil
	}
}

func (o *outstanding) link(l *list, serial int64, c *sent) {
	c.before, c.after = l.tail, none
	if l.tail == none {
		l.head = serial
	} else {
		o.at(l.tail).after = serial
	}
	l.tail = serial
}

func (o *outstanding) unlink(l *list, c *sent) {
	if c.before == none {
		l.head = c.after
	} else {
		o.at(c.before).after = c.after
	}
	if c.after == none {
		l.tail = c.before
	} else {
		o.at(c.after).before = c.before
	}
	c.before, c.after = none, none
}

// fly notes a transmission in the packet of that number. The chunk is in no list.
func (o *outstanding) fly(now time.Duration, order uint64, serial int64, c *sent) {
	c.state, c.at, c.order = flying, now, order
	c.sends++
	o.link(&o.flying, serial, c)
	o.flight += o.bytes(c)
	o.payload += int(c.length)
}

// land takes a chunk out of its list, for another state.
func (o *outstanding) land(c *sent, to state) {
	switch c.state {
	case flying:
		o.unlink(&o.flying, c)
		o.flight -= o.bytes(c)
		o.payload -= int(c.length)
	case lost:
		o.unlink(&o.lost, c)
	}
	c.state = to
}

// lose marks a chunk for retransmission (RFC 9260 section 6.2.1 C). What the peer
// waits for comes first: one that is lost again goes before what is lost already.
func (o *outstanding) lose(serial int64, c *sent) {
	o.land(c, lost)
	if head := o.lost.head; head != none && serial < head {
		c.before, c.after = none, head
		o.at(head).before = serial
		o.lost.head = serial
		return
	}
	o.link(&o.lost, serial, c)
}

// sortLost puts the lost ones in the order of their TSNs. It costs a walk through the
// window.
func (o *outstanding) sortLost() {
	o.lost = list{none, none}
	for s := o.base; s < o.next; s++ {
		if c := o.at(s); c.state == lost {
			o.link(&o.lost, s, c)
		}
	}
}

// cover adds a gap block to the spans and calls f for each serial that was not
// covered before. hint is the index that the last call of the same SACK returned:
// where blocks ascend, the search goes on from there.
func (o *outstanding) cover(block span, hint int, f func(serial int64)) int {
	i := hint
	if i > len(o.spans) || i > 0 && o.spans[i-1].last >= block.first {
		i = 0
	}
	for i < len(o.spans) && o.spans[i].last < block.first-1 {
		i++
	}
	if i < len(o.spans) && o.spans[i].first <= block.first && block.last <= o.spans[i].last {
		return i
	}
	// The spans from i to j-1 overlap the block or touch it.
	merged, at, j := block, block.first, i
	for ; j < len(o.spans) && o.spans[j].first <= block.last+1; j++ {
		for ; at < o.spans[j].first; at++ {
			f(at)
		}
		at = max(at, o.spans[j].last+1)
		merged = span{min(merged.first, o.spans[j].first), max(merged.last, o.spans[j].last)}
	}
	for ; at <= block.last; at++ {
		f(at)
	}
	if j == i {
		o.spans = append(o.spans, span{})
		copy(o.spans[i+1:], o.spans[i:])
	} else {
		o.spans = append(o.spans[:i+1], o.spans[j:]...)
	}
	o.spans[i] = merged
	return i
}

// uncover drops the spans below base.
func (o *outstanding) uncover() {
	i := 0
	for i < len(o.spans) && o.spans[i].last < o.base {
		i++
	}
	if i > 0 {
		o.spans = append(o.spans[:0], o.spans[i:]...)
	}
	if len(o.spans) > 0 && o.spans[0].first < o.base {
		o.spans[0].first = o.base
	}
}
