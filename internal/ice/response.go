package ice

import (
	"slices"
	"time"
)

// handleResponse takes an answer to a request of ours. Only authentic answers
// to a request that is open count, whatever they say: anybody can forge a 487
// (RFC 8445 section 7.2.5, RFC 8489 section 9.1.4).
func (a *Agent) handleResponse(now time.Time, d Datagram, m *message) error {
	var g *generation
	var t *transaction
	for _, g = range a.generations() {
		if g != nil {
			if t = g.transactions[m.id]; t != nil {
				break
			}
		}
	}
	if t == nil || now.Sub(t.sentAt) > consentExpiry && t.kind == consentRequest {
		return ErrUnknownTransaction
	}
	if !d.Verified && (!m.checkFingerprint() || !g.keys.theirs.check(m)) {
		return ErrIntegrity
	}
	p := t.pair
	if d.Local != p.local.ID || normal(d.Remote) != normal(p.destination) {
		if p.check == t { // not symmetric (RFC 8445 section 7.2.5.2.1)
			g.release(p, PairFailed)
			a.run(now)
		}
		return ErrUnknownTransaction
	}
	if m.typ == bindingError {
		a.handleError(now, g, t, m.errorCode)
		return nil
	}
	if !m.mapped.IsValid() || m.unknownCount > 0 {
		return ErrMalformed
	}
	a.settleTransaction(g, t)
	p.measure(now, t)
	if g.keptAlive(p) {
		p.nextKeepalive = a.keepaliveAfter(now)
	}
	switch t.kind {
	case nominationRequest:
		a.nominationAnswered(now, g, t)
	case ordinaryCheck:
		a.succeed(now, g, t, m)
	}
	a.run(now)
	return nil
}

// settleTransaction closes a transaction that was answered.
func (a *Agent) settleTransaction(g *generation, t *transaction) {
	p := t.pair
	g.forget(t)
	switch t {
	case p.check:
		p.check = nil
	case p.nomination:
		p.nomination = nil
	default:
		if i := slices.Index(p.others, t); i >= 0 {
			p.others = slices.Delete(p.others, i, i+1)
		}
	}
}

// received counts a response.
func (p *pair) received(now time.Time) {
	p.stats.ResponsesReceived++
	mark(&p.stats.FirstResponse, &p.stats.LastResponse, now)
}

// measure takes the round trip, unless a retransmission makes it ambiguous.
func (p *pair) measure(now time.Time, t *transaction) {
	p.lastResponse = now
	p.received(now)
	if t.transmissions == 1 {
		p.stats.CurrentRoundTripTime = now.Sub(t.sentAt)
		p.stats.TotalRoundTripTime += p.stats.CurrentRoundTripTime
		p.stats.RoundTrips++
	}
}

// succeed handles the success of a check (RFC 8445 section 7.2.5.3).
func (a *Agent) succeed(now time.Time, g *generation, t *transaction, m *message) {
	p := t.pair
	if p.state == PairSucceeded {
		return // a check that a triggered one replaced is answered late
	}
	if p.check != nil { // a check that was cancelled has succeeded meanwhile
		g.letBe(p, p.check)
		p.check = nil
	}
	g.dequeue(p)
	p.state = PairSucceeded
	p.valid = g.localFor(p, m.mapped)
	g.unfreeze(p.foundation())
	if g.firstValid.IsZero() {
		g.firstValid = now
	}
	p.nextKeepalive = a.keepaliveAfter(now)
	if a.role == Controlled && p.useCandidate {
		a.consider(now, g, p)
	}
}

// handleError handles an authentic error response (RFC 8445 sections 7.2.5.1
// and 7.2.5.2.4).
func (a *Agent) handleError(now time.Time, g *generation, t *transaction, code int) {
	p := t.pair
	current := t == p.check || t == p.nomination
	p.received(now)
	a.settleTransaction(g, t)
	switch {
	case code == codeRoleConflict:
		if t.role == a.role { // else another answer has switched it already
			a.switchRole()
		}
		if g.nominating == p && p.nomination == nil {
			g.nominating = nil
		}
		if t.kind == ordinaryCheck && current {
			g.enqueue(p)
		}
	case current:
		g.release(p, PairFailed)
		p.nextKeepalive = time.Time{}
	}
	a.run(now)
}

// switchRole takes the other role after a conflict.
func (a *Agent) switchRole() {
	a.takeRole(a.role.opposite())
	a.events.push(&RoleChanged{a.role})
}

// takeRole recomputes what depends on the role (RFC 8445 section 7.3.1.1). A
// nomination that is under way is void: the controlling peer decides now.
func (a *Agent) takeRole(r Role) {
	a.role = r
	for _, g := range a.generations() {
		if g == nil {
			continue
		}
		g.reprioritize(r)
		if p := g.nominating; p != nil {
			g.forget(p.nomination)
			p.nomination, g.nominating = nil, nil
		}
	}
}
