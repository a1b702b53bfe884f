package bandwidth

import (
	"slices"
	"time"
)

type laneKey struct {
	stream StreamID
	kind   Kind
}

// entry is a packet that waits.
type entry[T any] struct {
	packet Packet[T]
	at     time.Duration
}

// lane is the queue of one stream's packets of one kind: a ring that grows.
type lane[T any] struct {
	class  *class[T]
	ring   []entry[T]
	head   int
	count  int
	served int64 // bytes, brought up to the class's when the lane was empty
}

// class is the lanes of one kind.
type class[T any] struct {
	lanes  []*lane[T]
	count  int   // packets
	served int64 // of the lane that was served last: where new ones begin
}

const laneFirst = 16

// lane returns the queue of a stream, and makes it when there is none.
func (p *Pacer[T]) lane(stream StreamID, kind Kind) *lane[T] {
	key := laneKey{stream, kind}
	if l := p.lanes[key]; l != nil {
		return l
	}
	c := &p.classes[kind]
	l := &lane[T]{class: c, ring: make([]entry[T], laneFirst)}
	p.lanes[key] = l
	c.lanes = append(c.lanes, l)
	return l
}

func (l *lane[T]) push(e entry[T]) {
	if l.count == 0 {
		l.served = max(l.served, l.class.served)
	}
	if l.count == len(l.ring) {
		bigger := make([]entry[T], 2*len(l.ring))
		n := copy(bigger, l.ring[l.head:])
		copy(bigger[n:], l.ring[:l.head])
		l.ring, l.head = bigger, 0
	}
	l.ring[(l.head+l.count)&(len(l.ring)-1)] = e
	l.count++
	l.class.count++
}

func (l *lane[T]) pop() entry[T] {
	e := l.ring[l.head]
	l.ring[l.head] = entry[T]{} // the value may hold a buffer
	l.head = (l.head + 1) & (len(l.ring) - 1)
	l.count--
	l.class.count--
	return e
}

// pop takes the next packet of the lane that has been served least. It is only
// called when there is one.
func (c *class[T]) pop() entry[T] {
	var least *lane[T]
	for _, l := range c.lanes {
		if l.count > 0 && (least == nil || l.served < least.served) {
			least = l
		}
	}
	c.served = least.served
	e := least.pop()
	least.served += int64(e.packet.Size)
	return e
}

// oldest is since when the first packet waits, or now.
func (c *class[T]) oldest(now time.Duration) time.Duration {
	if c.count == 0 {
		return now
	}
	for _, l := range c.lanes {
		if l.count > 0 {
			now = min(now, l.ring[l.head].at)
		}
	}
	return now
}

func (c *class[T]) forget(l *lane[T]) {
	if i := slices.Index(c.lanes, l); i >= 0 {
		c.lanes = slices.Delete(c.lanes, i, i+1)
	}
}
