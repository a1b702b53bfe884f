package webrtc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/pion/logging"
)

// UDPMux lets connections share UDP sockets: give one to
// [SettingEngine.SetICEUDPMux]. [NewICEUDPMux], [NewMultiUDPMuxFromPort] and
// [NewMultiUDPMuxDefault] make them. Those of github.com/pion/ice/v4 fit too, without
// the batches and the rules about shared addresses of the ones made here. Its methods
// are safe for concurrent use.
//
// Requests are told apart by the user name fragment (RFC 8445 section 7.2.2),
// responses by their transaction, all else by the address that it comes from once a
// message from there has proved to be the peer's.
type UDPMux interface {
	// Close closes the sockets; connections on them lose that path.
	io.Closer
	// GetListenAddresses lists the addresses that the mux listens on.
	GetListenAddresses() []net.Addr
	// RemoveConnByUfrag takes the mux away from the connection with a user name
	// fragment. Connections do that themselves when they close.
	RemoveConnByUfrag(ufrag string)
}

// foreignUDPMux is what a UDPMux of another package must have beside: GetConn
// returns what carries the packets of one fragment on one of its addresses.
type foreignUDPMux interface {
	GetConn(ufrag string, addr net.Addr) (net.PacketConn, error)
}

// udpMux is our UDPMux.
type udpMux struct {
	mux *netio.UDPMux
	err error // why there is none
}

// NewICEUDPMux shares udpConn, which is closed with the mux, between connections; one
// that cannot be used is closed at once. A *net.UDPConn has the fast path of its
// system, and may send to broadcast addresses no more. Where it is bound to no
// address, each of the host's addresses becomes a candidate, and what comes to one is
// answered from it on Linux; elsewhere only one address of each family is used, and
// [NewMultiUDPMuxFromPort] serves better. logger may be nil. The size of the socket's
// buffers stays the caller's: with thousands of connections the system's default is
// small (net.UDPConn.SetReadBuffer).
func NewICEUDPMux(logger logging.LeveledLogger, udpConn net.PacketConn) UDPMux {
	conn, err := netio.NewPacketConn(udpConn)
	if err != nil {
		if logger != nil {
			logger.Errorf("UDP mux: %v", err)
		}
		return &udpMux{err: err}
	}
	return &udpMux{mux: netio.NewUDPMux(conn)}
}

// newUDPMux shares sockets of any network.
func newUDPMux(conns ...netio.PacketConn) *udpMux { return &udpMux{mux: netio.NewUDPMux(conns...)} }

// Close implements UDPMux.
func (m *udpMux) Close() error {
	if m.mux == nil {
		return nil
	}
	return m.mux.Close()
}

// GetListenAddresses implements UDPMux.
func (m *udpMux) GetListenAddresses() []net.Addr {
	var addrs []net.Addr
	for _, l := range m.listeners() {
		addrs = append(addrs, net.UDPAddrFromAddrPort(l.Addr))
	}
	return addrs
}

// RemoveConnByUfrag implements UDPMux.
func (m *udpMux) RemoveConnByUfrag(ufrag string) {
	if m.mux != nil {
		m.mux.Release(ufrag)
	}
}

func (m *udpMux) listeners() []netio.MuxListener {
	if m.mux == nil {
		return nil
	}
	return m.mux.Listeners()
}

// multiUDPMux is several muxes as one.
type multiUDPMux []UDPMux

// NewMultiUDPMuxDefault makes one mux of several, such as one for each interface.
// They are closed with it.
func NewMultiUDPMuxDefault(muxes ...UDPMux) UDPMux { return multiUDPMux(muxes) }

