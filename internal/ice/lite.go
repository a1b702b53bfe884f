package ice

import "time"

// indicationInterval is Tr of RFC 8445 section 11, between the keepalives of two
// lite agents.
const indicationInterval = 15 * time.Second

// Defaults of AgentConfig for a lite agent. A full one lets up to 6 s pass
// between consent requests (RFC 7675 section 5.1), so that a few lost ones need
// more than 5 s; the sum is 30 s all the same.
const (
	liteDisconnected = 15 * time.Second
	liteFailed       = 15 * time.Second
)

// A lite agent (RFC 8445 section 2.5) sends no requests. A pair of it is valid
// once the full peer has checked it (section 7.3.2), and selected when that
// nominates it. It has no answers to take consent from (RFC 7675), so
// authentic requests of the peer stand for them: the pair is disconnected, and
// 30 s after the last one unusable, as with a full agent.
//
// Between two lite agents nothing is checked (RFC 8445 section 8.2): each
// pair is valid, and both ends take the one of highest priority as long as they
// live.

// SetRemoteLite says whether the peer is lite. Two lite agents form pairs of
// their candidates; a lite and a full one wait for the full one's checks.
func (a *Agent) SetRemoteLite(now time.Time, lite bool) {
	if !a.input(now) || a.remoteLite == lite {
		return
	}
	a.remoteLite = lite
	a.formUnchecked(now)
	a.run(now)
}

// unchecked tells whether both ends are lite.
func (a *Agent) unchecked() bool { return a.cfg.Lite && a.remoteLite }

// formUnchecked pairs what there is between two lite agents.
func (a *Agent) formUnchecked(now time.Time) {
	if !a.unchecked() {
		return
	}
	g := a.current
	for _, l := range g.locals {
		for _, r := range g.remotes {
			a.form(now, g, l, r)
		}
	}
}

// formLite forms the pair of two candidates of a lite agent: only between two
// lite ones.
func (a *Agent) formLite(now time.Time, g *generation, l *LocalCandidate, r *remoteCandidate) {
	if !a.unchecked() {
		return
	}
	if p := a.insert(g, l, r, destination(l, r.Addr)); p != nil {
		a.validate(now, p)
	}
}

// validate makes a pair of a lite agent valid: the peer has checked it.
func (a *Agent) validate(now time.Time, p *pair) {
	p.state, p.valid, p.lastResponse = PairSucceeded, p.local, now
}

// heard takes an authentic request as the consent of the full peer.
func (a *Agent) heard(now time.Time, g *generation, p *pair) {
	if a.cfg.Lite && p != nil && p.state == PairSucceeded && !g.stopped {
		p.lastResponse = now
	}
}

// runUnchecked selects the pair of two lite agents, and keeps it. There is nothing
// that could tell that it has died.
func (a *Agent) runUnchecked(now time.Time) {
	g := a.current
	if !a.unchecked() || g.stopped || g.keys.theirs == nil {
		return
	}
	for _, p := range g.pairs {
		p.lastResponse = now
	}
	if best := g.best(); best != nil && best != g.selected {
		best.nominated = true
		a.selectPair(now, g, best)
	}
}

// indicate keeps the NAT bindings of two lite agents open (RFC 8445 section 11).
func (a *Agent) indicate(now time.Time, g *generation, p *pair) {
	var id transactionID
	randomBytes(a.cfg.Random, id[:])
	e := newEncoder(bindingIndication, id, headerSize+fingerprintSize+4)
	a.sendDatagram(p.local.ID, p.destination, e.finishUnsigned())
	p.nextKeepalive = now.Add(indicationInterval)
}
