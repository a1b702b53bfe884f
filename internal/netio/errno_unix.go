//go:build unix

package netio

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	errnoTooLong = unix.EMSGSIZE
	errnoRefused = unix.ECONNREFUSED
	errnoReset   = unix.ECONNRESET
)

// transientErrno holds what systems make of ICMP messages (RFC 1122 section
// 4.1.3.3), an interface that is down for a while, and shortage of memory.
func transientErrno(e syscall.Errno) bool {
	switch e {
	case unix.ECONNREFUSED, unix.ECONNRESET, unix.EHOSTUNREACH, unix.EHOSTDOWN,
		unix.ENETUNREACH, unix.ENETDOWN, unix.ENETRESET, unix.ENOPROTOOPT,
		unix.EPROTO, unix.EOPNOTSUPP, unix.EMSGSIZE, unix.EACCES, unix.EPERM,
		unix.ENOBUFS, unix.ENOMEM, unix.EINTR, unix.EAGAIN:
		return true
	}
	return false
}

func fullErrno(e syscall.Errno) bool { return e == unix.EAGAIN || e == unix.ENOBUFS }

func unreachableErrno(e syscall.Errno) bool {
	switch e {
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENETDOWN, unix.EHOSTDOWN,
		unix.ECONNREFUSED, unix.EADDRNOTAVAIL, unix.EAFNOSUPPORT:
		return true
	}
	return false
}

func deniedErrno(e syscall.Errno) bool { return e == unix.EPERM || e == unix.EACCES }
