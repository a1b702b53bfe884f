package simnet

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// Host is a machine on the network. It implements netio.Network and
// netio.StreamDialer.
type Host struct {
	net  *Net
	name string

	// All below: net.mu.
	ifaces       []*iface
	addrs        []hostAddr
	conns        map[netip.AddrPort]*conn
	services     map[netip.AddrPort]service
	nextPort     uint16
	streams      map[streamKey]*stream
	listeners    map[netip.AddrPort]*listener
	accepting    map[netip.AddrPort]streamService
	nextStream   uint16 // port
	receiveQueue int    // datagrams
	dns          map[string][]netip.Addr
	located      map[string][]netio.ServiceRecord // by the name of the SRV records
	dnsDelay     time.Duration
	watchers     map[int]func()
	multicasts   []*multicastConn
	lastWatcher  int
	stats        HostStats
}

var (
	_ netio.Network          = (*Host)(nil)
	_ netio.InterfaceWatcher = (*Host)(nil)
	_ netio.StreamDialer     = (*Host)(nil)
)

type iface struct {
	name     string
	index    int
	loopback bool
	up       bool
}

// hostAddr is one address, without zone.
type hostAddr struct {
	addr  netip.Addr
	bits  int
	iface *iface
	realm *realm // nil: loopback
}

func (a hostAddr) up() bool { return a.iface.up }

const (
	firstPort           = 49152 // RFC 6335 section 6, dynamic ports
	lastPort            = 65535
	defaultReceiveQueue = 4096
)

// Host adds a public host. An address is "192.0.2.1", "192.0.2.1/28", or either
// after an interface name: "wlan0=192.0.2.1". Without one, the first address of
// each family is on eth0, the second on eth1, and so on. Every host has a
// loopback interface too.
func (n *Net) Host(name string, addrs ...string) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addHost(name, addrs, func(netip.Addr) *realm { return &n.internet })
}

// addHost adds a host whose addresses are in the realms that realmOf says. n.mu
// is held.
func (n *Net) addHost(name string, addrs []string, realmOf func(netip.Addr) *realm) *Host {
	n.claim(name)
	h := &Host{
		net:          n,
		name:         name,
		conns:        make(map[netip.AddrPort]*conn),
		services:     make(map[netip.AddrPort]service),
		dns:          make(map[string][]netip.Addr),
		located:      make(map[string][]netio.ServiceRecord),
		watchers:     make(map[int]func()),
		nextPort:     firstPort,
		streams:      make(map[streamKey]*stream),
		listeners:    make(map[netip.AddrPort]*listener),
		accepting:    make(map[netip.AddrPort]streamService),
		nextStream:   firstPort,
		receiveQueue: defaultReceiveQueue,
	}
	lo := h.iface("lo")
	lo.loopback = true
	h.addrs = []hostAddr{
		{addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}), bits: 8, iface: lo},
		{addr: netip.IPv6Loopback(), bits: 128, iface: lo},
	}
	count := map[bool]int{}
	for _, s := range addrs {
		on, text, named := strings.Cut(s, "=")
		if !named {
			on, text = "", s
		}
		addr, bits := parseAddr(text)
		if !named {
			on = fmt.Sprint("eth", count[addr.Is4()])
			count[addr.Is4()]++
		}
		r := realmOf(addr)
		r.claim(addr, owner{host: h})
		h.addrs = append(h.addrs, hostAddr{addr: addr, bits: bits, iface: h.iface(on), realm: r})
	}
	n.hosts = append(n.hosts, h)
	return h
}

// parseAddr reads an address with or without the length of its prefix.
func parseAddr(s string) (netip.Addr, int) {
	if strings.Contains(s, "/") {
		p := netip.MustParsePrefix(s)
		return p.Addr().Unmap(), p.Bits()
	}
	addr := netip.MustParseAddr(s).Unmap()
	if addr.Is4() {
		return addr, 24
	}
	return addr.WithZone(""), 64
}

// iface returns the interface of that name, new if need be.
func (h *Host) iface(name string) *iface {
	for _, i := range h.ifaces {
		if i.name == name {
			return i
		}
	}
	i := &iface{name: name, index: len(h.ifaces) + 1, up: true}
	h.ifaces = append(h.ifaces, i)
	return i
}

// Name is the name that the host was made with.
func (h *Host) Name() string { return h.name }

// Addr is the host's first address; the zero Addr when it has none.
func (h *Host) Addr() netip.Addr {
	for _, a := range h.addrs {
		if !a.iface.loopback {
			return a.addr
		}
	}
	return netip.Addr{}
}

// SetInterface takes an interface up or down. Down, it is not listed, nothing
// arrives on its addresses, and sending from them fails; sockets stay. Those who
// watch are told before it returns.
func (h *Host) SetInterface(name string, up bool) {
	for _, changed := range h.setInterface(name, up) {
		changed()
	}
}

// setInterface returns who is to be told.
func (h *Host) setInterface(name string, up bool) []func() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	for _, i := range h.ifaces {
		if i.name == name {
			i.up = up
			return slices.Collect(maps.Values(h.watchers))
		}
	}
	panic("simnet: host " + h.name + " has no interface " + name)
}

// WatchInterfaces has changed called by SetInterface.
func (h *Host) WatchInterfaces(changed func()) (stop func(), err error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.lastWatcher++
	id := h.lastWatcher
	h.watchers[id] = changed
	return func() {
		h.net.mu.Lock()
		defer h.net.mu.Unlock()
		delete(h.watchers, id)
	}, nil
}

