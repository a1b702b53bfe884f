package ice

import (
	"net/netip"
	"time"
)

// ICE over TCP (RFC 6544). Connections are the owner's: it makes one when a message
// is sent on an active candidate's path to an address that has none, and accepts
// those to passive ones, each of which is an address of its own. Simultaneous-open
// candidates are listed and not paired: no browser has them.

// The values of TCPType that are used (RFC 6544 section 4.5).
const (
	TCPActive  = "active"
	TCPPassive = "passive"
)

// ActivePort is what an active candidate's line has for a port, as its connections
// come from one that is not known yet (RFC 6544 section 4.5: the discard port).
const ActivePort = 9

// tcpPenalty is what the type preferences of TCP are below those of UDP: UDP is
// preferred over TCP whatever the type, a relay over UDP excepted (RFC 6544 section
// 4.2 leaves the size to the implementation).
const tcpPenalty = 27

// preferenceOver is the type preference of a candidate by its transport.
func (t CandidateType) preferenceOver(transport Transport) uint32 {
	if transport == TCP && t != Relay {
		return t.preference() - tcpPenalty
	}
	return t.preference()
}

// tcpLocalPreference is the local preference of RFC 6544 section 4.2 for host
// candidates: 6 for active and 4 for passive in the upper three bits, below them
// what tells the addresses of this host apart.
func tcpLocalPreference(tcpType string, other uint16) uint16 {
	direction := uint16(4)
	if tcpType == TCPActive {
		direction = 6
	}
	return direction<<13 | other&0x1fff
}

// pairableTCP is the rule of RFC 6544 section 6.2: active with passive. Pairs of a
// passive local candidate wait for the peer's connection, and are formed when its
// check comes. As browsers do, no connection is made to a port that other services
// of the peer's choosing may have: those below 1024, but 80 and 443 of public hosts.
func pairableTCP(local *LocalCandidate, remote *Candidate) bool {
	if local.TCPType != TCPActive || remote.TCPType != TCPPassive {
		return false
	}
	port, addr := remote.Addr.Port(), remote.Addr.Addr().Unmap()
	return port >= 1024 || (port == 80 || port == 443) && !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast()
}

// awaitsTCP tells whether the peer may still connect to this end.
func (g *generation) awaitsTCP() bool {
	passive, active := false, false
	for _, l := range g.locals {
		passive = passive || l.TCPType == TCPPassive
	}
	for _, r := range g.remotes {
		active = active || r.TCPType == TCPActive && r.Type != PeerReflexive
	}
	return passive && active
}

// ConnectionEnded says that a TCP connection has ended, or could not be made. When
// it carried the data the agent is Disconnected at once, and what is left is checked
// again; an active candidate then connects anew.
func (a *Agent) ConnectionEnded(now time.Time, id LocalID, remote netip.AddrPort) {
	if !a.input(now) {
		return
	}
	_, selected := a.carrier()
	remote = normal(remote)
	is := func(p *pair) bool { return p.local.ID == id && normal(p.destination) == remote }
	lost := selected != nil && is(selected)
	if lost {
		a.events.push(&ConsentLost{selected.report()})
	}
	for _, g := range a.generations() {
		if g == nil {
			continue
		}
		for _, p := range g.pairs {
			if !is(p) {
				continue
			}
			g.release(p, PairFailed)
			p.nextKeepalive = time.Time{}
			if g.selected == p {
				g.selected = nil
			}
		}
	}
	if lost && a.previous != nil && a.previous.answerUntil.IsZero() {
		a.dropPrevious()
	}
	if lost && !a.current.stopped {
		a.checkAgain(now, a.current)
	}
	a.run(now)
}
