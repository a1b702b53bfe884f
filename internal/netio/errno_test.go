package netio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestErrorsAreClassifiedThroughTheirWrappers(t *testing.T) {
	wrapped := func(e syscall.Errno) error { return opError(e) }
	for _, tt := range []struct {
		err  error
		want dropReason
	}{
		{wrapped(errnoTooLong), dropTooLong},
		{wrapped(errnoRefused), dropUnreachable},
		{wrapped(syscall.ENETUNREACH), dropUnreachable},
		{wrapped(syscall.EHOSTUNREACH), dropUnreachable},
		{&net.OpError{Op: "write", Err: &net.AddrError{Err: "non-IPv4 address"}}, dropUnreachable},
		{wrapped(syscall.EACCES), dropDenied},
		{fmt.Errorf("write: %w", net.ErrClosed), dropClosed},
		{errors.New("other"), dropFailed},
	} {
		if got := reasonOf(tt.err); got != tt.want {
			t.Errorf("%v is dropped for reason %d, want %d", tt.err, got, tt.want)
		}
	}
	for err, want := range map[error]bool{
		wrapped(errnoRefused):  true,
		wrapped(errnoReset):    true,
		wrapped(errnoTooLong):  true,
		wrapped(syscall.EBADF): false,
		net.ErrClosed:          false,
		os.ErrDeadlineExceeded: false,
		errors.New("other"):    false,
	} {
		if got := isTransient(err); got != want {
			t.Errorf("isTransient(%v) is %v", err, got)
		}
	}
}
