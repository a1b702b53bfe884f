package transmit

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// loan is the memory in front of a fragment, while it holds the headers of the packet
// that carries the fragment: so the payload of a packet that it fills is not copied.
// What was there, headroom or the end of the fragment before, is put back before
// anything reads it or the memory serves another message.
type loan struct {
	message *message // nil: there is none
	at, n   int      // of its memory
	saved   [maxLoan]byte
}

const (
	// maxPrefix bounds the common header and the control chunks that go along in place: what
	// is saved and put back is to cost less than the copy of the payload.
	maxPrefix = 128
	maxLoan   = maxPrefix + chunk.IDataHeaderSize
)

// AppendInPlace is Append which may return, instead of b with chunks behind it, a packet
// in the memory of the message that it carries. It is to be read and not written, and only
// until the next call on the Queue: the next Append or AppendInPlace, and the end of the
// message, put back what the headers have overwritten.
func (q *Queue) AppendInPlace(at time.Time, b []byte) []byte { return q.fill(at, b, true) }

// Lent tells whether the packet that AppendInPlace returned last lies in the memory of a
// message.
func (q *Queue) Lent() bool { return q.loan.message != nil }

// lends tells whether a packet can be built around a chunk: nothing else fits behind
// it, and there is memory for the headers in front of it.
func (q *Queue) lends(p *packet, c *sent) bool {
	if !p.inPlace || p.chunks > 0 || c.length%4 != 0 || len(p.b) > maxPrefix {
		return false
	}
	prefix := len(p.b) + q.header
	return q.mtu-prefix-int(c.length) < 4 && c.message.start(c) >= prefix
}

// start is where the chunk's payload begins in the memory of its message.
func (m *message) start(c *sent) int { return len(m.memory) - len(m.payload) + int(c.offset) }

// lend moves what a packet holds to where the chunk's header and payload follow it, and
// returns it there. Its capacity ends with the payload.
func (q *Queue) lend(b []byte, c *sent) []byte {
	m := c.message
	end := m.start(c) + int(c.length)
	n := len(b) + q.header
	l := &q.loan
	l.message, l.at, l.n = m, m.start(c)-n, n
	copy(l.saved[:n], m.memory[l.at:])
	memory := m.memory[l.at:end:end]
	return memory[:copy(memory, b)]
}

// giveBack ends the loan, if there is one.
func (q *Queue) giveBack() {
	l := &q.loan
	if l.message == nil {
		return
	}
	copy(l.message.memory[l.at:], l.saved[:l.n])
	l.message = nil
}
