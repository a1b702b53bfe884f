package ice

import "time"

// Restart begins a new generation with new local credentials (RFC 8445 section
// 9). Local candidates carry over, since their sockets do; adding them again
// has no effect. LocalEnd, RemoteEnd, the remote candidates and credentials are
// to be given anew. Role and tie-breaker stay.
//
// The generation that carries data goes on doing so until the new one selects;
// then it answers late requests for DisconnectedTimeout. The state follows
// W3C: Completed becomes Connected, Disconnected and Failed become Checking.
func (a *Agent) Restart(now time.Time, local Credentials) {
	if !a.input(now) {
		return
	}
	a.replace(now, newKeyring(local, Credentials{}))
	a.run(now)
}

// replace makes a new generation current. Of the two that may exist before, the
// one that carries data is kept, or else the latest for its answers.
func (a *Agent) replace(now time.Time, keys keyring) {
	old, _ := a.carrier()
	if old == nil {
		old = a.current
	}
	g := newGeneration(keys, a.current.number+1)
	for _, c := range a.current.locals {
		if c.Type != PeerReflexive {
			copied := *c
			copied.UsernameFragment = keys.local.Ufrag
			g.locals = append(g.locals, &copied)
		}
	}
	if old.selected == nil {
		old.stop()
		old.answerUntil = now.Add(a.cfg.DisconnectedTimeout)
	} else {
		old.carryOn()
	}
	a.previous, a.current = old, g
	a.renewVerifier()
	switch a.state {
	case Completed:
		a.setState(Connected)
	case Disconnected, Failed:
		a.setState(Checking)
	}
}

// carryOn reduces a generation to its selected pair.
func (g *generation) carryOn() {
	for _, p := range g.pairs {
		if p != g.selected {
			g.release(p, PairFailed)
			p.nextKeepalive = time.Time{}
		}
	}
	g.early = nil
}

// retire ends the previous generation's service when the current one has
// selected, but for answering.
func (a *Agent) retire(now time.Time) {
	if g := a.previous; g != nil && g.selected != nil {
		g.stop()
		g.answerUntil = now.Add(a.cfg.DisconnectedTimeout)
	}
}
