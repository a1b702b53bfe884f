package netio

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const canShard = true

func reusePort(_, _ string, raw syscall.RawConn) error {
	var err error
	cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	if cerr != nil {
		return cerr
	}
	return err
}
