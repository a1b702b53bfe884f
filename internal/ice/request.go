package ice

import (
	"net/netip"
	"strings"
	"time"
)

// HandleDatagram takes a STUN message that came in. The error says why it was
// without effect; it is for logs and counters. What is not authentic is dropped
// without an answer.
func (a *Agent) HandleDatagram(now time.Time, d Datagram) error {
	if !a.input(now) {
		return ErrClosed
	}
	m, err := parseMessage(d.Data)
	if err != nil {
		return err
	}
	switch m.typ {
	case bindingRequest:
		return a.handleRequest(now, d, &m)
	case bindingSuccess, bindingError:
		return a.handleResponse(now, d, &m)
	case bindingIndication:
		return nil // a keepalive (RFC 8445 section 11): neither data nor consent
	}
	return ErrUnsupportedMethod
}

// handleRequest serves a check of the peer (RFC 8445 section 7.3).
func (a *Agent) handleRequest(now time.Time, d Datagram, m *message) error {
	g := a.addressed(m.username)
	if g == nil {
		return ErrUsername
	}
	if !d.Verified {
		if !m.checkFingerprint() {
			return ErrFingerprint
		}
		if !g.keys.ours.check(m) {
			return ErrIntegrity
		}
	}
	if g.path(d.Local) == nil {
		return ErrUnknownLocal
	}
	p := g.pair(d.Local, d.Remote)
	g.countRequest(now, p, &d)
	if m.unknownCount > 0 {
		a.answerUnknown(g, d, m)
		return nil
	}
	a.heard(now, g, p)
	if a.roleConflict(m) {
		a.answerConflict(g, d, m)
		a.run(now)
		return nil
	}
	a.answer(g, d, m)
	if g.stopped {
		return nil
	}
	if p != nil && p.state == PairSucceeded && p.validated && !m.useCandidate && (p == g.selected || !p.useCandidate) {
		p.lastRequest = now // a keepalive: nothing else to do, unless this end is lite
		if a.cfg.Lite {
			a.run(now)
		}
		return nil
	}
	a.take(now, g, d, m)
	return nil
}

// take acts upon an authentic check, or keeps it until the peer's credentials
// are known.
func (a *Agent) take(now time.Time, g *generation, d Datagram, m *message) {
	e := earlyRequest{
		local: d.Local, remote: d.Remote, priority: m.priority,
		use: m.useCandidate, nomination: m.nomination,
	}
	if g.keys.theirs == nil {
		_, ufrag, _ := strings.Cut(string(m.username), ":")
		e.theirUfrag = ufrag
		a.remember(g, e)
	} else {
		a.act(now, g, e)
	}
	a.run(now)
}

func (a *Agent) addressed(username []byte) *generation {
	for _, g := range a.generations() {
		if g != nil && g.keys.addresses(username) {
			return g
		}
	}
	return nil
}

// remember keeps one early check per path, address and peer.
func (a *Agent) remember(g *generation, e earlyRequest) {
	for i := range g.early {
		old := &g.early[i]
		if old.local == e.local && old.remote == e.remote && old.theirUfrag == e.theirUfrag {
			old.use = old.use || e.use
			old.nomination = max(old.nomination, e.nomination)
			return
		}
	}
	if len(g.early) == maxEarlyRequests {
		return
	}
	e.reported = true
	g.early = append(g.early, e)
	a.events.push(&RemoteValidated{e.local, e.remote})
}

// roleConflict resolves a conflict (RFC 8445 section 7.3.1.1): it returns true
// when this end keeps its role and the peer must be told; else it may have
// switched.
func (a *Agent) roleConflict(m *message) bool {
	switch {
	case m.role == attrControlling && a.role == Controlling:
		if a.tieBreaker >= m.tieBreaker {
			return true
		}
		a.switchRole()
	case m.role == attrControlled && a.role == Controlled:
		if a.cfg.Lite || a.tieBreaker < m.tieBreaker { // RFC 8445 section 6.1.1: the full agent controls
			return true
		}
		a.switchRole()
	}
	return false
}

// responseSize fits a success response over IPv6.
const responseSize = headerSize + 24 + 24 + 8

