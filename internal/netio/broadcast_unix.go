//go:build unix

package netio

import (
	"net"

	"golang.org/x/sys/unix"
)

// refuseBroadcast takes back the SO_BROADCAST that package net sets: where a
// peer says that datagrams should go must never be a whole network.
func refuseBroadcast(udp *net.UDPConn) error {
	raw, err := udp.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0)
	})
	if cerr != nil {
		return cerr
	}
	return err
}
