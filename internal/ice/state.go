package ice

import "time"

// Role says which end chooses the pair (RFC 8445 section 6.1.1).
type Role uint8

// The roles.
const (
	Controlling Role = iota
	Controlled
)

// String returns controlling or controlled.
func (r Role) String() string {
	if r == Controlling {
		return "controlling"
	}
	return "controlled"
}

func (r Role) opposite() Role {
	if r == Controlling {
		return Controlled
	}
	return Controlling
}

// State is W3C's RTCIceTransportState.
type State uint8

// The states, and what ends each.
const (
	// New: the peer's credentials, or any candidate of it, are missing.
	New State = iota
	// Checking: no pair is usable yet, or, after a restart that began without
	// a usable pair, none of the new generation.
	Checking
	// Connected: a selected pair carries data; checks may go on.
	Connected
	// Completed: as Connected, and both ends have said that they gathered all
	// candidates, and no check is left to do.
	Completed
	// Disconnected: nothing valid came on the selected pair for
	// DisconnectedTimeout, or its path was removed. It may recover.
	Disconnected
	// Failed: see the Agent. Only a restart leaves it.
	Failed
	// Closed: final.
	Closed
)

var stateNames = [...]string{"new", "checking", "connected", "completed", "disconnected", "failed", "closed"}

// String returns W3C's name of the state.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// transitions lists the states that may follow each; what is absent is invalid.
var transitions = map[State]map[State]bool{
	New:          {Checking: true, Closed: true},
	Checking:     {Connected: true, Failed: true, Closed: true},
	Connected:    {Completed: true, Disconnected: true, Closed: true},
	Completed:    {Connected: true /* restart */, Disconnected: true, Closed: true},
	Disconnected: {Connected: true, Failed: true, Checking: true /* restart */, Closed: true},
	Failed:       {Checking: true /* restart */, Closed: true},
	Closed:       {},
}

func (a *Agent) setState(s State) {
	if !transitions[a.state][s] {
		return
	}
	a.state = s
	a.events.push(&StateChanged{s})
}

// carrier returns the generation and the pair that carry data: those of the
// current generation, or until it has selected, of the one before.
func (a *Agent) carrier() (*generation, *pair) {
	if a.current.selected != nil {
		return a.current, a.current.selected
	}
	if a.previous != nil && a.previous.selected != nil {
		return a.previous, a.previous.selected
	}
	return nil, nil
}

// disconnectAt is when the carrying pair counts as disconnected unless
// something valid comes before.
func (a *Agent) disconnectAt(p *pair) time.Time {
	last := p.lastResponse
	if a.lastData.After(last) {
		last = a.lastData
	}
	return last.Add(a.cfg.DisconnectedTimeout)
}

func (a *Agent) alive(now time.Time) bool {
	_, p := a.carrier()
	return p != nil && now.Before(a.disconnectAt(p))
}

// evaluate follows the state machine as far as time and the checklist allow.
// A late call passes through the states it missed.
func (a *Agent) evaluate(now time.Time) {
	a.beginChecking(now)
	a.runUnchecked(now)
	for range len(stateNames) {
		before := a.state
		a.step(now)
		if a.state == before && !a.expireConsent(now) {
			return
		}
	}
}

// beginChecking notes when a generation's checks can start: the peer's
// credentials are known, and a candidate of it or that there will be none.
func (a *Agent) beginChecking(now time.Time) {
	g := a.current
	if g.checkingSince.IsZero() && g.keys.theirs != nil && (len(g.remotes) > 0 || g.remoteEnd) {
		g.checkingSince = now
	}
}

func (a *Agent) step(now time.Time) {
	switch a.state {
	case New:
		if !a.current.checkingSince.IsZero() {
			a.setState(Checking)
		}
	case Checking:
		if a.alive(now) {
			a.setState(Connected)
		} else if a.exhausted() || due(now, a.checkingEnd()) {
			a.fail()
		}
	case Connected, Completed:
		_, p := a.carrier()
		if p == nil || !now.Before(a.disconnectAt(p)) {
			a.disconnectedAt = now
			if p != nil {
				a.disconnectedAt = a.disconnectAt(p)
			}
			a.setState(Disconnected)
		} else if a.state == Connected && a.completed() {
			a.setState(Completed)
		}
	case Disconnected:
		if a.alive(now) {
			a.setState(Connected)
		} else if due(now, a.disconnectedAt.Add(a.cfg.FailedTimeout)) {
			a.fail()
		}
	}
}

// checkingEnd bounds how long the current generation may look for a pair, with
// or without candidates: DisconnectedTimeout plus FailedTimeout from its first
// moment, 30 s by default. RFC 8863 asks for patience even when every known
// pair has failed early or none could be formed, since a peer-reflexive
// candidate may yet come; this is that patience, for the case of no pair.
func (a *Agent) checkingEnd() time.Time {
	if a.current.checkingSince.IsZero() {
		return time.Time{}
	}
	return a.current.checkingSince.Add(a.cfg.DisconnectedTimeout + a.cfg.FailedTimeout)
}

// exhausted tells whether all there will be was tried in vain (W3C "failed"):
// both ends know all candidates and every pair has failed.
func (a *Agent) exhausted() bool {
	g := a.current
	return g.localEnd && g.remoteEnd && !g.awaitsTCP() && len(g.pairs) > 0 && g.count(PairFailed) == len(g.pairs)
}

func (a *Agent) completed() bool {
	g := a.current
	return g.selected != nil && g.localEnd && g.remoteEnd &&
		g.count(PairFailed)+g.count(PairSucceeded) == len(g.pairs)
}

// fail gives up until a restart: nothing is checked or kept alive any more, so
// consent lapses and nothing may be sent (RFC 7675 section 5.1). Requests of
// the peer are still answered.
func (a *Agent) fail() {
	if _, p := a.carrier(); p != nil {
		a.events.push(&ConsentLost{p.report()})
	}
	a.current.stop()
	a.dropPrevious()
	a.setState(Failed)
}

// due tells whether t, of which zero means never, has come.
func due(now, t time.Time) bool { return !t.IsZero() && !now.Before(t) }
