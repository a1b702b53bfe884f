package ice

import "time"

// Going over to another pair when the selected one dies. Once that has not answered
// for most of DisconnectedTimeout, both ends check the other pairs again, those too
// that selection had made needless: so NATs and relays are open by the time that the
// controlling end nominates the best that answers, as soon as the selected one counts
// as disconnected. RFC 8445 section 8.1.1 wants a restart for that, which takes
// signalling; the nomination has a number (draft-thatcher-ice-renomination), and a peer
// that takes no second one is as badly off as it was.

// doubtAt is when the other pairs are checked again unless the selected one answers.
// Requests are two fifths of DisconnectedTimeout apart, at most a fifth of that more,
// and repeated every 500 ms: two at least are unanswered by then, unless the path is a
// long one, which gets its round trips.
func (a *Agent) doubtAt(p *pair) time.Time {
	long := a.cfg.KeepaliveInterval*6/5 + 2*p.stats.CurrentRoundTripTime
	return p.lastResponse.Add(min(max(a.cfg.DisconnectedTimeout*7/10, long), a.cfg.DisconnectedTimeout))
}

// doubtDue is when doubt has something to do; zero: never.
func (a *Agent) doubtDue() time.Time {
	g := a.current
	if g.selected == nil || a.cfg.Lite || g.stopped {
		return time.Time{}
	}
	if at := a.doubtAt(g.selected); at.After(g.recheckAt) {
		return at
	}
	return g.recheckAt
}

// doubt checks the other pairs while the selected one does not answer, anew every
// DisconnectedTimeout, and leaves them alone again when it does.
func (a *Agent) doubt(now time.Time) {
	g := a.current
	switch {
	case g.selected == nil || a.cfg.Lite || g.stopped:
		g.recheckAt = time.Time{}
	case now.Before(a.doubtAt(g.selected)):
		if g.recheckAt.IsZero() {
			return
		}
		g.recheckAt = time.Time{}
		if !a.renominates() {
			g.prune(a.role)
		}
	case !now.Before(g.recheckAt):
		g.recheckAt = now.Add(a.cfg.DisconnectedTimeout)
		a.checkAgain(now, g)
	}
}

// checkAgain checks what there is beside the path of the data, which is gone or
// silent.
func (a *Agent) checkAgain(now time.Time, g *generation) {
	for _, p := range g.pairs {
		if p != g.selected && p != g.nominating && p.local.TCPType != TCPPassive && a.worthAnotherCheck(now, p) {
			g.release(p, PairWaiting)
		}
	}
	for _, l := range g.locals {
		for _, r := range g.remotes {
			a.form(now, g, l, r)
		}
	}
}

// worthAnotherCheck tells whether nothing recent is known of a pair.
func (a *Agent) worthAnotherCheck(now time.Time, p *pair) bool {
	switch p.state {
	case PairFailed:
		return true
	case PairSucceeded:
		return a.stale(now, p)
	case PairInProgress:
		return due(now, p.check.sentAt.Add(a.cfg.DisconnectedTimeout))
	}
	return false
}
