package sctp

import (
	"fmt"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/receive"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// streamState tells how far the two directions of a stream are. A stream that is not
// in use has none.
type streamState uint8

const (
	outOpen   streamState = 1 << iota // Open was called
	outClosed                         // Reset was called
	outReset                          // the peer has acknowledged our reset
	inUsed                            // a message of the peer was taken
	inReset                           // the peer's reset was taken
	outAsked                          // the peer asked for our reset
)

// Open makes a stream usable for Send; of one that is open it changes the parameters
// of later messages. Errors: ErrNotEstablished, ErrStreamID, ErrStreamInUse.
func (a *Association) Open(id StreamID, p transmit.StreamParams) error {
	switch {
	case a.state != StateEstablished:
		return ErrNotEstablished
	case int(id) >= min(MaxStreams, int(a.peer.inbound)):
		return fmt.Errorf("%w: %d", ErrStreamID, id)
	case a.streams[id]&outClosed != 0:
		return fmt.Errorf("%w: %d", ErrStreamInUse, id)
	}
	a.streams[id] |= outOpen
	a.out.Open(id, p)
	return nil
}

// Send queues a message, copied. Errors: ErrNotEstablished, ErrStreamClosed,
// ErrEmptyMessage.
func (a *Association) Send(now time.Time, id StreamID, ppid PPID, payload []byte) error {
	switch {
	case a.state != StateEstablished:
		return ErrNotEstablished
	case a.streams[id]&(outOpen|outClosed) != outOpen:
		return fmt.Errorf("%w: %d", ErrStreamClosed, id)
	case len(payload) == 0:
		return ErrEmptyMessage
	}
	a.out.Send(now, id, ppid, payload)
	return nil
}

// Reset resets our direction of a stream once what is queued was delivered or given
// up (RFC 8831 section 6.7). StreamClosed follows when the peer has reset its
// direction too. Of a stream that is being reset, or not in use by either end, a
// no-op.
func (a *Association) Reset(now time.Time, id StreamID) {
	if a.state != StateEstablished || a.streams[id] == 0 || a.streams[id]&outClosed != 0 {
		return
	}
	opened := a.streams[id]&outOpen != 0
	a.streams[id] |= outClosed
	if opened {
		a.out.Close(id)
	} else {
		a.reset.pending = append(a.reset.pending, id)
	}
	a.settle(now)
}

// NextReadable returns a stream that has something to take. It comes once until it
// has been emptied; who leaves something there has to come back.
func (a *Association) NextReadable() (StreamID, bool) {
	if a.in == nil {
		return 0, false
	}
	return a.in.NextReadable()
}

// Take returns the next message of a stream, or the peer's reset of it where ours has
// not begun, which is then due; false when there is none. What follows a reset waits
// until the stream is closed.
func (a *Association) Take(now time.Time, id StreamID) (receive.Message, bool) {
	if a.in == nil || a.streams[id]&inReset != 0 {
		return receive.Message{}, false
	}
	m, ok := a.in.Take(now, id)
	if !ok {
		return m, false
	}
	if !m.Reset {
		a.streams[id] |= inUsed
		return m, true
	}
	a.streams[id] |= inReset
	known := a.streams[id]&outClosed != 0
	a.finishStream(id)
	return m, !known
}

// finishStream reports a stream whose two directions are reset.
func (a *Association) finishStream(id StreamID) {
	if a.streams[id]&(outReset|inReset) != outReset|inReset {
		return
	}
	delete(a.streams, id)
	a.events = append(a.events, StreamClosed{id})
	a.in.Release(id)
}

// BufferedAmount is the number of payload bytes of a stream that were not sent yet.
func (a *Association) BufferedAmount(id StreamID) uint64 {
	if a.out == nil {
		return 0
	}
	return a.out.BufferedAmount(id)
}

// SetBufferedAmountLowThreshold sets when BufferedAmountLow comes, in bytes; 0 at
// first.
func (a *Association) SetBufferedAmountLowThreshold(id StreamID, n uint64) {
	if a.out != nil {
		a.out.SetLowThreshold(id, n)
	}
}
