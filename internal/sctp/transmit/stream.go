package transmit

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// StreamParams are what messages of a stream are promised. They hold for the
// messages that are sent after they are set.
type StreamParams struct {
	Unordered bool
	// MaxRetransmits is how often a chunk of a message is sent again before the
	// message is abandoned (RFC 7496 section 3.1); negative: without limit.
	MaxRetransmits int
	// Lifetime is how long after Send a message is still worth sending (RFC 3758
	// section 4.1); negative: for ever. 0 is over at once: what the packets that are made
	// at the time of Send do not take is dropped.
	Lifetime time.Duration
	// Priority is the weight of the stream among those with data (RFC 8831 section
	// 6.4: 128, 256, 512, 1024); 0 is 256.
	Priority uint16
}

const defaultPriority = 256

// stream is one outgoing stream. An idle one is this struct and its place in a map.
type stream struct {
	head, tail *message // not wholly sent, oldest first

	buffered  uint64 // bytes in the queue that were never sent
	threshold uint64 // of NextLow
	lifetime  time.Duration

	pass uint64 // see schedule
	turn uint64

	index      int32  // in the heap of schedule; -1: not there
	unfinished int32  // messages queued or not wholly acknowledged
	limit      int32  // MaxRetransmits
	mid        uint32 // of the next ordered message; its lower half is the SSN
	loose      uint32 // MID of the next unordered message

	ordered   int32 // ordered messages that have a number and are not wholly acknowledged
	weight    uint16
	id        chunk.StreamID
	unordered bool
	closed    bool // no more messages; NextDrained when none is left
	stalled   bool // it has data and maxOrdered messages under way, and is not in the heap
	announced bool // NextDrained has told
}

// Open makes the stream, or changes the parameters of an open one. One that was closed,
// and not forgotten, goes on with its numbers.
func (q *Queue) Open(id chunk.StreamID, p StreamParams) {
	s := q.streams[id]
	if s == nil {
		s = &stream{id: id, index: -1}
		q.streams[id] = s
	}
	if s.announced {
		s.closed, s.announced = false, false
	}
	s.unordered = p.Unordered
	s.limit = int32(min(p.MaxRetransmits, 1<<30))
	s.lifetime = p.Lifetime
	s.weight = p.Priority
	if s.weight == 0 {
		s.weight = defaultPriority
	}
}

// Send queues a copy of payload, which has at least one byte. The stream is open.
func (q *Queue) Send(at time.Time, id chunk.StreamID, ppid chunk.PPID, payload []byte) {
	s := q.streams[id]
	if s == nil || s.closed {
		return
	}
	now := q.since(at)
	q.dropExpired(now, s)
	m := q.newMessage(s, ppid, payload)
	if s.lifetime >= 0 {
		m.expires = max(now+s.lifetime, 1)
	}
	s.unfinished++
	s.buffered += uint64(len(payload))
	if s.tail != nil {
		s.tail.next = m
		s.tail = m
		return
	}
	s.head, s.tail = m, m
	if !s.stalled {
		q.schedule.add(s)
	}
}

// dropExpired drops messages at the head of the queue that nothing was sent of and
// that are too old: they use up neither TSN nor SSN.
func (q *Queue) dropExpired(now time.Duration, s *stream) {
	for m := s.head; m != nil && !m.started() && m.expired(now); m = s.head {
		q.stats.Abandoned++
		q.dequeue(s)
		q.unbuffer(s, len(m.payload))
		q.finish(m)
	}
}

// dequeue takes the first message out of the queue of its stream.
func (q *Queue) dequeue(s *stream) {
	m := s.head
	s.head, m.next = m.next, nil
	if s.head == nil {
		s.tail = nil
		q.schedule.remove(s)
	}
}

// unbuffer notes that n bytes of s were sent or dropped.
func (q *Queue) unbuffer(s *stream, n int) {
	before := s.buffered
	s.buffered -= uint64(n)
	if before > s.threshold && s.buffered <= s.threshold {
		q.low.push(s.id)
	}
}

// finish ends a message that has left its queue and of which no chunk is left.
func (q *Queue) finish(m *message) {
	s := m.stream
	s.unfinished--
	if m.started() && !m.unordered {
		s.ordered--
		q.resume(s)
	}
	q.drained(s)
	q.release(m)
}

// maxOrdered is how many ordered messages of a stream are under way at most, without
// interleaving. RFC 9260 section 6.1 allows 65,535; a receiver tells half of that from
// numbers that have passed.
const maxOrdered = 1<<15 - 1

// resume lets a stream that had maxOrdered messages under way go on.
func (q *Queue) resume(s *stream) {
	if !s.stalled || s.ordered >= maxOrdered {
		return
	}
	if s.stalled = false; s.head != nil {
		q.schedule.add(s)
	}
}

// drained announces a closed stream that is through.
func (q *Queue) drained(s *stream) {
	if s.closed && !s.announced && s.unfinished == 0 {
		s.announced = true
		q.through.push(s.id)
	}
}

// Close ends the stream: what is queued still goes out, Send does nothing.
func (q *Queue) Close(id chunk.StreamID) {
	if s := q.streams[id]; s != nil && !s.closed {
		s.closed = true
		q.drained(s)
	}
}

// NextDrained returns each closed stream once, when all of its messages are
// acknowledged, or abandoned and forwarded over: its reset may be requested (RFC 6525
// section 5.1.2).
func (q *Queue) NextDrained() (chunk.StreamID, bool) { return q.through.pop() }

// Forget ends a stream whose reset was performed: its numbers begin at 0 when it is
// opened again (RFC 6525 section 5.1.2). What it still has queued goes out.
func (q *Queue) Forget(id chunk.StreamID) {
	if s := q.streams[id]; s != nil {
		s.closed, s.announced = true, true
		delete(q.streams, id)
	}
}

// BufferedAmount is how many bytes of payload of the stream were not sent yet (W3C
// bufferedAmount); those of abandoned messages do not count.
func (q *Queue) BufferedAmount(id chunk.StreamID) uint64 {
	if s := q.streams[id]; s != nil {
		return s.buffered
	}
	return 0
}

// SetLowThreshold sets when NextLow tells of the stream.
func (q *Queue) SetLowThreshold(id chunk.StreamID, n uint64) {
	if s := q.streams[id]; s != nil {
		s.threshold = n
	}
}

// NextLow returns each stream whose BufferedAmount fell from above its threshold to
// it or below, once a fall.
func (q *Queue) NextLow() (chunk.StreamID, bool) { return q.low.pop() }

// ids is a queue of streams.
type ids struct {
	list []chunk.StreamID
	read int
}

func (i *ids) push(id chunk.StreamID) { i.list = append(i.list, id) }

func (i *ids) pop() (chunk.StreamID, bool) {
	if i.read == len(i.list) {
		return 0, false
	}
	id := i.list[i.read]
	if i.read++; i.read == len(i.list) {
		i.list, i.read = i.list[:0], 0
	}
	return id, true
}
