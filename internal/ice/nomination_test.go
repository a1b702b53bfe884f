package ice

import (
	"net/netip"
	"testing"
	"time"
)

// A pair of the same type is not waited for, dead or not: with two families the
// better one is often dead.
func TestAnotherHostPairDoesNotHoldUpConnecting(t *testing.T) {
	n := newNetwork(t, ms)
	a, b := n.pairOf()
	a.path("192.0.2.1:1000", "")
	dead := b.path("203.0.113.9:2000", "")
	b.path("192.0.2.2:2000", "")
	n.drop = func(from, to netip.AddrPort, _ []byte) bool { return from == dead.public || to == dead.public }
	a.gathered()
	b.gathered()
	a.learn(b)
	b.do(func(x *Agent) { x.SetRemoteCredentials(n.now, a.local) })
	n.run(time.Second)
	if got, want := a.when(Connected), 50*ms+4*ms; got != want {
		t.Errorf("connected at %v, want %v", got, want)
	}
}

// A dead pair of a better type whose check is under way holds nomination up for
// 200 ms at most, or for two round trips if that is less, and at least 10 ms.
func TestDeadBetterPairDoesNotHoldUpConnecting(t *testing.T) {
	for _, test := range []struct{ delay, want time.Duration }{
		// The living pair is checked in the second slot, at 50 ms.
		{1 * ms, 50*ms + 2*ms + 10*ms + 2*ms},
		{5 * ms, 50*ms + 10*ms + 20*ms + 10*ms},
		{40 * ms, 50*ms + 80*ms + 160*ms + 80*ms},
		{150 * ms, 50*ms + 300*ms + 200*ms + 300*ms},
	} {
		n := newNetwork(t, test.delay)
		a, b := n.pairOf()
		a.path("192.0.2.1:1000", "")
		dead := b.path("203.0.113.9:2000", "")
		living := b.path("192.0.2.2:2000", "")
		n.drop = func(from, to netip.AddrPort, _ []byte) bool { return from == dead.public || to == dead.public }
		a.gathered()
		b.gathered()
		a.do(func(x *Agent) { x.SetRemoteCredentials(n.now, b.local) })
		a.add(dead.host().Candidate)
		c := living.host().Candidate
		c.Type, c.Priority = ServerReflexive, candidatePriority(ServerReflexive, 0, 1)
		a.add(c)
		a.do(func(x *Agent) { x.RemoteEnd(n.now) })
		b.do(func(x *Agent) { x.SetRemoteCredentials(n.now, a.local) }) // and no candidates: a goes first
		n.run(2 * time.Second)
		if got := a.when(Connected); got != test.want {
			t.Errorf("delay %v: connected at %v, want %v", test.delay, got, test.want)
		}
		a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
	}
}

func TestNominationDelayWaitsForABetterPair(t *testing.T) {
	for _, test := range []struct {
		delay  time.Duration
		remote string
	}{{0, "192.0.2.2:2000"}, {500 * ms, "192.0.2.3:2000"}} {
		n := newNetwork(t, 10*ms)
		a := n.node("a", AgentConfig{Role: Controlling, NominationDelay: test.delay})
		b := n.node("b", AgentConfig{Role: Controlled})
		a.path("192.0.2.1:1000", "")
		b.path("192.0.2.2:2000", "")
		better := b.path("192.0.2.3:2000", "")
		a.gathered()
		b.gathered()
		a.do(func(x *Agent) { x.SetRemoteCredentials(n.now, b.local) })
		b.do(func(x *Agent) { x.SetRemoteCredentials(n.now, a.local) })
		a.add(b.paths[0].host().Candidate)
		n.run(100 * ms)
		c := better.host().Candidate
		c.Priority = 1<<31 - 1
		a.add(c)
		a.do(func(x *Agent) { x.RemoteEnd(n.now) })
		n.run(2 * time.Second)
		a.wantSelected("192.0.2.1:1000", test.remote)
	}
}

// When the nominating request is never answered, the next valid pair is tried.
func TestFailedNominationFallsBack(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf(func(c *AgentConfig) { c.RTO = 20 * ms })
	a.path("192.0.2.1:1000", "")
	first := b.path("192.0.2.2:2000", "")
	b.path("192.0.2.3:2000", "")
	n.drop = func(_, to netip.AddrPort, data []byte) bool {
		m, err := parseMessage(data)
		return err == nil && m.useCandidate && to == first.public
	}
	signal(a, b)
	n.run(10 * time.Second)
	a.wantSelected("192.0.2.1:1000", "192.0.2.3:2000")
	b.wantSelected("192.0.2.3:2000", "192.0.2.1:1000")
}

// peerNode is a controlling peer scripted by the test, with several addresses.
type peerNode struct {
	n     *network
	x     *node
	path  *testPath
	creds Credentials
	id    byte
}

func newPeer(t *testing.T) *peerNode {
	n := newNetwork(t, 0)
	x := n.node("controlled", AgentConfig{Role: Controlled, TieBreaker: 5})
	s := &peerNode{n: n, x: x, path: x.path("192.0.2.1:1000", ""), creds: Credentials{"peerfrag", "peer password of 22 characters"}}
	// The peer answers every check at once.
	x.onSend = func(d Datagram) bool {
		if d.Data[0] == 0 {
			n.flying = append(n.flying, flight{n.now, d.Remote, s.path.public, answerTo(d.Data, s.path.public, s.creds)})
		}
		return false
	}
	x.gathered()
	x.do(func(a *Agent) { a.SetRemoteCredentials(n.now, s.creds) })
	return s
}

