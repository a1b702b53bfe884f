package pionsctp

import (
	"errors"
	"fmt"
	"io"

	"github.com/pion/sctp"
)

// StreamParams is how our messages travel on a stream (RFC 8832 section 5.1). At
// most one of the pointers is set; nil: reliable.
type StreamParams struct {
	Unordered bool
	// MaxRetransmits is how often a message is retransmitted before it is given up.
	MaxRetransmits *uint16
	// MaxLifetime is for how many milliseconds a message is transmitted and
	// retransmitted. pion/sctp restarts that clock with each retransmission, and so
	// never gives up: it becomes a number of retransmissions instead, a fast one and
	// those of the retransmission timer (a second each) that fit; 0 for 0.
	MaxLifetime *uint16
}

// apply sets the parameters on pion/sctp's stream.
func (p StreamParams) apply(inner *sctp.Stream) {
	switch {
	case p.MaxRetransmits != nil:
		inner.SetReliabilityParams(p.Unordered, sctp.ReliabilityTypeRexmit, uint32(*p.MaxRetransmits))
	case p.MaxLifetime != nil:
		retransmits := uint32(0)
		if *p.MaxLifetime > 0 {
			retransmits = 1 + uint32(*p.MaxLifetime)/1000
		}
		inner.SetReliabilityParams(p.Unordered, sctp.ReliabilityTypeRexmit, retransmits)
	default:
		inner.SetReliabilityParams(p.Unordered, sctp.ReliabilityTypeReliable, 0)
	}
}

// stream is one use of a stream identifier: from the first message or Open until
// both directions are reset. Guarded by Association.mu, but for id and inner.
type stream struct {
	id    uint16
	inner *sctp.Stream
	// acked is closed when the peer has acknowledged our reset.
	acked chan struct{}
	// performed is closed when pion/sctp has performed the peer's reset. The reader
	// learns of it earlier, while OpenStream would still return the old stream.
	performed chan struct{}
	resetBy   struct {
		us   bool // Reset was called
		peer bool // performed is closed
	}
	drained bool // the reader has come to the peer's reset
	over    bool // StreamClosed is being told
	lowDue  bool // in Association.low
	// next is the peer's next use of the identifier, when it began before this one
	// was over for us: the acknowledgement of our reset may still be on its way.
	next *stream
}

func newStream(inner *sctp.Stream) *stream {
	return &stream{
		id: inner.StreamIdentifier(), inner: inner,
		acked: make(chan struct{}), performed: make(chan struct{}),
	}
}

// Open makes a stream usable for Send; of a stream that the peer opened it sets the
// parameters, and must be called for those too: pion/sctp skips what the peer gives
// up according to our own ordering. Errors: ErrStreamID, ErrStreamInUse,
// ErrNotEstablished, net.ErrClosed.
func (a *Association) Open(id uint16, p StreamParams) error {
	if id == 65535 {
		return ErrStreamID
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	engine, err := a.usable()
	if err != nil {
		return err
	}
	st := a.streams[id]
	if st != nil && !st.over {
		if st.resetBy.us {
			return fmt.Errorf("%w: %d", ErrStreamInUse, id)
		}
		p.apply(st.inner)
		return nil
	}
	inner, err := engine.OpenStream(id, 0)
	if err != nil {
		return sendError(err)
	}
	if st != nil && st.next != nil {
		// The reader of the stream that is over will go on with this one.
		if st.next.inner != inner {
			return fmt.Errorf("%w: %d", ErrStreamInUse, id)
		}
		p.apply(inner)
		return nil
	}
	p.apply(inner)
	delete(a.unseen, id)
	a.add(inner)
	return nil
}

// add registers a stream and starts its reader. mu is held.
func (a *Association) add(inner *sctp.Stream) *stream {
	st := newStream(inner)
	inner.OnBufferedAmountLow(func() { a.fell(st) })
	a.streams[st.id] = st
	a.spawn(func() { a.read(st) })
	return st
}

// accept takes a stream that the peer opened.
func (a *Association) accept(inner *sctp.Stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return
	}
	last := a.streams[inner.StreamIdentifier()]
	if last == nil {
		a.takeUnseen(a.add(inner))
		return
	}
	for {
		if last.inner == inner {
			return // Open came first
		}
		if last.next == nil {
			break
		}
		last = last.next
	}
	st := newStream(inner)
	inner.OnBufferedAmountLow(func() { a.fell(st) })
	last.next = st
	a.takeUnseen(st)
}

// takeUnseen gives a stream the reset that came before it was accepted. mu is held.
func (a *Association) takeUnseen(st *stream) {
	if _, ok := a.unseen[st.id]; ok {
		delete(a.unseen, st.id)
		a.markReset(st)
	}
}

// read is the goroutine of a stream, and of those that follow on its identifier.
func (a *Association) read(st *stream) {
	for st != nil && a.drain(st) {
		a.mu.Lock()
		st.drained = true
		if st.resetBy.peer {
			a.unread.Add(-1)
		}
		a.mu.Unlock()
		if !a.call(func() { a.config.Handler.StreamReset(st.id) }) {
			return
		}
		for _, reset := range []chan struct{}{st.acked, st.performed} {
			select {
			case <-reset:
			case <-a.done:
				return
			}
		}
		a.mu.Lock()
		st.over = true
		a.mu.Unlock()
		if !a.call(func() { a.config.Handler.StreamClosed(st.id) }) {
			return
		}
		st = a.succeed(st)
	}
}

