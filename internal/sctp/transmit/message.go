package transmit

import (
	"math/bits"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// message is one user message from Send until all of it is acknowledged or
// forwarded over.
type message struct {
	next    *message // in the queue of its stream, or the free list
	stream  *stream
	payload []byte
	expires time.Duration // since the epoch; 0: never. RFC 3758 section 4.1
	ppid    chunk.PPID
	sent    uint32    // bytes of payload that have a TSN
	fsn     uint32    // fragments that have a TSN (RFC 8260 section 2.1)
	pieces  uint32    // chunks that are not cumulatively acknowledged
	mid     chunk.MID // RFC 8260; the SSN is its lower half without interleaving
	limit   int32     // retransmissions of each chunk; -1: without limit
	first   int64     // serial of its first chunk
	last    int64     // serial of its newest chunk

	unordered bool
	abandoned bool // RFC 3758 section 3.5: nothing more of it is sent
}

// started tells whether a chunk of it was sent.
func (m *message) started() bool { return m.fsn > 0 }

// whole tells whether nothing of it is unsent.
func (m *message) whole() bool { return int(m.sent) == len(m.payload) }

// expired tells whether its lifetime is over.
func (m *message) expired(now time.Duration) bool { return m.expires != 0 && now > m.expires }

// maxFree is how many messages without use are kept, so that messages of a steady
// flow allocate their payload alone.
const maxFree = 1024

// newMessage copies the payload.
func (q *Queue) newMessage(s *stream, ppid chunk.PPID, payload []byte) *message {
	m := q.free
	if m == nil {
		m = new(message)
	} else {
		q.free = m.next
		q.freeCount--
	}
	*m = message{stream: s, payload: q.slab.copy(payload), ppid: ppid, limit: s.limit, unordered: s.unordered, first: -1, last: -1}
	return m
}

// release gives m back: nothing refers to it.
func (q *Queue) release(m *message) {
	q.slab.release(m.payload)
	if q.freeCount >= maxFree {
		return
	}
	*m = message{next: q.free}
	q.free = m
	q.freeCount++
}

// slab makes the copies of payloads. Short ones share blocks, so that a message of
// some bytes is no allocation of its own. The memory of long ones is used again, and
// given back when nothing was sent for a while: a steady flow allocates nothing and
// stays in the cache.
type slab struct {
	block []byte
	free  [slabClasses][][]byte // by capacity: slabLeast doubled so many times
	kept  int                   // bytes in free
}

const (
	slabSize    = 4 << 10
	slabShort   = slabSize / 8
	slabLeast   = 2 * slabShort
	slabClasses = 9       // up to 256 KiB
	slabKept    = 1 << 20 // bytes at most
)

// class is that of the smallest capacity that holds n bytes.
func (s *slab) class(n int) int { return bits.Len(uint(n-1) / slabLeast) }

func (s *slab) copy(payload []byte) []byte {
	if n := len(payload); n > slabShort {
		c := s.class(n)
		if c >= slabClasses {
			return append([]byte(nil), payload...)
		}
		if last := len(s.free[c]) - 1; last >= 0 {
			b := s.free[c][last]
			s.free[c] = s.free[c][:last]
			s.kept -= cap(b)
			return append(b, payload...)
		}
		if n > slabLeast<<c*3/4 {
			return append(make([]byte, 0, slabLeast<<c), payload...)
		}
		return append([]byte(nil), payload...) // too much would be left empty
	}
	if cap(s.block)-len(s.block) < len(payload) {
		s.block = make([]byte, 0, slabSize)
	}
	start := len(s.block)
	s.block = append(s.block, payload...)
	return s.block[start:len(s.block):len(s.block)]
}

// release takes the memory of a copy back.
func (s *slab) release(b []byte) {
	n := cap(b)
	if n < slabLeast || s.kept+n > slabKept {
		return
	}
	if c := s.class(n); c < slabClasses && n == slabLeast<<c {
		s.free[c] = append(s.free[c], b[:0])
		s.kept += n
	}
}

// clear gives all memory back that is not in use.
func (s *slab) clear() {
	if s.kept == 0 {
		return
	}
	for i, list := range s.free {
		clear(list)
		s.free[i] = list[:0]
	}
	s.kept = 0
}
