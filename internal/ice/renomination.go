package ice

import "time"

// Renomination (draft-thatcher-ice-renomination): the controlling agent nominates
// again when a better pair turns out to work, with a number that rises, so that
// the peer knows the latest. What a peer renominates is obeyed always, see
// consider; this end does it only when RenominateAfter says so, as RFC 8445
// section 8.1.1 has one nomination.

// renominates tells whether this end looks for better pairs once one is selected.
func (a *Agent) renominates() bool {
	return a.cfg.RenominateAfter > 0 && a.role == Controlling && !a.cfg.Lite
}

// renominationDue returns when the best valid pair is to take the place of the
// selected one; zero when it is that already.
func (a *Agent) renominationDue(g *generation) time.Time {
	best := g.best()
	if !a.renominates() || best == nil || best == g.selected || best.priority <= g.selected.priority {
		return time.Time{}
	}
	if a.stale(a.now, best) {
		return time.Time{}
	}
	return g.nominatedAt.Add(a.cfg.RenominateAfter)
}

// nominationNumber is the value of the next nomination's attribute; 0: none.
func (a *Agent) nominationNumber() uint32 {
	if !a.renominates() {
		return 0
	}
	a.nominations++
	return a.nominations
}