// succeed forgets a stream that is over, and returns the next on its identifier; nil
// when there is none, or when Open made it and so gave it a reader.
func (a *Association) succeed(st *stream) *stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams[st.id] != st {
		return nil
	}
	if st.next == nil {
		delete(a.streams, st.id)
		return nil
	}
	a.streams[st.id] = st.next
	return st.next
}

// drain hands over messages until the peer resets the stream (true) or the
// association ends (false).
func (a *Association) drain(st *stream) bool {
	for {
		// Without a buffer pion/sctp tells the size of the message and keeps it.
		n, _, err := st.inner.ReadSCTP(nil)
		if err == nil {
			continue // a DATA chunk without data (RFC 9260 section 6.2): no message
		}
		if !errors.Is(err, io.ErrShortBuffer) {
			return errors.Is(err, io.EOF)
		}
		if !a.handOver(st, n) {
			return false
		}
	}
}

// handOver delivers a message of n bytes when there is room for it in hand.
func (a *Association) handOver(st *stream, n int) bool {
	a.busy.Add(1)
	defer a.busy.Add(-1)
	if !a.inHand.take(n, a.done) {
		return false
	}
	defer a.inHand.give(n)
	return a.deliver(st, n)
}

// deliver hands over the next message if it has no more than n bytes. False: the
// association is being closed.
func (a *Association) deliver(st *stream, n int) bool {
	payload := make([]byte, n)
	n, ppid, err := st.inner.ReadSCTP(payload)
	if err != nil {
		return true // an unordered message went ahead of it
	}
	if n <= smallMessage {
		a.small.Add(-1)
	}
	return a.call(func() { a.config.Handler.Message(st.id, uint32(ppid), payload[:n:n]) })
}

// Send queues a message, copied, and never blocks. Errors: ErrMessageTooLarge,
// ErrEmptyMessage, ErrStreamClosed, ErrNotEstablished, net.ErrClosed.
func (a *Association) Send(id uint16, ppid uint32, payload []byte) error {
	if len(payload) == 0 {
		return ErrEmptyMessage
	}
	a.mu.Lock()
	_, err := a.usable()
	st := a.streams[id]
	open := st != nil && !st.over && !st.resetBy.us
	a.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !open:
		return fmt.Errorf("%w: %d", ErrStreamClosed, id)
	}
	_, err = st.inner.WriteSCTP(payload, sctp.PayloadProtocolIdentifier(ppid))
	return sendError(err)
}

// Reset resets our direction of the stream once what is queued was sent (RFC 6525
// section 5.1.2, RFC 8831 section 6.7). Of a stream that is not open, a no-op.
func (a *Association) Reset(id uint16) {
	a.mu.Lock()
	st := a.streams[id]
	if st == nil || st.over || st.resetBy.us {
		a.mu.Unlock()
		return
	}
	st.resetBy.us = true
	a.mu.Unlock()
	_ = st.inner.Close() // fails when the association has ended
}

// resetAcked is told that the peer has acknowledged the reset of streams of ours.
func (a *Association) resetAcked(ids []uint16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		st := a.streams[id]
		if st == nil || !st.resetBy.us {
			continue
		}
		select {
		case <-st.acked:
		default:
			close(st.acked)
		}
	}
}

// peerReset is told that pion/sctp has performed the peer's reset of streams.
func (a *Association) peerReset(ids []uint16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		st := a.streams[id]
		for st != nil && st.next != nil {
			st = st.next
		}
		if st == nil || st.resetBy.peer {
			a.unseen[id] = struct{}{} // a short life: it waits to be accepted
			continue
		}
		a.markReset(st)
	}
}

// markReset notes that pion/sctp has performed the peer's reset of a stream. mu is
// held.
func (a *Association) markReset(st *stream) {
	st.resetBy.peer = true
	close(st.performed)
	if !st.drained {
		a.unread.Add(1)
	}
}

// BufferedAmount is the number of bytes queued on a stream and not acknowledged.
func (a *Association) BufferedAmount(id uint16) uint64 {
	if inner := a.inner(id); inner != nil {
		return inner.BufferedAmount()
	}
	return 0
}

// SetBufferedAmountLowThreshold sets when BufferedAmountLow comes, in bytes; 0 at
// first. Of a stream that is not open, a no-op.
func (a *Association) SetBufferedAmountLowThreshold(id uint16, n uint64) {
	if inner := a.inner(id); inner != nil {
		inner.SetBufferedAmountLowThreshold(n)
	}
}

func (a *Association) inner(id uint16) *sctp.Stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	if st := a.streams[id]; st != nil && !st.over {
		return st.inner
	}
	return nil
}

// fell is pion/sctp's word that a stream's buffer fell to its threshold. It comes
// on pion/sctp's reader, which Close waits for: the Handler is told on another
// goroutine, one that lives while there is something to tell.
func (a *Association) fell(st *stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended || st.lowDue {
		return
	}
	st.lowDue = true
	a.low = append(a.low, st)
	if !a.lowBusy {
		a.lowBusy = true
		a.spawn(a.tellLow)
	}
}

func (a *Association) tellLow() {
	for {
		a.mu.Lock()
		if len(a.low) == 0 {
			a.lowBusy, a.low = false, nil
			a.mu.Unlock()
			return
		}
		st := a.low[0]
		a.low = a.low[1:]
		st.lowDue = false
		open := a.streams[st.id] == st && !st.over
		a.mu.Unlock()
		if open && !a.call(func() { a.config.Handler.BufferedAmountLow(st.id) }) {
			return
		}
	}
}
