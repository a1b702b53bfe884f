package receive

import (
	"fmt"
	"slices"
	"sort"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// stream is the inbound direction of a stream. An idle one keeps only this.
type stream struct {
	id     chunk.StreamID
	queued bool   // in Buffer.ready
	wide   bool   // next is a MID, of 32 bits; otherwise an SSN, of 16
	next   uint32 // SSN or MID of the ordered message that is delivered next
	usual  uint32 // size of the last message of several fragments
	busy   *assembly
}

// assembly is what a stream has while something is unfinished or not taken.
type assembly struct {
	ordered, unordered []run
	ready              queue[Message] // can be taken
	at                 int            // in Buffer.active
}

// run is a sequence of fragments without a gap, at most one message.
type run struct {
	mid          uint32 // I-DATA; 0 for DATA
	first, after uint32 // fragments: first and the one after the last: TSN or FSN
	order        uint32 // SSN or MID
	ppid         chunk.PPID
	begins, ends bool
	size         int
	reserved     int      // bytes that buf was given beyond what came, and are not used yet
	buf          []byte   // the last part
	parts        [][]byte // those before it
}

func (r *run) complete() bool { return r.begins && r.ends }

// drop gives back what a run takes that is given up or has become a message.
func (b *Buffer) drop(r *run) {
	b.window.drop(r.size + overhead)
	b.reserved -= r.reserved
}

// place compares the run with a fragment's place: negative where the run lies
// before it.
func (r *run) place(f *fragment) int {
	if d := int32(r.mid - f.mid); d != 0 {
		return int(d)
	}
	return int(int32(r.first - f.seq))
}

// assembly returns the stream's, taking an idle one.
func (b *Buffer) assembly(s *stream) *assembly {
	if s.busy == nil {
		if n := len(b.idle); n > 0 {
			s.busy = b.idle[n-1]
			b.idle = b.idle[:n-1]
		} else {
			s.busy = &assembly{}
		}
		s.busy.at = len(b.active)
		b.active = append(b.active, s)
	}
	return s.busy
}

const (
	// maxIdle bounds the assemblies that are kept for the next stream, maxIdleSize the
	// runs and messages that each has room for.
	maxIdle     = 64
	maxIdleSize = 256
)

// settle gives the assembly back when it is empty.
func (b *Buffer) settle(s *stream) {
	a := s.busy
	if a == nil || len(a.ordered)+len(a.unordered)+a.ready.len() > 0 {
		return
	}
	last := len(b.active) - 1
	b.active[a.at] = b.active[last]
	b.active[a.at].busy.at = a.at
	b.active[last] = nil
	b.active = b.active[:last]
	s.busy = nil
	if len(b.idle) < maxIdle && max(cap(a.ordered), cap(a.unordered), cap(a.ready.list)) <= maxIdleSize {
		b.idle = append(b.idle, a)
	}
}

// older reports that an ordered message has been delivered or skipped, or is so far
// ahead that its number cannot be told from an old one.
func (s *stream) older(order uint32) bool {
	if s.wide {
		return chunk.MID(order).Less(chunk.MID(s.next))
	}
	return chunk.SSN(order) != chunk.SSN(s.next) && !chunk.SSN(s.next).Less(chunk.SSN(order))
}

func (s *stream) bump(order uint32) {
	s.next = order + 1
	if !s.wide {
		s.next &= 0xffff
	}
}

// insert puts a fragment in its place; false: it is dropped as if it were lost.
func (b *Buffer) insert(f *fragment, wide bool) (bool, error) {
	s := b.stream(f.id)
	s.wide = wide
	if f.flags&chunk.FlagUnordered != 0 {
		return true, b.insertUnordered(s, f)
	}
	if s.older(f.order) {
		return false, nil
	}
	const whole = chunk.FlagBegin | chunk.FlagEnd
	if f.flags&whole == whole && f.order == s.next && (s.busy == nil || len(s.busy.ordered) == 0) {
		s.bump(f.order)
		b.deliver(s, Message{Stream: s.id, PPID: f.ppid, Payload: exact(f.payload)})
		return true, nil
	}
	a := b.assembly(s)
	if _, err := b.place(s, &a.ordered, f); err != nil {
		return false, err
	}
	b.deliverOrdered(s)
	return true, nil
}

func (b *Buffer) insertUnordered(s *stream, f *fragment) error {
	const whole = chunk.FlagBegin | chunk.FlagEnd
	if f.flags&whole == whole {
		b.deliver(s, Message{Stream: s.id, PPID: f.ppid, Payload: exact(f.payload)})
		return nil
	}
	a := b.assembly(s)
	i, err := b.place(s, &a.unordered, f)
	if err != nil {
		return err
	}
	if r := &a.unordered[i]; r.complete() {
		b.finish(s, r)
		a.unordered = slices.Delete(a.unordered, i, i+1)
	}
	return nil
}

// deliverOrdered delivers the messages that are next in order.
func (b *Buffer) deliverOrdered(s *stream) {
	a := b.assembly(s)
	n := 0
	for n < len(a.ordered) && a.ordered[n].complete() && a.ordered[n].order == s.next {
		s.bump(s.next)
		b.finish(s, &a.ordered[n])
		n++
	}
	a.ordered = slices.Delete(a.ordered, 0, n)
	b.settle(s)
}

// finish delivers the message of a complete run.
func (b *Buffer) finish(s *stream, r *run) {
	payload := r.buf
	if len(r.parts) > 0 {
		payload = make([]byte, 0, r.size)
		for _, part := range r.parts {
			payload = append(payload, part...)
		}
		payload = append(payload, r.buf...)
	}
	if r.after-r.first > 1 {
		s.usual = uint32(r.size)
	}
	if r.reserved > r.size {
		payload = exact(payload) // much smaller than the last one: it pins no more than it has
	}
	b.drop(r)
	b.deliver(s, Message{Stream: s.id, PPID: r.ppid, Payload: payload[:r.size:r.size]})
}

// place adds a fragment to the run that it continues, or begins a new one, and joins
// what has become whole. It returns the index of the run.
func (b *Buffer) place(s *stream, runs *[]run, f *fragment) (int, error) {
	list := *runs
	i := len(list) // the first run that lies behind the fragment
	if i > 0 && list[i-1].place(f) >= 0 {
		// Not slices.BinarySearchFunc, which would put every fragment on the heap.
		i = sort.Search(i, func(i int) bool { return list[i].place(f) >= 0 })
	}
	begins, ends := f.flags&chunk.FlagBegin != 0, f.flags&chunk.FlagEnd != 0
	if i < len(list) && list[i].place(f) == 0 {
		return 0, fmt.Errorf("%w: stream %d, fragment %d of message %d came under two TSNs", ErrFragment, s.id, f.seq, f.order)
	}
	if i > 0 && list[i-1].mid == f.mid {
		before := &list[i-1]
		switch {
		case int32(before.after-f.seq) > 0:
			return 0, fmt.Errorf("%w: stream %d, fragment %d of message %d came under two TSNs", ErrFragment, s.id, f.seq, f.order)
		case before.after == f.seq && before.ends && !begins:
			return 0, fmt.Errorf("%w: stream %d, TSN %d", ErrFragment, s.id, f.tsn)
		case before.after == f.seq && begins && !before.ends: // the peer has given it up
			i--
			b.drop(before)
			list = slices.Delete(list, i, i+1)
		case before.after == f.seq && !begins:
			if before.order != f.order {
				return 0, fmt.Errorf("%w: stream %d, messages %d and %d in one", ErrFragment, s.id, before.order, f.order)
			}
			b.extend(before, f)
			before.ends = ends
			return i - 1, b.join(s, runs, i-1)
		}
	}
	buf, reserved := b.room(s, f, begins && ends)
	list = slices.Insert(list, i, run{
		mid: f.mid, first: f.seq, after: f.seq + 1, order: f.order, ppid: f.ppid,
		begins: begins, ends: ends, size: len(f.payload), buf: buf, reserved: reserved,
	})
	*runs = list
	b.window.add(len(f.payload) + overhead)
	return i, b.join(s, runs, i)
}

// room returns the fragment's bytes with room for those that follow: as many as the
// last message of the stream had, so that payload is copied once, as long as all that
// is reserved so would fit the window, too.
func (b *Buffer) room(s *stream, f *fragment, whole bool) (buf []byte, reserved int) {
	n := len(f.payload)
	if !whole {
		n *= 4
		if more := int(s.usual) - len(f.payload); f.flags&chunk.FlagBegin != 0 && int(s.usual) > n && b.window.held+b.reserved+more <= b.window.limit {
			n, reserved = int(s.usual), more
			b.reserved += more
		}
	}
	return append(make([]byte, 0, n), f.payload...), reserved
}

// extend adds a fragment's bytes to the end of a run. A part that is full is followed
// by one twice as large.
func (b *Buffer) extend(r *run, f *fragment) {
	if len(r.buf)+len(f.payload) > cap(r.buf) {
		r.parts = append(r.parts, r.buf)
		r.buf = make([]byte, 0, max(min(2*r.size, 256<<10), len(f.payload)))
	}
	r.buf = append(r.buf, f.payload...)
	used := min(r.reserved, len(f.payload))
	r.reserved -= used
	b.reserved -= used
	r.size += len(f.payload)
	r.after++
	b.window.add(len(f.payload))
}

// join puts run i and the one that follows it together, where there is no gap
// between them.
func (b *Buffer) join(s *stream, runs *[]run, i int) error {
	list := *runs
	if i+1 == len(list) || list[i+1].mid != list[i].mid || list[i+1].first != list[i].after {
		return nil
	}
	r, next := &list[i], &list[i+1]
	switch {
	case r.ends && next.begins:
		return nil
	case r.ends:
		return fmt.Errorf("%w: stream %d, fragment %d", ErrFragment, s.id, next.first)
	case next.begins: // the peer has given up the first
		b.drop(r)
		*runs = slices.Delete(list, i, i+1)
		return nil
	}
	if r.order != next.order {
		return fmt.Errorf("%w: stream %d, messages %d and %d in one", ErrFragment, s.id, r.order, next.order)
	}
	r.parts = append(append(r.parts, r.buf), next.parts...)
	r.buf, r.size, r.after, r.ends = next.buf, r.size+next.size, next.after, next.ends
	r.reserved += next.reserved
	b.window.drop(overhead)
	*runs = slices.Delete(list, i+1, i+2)
	return nil
}

// check returns the bytes of all runs, and those that are reserved.
func (a *assembly) check() (total, reserved int, err error) {
	for _, list := range [][]run{a.ordered, a.unordered} {
		for i := range list {
			r := &list[i]
			n := len(r.buf)
			for _, part := range r.parts {
				n += len(part)
			}
			if n != r.size {
				return 0, 0, fmt.Errorf("run of %d bytes, counted %d", n, r.size)
			}
			if i > 0 && list[i-1].mid == r.mid && int32(r.first-list[i-1].after) < 0 {
				return 0, 0, fmt.Errorf("fragment %d after %d", r.first, list[i-1].after)
			}
			total += n + overhead
			reserved += r.reserved
		}
	}
	return total, reserved, nil
}

// exact returns a copy that pins no more memory than it has bytes.
func exact(b []byte) []byte {
	c := make([]byte, len(b))
	copy(c, b)
	return c
}
