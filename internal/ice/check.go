package ice

import (
	"time"
)

// Retransmission of checks (RFC 8489 section 6.2.1): 7 transmissions, the
// interval doubling, then a wait of 16 times the first interval.
const (
	maxTransmissions = 7
	lastWait         = 16
)

// reliableTimeout is Ti of RFC 8489 section 6.2.2: over TCP a request is sent once.
const reliableTimeout = 39500 * time.Millisecond

// requestKind is what a Binding request of ours is for.
type requestKind uint8

const (
	ordinaryCheck     requestKind = iota // RFC 8445 section 7.2
	nominationRequest                    // RFC 8445 section 8.1.1
	consentRequest                       // RFC 7675 section 5.1
)

// transaction is a Binding request of ours and what became of it.
type transaction struct {
	id            transactionID
	pair          *pair
	kind          requestKind
	role          Role // when it was sent
	priority      uint32
	sentAt        time.Time
	transmissions int
	rto           time.Duration
	next          time.Time // retransmission or failure; for those that are waited for
	data          []byte
}

// request sends a new Binding request on a pair.
func (a *Agent) request(now time.Time, g *generation, p *pair, kind requestKind) *transaction {
	t := &transaction{
		pair: p, kind: kind, role: a.role, sentAt: now,
		priority: peerReflexivePriority(&p.local.Candidate),
	}
	randomBytes(a.cfg.Random, t.id[:])
	t.data = a.encodeRequest(g, t)
	t.rto = a.rto(g)
	t.transmit(now, a.cfg.MaxTransmissions)
	g.transactions[t.id] = t
	a.sendDatagram(p.local.ID, p.destination, t.data)
	if kind == consentRequest {
		t.data = nil // never sent again
	}
	return t
}

// encodeRequest writes a check (RFC 8445 section 7.1).
func (a *Agent) encodeRequest(g *generation, t *transaction) []byte {
	name := len(g.keys.remote.Ufrag) + 1 + len(g.keys.local.Ufrag)
	e := newEncoder(bindingRequest, t.id, 128+name+len(a.cfg.Software))
	username := e.attribute(attrUsername, name)
	n := copy(username, g.keys.remote.Ufrag)
	username[n] = ':'
	copy(username[n+1:], g.keys.local.Ufrag)
	if a.cfg.Software != "" {
		e.text(attrSoftware, a.cfg.Software)
	}
	e.uint32(attrPriority, t.priority)
	if t.role == Controlling {
		e.uint64(attrControlling, a.tieBreaker)
	} else {
		e.uint64(attrControlled, a.tieBreaker)
	}
	if t.kind == nominationRequest {
		e.attribute(attrUseCandidate, 0)
		if n := a.nominationNumber(g); n > 0 {
			e.uint32(attrNomination, n)
		}
	}
	return e.finish(g.keys.theirs)
}

// rto is the first retransmission interval (RFC 8445 section 14.3): it grows
// with the checks that share the pacing.
func (a *Agent) rto(g *generation) time.Duration {
	if a.cfg.RTO > 0 {
		return a.cfg.RTO
	}
	return max(defaultRTO, a.cfg.Ta*time.Duration(g.count(PairWaiting)+g.count(PairInProgress)))
}

// transmit counts a transmission and sets when the next step is due.
func (t *transaction) transmit(now time.Time, most int) {
	t.transmissions++
	mark(&t.pair.stats.FirstRequestSent, &t.pair.stats.LastRequestSent, now)
	if t.pair.local.Transport == TCP {
		t.next = now.Add(reliableTimeout)
		return
	}
	if t.transmissions == most {
		t.next = now.Add(lastWait * t.rto)
		return
	}
	t.next = now.Add(t.rto << (t.transmissions - 1))
}

// pace sends the next check of the current generation when the pacing allows:
// the first of the triggered ones, or else of the Waiting ones (RFC 8445
// section 6.1.4.2).
func (a *Agent) pace(now time.Time) {
	g := a.current
	if a.cfg.Lite || !g.hasWork() || now.Before(a.slot()) {
		return
	}
	var p *pair
	if len(g.triggered) > 0 {
		p = g.triggered[0]
	} else {
		if g.count(PairWaiting) == 0 {
			g.unfreezeIdle()
		}
		for _, q := range g.pairs {
			if q.state == PairWaiting {
				p = q
				break
			}
		}
	}
	if p != nil {
		a.check(now, g, p)
	}
}

