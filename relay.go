package webrtc

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/turn"
)

// relay is an allocation of a gatherer on a TURN server, from the request on
// (RFC 8656). It is a path of up to two LocalIDs, one for each address family that
// the server relays from. The fields are owned by the loop unless they say
// otherwise.
type relay struct {
	server     iceServerURL
	local      netip.Addr // what the server is reached from; unset where a proxy is between
	target     netip.AddrPort
	conn       *relayConn
	socket     *netio.Socket
	generation int
	ids        [2]ice.LocalID // of IPv4 and IPv6
	allocated  *turn.Allocated
	closed     bool
	armed      armedDeadline
	outcome    chan error // nil once it is allocated; one value
	told       bool       // outcome has its value
	check      *relayCheck
}

// relayCheck is the question whether a relay is still there, for a generation that
// wants to use it again.
type relayCheck struct {
	generation int
	outcome    chan error // one value
}

// maxRelays bounds the allocations of one gatherer.
const maxRelays = 32

// protocol is W3C's name of the transport between this end and the server.
func (u iceServerURL) protocol() string {
	switch {
	case u.isSecure() && u.transport == "tcp":
		return "tls"
	case u.isSecure():
		return "dtls"
	}
	return u.transport
}

// relayPath is the part of a relay that one LocalID stands for.
type relayPath struct {
	*netio.Socket
	addr netip.AddrPort
}

func (p relayPath) LocalAddr() netip.AddrPort { return p.addr }

// openRelay makes a relay on a socket to the server, and asks for the allocation.
// With an error, inner stays the caller's. On the loop.
func (g *ICEGatherer) openRelay(now time.Time, generation int, server iceServerURL, local netip.Addr, target netip.AddrPort, inner netio.PacketConn) (*relay, error) {
	switch {
	case !g.gathers(generation):
		return nil, errGatheringEnded
	case len(g.relays) >= maxRelays:
		return nil, fmt.Errorf("more than %d TURN allocations", maxRelays)
	}
	r := &relay{
		server: server, local: local, target: target, generation: generation,
		ids: [2]ice.LocalID{g.lastID + 1, g.lastID + 2}, outcome: make(chan error, 1),
	}
	g.lastID += 2
	r.conn = newRelayConn(inner, target, turn.Config{
		Username: server.username, Password: server.password,
		Family: g.relayFamily(), Stream: server.transport == "tcp",
	})
	r.conn.report = func(e turn.Event) { g.loop.Post(func(now time.Time) { g.relayEvent(now, r, e) }) }
	r.conn.rouse = func(at time.Time) { g.rouseRelay(r, at) }
	g.relays = append(g.relays, r)
	watched := netio.Ending(r.conn, func(err error) {
		g.loop.Post(func(now time.Time) { g.relayFailed(now, r, err) })
	})
	r.socket = netio.NewSocket(watched, func(now time.Time, ds []netio.Datagram) { g.receiveRelayed(r, now, ds) })
	r.conn.allocate(now)
	return r, nil
}

// relayFamily is what to ask servers for.
func (g *ICEGatherer) relayFamily() turn.Family {
	v4 := g.api.settings.allowsFamily(netip.IPv4Unspecified())
	v6 := g.api.settings.allowsFamily(netip.IPv6Unspecified())
	switch {
	case v4 && v6:
		return turn.DualStack
	case v6:
		return turn.IPv6
	}
	return turn.IPv4
}

// rouseRelay makes the loop look at the deadlines if one is earlier than it knows.
// Any goroutine.
func (g *ICEGatherer) rouseRelay(r *relay, at time.Time) {
	if r.armed.earlier(at) {
		g.loop.Post(nothing)
	}
}

// relayDeadline is when the first relay has something to do. On the loop.
func (g *ICEGatherer) relayDeadline() (at time.Time) {
	for _, r := range g.relays {
		at = earlier(at, r.armed.arm(r.conn.deadline))
	}
	return at
}

// receiveRelayed sorts what peers sent by the address that it came to: that of
// their family. On the reader of the relay.
func (g *ICEGatherer) receiveRelayed(r *relay, now time.Time, ds []netio.Datagram) {
	for len(ds) > 0 {
		v4 := ds[0].Addr.Addr().Is4()
		n := slices.IndexFunc(ds, func(d netio.Datagram) bool { return d.Addr.Addr().Is4() != v4 })
		if n < 0 {
			n = len(ds)
		}
		g.receive(r.id(ds[0].Addr.Addr()), nil, now, ds[:n])
		ds = ds[n:]
	}
}

func (r *relay) id(addr netip.Addr) ice.LocalID {
	if addr.Is4() {
		return r.ids[0]
	}
	return r.ids[1]
}

