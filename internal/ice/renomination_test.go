package ice

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

// twoPaths joins a node with two addresses, the better of which is dead until it
// is opened, to one with one.
func twoPaths(t *testing.T, change ...func(*AgentConfig)) (n *network, a, b *node, open func()) {
	n = newNetwork(t, 10*ms)
	a, b = n.pairOf(change...)
	dead := a.path("192.0.2.1:1000", "").public
	a.path("192.0.2.3:1000", "")
	b.path("192.0.2.2:2000", "")
	n.drop = func(from, to netip.AddrPort, _ []byte) bool { return from == dead || to == dead }
	signal(a, b)
	n.run(2 * time.Second)
	a.wantSelected("192.0.2.3:1000", "192.0.2.2:2000")
	return n, a, b, func() { n.drop = nil }
}

// draft-thatcher-ice-renomination: both ends move to the better path once it
// works, and the former one is not asked for consent any more.
func TestRenominationMovesToTheBetterPath(t *testing.T) {
	n, a, b, open := twoPaths(t, func(c *AgentConfig) { c.RenominateAfter = 100 * ms })
	open()
	n.run(10 * time.Second)
	a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
	b.wantSelected("192.0.2.2:2000", "192.0.2.1:1000")
	if got := countEvents[*SelectedPairChanged](a); got != 2 {
		t.Errorf("%d changes of the pair, want 2", got)
	}
	a.wantStates(Checking, Connected, Completed)
}

// Writing a nomination decides nothing: the same one is the same bytes.
func TestANominationIsWrittenTheSameTwice(t *testing.T) {
	_, a, _, _ := twoPaths(t, func(c *AgentConfig) { c.RenominateAfter = 100 * ms })
	a.do(func(x *Agent) {
		g := x.current
		nomination := &transaction{pair: g.selected, kind: nominationRequest, role: Controlling}
		first := x.encodeRequest(g, nomination)
		if again := x.encodeRequest(g, nomination); !bytes.Equal(first, again) {
			t.Errorf("wrote %x, then %x", first, again)
		}
	})
}

// A candidate that comes late is paired, checked and used if it is better.
func TestRenominationTakesACandidateThatComesLate(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf(func(c *AgentConfig) { c.RenominateAfter = time.Second })
	late := a.path("192.0.2.1:1000", "")
	early := a.path("192.0.2.3:1000", "")
	b.path("192.0.2.2:2000", "")
	a.do(func(x *Agent) { x.AddLocalCandidate(n.now, early.host()) })
	b.gathered()
	a.learn(b)
	b.do(func(x *Agent) { x.SetRemoteCredentials(n.now, a.local) })
	n.run(5 * time.Second)
	a.wantSelected("192.0.2.3:1000", "192.0.2.2:2000")
	a.do(func(x *Agent) { x.AddLocalCandidate(n.now, late.host()) })
	n.run(8 * time.Second)
	a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
	b.wantSelected("192.0.2.2:2000", "192.0.2.1:1000")
}

// Without the setting one nomination is all there is (RFC 8445 section 8.1.1).
func TestThereIsOneNominationByDefault(t *testing.T) {
	n, a, _, open := twoPaths(t)
	open()
	n.run(time.Minute)
	a.wantSelected("192.0.2.3:1000", "192.0.2.2:2000")
}

func TestNominationWaitsUntilTheTypeIsAcceptable(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf(func(c *AgentConfig) { c.AcceptanceWait[ServerReflexive] = 700 * ms })
	a.path("10.0.0.1:1000", "198.51.100.1:1000")
	b.path("10.0.1.1:1000", "198.51.100.2:1000")
	for _, x := range []*node{a, b} {
		x.gathered()
	}
	a.learn(b)
	b.learn(a)
	n.run(5 * time.Second)
	// The nomination goes out at 700 ms and takes a round trip.
	if got := a.when(Connected); got != 720*ms {
		t.Errorf("connected at %v", got)
	}
}

// RFC 8489 section 6.2.1: Rc can be configured; 16 RTO after the last request
// the pair has failed.
func TestChecksAreSentAsOftenAsConfigured(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf(func(c *AgentConfig) { c.MaxTransmissions = 3 })
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	sent := 0
	n.tap = func(_ time.Time, from, _ netip.AddrPort, _ []byte) {
		if from == a.paths[0].public {
			sent++
		}
	}
	signal(a, b)
	n.run(time.Minute)
	if want := 500*ms + 1000*ms + 16*500*ms; sent != 3 || a.when(Failed) != want {
		t.Errorf("%d requests, failed at %v, want 3 and %v", sent, a.when(Failed), want)
	}
}

// When the controlling end has lost its pair it nominates another with a number,
// and the peer follows at once, though the former pair is the better one.
func TestThePeerFollowsWhenTheControllingEndMoves(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	signal(a, b)
	n.run(10 * time.Second)
	moved := a.path("192.0.2.3:1000", "")
	a.do(func(x *Agent) { x.RemoveLocal(n.now, 1) })
	a.do(func(x *Agent) { x.AddLocalCandidate(n.now, moved.host()) })
	n.run(10*time.Second + 50*ms)
	a.wantSelected("192.0.2.3:1000", "192.0.2.2:2000")
	b.wantSelected("192.0.2.2:2000", "192.0.2.3:1000")
	a.wantStates(Checking, Connected, Completed, Disconnected, Connected, Completed)
	b.wantStates(Checking, Connected, Completed)
}

// When the controlled end has moved, the controlling one takes the new path as
// soon as it calls the former one disconnected.
func TestTheControllingEndFollowsWhenThePeerMoves(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	signal(a, b)
	n.run(10 * time.Second)
	last := a.lastResponse()
	moved := b.path("192.0.2.4:2000", "")
	old := b.paths[0].public
	n.drop = func(_, to netip.AddrPort, _ []byte) bool { return to == old }
	b.do(func(x *Agent) { x.RemoveLocal(n.now, 1) })
	b.do(func(x *Agent) { x.AddLocalCandidate(n.now, moved.host()) })
	n.run(last + defaultDisconnected + 50*ms)
	a.wantSelected("192.0.2.1:1000", "192.0.2.4:2000")
	b.wantSelected("192.0.2.4:2000", "192.0.2.1:1000")
}
