package ice

import (
	"net/netip"
	"time"
)

// form adds the pair of two candidates to the checklist (RFC 8445 section
// 6.1.2), unless it makes no sense, is redundant, or a pair is selected
// already and answers: then checking is over (RFC 8445 section 8.1.2).
func (a *Agent) form(now time.Time, g *generation, l *LocalCandidate, r *remoteCandidate) {
	over := g.selected != nil && g.recheckAt.IsZero() && !a.unchecked() && !a.renominates()
	if g.stopped || over || l.Type == PeerReflexive || !pairable(l, &r.Candidate) {
		return
	}
	if a.cfg.Lite {
		a.formLite(now, g, l, r)
		return
	}
	p := a.insert(g, l, r, destination(l, r.Addr))
	if p == nil {
		return
	}
	p.state = PairWaiting
	if !g.leads(p) {
		p.state = PairFrozen
	}
}

// destination gives a link-local address the zone of the interface it is
// reached through.
func destination(l *LocalCandidate, remote netip.AddrPort) netip.AddrPort {
	addr := remote.Addr().Unmap()
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		addr = addr.WithZone(l.Base.Addr().Zone())
	}
	return netip.AddrPortFrom(addr, remote.Port())
}

// leads tells whether a new pair begins as Waiting: its foundation has a pair
// that succeeded, or none of higher priority (RFC 8838 section 12, rules 1 to 3).
func (g *generation) leads(p *pair) bool {
	lead := true
	for _, q := range g.pairs {
		if q == p || q.foundation() != p.foundation() {
			continue
		}
		if q.state == PairSucceeded {
			return true
		}
		if q.pending() && q.priority >= p.priority {
			lead = false
		}
	}
	return lead
}

// insert puts a pair in its place in the checklist; nil when it is there
// already or when the checklist is full of better ones.
func (a *Agent) insert(g *generation, l *LocalCandidate, r *remoteCandidate, to netip.AddrPort) *pair {
	if g.pair(l.ID, to) != nil {
		return nil
	}
	p := &pair{local: l, remote: r, destination: to, generation: g.number}
	p.priority = p.computePriority(a.role)
	if len(g.pairs) >= a.cfg.MaxPairs && !g.makeRoom(p.priority) {
		return nil
	}
	a.lastPair++
	p.id = a.lastPair
	g.claimRequests(p)
	at := len(g.pairs)
	for i, q := range g.pairs {
		if q.priority < p.priority {
			at = i
			break
		}
	}
	g.pairs = append(g.pairs, nil)
	copy(g.pairs[at+1:], g.pairs[at:])
	g.pairs[at] = p
	return p
}

// makeRoom discards a pair for one of the given priority: the last that failed,
// or else the last that was not tried yet and ranks below it (RFC 8445 section
// 6.1.2.5).
func (g *generation) makeRoom(priority uint64) bool {
	for i := len(g.pairs) - 1; i >= 0; i-- {
		if g.pairs[i].state == PairFailed {
			g.remove(g.pairs[i])
			return true
		}
	}
	for i := len(g.pairs) - 1; i >= 0; i-- {
		p := g.pairs[i]
		if (p.state == PairFrozen || p.state == PairWaiting) && p.priority < priority {
			g.remove(p)
			return true
		}
	}
	return false
}

// RemoveLocal forgets a path whose socket has died. When it carried the data,
// the agent is Disconnected at once, and checks what is left of its candidates;
// the controlling side may then nominate another pair.
func (a *Agent) RemoveLocal(now time.Time, id LocalID) {
	if !a.input(now) {
		return
	}
	_, selected := a.carrier()
	lost := selected != nil && selected.local.ID == id
	if lost {
		a.events.push(&ConsentLost{selected.report()})
	}
	for _, g := range a.generations() {
		if g != nil {
			g.removePath(id)
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

func (g *generation) removePath(id LocalID) {
	pairs := append([]*pair(nil), g.pairs...)
	for _, p := range pairs {
		if p.local.ID == id {
			g.remove(p)
		}
	}
	kept := g.locals[:0]
	for _, c := range g.locals {
		if c.ID != id {
			kept = append(kept, c)
		}
	}
	clear(g.locals[len(kept):])
	g.locals = kept
}