// relayEvent takes what the client reports. On the loop.
func (g *ICEGatherer) relayEvent(now time.Time, r *relay, event turn.Event) {
	switch e := event.(type) {
	case *turn.Allocated:
		switch {
		case r.closed:
		case !g.gathers(r.generation):
			g.closeRelay(now, r)
		default:
			r.allocated = e
			for _, a := range e.Relayed {
				g.sockets[r.id(a.Addr())] = relayPath{r.socket, a}
			}
			g.offerRelay(now, r)
		}
		r.tell(nil)
	case *turn.Confirmed:
		if check := r.check; check != nil && g.gathers(check.generation) {
			r.generation = check.generation
			g.offerRelay(now, r)
		}
		r.checked(nil)
	case *turn.Failed:
		g.relayFailed(now, r, e.Err)
	case *turn.PeerRefused:
		g.log.debug("TURN server", "url", r.server.raw, "peer", e.Peer, "error", e.Err)
	}
}

// tell ends the attempt that waits for the outcome.
func (r *relay) tell(err error) {
	if !r.told {
		r.told = true
		r.outcome <- err
	}
}

// checked ends the check that is under way.
func (r *relay) checked(err error) {
	if r.check != nil {
		r.check.outcome <- err
		r.check = nil
	}
}

// offerRelay makes the candidates of a live relay. With the policy relay they do
// not tell where this end is (RFC 8839 section 5.1).
func (g *ICEGatherer) offerRelay(now time.Time, r *relay) {
	for _, a := range r.allocated.Relayed {
		related := r.allocated.Mapped
		if g.policy == ICETransportPolicyRelay || !related.IsValid() {
			hidden := netip.IPv4Unspecified()
			if a.Addr().Is6() {
				hidden = netip.IPv6Unspecified()
			}
			related = netip.AddrPortFrom(hidden, 9)
		}
		g.machine.AddRelayed(now, ice.RelayedAddress{
			ID: r.id(a.Addr()), Addr: a, Related: related,
			URL: r.server.raw, Server: r.target.Addr(), Protocol: r.server.protocol(),
		})
	}
}

// relayFailed takes a relay out of use whose server refused it, forgot it or is
// gone. On the loop.
func (g *ICEGatherer) relayFailed(now time.Time, r *relay, err error) {
	if r.closed {
		return
	}
	if r.allocated != nil {
		g.log.warn("TURN allocation", "url", r.server.raw, "relayed", r.conn.LocalAddr(), "error", err)
	}
	r.tell(err)
	g.closeRelay(now, r)
}

// closeRelay gives a relay up. On the loop.
func (g *ICEGatherer) closeRelay(now time.Time, r *relay) {
	if r.closed {
		return
	}
	r.closed = true
	r.tell(errGatheringEnded)
	r.checked(errGatheringEnded)
	g.relays = slices.DeleteFunc(g.relays, func(other *relay) bool { return other == r })
	for _, id := range r.ids {
		g.forget(now, id)
	}
	g.work.Go(func() { _ = r.Close() })
}

// Close gives the allocation up: it returns when the server has been told. What waits
// for the answer, a few seconds at most, is a goroutine that nobody waits for. Not on
// the loop. The error is always nil.
func (r *relay) Close() error {
	go func() { _ = r.socket.Close() }()
	<-r.conn.parted
	return nil
}

// reuseRelays returns the relays of the servers in force, for confirmRelays, and
// gives up the others, unless they carry data. On the loop.
func (g *ICEGatherer) reuseRelays(now time.Time, addresses []hostAddress) (live []*relay) {
	for _, r := range slices.Clone(g.relays) {
		wanted := r.allocated != nil && slices.Contains(g.servers, r.server) && r.stands(addresses)
		switch {
		case wanted:
			live = append(live, r)
		case !g.carriesData(r):
			g.closeRelay(now, r)
		}
	}
	return live
}

// stands reports whether the host still has the address that a relay is asked from. A
// proxy's, and loopback, do not go.
func (r *relay) stands(addresses []hostAddress) bool {
	return !r.local.IsValid() || r.local.IsLoopback() ||
		slices.ContainsFunc(addresses, func(a hostAddress) bool { return a.Addr == r.local })
}

func (g *ICEGatherer) carriesData(r *relay) bool {
	if g.transport == nil {
		return false
	}
	path := g.transport.path.Load()
	if path == nil {
		return false
	}
	p, ok := path.socket.(relayPath)
	return ok && p.Socket == r.socket
}

// takePaths empties the gatherer of its sockets and relays, for whoever closes
// them. On the loop, or when it has ended.
func (g *ICEGatherer) takePaths() (all []io.Closer) {
	for _, s := range g.sockets {
		if _, ok := s.(relayPath); !ok {
			all = append(all, s)
		}
	}
	for _, r := range g.relays {
		all = append(all, r)
		r.closed = true
		r.tell(errGatheringEnded)
		r.checked(errGatheringEnded)
	}
	g.sockets, g.relays = make(map[ice.LocalID]localPath), nil
	clear(g.places)
	return all
}
