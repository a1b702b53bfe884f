package webrtc

import (
	"io"
	"os"
	"sync"
	"time"
)

// messageQueue holds the messages of a detached channel until they are read.
// When it is full, push blocks, which closes the SCTP receive window. Safe for
// concurrent use.
type messageQueue struct {
	mu       sync.Mutex
	changed  sync.Cond
	limit    int
	bytes    int
	messages []DataChannelMessage
	ended    bool
	deadline deadline
}

func newMessageQueue(limit int) *messageQueue {
	q := &messageQueue{limit: limit}
	q.changed.L = &q.mu
	return q
}

// push appends a message, waiting for room; one message always fits in an empty
// queue. After end it drops the message. What it takes is counted in received.
func (q *messageQueue) push(m DataChannelMessage, received *messageCount) {
	size := len(m.Data) + messageOverhead
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.ended && q.bytes > 0 && q.bytes+size > q.limit {
		q.changed.Wait()
	}
	if q.ended {
		return
	}
	q.bytes += size
	q.messages = append(q.messages, m)
	received.add(len(m.Data))
	q.changed.Broadcast()
}

// pop takes the next message if accept agrees to it, waiting for one. It
// returns io.EOF when the channel has ended and all is read, and
// os.ErrDeadlineExceeded past the deadline.
func (q *messageQueue) pop(accept func(DataChannelMessage) error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.messages) == 0 {
		if q.ended {
			return io.EOF
		}
		if q.deadline.exceeded() {
			return os.ErrDeadlineExceeded
		}
		q.changed.Wait()
	}
	if q.deadline.exceeded() {
		return os.ErrDeadlineExceeded
	}
	m := q.messages[0]
	if err := accept(m); err != nil {
		return err
	}
	q.messages[0] = DataChannelMessage{}
	q.messages = q.messages[1:]
	q.bytes -= len(m.Data) + messageOverhead
	q.changed.Broadcast()
	return nil
}

// end lets what is queued be read, and nothing more come in.
func (q *messageQueue) end() {
	q.mu.Lock()
	q.ended = true
	q.deadline.stop()
	q.mu.Unlock()
	q.changed.Broadcast()
}

// setDeadline bounds the waits of pop; the zero time removes the bound.
func (q *messageQueue) setDeadline(t time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.ended {
		q.deadline.set(t, q.expire)
	}
	q.changed.Broadcast()
}

// expire wakes the readers; taking the lock makes sure that one about to wait
// is waiting.
func (q *messageQueue) expire() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Broadcast()
}

// deadline is a point in time with a wake-up. The owner's lock guards it.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) set(t time.Time, wake func()) {
	d.stop()
	d.at = t
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), wake)
	}
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) exceeded() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