// Close implements UDPMux.
func (m multiUDPMux) Close() error {
	var errs []error
	for _, one := range m {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// GetListenAddresses implements UDPMux.
func (m multiUDPMux) GetListenAddresses() []net.Addr {
	var addrs []net.Addr
	for _, one := range m {
		addrs = append(addrs, one.GetListenAddresses()...)
	}
	return addrs
}

// RemoveConnByUfrag implements UDPMux.
func (m multiUDPMux) RemoveConnByUfrag(ufrag string) {
	for _, one := range m {
		one.RemoveConnByUfrag(ufrag)
	}
}

// udpMuxSettings are what options of NewMultiUDPMuxFromPort set.
type udpMuxSettings struct {
	engine SettingEngine
	shards int
}

// UDPMuxFromPortOption is an option of [NewMultiUDPMuxFromPort].
type UDPMuxFromPortOption func(*udpMuxSettings)

// UDPMuxFromPortWithInterfaceFilter keeps the interfaces for whose name filter is
// true.
func UDPMuxFromPortWithInterfaceFilter(filter func(string) (keep bool)) UDPMuxFromPortOption {
	return func(s *udpMuxSettings) { s.engine.SetInterfaceFilter(filter) }
}

// UDPMuxFromPortWithIPFilter keeps the addresses for which filter is true.
func UDPMuxFromPortWithIPFilter(filter func(ip net.IP) (keep bool)) UDPMuxFromPortOption {
	return func(s *udpMuxSettings) { s.engine.SetIPFilter(filter) }
}

// UDPMuxFromPortWithNetworks keeps the families of the given types; others than
// those of UDP say nothing.
func UDPMuxFromPortWithNetworks(networks ...NetworkType) UDPMuxFromPortOption {
	return func(s *udpMuxSettings) { s.engine.SetNetworkTypes(networks) }
}

// UDPMuxFromPortWithLoopback listens on loopback addresses too. Without it they are
// used only on a host that has no other.
func UDPMuxFromPortWithLoopback() UDPMuxFromPortOption {
	return func(s *udpMuxSettings) { s.engine.SetIncludeLoopbackCandidate(true) }
}

// UDPMuxFromPortWithShards opens n sockets, 1 to 64, for each address. Each has a
// reader of its own, and the kernel distributes the peers among them, so that more
// than one processor reads. Only Linux does that (SO_REUSEPORT); elsewhere there is
// one. The default is 1.
func UDPMuxFromPortWithShards(n int) UDPMuxFromPortOption {
	return func(s *udpMuxSettings) { s.shards = n }
}

// NewMultiUDPMuxFromPort listens on a port of every address of the host that
// candidates would be gathered on, or 0 for a free one of each.
func NewMultiUDPMuxFromPort(port int, options ...UDPMuxFromPortOption) (UDPMux, error) {
	const op = "new UDP mux"
	if port < 0 || port > 65535 {
		return nil, errorf(KindTypeError, op, "%d is no port", port)
	}
	var s udpMuxSettings
	for _, option := range options {
		option(&s)
	}
	interfaces, err := netio.System().Interfaces()
	if err != nil {
		return nil, newError(KindOperation, op, err)
	}
	var conns []netio.PacketConn
	for _, a := range s.engine.choose(ownAddresses(interfaces)) {
		shards, err := netio.ListenShards(netip.AddrPortFrom(a.Addr, uint16(port)), s.shards)
		if err != nil {
			for _, c := range conns {
				_ = c.Close()
			}
			return nil, newError(KindOperation, op, err)
		}
		conns = append(conns, shards...)
	}
	if len(conns) == 0 {
		return nil, errorf(KindOperation, op, "no address to listen on")
	}
	return newUDPMux(conns...), nil
}

// SetICEUDPMux makes the connections of the API share the sockets of a mux for
// their host candidates, and ask STUN servers from them. SetEphemeralUDPPortRange
// has no effect then. nil ends it.
func (e *SettingEngine) SetICEUDPMux(udpMux UDPMux) { e.ice.udpMux = udpMux }

// muxAddresses lists where a connection can use the mux, by the host's interfaces.
func muxAddresses(mux UDPMux, interfaces []netio.Interface) []hostAddress {
	switch m := mux.(type) {
	case multiUDPMux:
		var all []hostAddress
		for _, one := range m {
			all = append(all, muxAddresses(one, interfaces)...)
		}
		return all
	case *udpMux:
		var all []hostAddress
		for _, l := range m.listeners() {
			all = append(all, listenerAddresses(m, l, interfaces)...)
		}
		return all
	}
	var all []hostAddress
	for _, addr := range mux.GetListenAddresses() {
		if udp, ok := addr.(*net.UDPAddr); ok {
			ap := udp.AddrPort()
			all = append(all, hostAddress{Interface: interfaceOf(ap.Addr().Unmap(), interfaces), port: ap.Port(), foreign: mux})
		}
	}
	return all
}

// listenerAddresses lists what of the host's addresses a listener stands for.
func listenerAddresses(m *udpMux, l netio.MuxListener, interfaces []netio.Interface) []hostAddress {
	own := hostAddress{Interface: interfaceOf(l.Addr.Addr(), interfaces), port: l.Addr.Port(), mux: m.mux}
	if !l.Addr.Addr().IsUnspecified() {
		return []hostAddress{own}
	}
	var all []hostAddress
	families := map[bool]bool{}
	for _, i := range interfaces {
		if !l.Serves(i.Addr) || !l.Destinations && (i.Loopback || families[i.Addr.Is4()]) {
			continue
		}
		families[i.Addr.Is4()] = true
		own.Interface = i
		all = append(all, own)
	}
	return all
}

// interfaceOf finds the interface of an address.
func interfaceOf(addr netip.Addr, interfaces []netio.Interface) netio.Interface {
	for _, i := range interfaces {
		if i.Addr == addr {
			return i
		}
	}
	return netio.Interface{Addr: addr, Loopback: addr.IsLoopback()}
}

// listenForeign gets a connection's share of a mux of another package.
func listenForeign(a hostAddress) (netio.PacketConn, error) {
	foreign, ok := a.foreign.(foreignUDPMux)
	if !ok {
		return nil, fmt.Errorf("UDP mux %T has no GetConn", a.foreign)
	}
	conn, err := foreign.GetConn(a.fragment, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a.Addr, a.port)))
	if err != nil {
		return nil, err
	}
	return netio.NewPacketConn(conn)
}
