package ice

import (
	"testing"
	"time"
)

// webrtc-stats, requestsReceived: "the total number of connectivity check
// requests received (including retransmissions)"; the first comes before its
// pair exists.
func TestARequestThatMakesItsPairCountsOnIt(t *testing.T) {
	n, x, _ := manyRemotes(t, AgentConfig{Role: Controlled}, 0)
	first := n.now
	for i := range 3 {
		if err := x.inject(x.paths[0], scriptedAddr(7), peerCheck(x.local, scriptedPeer, 1, Controlling, 9)); err != nil {
			t.Fatal(i, err)
		}
		n.run(time.Duration(i+1) * 10 * ms)
	}
	p := x.agent.Pairs()[0]
	if p.RequestsReceived != 3 || p.ResponsesSent != 3 {
		t.Errorf("%d requests, %d responses; want 3", p.RequestsReceived, p.ResponsesSent)
	}
	if !p.FirstRequestReceived.Equal(first) || !p.LastRequestReceived.Equal(first.Add(20*ms)) {
		t.Errorf("from %v to %v", p.FirstRequestReceived.Sub(first), p.LastRequestReceived.Sub(first))
	}
}

// Checks that come before the peer's credentials are answered, and count on the
// pair that they make later (RFC 8445 section 7.3).
func TestEarlyRequestsCountOnTheirPair(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("x", AgentConfig{Role: Controlled})
	x.path("192.0.2.1:1000", "")
	x.onSend = func(Datagram) bool { return false }
	x.gathered()
	for range 2 {
		if err := x.inject(x.paths[0], scriptedAddr(7), peerCheck(x.local, scriptedPeer, 1, Controlling, 9)); err != nil {
			t.Fatal(err)
		}
	}
	if len(x.agent.Pairs()) != 0 {
		t.Fatal("a pair before the credentials")
	}
	x.do(func(a *Agent) { a.SetRemoteCredentials(n.now, scriptedPeer) })
	if p := x.agent.Pairs()[0]; p.RequestsReceived != 2 || p.ResponsesSent != 2 {
		t.Errorf("%d requests, %d responses; want 2", p.RequestsReceived, p.ResponsesSent)
	}
}

// A request that meets a role conflict is answered with 487 (RFC 8445 section
// 7.3.1.1), and an error is a response too.
func TestErrorResponsesCount(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a := n.node("a", AgentConfig{Role: Controlling, TieBreaker: 9})
	b := n.node("b", AgentConfig{Role: Controlling, TieBreaker: 1})
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:1000", "")
	signal(a, b)
	n.run(5 * time.Second)
	pa, pb := a.agent.Pairs()[0], b.agent.Pairs()[0]
	for _, x := range [][2]PairStats{{pa, pb}, {pb, pa}} {
		sent := x[0].RequestsSent + x[0].RetransmissionsSent + x[0].ConsentRequestsSent
		if sent-x[1].RequestsReceived > 1 || x[1].RequestsReceived != x[1].ResponsesSent || x[1].ResponsesSent-x[0].ResponsesReceived > 1 {
			t.Errorf("%d requests sent, %d received; %d responses sent, %d received", sent, x[1].RequestsReceived, x[1].ResponsesSent, x[0].ResponsesReceived)
		}
	}
	if pb.ResponsesReceived == pb.RoundTrips {
		t.Error("no error response was counted: the conflict was not met")
	}
}

func TestPairsAreNumberedForGood(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.node("a", AgentConfig{Role: Controlling}), n.node("b", AgentConfig{Role: Controlled})
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:1000", "")
	signal(a, b)
	n.run(time.Second)
	old, ok := a.agent.Selected()
	if !ok || old.ID == 0 || old.Generation != 1 || a.agent.Generation() != 1 {
		t.Fatalf("selected %+v, generation %d", old, a.agent.Generation())
	}
	a.do(func(g *Agent) { g.Restart(n.now, Credentials{"newfrag1", "a new password of 22 ch"}) })
	if carried, _ := a.agent.Selected(); carried.ID != old.ID || a.agent.Generation() != 2 {
		t.Errorf("during the restart pair %d carries, generation %d", carried.ID, a.agent.Generation())
	}
	a.do(func(g *Agent) { g.SetRemoteCredentials(n.now, scriptedPeer) })
	a.add(Candidate{Foundation: "1", Component: 1, Priority: 1, Addr: old.Remote.Addr})
	for _, p := range a.agent.Pairs() {
		if p.ID == old.ID && p.Generation != 1 || p.ID != old.ID && p.Generation != 2 {
			t.Errorf("pair %d is of generation %d", p.ID, p.Generation)
		}
	}
	if n := len(a.agent.Pairs()); n != 2 {
		t.Errorf("%d pairs, want the old one and the new one", n)
	}
}

// The requests kept for paths without a pair are bounded.
func TestRequestsWithoutAPairAreBounded(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("x", AgentConfig{Role: Controlled})
	x.path("192.0.2.1:1000", "")
	x.onSend = func(Datagram) bool { return false }
	x.gathered()
	for port := range 3 * maxEarlyRequests {
		if err := x.inject(x.paths[0], scriptedAddr(port+1), peerCheck(x.local, scriptedPeer, 1, Controlling, 9)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(x.agent.current.unpaired); got != maxEarlyRequests {
		t.Errorf("%d paths are remembered, want %d", got, maxEarlyRequests)
	}
}
