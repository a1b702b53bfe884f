package netio

import "net/netip"

// Bounds of a queue, in datagrams. The one for a destination holds a burst of
// 1 MB. The one for the socket bounds memory to 9 MB. Besides, a destination
// has at most as many as there are free places: however many destinations
// fill the queue, some of it is left for another.
const (
	flowLimit  = 1024
	queueLimit = 4096
)

// quantum is how many datagrams of one destination a batch takes before the
// next destination has its turn.
const quantum = 32

// A queue holds what waits to be sent, first in first out per destination,
// round-robin between destinations. The zero queue is empty. It takes no lock
// and, once it has seen its destinations, allocates nothing: the datagrams
// are linked through their buffers.
type queue struct {
	flows map[flowKey]*flow // exactly those that hold something
	// first and last are the ends of the ring of turns: every flow is in it
	// once.
	first, last *flow
	recent      *flow // the flow of the last push, if it still holds something
	spare       *flow // flows to use again, linked
	spares      int
	n           int
}

// A flowKey is where datagrams go, and the address that they leave from, if that
// matters.
type flowKey struct {
	dst    netip.AddrPort
	source netip.Addr
}

// A flow is the datagrams of one destination.
type flow struct {
	flowKey
	head, tail *Buffer
	n          int
	next       *flow
}

const maxSpares = 64

// push takes b unless the queue or the destination's part of it is full.
func (q *queue) push(b *Buffer, key flowKey) bool {
	free := queueLimit - q.n
	if free == 0 {
		return false
	}
	f := q.recent
	if f == nil || f.flowKey != key {
		if f = q.flows[key]; f == nil {
			f = q.open(key)
		}
		q.recent = f
	}
	if f.n >= min(flowLimit, free) {
		return false
	}
	b.next = nil
	if f.tail == nil {
		f.head = b
	} else {
		f.tail.next = b
	}
	f.tail = b
	f.n++
	q.n++
	return true
}

// take moves up to len(ds) datagrams out and returns how many. Those of one
// destination are in order, and next to each other within a turn.
func (q *queue) take(ds []Datagram) int {
	n := 0
	for n < len(ds) && q.first != nil {
		f := q.first
		for range min(quantum, f.n, len(ds)-n) {
			b := f.head
			f.head, b.next = b.next, nil
			ds[n] = Datagram{Buffer: b, Addr: f.dst, Local: f.source}
			n++
			f.n--
			q.n--
		}
		q.unlinkFirst()
		if f.n == 0 {
			q.close(f)
		} else {
			q.link(f)
		}
	}
	return n
}

func (q *queue) open(key flowKey) *flow {
	f := q.spare
	if f != nil {
		q.spare = f.next
		q.spares--
	} else {
		f = new(flow)
	}
	*f = flow{flowKey: key}
	if q.flows == nil {
		q.flows = make(map[flowKey]*flow)
	}
	q.flows[key] = f
	q.link(f)
	return f
}

func (q *queue) close(f *flow) {
	delete(q.flows, f.flowKey)
	if q.recent == f {
		q.recent = nil
	}
	*f = flow{}
	if q.spares < maxSpares {
		f.next = q.spare
		q.spare = f
		q.spares++
	}
}

func (q *queue) link(f *flow) {
	f.next = nil
	if q.last == nil {
		q.first = f
	} else {
		q.last.next = f
	}
	q.last = f
}

func (q *queue) unlinkFirst() {
	q.first = q.first.next
	if q.first == nil {
		q.last = nil
	}
}
