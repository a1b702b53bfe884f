package netio

import (
	"syscall"

	"golang.org/x/sys/windows"
)

const (
	errnoTooLong = windows.WSAEMSGSIZE
	errnoRefused = windows.WSAECONNREFUSED
	errnoReset   = windows.WSAECONNRESET
)

// transientErrno holds what Windows makes of ICMP messages: WSAECONNRESET for
// "port unreachable", WSAENETRESET for "time to live exceeded".
func transientErrno(e syscall.Errno) bool {
	switch e {
	case windows.WSAECONNRESET, windows.WSAENETRESET, windows.WSAECONNREFUSED,
		windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH, windows.WSAENETDOWN,
		windows.WSAEHOSTDOWN, windows.WSAEMSGSIZE, windows.WSAENOBUFS,
		windows.WSAEINTR, windows.WSAEWOULDBLOCK, windows.WSAEACCES:
		return true
	}
	return false
}

func fullErrno(e syscall.Errno) bool {
	return e == windows.WSAEWOULDBLOCK || e == windows.WSAENOBUFS
}

func unreachableErrno(e syscall.Errno) bool {
	switch e {
	case windows.WSAENETUNREACH, windows.WSAEHOSTUNREACH, windows.WSAENETDOWN,
		windows.WSAEHOSTDOWN, windows.WSAECONNREFUSED, windows.WSAEADDRNOTAVAIL,
		windows.WSAEAFNOSUPPORT:
		return true
	}
	return false
}

func deniedErrno(e syscall.Errno) bool { return e == windows.WSAEACCES }
