package ice

import "time"

// maxNominationWait bounds, with NominationDelay 0, how long unfinished pairs of
// higher priority hold up nomination.
const maxNominationWait = 200 * time.Millisecond

// minNominationWait is the least that such a pair gets whose check is under way,
// on paths so short that two round trips are nothing. One that has not been
// checked yet gets Ta at least.
const minNominationWait = 10 * time.Millisecond

// renominationSilence, in keepalive intervals, is how long a controlling peer
// must have sent no request on the selected pair before a nomination of a pair
// of lower priority counts as its new choice. Consent requests of RFC 7675 come
// at most 6 s apart.
const renominationSilence = 3

// best returns the valid pair of highest priority.
func (g *generation) best() *pair {
	for _, p := range g.pairs {
		if p.state == PairSucceeded {
			return p
		}
	}
	return nil
}

// typePreference is that of the worse candidate of the pair (RFC 8445 section
// 5.1.2.1).
func (p *pair) typePreference() uint32 {
	return min(p.local.Priority, p.remote.Priority) >> 24
}

// nominationDue returns when the best valid pair is to be nominated; zero when
// there is nothing to nominate. Regular nomination, RFC 8445 section 8.1.1. Only
// a pair of a better type is waited for: one host's two addresses are as good as
// each other, and with two families one of them is often dead.
func (a *Agent) nominationDue() time.Time {
	g := a.current
	if a.role != Controlling || a.cfg.Lite || g.stopped || g.nominating != nil {
		return time.Time{}
	}
	if g.selected != nil {
		return a.renominationDue(g)
	}
	best := g.best()
	if best == nil {
		return time.Time{}
	}
	better, betterType, least := false, false, minNominationWait
	for _, p := range g.pairs {
		if !p.pending() || p.priority <= best.priority {
			continue
		}
		better = true
		betterType = betterType || p.typePreference() > best.typePreference()
		if p.state != PairInProgress {
			least = max(least, a.cfg.Ta)
		}
	}
	accepted := g.checkingSince.Add(max(a.cfg.AcceptanceWait[best.valid.Type], a.cfg.AcceptanceWait[best.remote.Type]))
	due := g.firstValid
	switch delay := a.cfg.NominationDelay; {
	case delay > 0 && (better || !g.localEnd || !g.remoteEnd):
		due = due.Add(delay)
	case delay > 0 || !betterType:
	default:
		due = due.Add(min(max(2*best.stats.CurrentRoundTripTime, least), maxNominationWait))
	}
	if accepted.After(due) {
		return accepted
	}
	return due
}

// nominate asks the peer to use the best pair. This request does not wait for
// its turn in the pacing, which protects NATs and slow links from bursts of new
// flows (RFC 8445 appendix B.1): it opens no new flow, and it is the round trip
// that connecting waits for. The next check waits for it, though.
func (a *Agent) nominate(now time.Time) {
	if !due(now, a.nominationDue()) {
		return
	}
	p := a.candidateForNomination(a.current)
	a.current.nominating, a.current.nominatedAt = p, now
	a.current.nominations++
	p.stats.RequestsSent++
	p.nomination = a.request(now, a.current, p, nominationRequest)
	a.nextSlot = now.Add(a.cfg.Ta)
}

// nominationAnswered selects the pair that the peer agreed to use (RFC 8445
// section 7.2.5.3.4).
func (a *Agent) nominationAnswered(now time.Time, g *generation, t *transaction) {
	p := t.pair
	if g.nominating != p || a.role != Controlling || g.stopped {
		return
	}
	g.nominating = nil
	p.nominated = true
	a.selectPair(now, g, p)
}

// consider weighs a valid pair that the controlling peer has nominated against
// the selected one, at each request on it. A peer that nominates once needs none
// of this; one that nominates aggressively means the pair of highest priority
// (RFC 5245 section 8.1.1.2); one that changes its mind later says so with a
// counter, or by using the former pair no more.
func (a *Agent) consider(now time.Time, g *generation, p *pair) {
	p.nominated = true
	if g.selected == p {
		g.nominationMax = max(g.nominationMax, p.nominationValue)
		return
	}
	if g.selected != nil && !a.prefers(now, g, p) {
		return
	}
	if a.stale(now, p) {
		g.enqueue(p) // what was valid long ago must answer again
		return
	}
	a.selectPair(now, g, p)
}

// prefers tells whether the peer means p rather than the selected pair.
func (a *Agent) prefers(now time.Time, g *generation, p *pair) bool {
	old := g.selected
	if p.nominationValue != g.nominationMax {
		return p.nominationValue > g.nominationMax
	}
	silent := due(now, old.lastRequest.Add(renominationSilence*a.cfg.KeepaliveInterval))
	return p.validPriority(a.role) > old.validPriority(a.role) || silent || a.stale(now, old)
}

// stale tells whether a pair has not answered for so long that it says nothing
// about the present.
func (a *Agent) stale(now time.Time, p *pair) bool {
	return due(now, p.lastResponse.Add(a.cfg.DisconnectedTimeout))
}

// selectPair makes a pair the one that data goes over, and ends the checks that
// this makes needless.
func (a *Agent) selectPair(now time.Time, g *generation, p *pair) {
	g.selected = p
	g.nominationMax = max(g.nominationMax, p.nominationValue)
	if (p.nextKeepalive.IsZero() || p.nextKeepalive.Before(now)) && (!a.cfg.Lite || a.unchecked()) {
		p.nextKeepalive = now
	}
	if !a.renominates() {
		g.prune(a.role)
	}
	if g == a.current {
		a.retire(now)
	}
	if c, _ := a.carrier(); c == g {
		a.events.push(&SelectedPairChanged{p.report()})
	}
}
