package jsep

import (
	"errors"
	"fmt"
	"strconv"
)

// Kind is the class of a failure; the API maps each to the exception W3C names.
type Kind uint8

// The kinds of failure.
const (
	OperationError      Kind = iota // W3C OperationError: understood, but cannot be done
	InvalidState                    // InvalidStateError: not in this signaling state
	InvalidModification             // InvalidModificationError: not the SDP that was created
	InvalidAccess                   // InvalidAccessError: the content of the description is invalid
	SDPSyntax                       // RTCError sdp-syntax-error: not SDP; see Error.Line
	TypeError                       // TypeError: the arguments do not make sense together
)

var kindNames = [...]string{
	OperationError:      "OperationError",
	InvalidState:        "InvalidStateError",
	InvalidModification: "InvalidModificationError",
	InvalidAccess:       "InvalidAccessError",
	SDPSyntax:           "sdp-syntax-error",
	TypeError:           "TypeError",
}

// String returns W3C's name of the exception (for SDPSyntax, of the error detail).
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Error is what every failing method of Session returns.
type Error struct {
	Kind Kind
	Line int // 1-based line of the SDP, for SDPSyntax; 0 when not known
	Err  error
}

// Error says what was wrong and names the line or m-line (m-lines count from 0,
// as sdpMLineIndex does).
func (e *Error) Error() string {
	if e.Kind == SDPSyntax && e.Line > 0 {
		return "SDP line " + strconv.Itoa(e.Line) + ": " + e.Err.Error()
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func failf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

func syntaxf(line int, format string, args ...any) *Error {
	return &Error{Kind: SDPSyntax, Line: line, Err: fmt.Errorf(format, args...)}
}

var errClosed = errors.New("the session is closed")

func closedError() *Error { return &Error{Kind: InvalidState, Err: errClosed} }

// quote bounds what of a peer's text goes into an error.
func quote(s string) string {
	const limit = 40
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "..."
	}
	return strconv.Quote(s)
}
