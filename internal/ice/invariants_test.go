package ice

import (
	"fmt"
	"slices"
	"testing"
)

// checkInvariants fails the test when the agent contradicts itself. Tests call
// it after every input.
func (a *Agent) checkInvariants(t testing.TB) {
	t.Helper()
	if err := a.inconsistency(); err != nil {
		t.Fatalf("%v agent in state %v: %v", a.role, a.state, err)
	}
}

func (a *Agent) inconsistency() error {
	_, carrying := a.carrier()
	switch a.state {
	case Connected, Completed:
		if carrying == nil {
			return fmt.Errorf("no pair carries data")
		}
	case Failed, Closed:
		if carrying != nil || a.current.hasWork() || !a.current.stopped {
			return fmt.Errorf("not at rest")
		}
	}
	if a.state == Closed && (!a.Deadline().IsZero() || a.out.len() > 0) {
		return fmt.Errorf("closed, but active")
	}
	if a.out.len() > maxQueuedDatagrams {
		return fmt.Errorf("%d datagrams queued", a.out.len())
	}
	if a.previous != nil && a.previous.selected == nil && a.previous.answerUntil.IsZero() {
		return fmt.Errorf("previous generation has no purpose")
	}
	for _, g := range a.generations() {
		if g == nil {
			continue
		}
		if err := a.inconsistencyOf(g); err != nil {
			return err
		}
	}
	return nil
}

func (a *Agent) inconsistencyOf(g *generation) error {
	if len(g.pairs) > a.cfg.MaxPairs || g.signalled() > a.cfg.MaxRemoteCandidates ||
		len(g.remotes) > 2*a.cfg.MaxRemoteCandidates || len(g.locals) > maxLocalCandidates || len(g.early) > maxEarlyRequests {
		return fmt.Errorf("a bound is exceeded")
	}
	seen := map[string]bool{}
	open := 0
	for i, p := range g.pairs {
		if err := a.inconsistencyOfPair(g, p); err != nil {
			return fmt.Errorf("pair %v-%v %v: %w", p.local.Addr, p.destination, p.state, err)
		}
		if i > 0 && g.pairs[i-1].priority < p.priority {
			return fmt.Errorf("checklist is not sorted")
		}
		key := fmt.Sprint(p.local.ID, normal(p.destination))
		if seen[key] {
			return fmt.Errorf("pair %s twice", key)
		}
		seen[key] = true
		open += len(p.others)
		for _, t := range []*transaction{p.check, p.nomination} {
			if t != nil {
				open++
			}
		}
	}
	if open != len(g.transactions) {
		return fmt.Errorf("%d transactions of pairs, %d in all", open, len(g.transactions))
	}
	for i, p := range g.triggered {
		if p.state != PairWaiting || !slices.Contains(g.pairs, p) || slices.Contains(g.triggered[:i], p) {
			return fmt.Errorf("triggered queue holds a pair that is %v, or a stranger, or one twice", p.state)
		}
	}
	if p := g.selected; p != nil && (p.state != PairSucceeded || !p.nominated || !slices.Contains(g.pairs, p) || g.stopped) {
		return fmt.Errorf("selected pair is %v, nominated %v", p.state, p.nominated)
	}
	if p := g.nominating; p != nil && (p.nomination == nil || a.role != Controlling) {
		return fmt.Errorf("nomination without a request")
	}
	return nil
}

func (a *Agent) inconsistencyOfPair(g *generation, p *pair) error {
	if (p.state == PairInProgress) != (p.check != nil) {
		return fmt.Errorf("check under way: %v", p.check != nil)
	}
	if p.state == PairSucceeded && (p.valid == nil || p.lastResponse.IsZero()) {
		return fmt.Errorf("without an answer")
	}
	if p.nomination != nil && g.nominating != p {
		return fmt.Errorf("nomination nobody waits for")
	}
	if p.priority != p.computePriority(a.role) {
		return fmt.Errorf("stale priority")
	}
	if len(p.others) > maxOthers {
		return fmt.Errorf("%d late transactions", len(p.others))
	}
	for _, t := range append([]*transaction{p.check, p.nomination}, p.others...) {
		if t != nil && (g.transactions[t.id] != t || t.pair != p) {
			return fmt.Errorf("transaction is not registered")
		}
	}
	return nil
}
