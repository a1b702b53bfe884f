package ice

import (
	"net/netip"
	"testing"
	"time"
)

// restart gives both nodes a new generation, as an offer and an answer do.
func restart(n *network, a, b *node) {
	n.t.Helper()
	for _, x := range []*node{a, b} {
		x.local = NewCredentials(seeded{n.random})
		x.events = nil
		x.do(func(g *Agent) { g.Restart(n.now, x.local); g.LocalEnd(n.now) })
	}
	a.learn(b)
	b.learn(a)
}

// RFC 8445 section 9; W3C: "causing a transition to connected if begun in the
// completed state".
func TestRestartSelectsAnewWhileTheOldPairCarriesOn(t *testing.T) {
	n, a, b := connected(t, 10*ms)
	n.run(10 * time.Second)
	old := a.local
	restart(n, a, b)
	if _, ok := a.agent.Selected(); !ok {
		t.Error("no selected pair right after the restart")
	}
	n.run(11 * time.Second)
	for _, x := range []*node{a, b} {
		x.wantStates(Connected, Completed)
		if countEvents[*SelectedPairChanged](x) != 1 || countEvents[*ConsentLost](x) != 0 {
			t.Errorf("%s: %d changes of the pair", x.name, countEvents[*SelectedPairChanged](x))
		}
	}
	if a.agent.Role() != Controlling {
		t.Errorf("role %v", a.agent.Role())
	}
	// Requests of a peer that is late to switch are answered for a while.
	peer, id := b.agent.previous.keys.local, byte(0)
	answered := func() (yes bool) {
		a.onSend = func(d Datagram) bool { yes = yes || d.Data[0] == 1; return true }
		id++
		_ = a.inject(a.paths[0], b.paths[0].public, peerCheck(old, peer, id, Controlled, 2))
		return yes
	}
	if !answered() {
		t.Error("the old generation does not answer any more")
	}
	n.run(20 * time.Second)
	if a.agent.previous != nil || answered() {
		t.Error("the old generation lives on")
	}
}

func TestRestartWithoutAnAnswerKeepsTheOldPairAlive(t *testing.T) {
	n, a, b := connected(t, 10*ms)
	a.events = nil
	a.do(func(x *Agent) { x.Restart(n.now, NewCredentials(nil)) })
	n.run(10 * time.Minute)
	a.wantStates(Connected)
	if b.agent.State() != Completed {
		t.Errorf("peer is %v", b.agent.State())
	}
	// The old pair dies: time-outs hold as ever.
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	n.run(n.now.Sub(epoch) + 10*ms)
	last := a.lastResponse()
	n.run(15 * time.Minute)
	a.wantStates(Connected, Disconnected, Failed)
	if a.when(Disconnected) != last+5*time.Second || a.when(Failed) != last+30*time.Second {
		t.Errorf("disconnected %v, failed %v", a.when(Disconnected), a.when(Failed))
	}
}

// W3C: a restart begun in disconnected leads to checking, one in failed too.
func TestRestartRecoversADeadTransport(t *testing.T) {
	for _, wait := range []time.Duration{10 * time.Second, time.Minute} {
		n, a, b := connected(t, 10*ms)
		n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
		n.run(wait)
		n.drop = nil
		restart(n, a, b)
		a.wantStates(Checking)
		n.run(wait + time.Second)
		for _, x := range []*node{a, b} {
			x.wantStates(Checking, Connected, Completed)
		}
	}
}

func TestOtherRemoteCredentialsBeginANewGeneration(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	c := n.node("c", AgentConfig{Role: Controlled, TieBreaker: 3})
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	c.path("192.0.2.3:3000", "")
	signal(a, b) // a provisional answer
	n.run(time.Second)
	c.gathered()
	c.learn(a)
	a.learn(c) // the final one, of another peer
	n.run(3 * time.Second)
	a.wantSelected("192.0.2.1:1000", "192.0.2.3:3000")
	if a.agent.State() != Completed || c.agent.State() != Completed {
		t.Errorf("states %v, %v", a.agent.State(), c.agent.State())
	}
}

func TestCandidatesGoToTheGenerationTheyName(t *testing.T) {
	n, a, b := connected(t, 10*ms)
	oldPeer := b.local
	restartLocal := NewCredentials(nil)
	a.do(func(x *Agent) { x.Restart(n.now, restartLocal) })
	for _, test := range []struct{ ufrag, addr string }{{oldPeer.Ufrag, "192.0.2.8:1"}, {"newfrag", "192.0.2.9:1"}, {"stray", "192.0.2.10:1"}} {
		c := Candidate{Foundation: "1", Component: 1, Priority: 9, Addr: netip.MustParseAddrPort(test.addr), UsernameFragment: test.ufrag}
		a.do(func(x *Agent) {
			if err := x.AddRemoteCandidate(n.now, c); err != nil {
				t.Error(err)
			}
		})
	}
	a.do(func(x *Agent) {
		x.SetRemoteCredentials(n.now, Credentials{"newfrag", "peer password of 22 characters"})
	})
	all := a.agent.RemoteCandidates()
	if len(all) != 1 || all[0].Addr.String() != "192.0.2.9:1" {
		t.Errorf("candidates of the new generation: %v", all)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	n, a, _ := connected(t, 10*ms)
	a.events = nil
	a.do(func(x *Agent) { x.Close(n.now) })
	a.wantStates(Closed)
	a.do(func(x *Agent) {
		x.Close(n.now)
		x.Restart(n.now, NewCredentials(nil))
		x.Advance(n.now)
		x.LocalEnd(n.now)
	})
	if err := a.agent.AddRemoteCandidate(n.now, Candidate{}); err != ErrClosed {
		t.Error(err)
	}
	if err := a.agent.HandleDatagram(n.now, Datagram{}); err != ErrClosed {
		t.Error(err)
	}
	a.wantStates(Closed)
	if _, ok := a.agent.Selected(); ok {
		t.Error("closed with a selected pair")
	}
}