// triggeredSpacing is how far a triggered check is from the check before it, if
// Ta is more: the lower bound that RFC 8445 section 14.2 has for Ta. The peer's
// check has shown that the path is open and that it waits for ours; and as its
// own checks are paced, those that they trigger are.
const triggeredSpacing = 5 * time.Millisecond

// slot is when the next check may be sent.
func (a *Agent) slot() time.Time {
	if len(a.current.triggered) == 0 || a.cfg.Ta <= triggeredSpacing || a.nextSlot.IsZero() {
		return a.nextSlot
	}
	return a.nextSlot.Add(triggeredSpacing - a.cfg.Ta)
}

// check sends the check of a pair; the next one waits for the pacing.
func (a *Agent) check(now time.Time, g *generation, p *pair) {
	g.dequeue(p)
	p.state = PairInProgress
	p.stats.RequestsSent++
	p.check = a.request(now, g, p, ordinaryCheck)
	a.nextSlot = now.Add(a.cfg.Ta)
}

// hasWork tells whether a check could be sent at the next slot.
func (g *generation) hasWork() bool {
	if g.stopped || g.keys.theirs == nil {
		return false
	}
	frozen := false
	for _, p := range g.pairs {
		if p.state == PairWaiting {
			return true
		}
		frozen = frozen || p.state == PairFrozen
	}
	return frozen && g.canUnfreeze()
}

// canUnfreeze tells whether some Frozen pair's foundation is not being checked.
// No pair is Waiting.
func (g *generation) canUnfreeze() bool {
	for _, p := range g.pairs {
		if p.state != PairFrozen {
			continue
		}
		busy := false
		for _, q := range g.pairs {
			busy = busy || q.state == PairInProgress && q.foundation() == p.foundation()
		}
		if !busy {
			return true
		}
	}
	return false
}

// Advance does what is due: retransmissions, keepalives, time-outs, the next
// check.
func (a *Agent) Advance(now time.Time) {
	if !a.input(now) {
		return
	}
	if a.previous != nil && due(now, a.previous.answerUntil) {
		a.dropPrevious()
	}
	for _, g := range a.generations() {
		if g == nil {
			continue
		}
		for i := 0; i < len(g.pairs); i++ {
			a.retransmit(now, g, g.pairs[i])
		}
	}
	a.evaluate(now) // consent that has expired is not asked for again
	a.keepalives(now)
	a.run(now)
}

// retransmit repeats what was not answered in time, and fails what was repeated
// often enough.
func (a *Agent) retransmit(now time.Time, g *generation, p *pair) {
	for _, t := range [...]*transaction{p.check, p.nomination} {
		switch {
		case t == nil || now.Before(t.next):
		case t.transmissions == a.cfg.MaxTransmissions || p.local.Transport == TCP:
			g.release(p, PairFailed)
			p.nextKeepalive = time.Time{}
			return
		default:
			t.transmit(now, a.cfg.MaxTransmissions)
			p.stats.RetransmissionsSent++
			a.sendDatagram(p.local.ID, p.destination, t.data)
		}
	}
}

// Deadline returns when Advance is to be called; zero: never.
func (a *Agent) Deadline() time.Time {
	var t time.Time
	if a.state == Closed {
		return t
	}
	if !a.cfg.Lite && a.current.hasWork() {
		t = a.slot()
	}
	for _, g := range a.generations() {
		if g == nil {
			continue
		}
		t = earlier(t, g.answerUntil)
		for _, p := range g.pairs {
			if p.check != nil {
				t = earlier(t, p.check.next)
			}
			if p.nomination != nil {
				t = earlier(t, p.nomination.next)
			}
			if g.keptAlive(p) {
				t = earlier(t, p.nextKeepalive)
			}
		}
	}
	t = earlier(t, a.doubtDue())
	t = earlier(t, a.nominationDue())
	return earlier(t, a.stateDeadline())
}

// stateDeadline is when evaluate has something to do.
func (a *Agent) stateDeadline() time.Time {
	var t time.Time
	_, p := a.carrier()
	if p != nil {
		t = p.lastResponse.Add(consentExpiry)
	}
	switch a.state {
	case Checking:
		t = earlier(t, a.checkingEnd())
	case Connected, Completed:
		if p != nil {
			t = earlier(t, a.disconnectAt(p))
		}
	case Disconnected:
		t = earlier(t, a.disconnectedAt.Add(a.cfg.FailedTimeout))
	}
	return t
}
