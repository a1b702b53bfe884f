package webrtc

import (
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// Mobility: the addresses of the host change while a transport lives. Sockets of
// addresses that are gone are given up at once, new addresses are gathered on and
// their candidates signalled in the same generation, and a restart is asked for
// where the application wants that.

// SetAutomaticICERestart makes a connection ask for an ICE restart by itself when
// the address that its data left from is gone and there is another one: the offer
// that OnNegotiationNeeded then asks for restarts, as after
// [PeerConnection.RestartICE]. A program that negotiates whenever that event asks
// it to needs no code of its own to survive a change of networks.
//
// Without it new addresses are gathered on all the same, and the connection moves
// by itself if this end controls and the peer can be reached from them.
func (e *SettingEngine) SetAutomaticICERestart(restart bool) { e.ice.automaticRestart = restart }

// watchInterfaces makes the gatherer hear of changes. On the loop.
func (g *ICEGatherer) watchInterfaces() {
	if err := g.api.interfaces.add(g); err != nil {
		g.log.warn("watch network interfaces", "error", err)
	}
}

// interfacesChanged looks at the addresses anew. On the loop.
func (g *ICEGatherer) interfacesChanged(time.Time) {
	switch {
	case g.state == ICEGathererStateNew || g.state == ICEGathererStateClosed:
	case g.looking:
		g.lookAgain = true // at what has changed since
	default:
		g.looking = true
		go g.lookAtAddresses(slices.Clone(g.hidden)) // the application's filters run there
	}
}

// lookAtAddresses lists the addresses, on a goroutine that nobody waits for. named
// are those that have names.
func (g *ICEGatherer) lookAtAddresses(named []hiddenAddress) {
	addresses, err := hostAddresses(g.api)
	if err != nil {
		g.log.warn("enumerate network interfaces", "error", err)
	}
	names := g.register(addresses, named)
	g.postNames(names, func(now time.Time) {
		g.looking = false
		if err == nil && g.state != ICEGathererStateClosed {
			g.follow(now, addresses)
		}
		if g.lookAgain {
			g.lookAgain = false
			g.interfacesChanged(now)
		}
	})
}

// follow gives up the sockets of addresses that are gone, and opens those of new
// ones. On the loop.
func (g *ICEGatherer) follow(now time.Time, addresses []hostAddress) {
	for id, place := range g.places {
		if place.foreign == nil && !slices.ContainsFunc(addresses, place.is) {
			g.displaced = g.displaced || g.carries(id)
			g.dropSocket(now, id)
		}
	}
	for _, r := range slices.Clone(g.relays) {
		if !r.stands(addresses) {
			g.displaced = g.displaced || g.carriesData(r)
			g.closeRelay(now, r)
		}
	}
	fresh := slices.DeleteFunc(slices.Clone(addresses), func(a hostAddress) bool {
		return a.foreign != nil || slices.ContainsFunc(g.addresses, a.is)
	})
	// Sockets that are being opened count, too: each known address has its place.
	taken := len(addresses) - len(fresh) + len(g.sockets) - len(g.places)
	if room := max(maxSockets-taken, 0); len(fresh) > room {
		g.log.warn("too many addresses to gather on", "addresses", len(addresses), "not used", len(fresh)-room)
		left := fresh[room:] // they stay fresh, for when there is room
		addresses = slices.DeleteFunc(slices.Clone(addresses), func(a hostAddress) bool { return slices.ContainsFunc(left, a.is) })
		fresh = fresh[:room]
	}
	g.addresses = addresses
	if len(fresh) > 0 {
		g.gatherMore(fresh)
	}
	if g.displaced && slices.ContainsFunc(addresses, func(a hostAddress) bool { return !a.Loopback }) {
		g.displaced = false
		if g.hooks.displaced != nil {
			g.hooks.displaced()
		}
	}
}

// carries tells whether data leaves by a path. On the loop.
func (g *ICEGatherer) carries(id ice.LocalID) bool {
	if g.transport == nil {
		return false
	}
	path := g.transport.path.Load()
	return path != nil && path.socket == g.sockets[id]
}

// hasPath tells whether there is a path from an address: two changes in a row may
// ask for two.
func (g *ICEGatherer) hasPath(a hostAddress) bool {
	for _, place := range g.places {
		if place.is(a) {
			return true
		}
	}
	return false
}

// dropSocket takes a socket out of use and closes it beside the loop.
func (g *ICEGatherer) dropSocket(now time.Time, id ice.LocalID) {
	socket := g.sockets[id]
	g.forget(now, id)
	g.work.Go(func() { _ = socket.Close() }) // it waits for the reader
}

// forget takes a path out of all that knows it, with its candidates. Closing it is
// left to the caller.
func (g *ICEGatherer) forget(now time.Time, id ice.LocalID) {
	if _, ok := g.sockets[id]; !ok {
		return
	}
	delete(g.sockets, id)
	delete(g.places, id)
	// The old slice may be published.
	g.candidates = slices.DeleteFunc(slices.Clone(g.candidates), func(c ice.LocalCandidate) bool { return c.ID == id })
	g.dirty = true
	g.machine.RemoveSocket(now, id)
	if g.transport != nil && g.transport.agent != nil {
		g.transport.agent.RemoveLocal(now, id)
	}
}

// gatherMore gathers on addresses that came after the others. On the loop.
func (g *ICEGatherer) gatherMore(fresh []hostAddress) {
	if g.stale {
		return // all is gathered again soon
	}
	if g.state == ICEGathererStateComplete {
		g.stunAddrs = slices.Clone(g.asked)
		g.publishInbound()
		g.setState(ICEGathererStateGathering)
	}
	g.machine.Reopen() // its end may be on its way to us
	g.asking++
	generation, servers, live := g.generation, g.serversToAsk(), slices.Clone(g.relays)
	relayOnly := g.policy == ICETransportPolicyRelay
	g.work.Go(func() {
		if !relayOnly {
			for _, a := range fresh {
				g.openSocket(a)
			}
		}
		g.askServers(generation, servers, fresh, live)
	})
}
