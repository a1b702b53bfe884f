package webrtc

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// packetQueue holds packets until the application reads them. When it is full the
// oldest goes: of media the newest counts. Safe for concurrent use; a leaf lock.
type packetQueue struct {
	mu       sync.Mutex
	changed  sync.Cond
	limit    int
	ring     []queuedPacket // a power of two; nil before the first packet
	first, n int
	ended    bool
	reading  int  // who waits
	wasRead  bool // somebody has read
	dropped  uint64
	deadline deadline
}

// queuedPacket is a packet, in a pooled buffer which the queue owns, or in memory
// of its own.
type queuedPacket struct {
	buffer *netio.Buffer // nil for a packet in memory of its own
	packet []byte
	at     time.Time
}

func (p *queuedPacket) release() {
	if p.buffer != nil {
		p.buffer.Release()
	}
}

// unreadPackets is how many packets wait while nobody has ever read: those of the
// first moments. Programs that leave a track alone, or the RTCP, pay no more.
const unreadPackets = 64

func newPacketQueue(limit int) *packetQueue {
	q := &packetQueue{limit: limit}
	q.changed.L = &q.mu
	return q
}

// push appends a packet and takes its buffer. Readers that wait are woken by wake,
// once for a batch.
func (q *packetQueue) push(p queuedPacket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		p.release()
		return
	}
	if q.n == len(q.ring) || q.n >= q.most() {
		q.makeRoom()
	}
	q.ring[(q.first+q.n)&(len(q.ring)-1)] = p
	q.n++
}

// makeRoom grows the ring, or drops the oldest packet at the limit.
func (q *packetQueue) makeRoom() {
	if q.n >= q.most() {
		dropped := q.take()
		dropped.release()
		q.dropped++
		return
	}
	grown := make([]queuedPacket, max(8, 2*len(q.ring)))
	for i := range q.n {
		grown[i] = q.ring[(q.first+i)&(len(q.ring)-1)]
	}
	q.ring, q.first = grown, 0
}

// discarded is how many packets were dropped because nobody read them in time.
func (q *packetQueue) discarded() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// most is the limit of now. The lock is held.
func (q *packetQueue) most() int {
	if !q.wasRead {
		return min(q.limit, unreadPackets)
	}
	return q.limit
}

// take removes the oldest packet. The lock is held and there is one.
func (q *packetQueue) take() queuedPacket {
	p := q.ring[q.first]
	q.ring[q.first] = queuedPacket{}
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.n--
	return p
}

// wake lets the readers look at what was pushed.
func (q *packetQueue) wake() {
	q.mu.Lock()
	waiting := q.reading > 0
	q.mu.Unlock()
	if waiting {
		q.changed.Broadcast()
	}
}

// pop takes packets, up to len(into), waiting for the first. It returns io.EOF
// when the queue has ended and is empty, and os.ErrDeadlineExceeded past the
// deadline.
func (q *packetQueue) pop(into []queuedPacket) (int, error) {
	return q.popWithin(readBounds{}, into)
}

// readBounds are ends of a wait for packets, beside the deadline. The zero value
// is none.
type readBounds struct {
	ctx   context.Context // nil without one
	until time.Time       // when to return without a packet; zero for never
}

// errWaited says that there was no packet up to readBounds.until.
var errWaited = errors.New("no packet in time")

func (b readBounds) err() error {
	if b.ctx != nil && b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	if !b.until.IsZero() && !time.Now().Before(b.until) {
		return errWaited
	}
	return nil
}

// popWithin is pop with further bounds: it returns the error of the context, and
// errWaited.
func (q *packetQueue) popWithin(bounds readBounds, into []queuedPacket) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wasRead = true
	if q.n == 0 && !q.ended {
		if bounds.ctx != nil && bounds.ctx.Done() != nil {
			defer context.AfterFunc(bounds.ctx, q.expire)()
		}
		if !bounds.until.IsZero() {
			defer time.AfterFunc(time.Until(bounds.until), q.expire).Stop()
		}
	}
	for q.n == 0 && !q.ended && !q.deadline.exceeded() && bounds.err() == nil {
		q.reading++
		q.changed.Wait()
		q.reading--
	}
	switch err := bounds.err(); {
	case q.deadline.exceeded():
		return 0, os.ErrDeadlineExceeded
	case err != nil && (q.n == 0 && !q.ended || err != errWaited):
		return 0, err
	case q.n == 0:
		return 0, io.EOF
	}
	n := min(q.n, len(into))
	for i := range n {
		into[i] = q.take()
	}
	return n, nil
}

// read copies the next packet into b and returns its size. One that does not fit is
// lost: io.ErrShortBuffer.
func (q *packetQueue) read(b []byte) (int, error) {
	return q.readWithin(readBounds{}, b)
}

// readWithin is read with further bounds.
func (q *packetQueue) readWithin(bounds readBounds, b []byte) (int, error) {
	var one [1]queuedPacket
	if _, err := q.popWithin(bounds, one[:]); err != nil {
		return 0, err
	}
	defer one[0].release()
	if len(one[0].packet) > len(b) {
		return 0, io.ErrShortBuffer
	}
	return copy(b, one[0].packet), nil
}

// await waits until ready, which expire makes it ask again. It returns io.EOF when
// the queue ends before, and os.ErrDeadlineExceeded past the deadline.
func (q *packetQueue) await(ready func() bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !ready() && !q.ended && !q.deadline.exceeded() {
		q.reading++
		q.changed.Wait()
		q.reading--
	}
	switch {
	case ready():
		return nil
	case q.deadline.exceeded():
		return os.ErrDeadlineExceeded
	}
	return io.EOF
}

// end lets what is queued be read, and nothing more come in.
func (q *packetQueue) end() {
	q.mu.Lock()
	q.ended = true
	q.deadline.stop()
	q.mu.Unlock()
	q.changed.Broadcast()
}

// setDeadline bounds the waits of pop; the zero time removes the bound.
func (q *packetQueue) setDeadline(t time.Time) {
	q.mu.Lock()
	if !q.ended {
		q.deadline.set(t, q.expire)
	}
	q.mu.Unlock()
	q.changed.Broadcast()
}

// expire wakes the readers; taking the lock makes sure that one about to wait is
// waiting.
func (q *packetQueue) expire() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Broadcast()
}
