package webrtc

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// lookupTimeout bounds one DNS look-up of a server.
const lookupTimeout = 5 * time.Second

// hostAddress is where a path of the gatherer begins: a local address that gets a
// socket of its own, or one of a mux.
type hostAddress struct {
	netio.Interface
	port     uint16 // of the mux
	mux      *netio.UDPMux
	foreign  UDPMux // of another package, instead of mux
	fragment string // that the foreign mux was asked for

	tcpType string        // ice.TCPActive, ice.TCPPassive; empty: UDP
	tcpMux  *netio.TCPMux // of passive ones
}

// is tells whether b is the same place, so that its path can be used again.
func (a hostAddress) is(b hostAddress) bool {
	return a.Addr == b.Addr && a.port == b.port && a.mux == b.mux && a.fragment == b.fragment &&
		a.tcpType == b.tcpType && a.tcpMux == b.tcpMux
}

// hostAddresses lists the addresses to gather on, as the SettingEngine allows. It
// runs the application's filters and mux, so never on the loop.
func hostAddresses(api *API) ([]hostAddress, error) {
	settings := &api.settings
	interfaces, err := api.network.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []hostAddress
	if mux := settings.ice.udpMux; mux != nil {
		all = muxAddresses(mux, interfaces)
	} else {
		all = ownAddresses(interfaces)
	}
	return settings.choose(append(all, settings.tcpAddresses(interfaces)...)), nil
}

// ownAddresses lists those that get sockets of their own.
func ownAddresses(interfaces []netio.Interface) []hostAddress {
	all := make([]hostAddress, 0, len(interfaces))
	for _, i := range interfaces {
		all = append(all, hostAddress{Interface: i})
	}
	return all
}

// choose keeps the addresses that the settings allow. Loopback addresses are used
// where they are asked for, and where there is no other (RFC 8445 section 5.1.1.1
// excludes them, but then two programs on an unconnected machine could not talk).
func (e *SettingEngine) choose(all []hostAddress) []hostAddress {
	var usable, loopback []hostAddress
	for _, a := range all {
		switch {
		case !e.allowsAddress(a):
		case a.Loopback:
			loopback = append(loopback, a)
		default:
			usable = append(usable, a)
		}
	}
	if e.ice.includeLoopback || len(usable) == 0 {
		usable = append(usable, loopback...)
	}
	return usable
}

// allowsAddress reports whether an address may be gathered on.
func (e *SettingEngine) allowsAddress(a hostAddress) bool {
	// RFC 8445 section 5.1.1.1: no deprecated site-local or IPv4-mapped
	// addresses; link-local IPv6 works only within one link and needs a zone
	// that a candidate cannot carry.
	addr := a.Addr.WithZone("")
	if addr.Is4In6() || addr.Is6() && addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() {
		return false
	}
	if !e.allowsNetwork(addr, a.tcpType) {
		return false
	}
	if e.ice.interfaceFilter != nil && !e.ice.interfaceFilter(a.Name) {
		return false
	}
	return e.ice.ipFilter == nil || e.ice.ipFilter(addr.AsSlice())
}

// allowsNetwork reports whether a family and a transport may be used.
func (e *SettingEngine) allowsNetwork(addr netip.Addr, tcpType string) bool {
	if tcpType == "" {
		return e.allowsFamily(addr)
	}
	if len(e.ice.networkTypes) == 0 {
		return tcpType == ice.TCPPassive // there is a mux for it
	}
	want := NetworkTypeTCP6
	if addr.Is4() {
		want = NetworkTypeTCP4
	}
	return slices.Contains(e.ice.networkTypes, want)
}

// allowsFamily reports whether a family may be used for UDP.
func (e *SettingEngine) allowsFamily(addr netip.Addr) bool {
	want := NetworkTypeUDP6
	if addr.Is4() {
		want = NetworkTypeUDP4
	}
	return len(e.ice.networkTypes) == 0 || slices.Contains(e.ice.networkTypes, want)
}

// listenUDP binds a socket to addr, on a port of the SettingEngine's range
// where there is one. It starts at a random port of the range, so that
// connections do not all try the same ones.
func listenUDP(api *API, addr netip.Addr) (netio.PacketConn, error) {
	low, high := api.settings.ice.portMin, api.settings.ice.portMax
	if low == 0 {
		return api.network.ListenUDP(netip.AddrPortFrom(addr, 0))
	}
	count := int(high) - int(low) + 1
	first := rand.IntN(count)
	err := errors.New("empty port range")
	for i := range count {
		port := low + uint16((first+i)%count)
		var conn netio.PacketConn
		if conn, err = api.network.ListenUDP(netip.AddrPortFrom(addr, port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}