// Watchers is how many watch the interfaces.
func (h *Host) Watchers() int {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return len(h.watchers)
}

// SetReceiveQueue sets how many datagrams wait in a socket of this host before
// further ones are dropped.
func (h *Host) SetReceiveQueue(datagrams int) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.receiveQueue = datagrams
}

// Interfaces lists the addresses of the interfaces that are up, loopback
// flagged.
func (h *Host) Interfaces() ([]netio.Interface, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	var list []netio.Interface
	for _, a := range h.addrs {
		if a.up() {
			list = append(list, netio.Interface{
				Name:     a.iface.name,
				Index:    a.iface.index,
				Addr:     a.zoned(),
				Bits:     a.bits,
				Loopback: a.iface.loopback,
			})
		}
	}
	return list, nil
}

// zoned is the address with its interface as zone where it needs one.
func (a hostAddr) zoned() netip.Addr {
	if a.addr.Is6() && a.addr.IsLinkLocalUnicast() {
		return a.addr.WithZone(a.iface.name)
	}
	return a.addr
}

// find returns the host's entry for an address, its zone ignored.
func (h *Host) find(addr netip.Addr) (hostAddr, bool) {
	addr = addr.WithZone("")
	for _, a := range h.addrs {
		if a.addr == addr {
			return a, true
		}
	}
	return hostAddr{}, false
}

func (h *Host) owns(addr netip.Addr) bool {
	_, ok := h.find(addr)
	return ok
}

// source chooses the address from which a socket bound to bound (perhaps
// unspecified) sends to dst. net.mu is held.
func (h *Host) source(bound, dst netip.Addr) (netip.Addr, error) {
	if bound.Is4() != dst.Is4() {
		return netip.Addr{}, syscall.EAFNOSUPPORT
	}
	if !bound.IsUnspecified() {
		a, ok := h.find(bound)
		if !ok || !a.up() || a.iface.loopback && !h.owns(dst) {
			return netip.Addr{}, syscall.ENETUNREACH
		}
		return a.addr, nil
	}
	if h.owns(dst) {
		return dst.WithZone(""), nil
	}
	best := netip.Addr{}
	for _, a := range h.addrs {
		if !a.up() || a.iface.loopback || a.addr.Is4() != dst.Is4() ||
			a.addr.IsLinkLocalUnicast() != dst.IsLinkLocalUnicast() ||
			dst.Zone() != "" && dst.Zone() != a.iface.name {
			continue
		}
		if _, near := a.realm.owner[dst.WithZone("")]; near {
			return a.addr, nil
		}
		if !best.IsValid() {
			best = a.addr
		}
	}
	if !best.IsValid() {
		return best, syscall.ENETUNREACH
	}
	return best, nil
}

// ListenUDP binds a socket to one of the host's addresses, or to the
// unspecified address for all of its family. The errors are those of a real
// host: syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, net.ErrClosed after
// Net.Close.
func (h *Host) ListenUDP(addr netip.AddrPort) (netio.PacketConn, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	fail := func(err error) (netio.PacketConn, error) {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(addr), Err: err}
	}
	ip, err := h.bindable(addr.Addr())
	if err != nil {
		return fail(err)
	}
	port, ok := takePort(addr.Port(), &h.nextPort, func(port uint16) bool { return h.inUse(ip, port) })
	if !ok {
		return fail(syscall.EADDRINUSE)
	}
	key := netip.AddrPortFrom(ip, port)
	c := newConn(h, key, netip.AddrPortFrom(addr.Addr().Unmap(), port))
	h.conns[key] = c
	return c, nil
}

// bindable is the address as a key, when a socket can be bound to it. net.mu is held.
func (h *Host) bindable(addr netip.Addr) (netip.Addr, error) {
	addr = addr.Unmap()
	if h.net.closed {
		return addr, net.ErrClosed
	}
	if addr.IsUnspecified() {
		return addr, nil
	}
	a, ok := h.find(addr)
	if !ok || !a.up() || addr.Zone() != "" && addr.Zone() != a.iface.name {
		return addr, syscall.EADDRNOTAVAIL
	}
	return a.addr, nil
}

// takePort is the port that is asked for, or any where that is 0; false: there is none, or
// it is taken.
func takePort(port uint16, next *uint16, taken func(port uint16) bool) (uint16, bool) {
	if port == 0 {
		port = freePort(next, taken)
		return port, port != 0
	}
	return port, !taken(port)
}

// freePort returns the next dynamic port that is not taken; 0 if none is.
func freePort(next *uint16, taken func(port uint16) bool) uint16 {
	for range lastPort - firstPort + 1 {
		port := *next
		*next++
		if port == lastPort {
			*next = firstPort
		}
		if !taken(port) {
			return port
		}
	}
	return 0
}

// inUse reports whether a socket or a service of the host keeps another from
// being bound: an unspecified address collides with all of its family.
func (h *Host) inUse(ip netip.Addr, port uint16) bool {
	for key := range h.conns {
		if collides(key, ip, port) {
			return true
		}
	}
	for key := range h.services {
		if collides(key, ip, port) {
			return true
		}
	}
	return false
}

func collides(key netip.AddrPort, ip netip.Addr, port uint16) bool {
	other := key.Addr()
	return key.Port() == port && other.Is4() == ip.Is4() && (other == ip || other.IsUnspecified() || ip.IsUnspecified())
}

func unspecified(family netip.Addr) netip.Addr {
	if family.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
