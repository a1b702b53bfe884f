package netio

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A control holds the control messages of one message: on sending the size of
// segments and the source address, on receiving the destination address
// (IP_PKTINFO of ip(7), IPV6_PKTINFO of RFC 3542 section 6).
type control struct {
	_ [0]unix.Cmsghdr // the kernel wants them aligned so
	b [controlSize]byte
	n int // bytes in use
}

// controlSize is room for UDP_SEGMENT and IPV6_PKTINFO on 64 bits, 24 and 40.
const controlSize = 64

// add appends a control message and returns where its value goes, or nil where
// there is no room.
func (c *control) add(level, kind int32, size int) unsafe.Pointer {
	space := unix.CmsgSpace(size)
	if c.n+space > len(c.b) {
		return nil
	}
	clear(c.b[c.n : c.n+space])
	h := (*unix.Cmsghdr)(unsafe.Pointer(&c.b[c.n]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(size))
	value := unsafe.Pointer(&c.b[c.n+unix.CmsgLen(0)])
	c.n += space
	return value
}

// attach makes the control messages those of a message to be sent.
func (c *control) attach(hdr *unix.Msghdr) {
	if c.n == 0 {
		hdr.Control = nil
		hdr.SetControllen(0)
		return
	}
	hdr.Control = &c.b[0]
	hdr.SetControllen(c.n)
}

// setSource says which of the host's addresses the message leaves from; v6 is the
// family of the socket, which may send IPv4 too.
func (c *control) setSource(addr netip.Addr, v6 bool, zones *zoneTable) {
	if v6 {
		info := (*unix.Inet6Pktinfo)(c.add(unix.SOL_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo))
		info.Addr = addr.As16()
		info.Ifindex = zones.index(addr.Zone())
		return
	}
	info := (*unix.Inet4Pktinfo)(c.add(unix.SOL_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo))
	info.Spec_dst = addr.As4()
}

// destination is the address that a received message was sent to, the zero Addr
// where the kernel did not tell. used is how much of c the kernel filled.
func (c *control) destination(used int, zones *zoneTable) netip.Addr {
	for at := 0; at+unix.CmsgLen(0) <= used; {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&c.b[at]))
		length := int(h.Len)
		if length < unix.CmsgLen(0) || at+length > used {
			return netip.Addr{}
		}
		value := unsafe.Pointer(&c.b[at+unix.CmsgLen(0)])
		size := length - unix.CmsgLen(0)
		switch {
		case h.Level == unix.SOL_IP && h.Type == unix.IP_PKTINFO && size >= unix.SizeofInet4Pktinfo:
			return netip.AddrFrom4((*unix.Inet4Pktinfo)(value).Spec_dst)
		case h.Level == unix.SOL_IPV6 && h.Type == unix.IPV6_PKTINFO && size >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(value)
			addr := netip.AddrFrom16(info.Addr).Unmap()
			if addr.Is6() && addr.IsLinkLocalUnicast() {
				addr = addr.WithZone(zones.name(info.Ifindex))
			}
			return addr
		}
		at += unix.CmsgSpace(size)
	}
	return netip.Addr{}
}

// family is what a socket can send to, and whether it tells of each datagram the
// address that it came to.
type family struct {
	v6, dual, destinations bool
}

// abilities says whether a socket that is bound to no address takes IPv4 beside
// IPv6, and whether Datagram.Local is set.
func (f family) abilities() (dual, destinations bool) { return f.dual, f.destinations }

// learnFamily asks a socket, and makes one that is bound to no address of its own
// tell destinations.
func learnFamily(fd int, local netip.Addr) (family, error) {
	f := family{v6: local.Is6()}
	if f.v6 {
		only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err != nil {
			return f, err
		}
		f.dual = only == 0 && local.IsUnspecified()
	}
	if !local.IsUnspecified() {
		return f, nil
	}
	level, option := unix.IPPROTO_IP, unix.IP_PKTINFO
	if f.v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return f, err
	}
	f.destinations = true
	return f, nil
}