// check sends a check from the address with a nomination; value is that of the
// renomination attribute, 0: none.
func (s *peerNode) check(from string, priority uint32, nominate bool, value uint32) {
	s.n.t.Helper()
	s.id++
	e := newEncoder(bindingRequest, transactionID{9, s.id}, 200)
	e.text(attrUsername, s.x.local.Ufrag+":"+s.creds.Ufrag)
	e.uint32(attrPriority, priority)
	e.uint64(attrControlling, 9)
	if nominate {
		e.attribute(attrUseCandidate, 0)
	}
	if value != 0 {
		e.uint32(attrNomination, value)
	}
	if err := s.x.inject(s.path, netip.MustParseAddrPort(from), e.finish(newIntegrity(s.x.local.Pwd))); err != nil {
		s.n.t.Fatal(err)
	}
	s.n.run(s.n.now.Sub(epoch) + 60*ms) // the triggered check and its answer
}

const (
	low  = "198.51.100.1:1"
	mid  = "198.51.100.1:2"
	high = "198.51.100.1:3"
)

// RFC 5245 section 8.1.1.2: an aggressive peer sets USE-CANDIDATE in every
// check, and means the pair of highest priority that works.
func TestAggressiveNominationSelectsTheBestPair(t *testing.T) {
	s := newPeer(t)
	s.check(mid, 200, true, 0)
	s.x.wantSelected("192.0.2.1:1000", mid)
	s.check(low, 100, true, 0)
	s.x.wantSelected("192.0.2.1:1000", mid)
	s.check(high, 300, true, 0)
	s.x.wantSelected("192.0.2.1:1000", high)
	if got := countEvents[*SelectedPairChanged](s.x); got != 2 {
		t.Errorf("%d changes of the selected pair, want 2", got)
	}
	s.check(low, 100, true, 0)
	s.check(high, 300, true, 0)
	if got := countEvents[*SelectedPairChanged](s.x); got != 2 {
		t.Errorf("%d changes of the selected pair after repeats, want 2", got)
	}
}

func TestPeerThatMovesToAWorsePairIsFollowed(t *testing.T) {
	s := newPeer(t)
	s.check(high, 300, true, 0)
	for range 10 { // the peer keeps both alive, and nominates high again
		s.n.run(s.n.now.Sub(epoch) + time.Second)
		s.check(high, 300, true, 0)
		s.check(low, 100, true, 0)
	}
	s.x.wantSelected("192.0.2.1:1000", high)
	for range 7 { // the peer has left high
		s.n.run(s.n.now.Sub(epoch) + time.Second)
		s.check(low, 100, true, 0)
	}
	s.x.wantSelected("192.0.2.1:1000", low)
}

func TestRenominationCounterDecides(t *testing.T) {
	s := newPeer(t)
	s.check(high, 300, true, 1)
	s.x.wantSelected("192.0.2.1:1000", high)
	s.check(low, 100, true, 2)
	s.x.wantSelected("192.0.2.1:1000", low)
	s.check(high, 300, true, 1) // a repeat of the old choice
	s.x.wantSelected("192.0.2.1:1000", low)
	s.check(high, 300, true, 3)
	s.x.wantSelected("192.0.2.1:1000", high)
}

// RFC 8445 section 7.3.1.5: a nomination that comes before our own check has
// succeeded takes effect with its success, and not before.
func TestNominationWaitsForOurOwnCheck(t *testing.T) {
	s := newPeer(t)
	answer := s.x.onSend
	s.x.onSend = func(Datagram) bool { return false }
	s.check(mid, 200, true, 0)
	if _, ok := s.x.agent.Selected(); ok {
		t.Error("selected a pair that never answered")
	}
	s.x.onSend = answer
	s.n.run(2 * time.Second)
	s.x.wantSelected("192.0.2.1:1000", mid)
}

// A triggered check does not wait for Ta behind a check of another pair, so that
// the controlled end selects when the nomination comes.
func TestTriggeredCheckIsNotHeldUpByAnotherPair(t *testing.T) {
	n := newNetwork(t, 5*ms)
	a, b := n.pairOf()
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	dead := a.path("203.0.113.9:1000", "")
	n.drop = func(from, to netip.AddrPort, _ []byte) bool { return from == dead.public || to == dead.public }
	a.gathered()
	b.gathered()
	b.do(func(x *Agent) { x.SetRemoteCredentials(n.now, a.local) })
	c := dead.host().Candidate
	c.Priority = 1<<31 - 1
	b.add(c) // b's first slot goes to the dead pair
	n.run(5 * ms)
	a.do(func(x *Agent) { x.SetRemoteCredentials(n.now, b.local) })
	a.add(b.paths[0].host().Candidate)
	n.run(time.Second)
	// a's check at 5 ms comes to b at 10; b's is answered at 20, when a's nomination comes.
	if got, want := b.when(Connected), 20*ms; got != want {
		t.Errorf("controlled end connected at %v, want %v", got, want)
	}
}
