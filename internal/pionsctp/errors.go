package pionsctp

import (
	"errors"
	"fmt"
)

// Errors of the methods of Association, to be matched with errors.Is. After Close,
// or once the association has ended, they return net.ErrClosed instead.
var (
	// ErrNotEstablished is returned before Handler.Established.
	ErrNotEstablished = errors.New("pionsctp: association is not established yet")
	// ErrMessageTooLarge is returned by Send for more bytes than the peer accepts.
	ErrMessageTooLarge = errors.New("pionsctp: message too large")
	// ErrEmptyMessage is returned by Send for no bytes: an empty message is one byte
	// under a payload protocol identifier of its own (RFC 8831 section 6.6).
	ErrEmptyMessage = errors.New("pionsctp: SCTP has no empty messages")
	// ErrStreamClosed is returned by Send on a stream that is not open.
	ErrStreamClosed = errors.New("pionsctp: stream is closed")
	// ErrStreamInUse is returned by Open while a stream of the same identifier is
	// being reset.
	ErrStreamInUse = errors.New("pionsctp: stream identifier is in use")
	// ErrStreamID is returned by Open for 65535, which no association has (RFC 8831
	// section 6.2).
	ErrStreamID = errors.New("pionsctp: no such stream identifier")
	// ErrHandshake: the peer did not answer INIT or COOKIE ECHO.
	ErrHandshake = errors.New("pionsctp: handshake failed")
	// ErrProtocolViolation: we aborted because of what the peer sent.
	ErrProtocolViolation = errors.New("pionsctp: aborted, protocol violation by the peer")
)

// AbortError tells that the peer ended the association by ABORT (RFC 9260 section
// 3.3.7).
type AbortError struct {
	// Code of the first error cause (RFC 9260 section 3.3.10); 0: none was given.
	Code uint16
	// Reason is the text of a User-Initiated Abort (code 12), as the peer wrote it.
	Reason string
}

// Error implements error.
func (e *AbortError) Error() string {
	switch {
	case e.Reason != "":
		return fmt.Sprintf("pionsctp: aborted by the peer: %q", e.Reason)
	case e.Code != 0:
		return fmt.Sprintf("pionsctp: aborted by the peer: error cause %d", e.Code)
	}
	return "pionsctp: aborted by the peer"
}
