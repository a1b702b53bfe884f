package ice

import "time"

// Renomination (draft-thatcher-ice-renomination): the controlling agent nominates
// again, with a number that rises, so that the peer knows the latest. What a peer
// renominates is obeyed always, see consider. RFC 8445 section 8.1.1 has one
// nomination, so this end does it only where its pair is lost or silent, for which
// there is a restart otherwise, and for a better pair if RenominateAfter says so.

// renominates tells whether this end looks for better pairs once one is selected.
func (a *Agent) renominates() bool {
	return a.cfg.RenominateAfter > 0 && a.role == Controlling && !a.cfg.Lite
}

// renominationDue returns when another valid pair is to take the place of the
// selected one; zero when none is.
func (a *Agent) renominationDue(g *generation) time.Time {
	if other := a.bestAlive(g, g.selected); !g.recheckAt.IsZero() && other != nil && other.lastResponse.After(g.selected.lastResponse) {
		return g.selected.lastResponse.Add(a.cfg.DisconnectedTimeout)
	}
	if p := a.bestAlive(g, nil); a.renominates() && p != nil && p.priority > g.selected.priority {
		return g.nominatedAt.Add(a.cfg.RenominateAfter)
	}
	return time.Time{}
}

// bestAlive is the best of the valid pairs that answered lately, but for one.
func (a *Agent) bestAlive(g *generation, but *pair) *pair {
	for _, p := range g.pairs {
		if p.state == PairSucceeded && p != but && !a.stale(a.now, p) {
			return p
		}
	}
	return nil
}

// candidateForNomination is the pair that a nomination which is due is for.
func (a *Agent) candidateForNomination(g *generation) *pair {
	if g.selected != nil {
		return a.bestAlive(g, nil)
	}
	return g.best()
}

// nominationNumber is the value of the attribute of the latest nomination in a
// generation; 0: none, as the only one needs none.
func (a *Agent) nominationNumber(g *generation) uint32 {
	if g.nominations == 1 && !a.renominates() {
		return 0
	}
	return g.nominations
}
