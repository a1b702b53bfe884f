package transmit

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// forward is what the sender of FORWARD-TSN keeps (RFC 3758 section 3.5).
type forward struct {
	point  int64 // serial of Advanced.Peer.Ack.Point
	wanted bool  // FORWARD-TSN is to be sent
	at     time.Duration

	// Scratch: the index in streams or messages of what is skipped already.
	index    map[skippedKey]int
	streams  []chunk.SkippedStream
	messages []chunk.SkippedMessage
}

type skippedKey struct {
	stream    chunk.StreamID
	unordered bool
}

// abandon gives a message up: none of its chunks is sent again, and what has no TSN
// yet never gets one (RFC 3758 section 3.5, RFC 8260 section 2.3.1). The peer takes
// FORWARD-TSN.
func (q *Queue) abandon(now time.Duration, m *message) {
	if m.abandoned {
		return
	}
	m.abandoned = true
	q.stats.Abandoned++
	for serial := max(m.first, q.out.base); serial <= m.last; serial++ {
		if c := q.out.at(serial); c.message == m && c.state != acked {
			q.out.land(c, abandoned)
		}
	}
	if !m.whole() {
		// Without an end of its own the message could be acknowledged to the last chunk
		// that was sent, and the peer would wait for the rest: a TSN that is never sent
		// stands for it, which only FORWARD-TSN gets the peer over.
		serial, c := q.out.push()
		c.message, c.state = m, abandoned
		c.fsn, c.offset = m.fsn, uint32(len(m.payload))
		rest := len(m.payload) - int(m.sent)
		m.sent, m.last = uint32(len(m.payload)), serial
		m.fsn++
		m.pieces++
		q.dequeue(m.stream)
		q.schedule.interrupt(m.stream)
		q.unbuffer(m.stream, rest)
	}
	if q.t3 == never {
		q.rearm(now)
	}
	if q.out.flying.head == none {
		q.tail.due = never
	}
}

// updateForward moves Advanced.Peer.Ack.Point over what is abandoned (RFC 3758
// section 3.5 C1 and C2).
func (q *Queue) updateForward() {
	f := &q.forward
	f.point = max(f.point, q.out.base-1)
	for f.point+1 < q.out.next && q.out.at(f.point+1).message.abandoned {
		f.point++
		f.wanted = true
	}
}

// appendForward appends FORWARD-TSN or I-FORWARD-TSN where one is due (RFC 3758
// section 3.5 C3, RFC 8260 section 2.3.1). Where a packet does not hold all streams, it
// moves the peer as far as it can; the SACK for that brings the next.
func (q *Queue) appendForward(now time.Duration, b []byte) []byte {
	f := &q.forward
	if !f.wanted || f.point < q.out.base {
		f.wanted = false
		return b
	}
	size := 4
	if q.config.Interleaving {
		size = 8
	}
	most := (q.mtu - len(b) - chunk.ForwardTSNSize) / size
	if most < 1 {
		return b
	}
	if f.index == nil {
		f.index = make(map[skippedKey]int)
	}
	clear(f.index)
	f.streams, f.messages = f.streams[:0], f.messages[:0]
	point := q.out.base - 1
	for ; point < f.point && q.skip(q.out.at(point+1).message, most); point++ {
	}
	f.wanted = false
	f.at = now
	q.stats.Forwards++
	if q.config.Interleaving {
		b = chunk.AppendIForwardTSN(b, q.out.tsn(point), f.messages)
	} else {
		b = chunk.AppendForwardTSN(b, q.out.tsn(point), f.streams)
	}
	if q.t3 == never {
		q.rearm(now) // section 3.5 C5
	}
	return b
}

// skip adds an abandoned message to what FORWARD-TSN names; false: most are named
// already. Without interleaving unordered messages are not named (RFC 3758 section
// 3.2).
func (q *Queue) skip(m *message, most int) bool {
	f := &q.forward
	if m.unordered && !q.config.Interleaving {
		return true
	}
	key := skippedKey{m.stream.id, m.unordered}
	i, there := f.index[key]
	if !there {
		i = len(f.index)
		if i == most {
			return false
		}
		f.index[key] = i
	}
	switch {
	case q.config.Interleaving && !there:
		f.messages = append(f.messages, chunk.SkippedMessage{Stream: m.stream.id, Unordered: m.unordered, MID: m.mid})
	case q.config.Interleaving:
		if f.messages[i].MID.Less(m.mid) {
			f.messages[i].MID = m.mid
		}
	case !there:
		f.streams = append(f.streams, chunk.SkippedStream{Stream: m.stream.id, SSN: chunk.SSN(m.mid)})
	default:
		// Later messages of a stream have later numbers and later TSNs.
		f.streams[i].SSN = chunk.SSN(m.mid)
	}
	return true
}
