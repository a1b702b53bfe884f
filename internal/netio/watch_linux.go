package netio

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// aNetlink is a part of a datagram of the kernel's: that one came is all that counts.
const aNetlink = 256

// interfaceHints returns a channel that gets a value whenever interfaces or
// addresses may have changed, by the kernel's own account (rtnetlink). end closes
// it. What the messages say is not read: the list of interfaces is taken anew,
// and a message that was lost for want of room is as good as any.
func interfaceHints() (hints <-chan struct{}, end func(), err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, os.NewSyscallError("netlink socket", err)
	}
	groups := &unix.SockaddrNetlink{
		Family: unix.AF_NETLINK,
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR,
	}
	if err := unix.Bind(fd, groups); err != nil {
		unix.Close(fd)
		return nil, nil, os.NewSyscallError("netlink bind", err)
	}
	file := os.NewFile(uintptr(fd), "rtnetlink") // so that Close ends a Read
	c := make(chan struct{}, 1)
	var work sync.WaitGroup
	work.Go(func() {
		defer close(c)
		buffer := make([]byte, aNetlink)
		for {
			if _, err := file.Read(buffer); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			select {
			case c <- struct{}{}:
			default: // one that waits stands for this too
			}
		}
	})
	return c, func() {
		file.Close()
		work.Wait()
	}, nil
}
