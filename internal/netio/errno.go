package netio

import (
	"errors"
	"net"
	"syscall"
)

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// hasErrno says that err holds a system error number that is accepts.
func hasErrno(err error, is func(syscall.Errno) bool) bool {
	if err == nil {
		return false // before e, which escapes: success must not allocate
	}
	var e syscall.Errno
	return errors.As(err, &e) && is(e)
}

// isTransient says of an error from reading that the socket goes on: it tells
// what an ICMP message said about a datagram sent earlier, or that this one
// read did not succeed.
func isTransient(err error) bool { return hasErrno(err, transientErrno) }

// isTooLong says that a datagram did not fit: its buffer, when it was read;
// the path or the protocol, when it was written.
func isTooLong(err error) bool {
	return hasErrno(err, func(e syscall.Errno) bool { return e == errnoTooLong })
}

// isPending says of an error from writing that it may stem from an earlier
// datagram, in whose place this one was refused.
func isPending(err error) bool {
	return hasErrno(err, func(e syscall.Errno) bool { return e == errnoRefused || e == errnoReset })
}

// isFull says that the socket or the interface takes no more now.
func isFull(err error) bool { return hasErrno(err, fullErrno) }

// A dropReason is why a datagram was not sent. It indexes egress.dropped.
type dropReason uint8

const (
	dropQueueFull dropReason = iota
	dropWouldBlock
	dropTooLong
	dropUnreachable
	dropDenied
	dropClosed
	dropFailed
	dropReasons // their number
)

// reasonOf classifies an error from WriteBatch.
func reasonOf(err error) dropReason {
	var family *net.AddrError // an address of the other family, in package net's words
	switch {
	case isClosed(err):
		return dropClosed
	case isTooLong(err):
		return dropTooLong
	case hasErrno(err, unreachableErrno), errors.As(err, &family):
		return dropUnreachable
	case hasErrno(err, deniedErrno):
		return dropDenied
	}
	return dropFailed
}
