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
	memory  []byte        // of the slab: headroom, and payload behind it
	payload []byte        // the end of memory
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
	memory, head := q.slab.copy(payload)
	*m = message{stream: s, memory: memory, payload: memory[head:], ppid: ppid, limit: s.limit, unordered: s.unordered, first: -1, last: -1}
	return m
}

// release gives m back: nothing refers to it.
func (q *Queue) release(m *message) {
	if q.loan.message == m {
		q.giveBack()
	}
	q.slab.release(m.memory)
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
// stays in the cache. Long ones have headroom, for the headers of the packet that
// carries their first fragment (see loan).
type slab struct {
	block []byte
	free  [slabClasses][][]byte // by capacity behind the headroom: slabLeast doubled so many times
	kept  int                   // bytes in free
}

const (
	slabSize    = 4 << 10
	slabShort   = slabSize / 8
	slabLeast   = 2 * slabShort
	slabClasses = 9       // up to 256 KiB
	slabKept    = 1 << 20 // bytes at most

	// headroom holds the common header, the header of I-DATA and a SACK with some gap blocks.
	headroom = 64
)

// blank is what new headroom is copied from. Nothing is written to it.
var blank [headroom]byte

// class is that of the smallest capacity that holds n bytes.
func (s *slab) class(n int) int { return bits.Len(uint(n-1) / slabLeast) }

// copy returns memory with a copy of the payload behind so many bytes of headroom.
func (s *slab) copy(payload []byte) (memory []byte, head int) {
	if n := len(payload); n > slabShort {
		return s.copyLong(payload, s.class(n)), headroom
	}
	if cap(s.block)-len(s.block) < len(payload) {
		s.block = make([]byte, 0, slabSize)
	}
	start := len(s.block)
	s.block = append(s.block, payload...)
	return s.block[start:len(s.block):len(s.block)], 0
}

func (s *slab) copyLong(payload []byte, class int) []byte {
	if class < slabClasses {
		if last := len(s.free[class]) - 1; last >= 0 {
			b := s.free[class][last]
			s.free[class] = s.free[class][:last]
			s.kept -= cap(b) - headroom
			return append(b[:headroom], payload...)
		}
		if size := slabLeast << class; len(payload) > size*3/4 { // otherwise too much would be left empty
			return append(make([]byte, headroom, headroom+size), payload...)
		}
	}
	return append(blank[:headroom:headroom], payload...) // which does not clear the memory first
}

// release takes the memory of a copy back.
func (s *slab) release(b []byte) {
	n := cap(b) - headroom
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