func (a *Agent) answer(g *generation, d Datagram, m *message) {
	e := newEncoder(bindingSuccess, m.id, responseSize)
	e.xorAddress(d.Remote)
	a.sendDatagram(d.Local, d.Remote, e.finish(g.keys.ours))
}

func (a *Agent) answerConflict(g *generation, d Datagram, m *message) {
	e := newEncoder(bindingError, m.id, responseSize)
	e.errorCode(codeRoleConflict, "Role Conflict")
	a.sendDatagram(d.Local, d.Remote, e.finish(g.keys.ours))
}

// answerUnknown names what was not understood (RFC 8489 section 6.3.1).
func (a *Agent) answerUnknown(g *generation, d Datagram, m *message) {
	e := newEncoder(bindingError, m.id, responseSize+24)
	e.errorCode(codeUnknownAttribute, "")
	v := e.attribute(attrUnknownAttributes, 2*m.unknownCount)
	for i, typ := range m.unknown[:m.unknownCount] {
		v[2*i], v[2*i+1] = byte(typ>>8), byte(typ)
	}
	a.sendDatagram(d.Local, d.Remote, e.finish(g.keys.ours))
}

// act does what an authentic check asks for beside its answer: it learns the
// source, triggers a check, and takes a nomination (RFC 8445 sections 7.3.1.3
// to 7.3.1.5).
func (a *Agent) act(now time.Time, g *generation, e earlyRequest) {
	p := a.pairFor(g, e)
	if p == nil {
		return
	}
	p.lastRequest = now
	if !p.validated && !e.reported {
		a.events.push(&RemoteValidated{e.local, e.remote})
	}
	p.validated = true
	if g != a.current {
		return // only its selected pair still matters
	}
	switch {
	case a.cfg.Lite:
		a.validate(now, p)
	case p.state == PairInProgress:
		// The check under way may have met a closed NAT; an answer to it still
		// counts.
		g.letBe(p, p.check)
		p.check.data, p.check = nil, nil
		g.enqueue(p)
	case p.state != PairSucceeded:
		g.enqueue(p)
	}
	if a.role != Controlled {
		return
	}
	p.useCandidate = p.useCandidate || e.use
	p.nominationValue = max(p.nominationValue, e.nomination)
	if p.useCandidate && p.state == PairSucceeded {
		a.consider(now, g, p)
	}
}

// pairFor finds or makes the pair a check came on; nil when there is no room.
func (a *Agent) pairFor(g *generation, e earlyRequest) *pair {
	if p := g.pair(e.local, e.remote); p != nil || g != a.current {
		return p
	}
	l := g.path(e.local)
	if l == nil {
		return nil
	}
	r := g.remote(l.Transport, e.remote)
	learnt := r == nil
	if learnt {
		if r = a.learn(g, l, e); r == nil {
			return nil
		}
	}
	p := a.insert(g, l, r, destination(l, normal(e.remote)))
	if p == nil {
		return nil
	}
	if learnt {
		g.remotes = append(g.remotes, r)
		a.events.push(&RemotePeerReflexive{r.Candidate})
	}
	return p
}

// learn makes a peer-reflexive remote candidate of a check's source (RFC 8445
// section 7.3.1.3); nil when there are too many.
func (a *Agent) learn(g *generation, l *LocalCandidate, e earlyRequest) *remoteCandidate {
	if len(g.remotes)-g.signalled() >= a.cfg.MaxRemoteCandidates {
		return nil
	}
	priority := e.priority
	if priority == 0 || priority > 1<<31-1 {
		priority = candidatePriorityOver(l.Transport, PeerReflexive, 0, 1)
	}
	tcpType := ""
	if l.TCPType == TCPPassive {
		tcpType = TCPActive
	}
	return &remoteCandidate{Candidate{
		Foundation:       g.newFoundation(),
		Component:        1,
		Transport:        l.Transport,
		TCPType:          tcpType,
		Priority:         priority,
		Addr:             netip.AddrPortFrom(e.remote.Addr().Unmap().WithZone(""), e.remote.Port()),
		Type:             PeerReflexive,
		UsernameFragment: g.keys.remote.Ufrag,
	}}
}
