package webrtc

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/pion/logging"
)

// TCPMux accepts TCP connections for the passive candidates of any number of
// connections (RFC 6544): give one to [SettingEngine.SetICETCPMux]. [NewICETCPMux]
// makes them; those of other packages do not fit. Its methods are safe for
// concurrent use.
//
// A peer that connects has ten seconds to prove itself by a check whose integrity
// holds; at most 512 may be about that at a time, the oldest of which goes for a new
// one. Until then nothing is sent to it. A peer that takes nothing for five seconds
// while there is something to send is dropped; it never holds up others.
type TCPMux interface {
	// Close closes the listener and all its connections.
	io.Closer
	// RemoveConnByUfrag takes the mux away from the connection with a user name
	// fragment. Connections do that themselves when they close.
	RemoveConnByUfrag(ufrag string)

	listener() *netio.TCPMux
}

// tcpMux is the TCPMux.
type tcpMux struct{ mux *netio.TCPMux }

// NewICETCPMux accepts what comes to listener, which is closed with the mux. Where
// it is bound to no address, each of the host's addresses becomes a candidate. logger
// may be nil, and readBufferSize is not used: packets are handed on as they come.
func NewICETCPMux(logger logging.LeveledLogger, listener net.Listener, readBufferSize int) TCPMux {
	m := &tcpMux{mux: netio.NewTCPMux(listener)}
	if logger != nil && !m.mux.LocalAddr().IsValid() {
		logger.Errorf("TCP mux: %v is no IP address with a port", listener.Addr())
	}
	return m
}

// Close implements TCPMux.
func (m *tcpMux) Close() error { return m.mux.Close() }

// RemoveConnByUfrag implements TCPMux.
func (m *tcpMux) RemoveConnByUfrag(ufrag string) { m.mux.Release(ufrag) }

func (m *tcpMux) listener() *netio.TCPMux { return m.mux }

// SetICETCPMux gives the connections of the API passive TCP candidates on a mux,
// unless SetNetworkTypes excludes them. nil ends it.
func (e *SettingEngine) SetICETCPMux(tcpMux TCPMux) { e.ice.tcpMux = tcpMux }

// tcpAddresses lists where TCP candidates are of the host: passive ones on the mux,
// active ones on each address.
func (e *SettingEngine) tcpAddresses(interfaces []netio.Interface) []hostAddress {
	var all []hostAddress
	if e.ice.tcpMux != nil {
		m := e.ice.tcpMux.listener()
		local := m.LocalAddr()
		own := hostAddress{port: local.Port(), tcpMux: m, tcpType: ice.TCPPassive}
		switch {
		case !local.IsValid():
		case !local.Addr().IsUnspecified():
			own.Interface = interfaceOf(local.Addr(), interfaces)
			all = append(all, own)
		default:
			// Package net listens on both families where it is told neither.
			for _, i := range interfaces {
				if local.Addr().Is6() || i.Addr.Is4() {
					own.Interface = i
					all = append(all, own)
				}
			}
		}
	}
	for _, i := range interfaces {
		all = append(all, hostAddress{Interface: i, port: ice.ActivePort, tcpType: ice.TCPActive})
	}
	return all
}

// openTCP opens a path for TCP. On the loop.
func (g *ICEGatherer) openTCP(now time.Time, a hostAddress) {
	if g.state == ICEGathererStateClosed {
		return
	}
	id := g.nextID()
	config := netio.TCPConfig{
		Local: netip.AddrPortFrom(a.Addr, a.port), Fragment: g.credentials.Ufrag,
		Handle: func(p *netio.TCPPath, now time.Time, ds []netio.Datagram) { g.receive(id, p, now, ds) },
		Failed: func(err error) { g.socketFailed(id, err) },
		Ended:  func(remote netip.AddrPort, reason error) { g.connectionEnded(id, remote, reason) },
	}
	if a.tcpType == ice.TCPActive {
		config.Dial = func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
			dialer, ok := g.api.network.(netio.StreamDialer)
			if !ok {
				return nil, errors.ErrUnsupported
			}
			return dialer.DialTCP(ctx, a.Addr, remote)
		}
		g.addPath(now, id, a, netio.OpenTCP(config))
		return
	}
	path, err := a.tcpMux.Open(config)
	if err != nil {
		g.log.warn("use TCP mux", "address", a.Addr, "error", err)
		return
	}
	g.addPath(now, id, a, path)
}

// connectionEnded tells ICE that a TCP connection is gone, or was not made. Any
// goroutine.
func (g *ICEGatherer) connectionEnded(id ice.LocalID, remote netip.AddrPort, reason error) {
	g.loop.Post(func(now time.Time) {
		g.log.debug("TCP connection", "remote", remote, "error", reason)
		if g.transport != nil && g.transport.agent != nil {
			g.transport.agent.ConnectionEnded(now, id, remote)
		}
	})
}
