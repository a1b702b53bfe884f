package transmit

import (
	"fmt"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// CheckInvariants names the first thing about the Queue that cannot be; nil: none.
// Tests call it after every input. It costs as much as the Queue is long.
func (q *Queue) CheckInvariants() error {
	for _, check := range []func() error{q.checkWindow, q.checkLists, q.checkSpans, q.checkStreams, q.checkTimers, q.checkLoan} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func broken(format string, args ...any) error {
	return fmt.Errorf("transmit: invariant: "+format, args...)
}

// checkWindow counts the chunks of the window.
func (q *Queue) checkWindow() error {
	o := &q.out
	if o.base > o.next || int(o.next-o.base) > len(o.ring) || len(o.ring)&(len(o.ring)-1) != 0 {
		return broken("window %d to %d in a ring of %d", o.base, o.next, len(o.ring))
	}
	flight, payload := 0, 0
	pieces := map[*message]uint32{}
	for s := o.base; s < o.next; s++ {
		c := o.at(s)
		if c.message == nil {
			return broken("chunk %d has no message", s)
		}
		pieces[c.message]++
		switch {
		case c.state == flying:
			flight += o.bytes(c)
			payload += int(c.length)
		case c.state == abandoned && !c.message.abandoned, c.message.abandoned && c.state < acked:
			return broken("chunk %d is in state %d, its message abandoned: %t", s, c.state, c.message.abandoned)
		}
		if c.state != abandoned && c.sends == 0 {
			return broken("chunk %d in state %d was never sent", s, c.state)
		}
	}
	if flight != o.flight || payload != o.payload {
		return broken("%d bytes fly with %d of payload, counted %d with %d", flight, payload, o.flight, o.payload)
	}
	for m, n := range pieces {
		if m.pieces != n {
			return broken("a message has %d pieces, counted %d", n, m.pieces)
		}
	}
	if q.forward.point >= o.next {
		return broken("Advanced.Peer.Ack.Point %d, next %d", q.forward.point, o.next)
	}
	return nil
}

// checkLists walks both lists.
func (q *Queue) checkLists() error {
	o := &q.out
	want := map[state]int{}
	for s := o.base; s < o.next; s++ {
		want[o.at(s).state]++
	}
	for st, l := range map[state]list{flying: o.flying, lost: o.lost} {
		n, before, order := 0, int64(none), uint64(0)
		for s := l.head; s != none; s = o.at(s).after {
			c := o.at(s)
			switch {
			case s < o.base || s >= o.next || c.state != st || c.before != before:
				return broken("list %d: chunk %d in state %d after %d, says after %d", st, s, c.state, before, c.before)
			case st == flying && c.order < order:
				return broken("chunk %d flies in packet %d after packet %d", s, c.order, order)
			}
			before, order = s, c.order
			n++
		}
		if n != want[st] || l.tail != before {
			return broken("list %d has %d chunks and ends at %d, says %d and %d", st, n, before, want[st], l.tail)
		}
	}
	return nil
}

// checkSpans compares what gap blocks have acknowledged with the chunks' states.
func (q *Queue) checkSpans() error {
	o := &q.out
	at := o.base
	for _, s := range o.spans {
		// The first chunk of the window is missing, or it would not be in it.
		if s.first <= at || s.last < s.first || s.last >= o.next {
			return broken("span %d to %d after %d, in a window of %d to %d", s.first, s.last, at, o.base, o.next)
		}
		for ; at < s.first; at++ {
			if o.at(at).state == acked {
				return broken("chunk %d is acknowledged outside the spans", at)
			}
		}
		for ; at <= s.last; at++ {
			if o.at(at).state < acked {
				return broken("chunk %d is in a span, in state %d", at, o.at(at).state)
			}
		}
	}
	return nil
}

// checkStreams counts what is queued.
func (q *Queue) checkStreams() error {
	queued := map[*stream]bool{}
	for i, s := range q.schedule.heap {
		if int(s.index) != i || s.head == nil || s.stalled {
			return broken("stream %d is in place %d of the heap, says %d, stalled: %t", s.id, i, s.index, s.stalled)
		}
		if i > 0 && q.schedule.less(i, (i-1)/2) {
			return broken("place %d of the heap comes before its parent", i)
		}
		queued[s] = true
	}
	for id, s := range q.streams {
		if s.stalled && s.index == -1 && s.ordered >= maxOrdered {
			queued[s] = true
		}
		if s.id != id || !queued[s] && (s.head != nil || s.buffered != 0 || s.index != -1) {
			return broken("stream %d is not in the heap and has %d bytes", id, s.buffered)
		}
	}
	for s := range queued {
		if err := s.checkQueue(); err != nil {
			return err
		}
	}
	if c := q.schedule.current; c != nil && (c.head == nil || !c.head.started()) {
		return broken("stream %d is to go on with a message that has not begun", c.id)
	}
	return nil
}

// checkQueue counts the messages of one stream.
func (s *stream) checkQueue() error {
	var n uint64
	for m := s.head; m != nil; m = m.next {
		n += uint64(len(m.payload)) - uint64(m.sent)
		if m.whole() || m.abandoned || m.started() && m != s.head {
			return broken("stream %d: a message with %d of %d bytes sent is queued", s.id, m.sent, len(m.payload))
		}
		if m.next == nil && s.tail != m {
			return broken("stream %d: the queue ends elsewhere", s.id)
		}
	}
	if n != s.buffered || s.ordered < 0 || s.ordered > s.unfinished {
		return broken("stream %d has %d bytes queued, counted %d, and %d of %d messages under way", s.id, n, s.buffered, s.ordered, s.unfinished)
	}
	return nil
}

// checkTimers: something is outstanding, so T3-rtx runs (RFC 9260 section 6.3.2 R1).
func (q *Queue) checkTimers() error {
	if q.out.base != q.out.next && q.t3 == never {
		return broken("chunks are outstanding, and T3-rtx does not run")
	}
	if q.out.flying.head == none && q.tail.due != never {
		return broken("nothing flies, and a tail loss probe is due")
	}
	return nil
}

// checkLoan: what is to be put back lies in a message that is still of use.
func (q *Queue) checkLoan() error {
	l := &q.loan
	if l.message == nil {
		return nil
	}
	if l.n < chunk.PacketHeaderSize+q.header || l.n > maxLoan || l.at < 0 || l.at+l.n >= len(l.message.memory) {
		return broken("%d bytes are lent from %d of %d", l.n, l.at, len(l.message.memory))
	}
	if l.message.stream.head == l.message {
		return nil
	}
	for s := q.out.base; s < q.out.next; s++ {
		if q.out.at(s).message == l.message {
			return nil
		}
	}
	return broken("memory is lent of a message that nothing refers to")
}
