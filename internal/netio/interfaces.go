package netio

import (
	"net"
	"net/netip"
)

// addrKey names an address on an interface: link-local addresses repeat.
type addrKey struct {
	index int
	addr  netip.Addr // without zone
}

func (system) Interfaces() ([]Interface, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	unusable := unusableAddrs()
	var list []Interface
	for _, ifi := range ifaces {
		if ifi.Flags&net.FlagUp == 0 {
			continue
		}
		// An interface that went away since it was listed has no addresses.
		addrs, err := ifi.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			ipnet, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			if entry, ok := interfaceEntry(ifi, ipnet, unusable); ok {
				list = append(list, entry)
			}
		}
	}
	return list, nil
}

// interfaceEntry describes one address of ifi; false when it is of no use.
func interfaceEntry(ifi net.Interface, ipnet *net.IPNet, unusable map[addrKey]bool) (Interface, bool) {
	addr, ok := netip.AddrFromSlice(ipnet.IP)
	if !ok {
		return Interface{}, false
	}
	addr = addr.Unmap()
	if !usable(addr) || unusable[addrKey{ifi.Index, addr}] {
		return Interface{}, false
	}
	bits, size := ipnet.Mask.Size()
	if addr.Is4() && size == 128 {
		bits -= 96
	}
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		addr = addr.WithZone(ifi.Name)
	}
	return Interface{
		Name:         ifi.Name,
		Index:        ifi.Index,
		Addr:         addr,
		Bits:         bits,
		Loopback:     ifi.Flags&net.FlagLoopback != 0 || addr.IsLoopback(),
		PointToPoint: ifi.Flags&net.FlagPointToPoint != 0,
	}, true
}

var (
	ipv4Compatible = netip.MustParsePrefix("::/96")
	siteLocal      = netip.MustParsePrefix("fec0::/10")
)

// usable leaves out the addresses that can never be the source of a datagram
// and those that RFC 8445 section 5.1.1.1 forbids as candidates: "Deprecated
// IPv4-compatible IPv6 addresses and IPv6 site-local unicast addresses MUST
// NOT be included".
func usable(addr netip.Addr) bool {
	switch {
	case addr.IsUnspecified(), addr.IsMulticast(), siteLocal.Contains(addr):
		return false
	case addr.IsLoopback():
		return true
	}
	return !ipv4Compatible.Contains(addr)
}
