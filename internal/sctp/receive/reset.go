package receive

import (
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// deferred is a reset of the peer's that waits until all TSNs before it have arrived
// (RFC 6525 section 5.2.2). What comes after it on its streams is held.
type deferred struct {
	waiting bool
	last    chunk.TSN
	all     bool
	streams []chunk.StreamID // ascending
	held    []heldFragment
	size    int
}

type heldFragment struct {
	fragment
	wide bool
}

// Reset performs the peer's reset of its streams, all of them where ids is empty,
// once every TSN up to last has arrived: their next message has number 0, and each
// has a Message with Reset behind those that wait. It returns whether the reset has
// been performed. One may be waiting at a time.
func (b *Buffer) Reset(last chunk.TSN, ids []chunk.StreamID) (performed bool) {
	r := &b.reset
	r.waiting, r.last, r.all = true, last, len(ids) == 0
	r.streams = slices.Clone(ids)
	slices.Sort(r.streams)
	r.streams = slices.Compact(r.streams)
	r.advance(b)
	return !r.waiting
}

// ResetPending reports whether a reset waits for TSNs.
func (b *Buffer) ResetPending() bool { return b.reset.waiting }

// holds reports whether a fragment comes after a reset that waits.
func (r *deferred) holds(f *fragment) bool {
	if !r.waiting || !r.last.Less(f.tsn) {
		return false
	}
	_, found := slices.BinarySearch(r.streams, f.id)
	return r.all || found
}

// hold keeps a fragment, whose bytes count as any other's.
func (r *deferred) hold(b *Buffer, f *fragment, wide bool) {
	kept := *f
	kept.payload = slices.Clone(f.payload)
	r.held = append(r.held, heldFragment{kept, wide})
	r.size += len(f.payload) + overhead
	b.window.add(len(f.payload) + overhead)
}

// advance performs the reset when its time has come.
func (r *deferred) advance(b *Buffer) {
	if !r.waiting || b.arrived.cumulative.Less(r.last) {
		return
	}
	r.waiting = false
	if r.all {
		for id := range b.streams {
			r.streams = append(r.streams, id)
		}
		slices.Sort(r.streams)
	}
	for _, id := range r.streams {
		if id < maxStream {
			b.perform(id)
		}
	}
	r.streams = nil
	held := r.held
	r.held = nil
	b.window.drop(r.size)
	r.size = 0
	for i := range held {
		// A contradiction among what was held shows in the fragments that follow, too.
		_, _ = b.insert(&held[i].fragment, held[i].wide)
	}
}

// perform resets one stream. A second reset with nothing behind the first says nothing
// new: a peer that repeats it fills no memory.
func (b *Buffer) perform(id chunk.StreamID) {
	s := b.stream(id)
	if a := s.busy; a != nil {
		for _, list := range [][]run{a.ordered, a.unordered} {
			for i := range list {
				b.drop(&list[i])
			}
		}
		clear(a.ordered)
		clear(a.unordered)
		a.ordered, a.unordered = a.ordered[:0], a.unordered[:0]
	}
	s.next, s.usual = 0, 0
	if a := s.busy; a != nil && a.ready.len() > 0 && a.ready.last().Reset {
		return
	}
	b.deliver(s, Message{Stream: id, Reset: true})
}

// Forget drops the state of a stream that is reset and has nothing to take.
func (b *Buffer) Forget(id chunk.StreamID) {
	s := b.streams[id]
	if s == nil || s.busy != nil || s.queued || s.next != 0 {
		return
	}
	if b.recent == s {
		b.recent = nil
	}
	delete(b.streams, id)
}

// Release is Forget for a stream whose use is over, or, where messages of the next use
// have come, a reminder of them.
func (b *Buffer) Release(id chunk.StreamID) {
	s := b.streams[id]
	if s == nil {
		return
	}
	if s.busy != nil && s.busy.ready.len() > 0 && !s.queued {
		s.queued = true
		b.ready.push(s)
	}
	b.Forget(id)
}
