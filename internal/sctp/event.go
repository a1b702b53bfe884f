package sctp

import (
	"errors"
	"fmt"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// Event is what an Association reports: Established, Restarted, ResetRequested,
// StreamClosed, BufferedAmountLow or Closed.
type Event interface{ isEvent() }

// Established: streams may be opened. Comes once.
type Established struct{}

// Restarted: the peer has begun anew (RFC 9260 section 5.2.4.1). No stream is open,
// and what was queued is lost.
type Restarted struct{}

// ResetRequested: the peer has asked for our reset of a stream (RFC 6525 section 4.2),
// which is under way as after Reset. The peer's own is still to come.
type ResetRequested struct{ ID StreamID }

// StreamClosed: both directions of the stream are reset, ours acknowledged, and the
// peer's was taken by Take. The identifier may be used again.
type StreamClosed struct{ ID StreamID }

// BufferedAmountLow: the bytes that wait on the stream fell to its threshold.
type BufferedAmountLow struct{ ID StreamID }

// Closed comes last. Err is nil after Abort, Shutdown and the peer's SHUTDOWN, an
// *AbortError after the peer's ABORT, otherwise a failure.
type Closed struct{ Err error }

func (Established) isEvent()       {}
func (Restarted) isEvent()         {}
func (ResetRequested) isEvent()    {}
func (StreamClosed) isEvent()      {}
func (BufferedAmountLow) isEvent() {}
func (Closed) isEvent()            {}

// Errors, to be matched with errors.Is.
var (
	// ErrHandshake: the peer did not answer, or not as it must.
	ErrHandshake = errors.New("sctp: no association")
	// ErrTimeout: the peer does not acknowledge any more.
	ErrTimeout = errors.New("sctp: peer does not acknowledge")
	// ErrProtocol: the peer broke the protocol, so we have aborted.
	ErrProtocol = errors.New("sctp: protocol violation")
	// ErrNotEstablished: there is no association yet, or no more.
	ErrNotEstablished = errors.New("sctp: not established")
	// ErrStreamID: the stream does not exist in this association.
	ErrStreamID = errors.New("sctp: no such stream")
	// ErrStreamInUse: the identifier is not free before its reset is through.
	ErrStreamInUse = errors.New("sctp: stream is being reset")
	// ErrStreamClosed: the stream is not open.
	ErrStreamClosed = errors.New("sctp: stream is not open")
	// ErrEmptyMessage: SCTP cannot carry a message without bytes.
	ErrEmptyMessage = errors.New("sctp: empty message")
)

// AbortError is the peer's ABORT with its first cause.
type AbortError struct {
	Code   chunk.CauseCode // 0: no cause was given
	Reason string
}

func (e *AbortError) Error() string {
	if e.Code == 0 {
		return "sctp: aborted by the peer"
	}
	return fmt.Sprintf("sctp: aborted by the peer: %v: %q", e.Code, e.Reason)
}
