package receive

import (
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// HandleForwardTSN skips what the peer has given up (RFC 3758 section 3.6).
func (b *Buffer) HandleForwardTSN(f *chunk.ForwardTSN) {
	if !b.forward(f.CumulativeTSN) {
		return
	}
	for i := range f.NumSkipped() {
		skip := f.Skipped(i)
		s := b.streams[skip.Stream]
		if s == nil {
			if skip.Stream >= maxStream {
				continue
			}
			s = b.stream(skip.Stream)
		}
		b.skipOrdered(s, uint32(skip.SSN))
	}
	// What lacks a fragment up to the cumulative TSN will never be finished.
	for i := len(b.active) - 1; i >= 0; i-- {
		s := b.active[i]
		s.busy.ordered = b.discard(s.busy.ordered, f.CumulativeTSN)
		s.busy.unordered = b.discard(s.busy.unordered, f.CumulativeTSN)
		b.deliverOrdered(s)
	}
	b.reset.advance(b)
}

// HandleIForwardTSN does the same for I-DATA (RFC 8260 section 2.3.1).
func (b *Buffer) HandleIForwardTSN(f *chunk.IForwardTSN) {
	if !b.forward(f.CumulativeTSN) {
		return
	}
	for i := range f.NumSkipped() {
		skip := f.Skipped(i)
		if skip.Stream >= maxStream {
			continue
		}
		s := b.stream(skip.Stream)
		s.wide = true
		if !skip.Unordered {
			b.skipOrdered(s, uint32(skip.MID))
			continue
		}
		if s.busy != nil {
			s.busy.unordered = slices.DeleteFunc(s.busy.unordered, func(r run) bool {
				old := !skip.MID.Less(chunk.MID(r.mid))
				if old {
					b.drop(&r)
				}
				return old
			})
			b.settle(s)
		}
	}
	b.reset.advance(b)
}

// forward moves the cumulative TSN; false: the chunk is an old one, which only makes
// a SACK due, as the last one may have been lost.
func (b *Buffer) forward(tsn chunk.TSN) bool {
	b.acks.data(false)
	if b.arrived.cumulative.Distance(tsn) <= 0 {
		b.acks.now()
		return false
	}
	b.arrived.forward(tsn)
	if len(b.arrived.runs) > 0 {
		b.acks.now()
	}
	return true
}

// skipOrdered delivers what is whole up to a message, and drops the rest up to it.
func (b *Buffer) skipOrdered(s *stream, last uint32) {
	if s.older(last) {
		return
	}
	after := stream{wide: s.wide}
	after.bump(last)
	if s.busy != nil {
		a := s.busy
		n := 0
		for ; n < len(a.ordered) && after.older(a.ordered[n].order); n++ {
			if r := &a.ordered[n]; r.complete() {
				b.finish(s, r)
			} else {
				b.drop(r)
			}
		}
		a.ordered = slices.Delete(a.ordered, 0, n)
	}
	s.next = after.next
	if s.busy != nil {
		b.deliverOrdered(s)
	}
}

// discard drops the runs of DATA that lack a fragment at or before a TSN.
func (b *Buffer) discard(runs []run, last chunk.TSN) []run {
	return slices.DeleteFunc(runs, func(r run) bool {
		dead := !r.begins && !last.Less(chunk.TSN(r.first-1)) || !r.ends && !last.Less(chunk.TSN(r.after))
		if dead {
			b.drop(&r)
		}
		return dead
	})
}
