package webrtc

import (
	"errors"
	"fmt"
	"net"
	"testing"
)

func TestErrorTextNamesOperationAndCause(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{errorf(KindInvalidAccess, "set remote answer", "m-line 2: no common codec"), "webrtc: set remote answer: m-line 2: no common codec"},
		{newError(KindInvalidState, "create offer", nil), "webrtc: create offer: InvalidStateError"},
		{newError(KindSyntaxError, "", errors.New("no URLs")), "webrtc: no URLs"},
		{&Error{Kind: KindSDPSyntax, Op: "set remote offer", SDPLineNumber: 7, Err: errors.New("bad m-line")}, "webrtc: set remote offer: SDP line 7: bad m-line"},
		{closedError("create data channel"), "webrtc: create data channel: connection closed"},
		{ErrInvalidState, "webrtc: InvalidStateError"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// Web IDL section 2.8: an exception is known by its name.
func TestErrorMatchesTheSentinelOfItsKindAlone(t *testing.T) {
	sentinels := map[ErrorKind]error{
		KindInvalidState:        ErrInvalidState,
		KindInvalidAccess:       ErrInvalidAccess,
		KindInvalidModification: ErrInvalidModification,
		KindOperation:           ErrOperation,
		KindNotSupported:        ErrNotSupported,
		KindSyntaxError:         ErrSyntax,
		KindTypeError:           ErrType,
		KindRangeError:          ErrRange,
		KindInvalidCharacter:    ErrInvalidCharacter,
		KindNetwork:             ErrNetwork,
		KindNotReadable:         ErrNotReadable,
	}
	for kind := range sentinels {
		err := fmt.Errorf("wrapped: %w", newError(kind, "op", errors.New("cause")))
		for other, sentinel := range sentinels {
			if got, want := errors.Is(err, sentinel), kind == other; got != want {
				t.Errorf("errors.Is(%s, %v) = %v, want %v", kind, sentinel, got, want)
			}
		}
		if kind.Name() != string(kind) {
			t.Errorf("%s.Name() = %q", kind, kind.Name())
		}
	}
}

// webrtc-pc section 11.1: the name of every RTCError is "OperationError".
func TestRTCErrorDetailsMatchOperationError(t *testing.T) {
	for _, kind := range []ErrorKind{KindSDPSyntax, KindDataChannelFailure, KindDTLSFailure, KindFingerprintFailure, KindSCTPFailure} {
		err := newError(kind, "op", nil)
		if !errors.Is(err, ErrOperation) {
			t.Errorf("%s does not match ErrOperation", kind)
		}
		if errors.Is(err, ErrSyntax) {
			t.Errorf("%s matches ErrSyntax", kind)
		}
		if kind.Name() != "OperationError" {
			t.Errorf("%s.Name() = %q", kind, kind.Name())
		}
	}
	if errors.Is(newError(KindOperation, "op", nil), ErrSDPSyntax) {
		t.Error("a plain OperationError matches ErrSDPSyntax")
	}
	if !errors.Is(newError(KindSDPSyntax, "op", nil), ErrSDPSyntax) || !errors.Is(newError(KindFingerprintFailure, "op", nil), ErrFingerprint) {
		t.Error("an RTCError does not match the sentinel of its detail")
	}
}

func TestErrorOfAClosedConnectionIsNetErrClosed(t *testing.T) {
	err := closedError("send")
	for _, target := range []error{ErrInvalidState, ErrConnectionClosed, net.ErrClosed} {
		if !errors.Is(err, target) {
			t.Errorf("closedError does not match %v", target)
		}
	}
	if errors.Is(newError(KindInvalidState, "send", errors.New("not open")), net.ErrClosed) {
		t.Error("every InvalidStateError matches net.ErrClosed")
	}
}

func TestReopNamesTheOperationOnce(t *testing.T) {
	original := newError(KindSyntaxError, "", errors.New("cause"))
	named := reop("new peer connection", original)
	if got, want := named.Error(), "webrtc: new peer connection: cause"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if original.Op != "" {
		t.Error("the original was changed")
	}
	if got := reop("other", named); got.Error() != named.Error() {
		t.Errorf("a named error was renamed: %v", got)
	}
	if plain := errors.New("plain"); reop("op", plain) != plain {
		t.Error("an error of another type was changed")
	}
	if reop("op", nil) != nil {
		t.Error("nil became an error")
	}
}
