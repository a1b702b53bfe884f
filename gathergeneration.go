package webrtc

import (
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// Gathering anew, as an ICE restart and new servers ask for: the sockets that
// are still good are used again, addresses that came are added. All of this file
// runs on the loop.

// newMachine makes what gathers once, with the servers and policy of now.
func (g *ICEGatherer) newMachine() *ice.Gatherer {
	return ice.NewGatherer(ice.GathererConfig{
		Credentials: g.credentials,
		STUNTimeout: g.api.settings.ice.stunTimeout,
		Relay:       g.policy == ICETransportPolicyRelay,
	})
}

// begin gathers, the first time or anew.
func (g *ICEGatherer) begin() {
	g.generation++
	g.stale, g.displaced = false, false
	g.watchInterfaces()
	g.machine = g.newMachine()
	g.candidates, g.stunAddrs, g.failures, g.dirty = nil, nil, nil, true
	g.asking = 1 // enumerate's
	g.publishInbound()
	if g.state != ICEGathererStateGathering {
		g.setState(ICEGathererStateGathering)
	}
	go g.enumerate(g.generation, slices.Clone(g.hidden))
}

// gathers reports whether work that began for a generation is still wanted.
func (g *ICEGatherer) gathers(generation int) bool {
	return g.state == ICEGathererStateGathering && g.generation == generation
}

// reuse gives the machine the sockets that there are, and returns the addresses
// without one.
func (g *ICEGatherer) reuse(now time.Time, addresses []hostAddress) (fresh []hostAddress) {
	ids := make([]ice.LocalID, 0, len(g.sockets))
	for id := range g.sockets {
		if _, ok := g.places[id]; ok { // relays have none
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, a := range addresses {
		i := slices.IndexFunc(ids, func(id ice.LocalID) bool {
			return g.places[id].is(a)
		})
		if i < 0 {
			fresh = append(fresh, a)
			continue
		}
		g.machine.AddSocket(now, ice.LocalSocket{ID: ids[i], Addr: g.sockets[ids[i]].LocalAddr(), Interface: a.Name, TCPType: a.tcpType})
	}
	g.dropSockets(now, ids, addresses)
	return fresh
}

// dropSockets closes the sockets of addresses that are gone, so that they do not
// add up: no candidate of the new generation is of them. One that carries data
// stays until the next time.
func (g *ICEGatherer) dropSockets(now time.Time, ids []ice.LocalID, addresses []hostAddress) {
	for _, id := range ids {
		socket := g.sockets[id]
		gone := !slices.ContainsFunc(addresses, func(a hostAddress) bool { return g.places[id].is(a) })
		if !gone {
			continue
		}
		if t := g.transport; t != nil {
			if path := t.path.Load(); path != nil && path.socket == socket {
				continue
			}
		}
		g.dropSocket(now, id)
	}
}

// adopt takes the credentials of a local description. Where they are others than
// those that candidates were gathered for, gather has to follow.
func (g *ICEGatherer) adopt(credentials ice.Credentials) {
	if g.credentials == credentials || g.state == ICEGathererStateClosed {
		return
	}
	g.credentials, g.dirty = credentials, true
	g.namePaths()
	g.stale = g.state != ICEGathererStateNew
}

// relabel goes back to the credentials in force after a rollback. The candidates
// stay good: they are those of the same sockets.
func (g *ICEGatherer) relabel(credentials ice.Credentials) {
	if g.credentials == credentials || g.state == ICEGathererStateClosed {
		return
	}
	g.credentials, g.dirty = credentials, true
	g.namePaths()
	g.candidates = slices.Clone(g.candidates)
	for i := range g.candidates {
		g.candidates[i].UsernameFragment = credentials.Ufrag
	}
}

// namePaths tells muxes of the user name fragment that requests now come with.
func (g *ICEGatherer) namePaths() {
	for _, path := range g.sockets {
		if shared, ok := path.(sharedPath); ok {
			shared.Name(g.credentials.Ufrag)
		}
	}
}
