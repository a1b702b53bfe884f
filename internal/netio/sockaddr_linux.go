package netio

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// A sockaddr is the kernel's struct sockaddr_in or sockaddr_in6, which are
// laid out alike on every architecture: family in the host's byte order, port
// in the network's, then the IPv4 address, or flow label, IPv6 address and
// scope in the host's byte order.
type sockaddr [unix.SizeofSockaddrInet6]byte

// set writes addr and returns the structure's length; 0 when addr does not
// belong to the socket's family.
func (sa *sockaddr) set(addr netip.AddrPort, f family, zones *zoneTable) uint32 {
	ip := addr.Addr().Unmap()
	if !ip.IsValid() || ip.Is6() != f.v6 && !f.dual {
		return 0
	}
	binary.BigEndian.PutUint16(sa[2:], addr.Port())
	if !f.v6 {
		binary.NativeEndian.PutUint16(sa[0:], unix.AF_INET)
		a := ip.As4()
		copy(sa[4:], a[:])
		clear(sa[8:unix.SizeofSockaddrInet4])
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(sa[0:], unix.AF_INET6)
	clear(sa[4:8])
	a := ip.As16() // IPv4 in its IPv6-mapped form
	copy(sa[8:], a[:])
	binary.NativeEndian.PutUint32(sa[24:], zones.index(ip.Zone()))
	return unix.SizeofSockaddrInet6
}

// sends reports whether the socket can send from an address of the host.
func (f family) sends(from netip.Addr) bool { return from.Unmap().Is6() == f.v6 || f.dual }

// addrPort reads what the kernel wrote; the zero AddrPort for another family.
func (sa *sockaddr) addrPort(zones *zoneTable) netip.AddrPort {
	port := binary.BigEndian.Uint16(sa[2:])
	switch binary.NativeEndian.Uint16(sa[0:]) {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(sa[4:8])), port)
	case unix.AF_INET6:
		ip := netip.AddrFrom16([16]byte(sa[8:24])).Unmap()
		if scope := binary.NativeEndian.Uint32(sa[24:]); scope != 0 {
			ip = ip.WithZone(zones.name(scope))
		}
		return netip.AddrPortFrom(ip, port)
	}
	return netip.AddrPort{}
}

// A zoneTable translates between zone names and interface indices and
// remembers its answers: the system is asked once per zone and socket.
type zoneTable struct {
	mu      sync.Mutex
	names   map[uint32]string
	indices map[string]uint32
}

// zoneTableLimit bounds the names that destinations can make a table remember.
const zoneTableLimit = 256

// name is the zone of an interface index: its name, or its number where the
// interface is gone.
func (z *zoneTable) name(index uint32) string {
	z.mu.Lock()
	defer z.mu.Unlock()
	if name, ok := z.names[index]; ok {
		return name
	}
	name := strconv.FormatUint(uint64(index), 10)
	if ifi, err := net.InterfaceByIndex(int(index)); err == nil {
		name = ifi.Name
	}
	if z.names == nil || len(z.names) >= zoneTableLimit {
		z.names = make(map[uint32]string)
	}
	z.names[index] = name
	return name
}

// index is the interface index of a zone; 0, the socket's own scope, for no
// zone or one that the system does not know.
func (z *zoneTable) index(zone string) uint32 {
	if zone == "" {
		return 0
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if index, ok := z.indices[zone]; ok {
		return index
	}
	var index uint32
	if ifi, err := net.InterfaceByName(zone); err == nil {
		index = uint32(ifi.Index)
	} else if n, err := strconv.ParseUint(zone, 10, 31); err == nil {
		index = uint32(n)
	}
	if z.indices == nil || len(z.indices) >= zoneTableLimit {
		z.indices = make(map[string]uint32)
	}
	z.indices[zone] = index
	return index
}
