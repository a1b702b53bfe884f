package webrtc

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// lookupTimeout bounds one DNS look-up of a server.
const lookupTimeout = 5 * time.Second

// hostAddress is a local address that gets a socket of its own.
type hostAddress struct {
	addr netip.Addr
	name string // of the interface
}

// hostAddresses lists the addresses to gather on, as the SettingEngine allows.
// Loopback addresses are used where they are asked for, and on a host that has
// no other (RFC 8445 section 5.1.1.1 excludes them, but then two programs on an
// unconnected machine could not talk). It runs the application's filters, so
// never on the loop.
func hostAddresses(api *API) ([]hostAddress, error) {
	interfaces, err := api.network.Interfaces()
	if err != nil {
		return nil, err
	}
	var usable, loopback []hostAddress
	for _, i := range interfaces {
		if !api.settings.allowsAddress(i) {
			continue
		}
		a := hostAddress{addr: i.Addr, name: i.Name}
		if i.Loopback {
			loopback = append(loopback, a)
		} else {
			usable = append(usable, a)
		}
	}
	if api.settings.ice.includeLoopback || len(usable) == 0 {
		usable = append(usable, loopback...)
	}
	return usable, nil
}

// allowsAddress reports whether an address may be gathered on.
func (e *SettingEngine) allowsAddress(i netio.Interface) bool {
	// RFC 8445 section 5.1.1.1: no deprecated site-local or IPv4-mapped
	// addresses; link-local IPv6 works only within one link and needs a zone
	// that a candidate cannot carry.
	addr := i.Addr.WithZone("")
	if addr.Is4In6() || addr.Is6() && addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() {
		return false
	}
	if !e.allowsFamily(addr) {
		return false
	}
	if e.ice.interfaceFilter != nil && !e.ice.interfaceFilter(i.Name) {
		return false
	}
	return e.ice.ipFilter == nil || e.ice.ipFilter(addr.AsSlice())
}

func (e *SettingEngine) allowsFamily(addr netip.Addr) bool {
	if len(e.ice.networkTypes) == 0 {
		return true
	}
	want := NetworkTypeUDP6
	if addr.Is4() {
		want = NetworkTypeUDP4
	}
	for _, t := range e.ice.networkTypes {
		if t == want {
			return true
		}
	}
	return false
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
