package ice

import (
	"net/netip"
	"testing"
	"time"
)

// litePair makes a full controlling node and a lite one, which has told the
// former so.
func litePair(n *network, change ...func(*AgentConfig)) (full, lite *node) {
	a := AgentConfig{Role: Controlling, TieBreaker: 1}
	b := AgentConfig{Role: Controlled, TieBreaker: 2, Lite: true}
	for _, f := range change {
		f(&b)
	}
	full, lite = n.node("full", a), n.node("lite", b)
	full.agent.SetRemoteLite(n.now, true)
	return full, lite
}

// mustNotAsk fails the test when a node sends a request.
func (x *node) mustNotAsk() {
	x.onSend = func(d Datagram) bool {
		if typ := messageType(uint16(d.Data[0])<<8 | uint16(d.Data[1])); typ == bindingRequest {
			x.net.t.Errorf("%s sends a request at %v", x.name, x.net.now.Sub(epoch))
		}
		return true
	}
}

// RFC 8445 sections 2.5 and 7.3.2: a lite agent answers, and takes what the full
// one nominates.
func TestALiteAgentConnectsWithoutChecksOfItsOwn(t *testing.T) {
	n := newNetwork(t, 10*ms)
	full, lite := litePair(n)
	full.path("10.0.0.1:1000", "198.51.100.1:1000") // behind a NAT: the lite end learns it
	lite.path("192.0.2.2:2000", "")
	lite.mustNotAsk()
	lite.gathered()
	lite.do(func(a *Agent) { a.SetRemoteCredentials(n.now, full.local) })
	full.gathered()
	full.learn(lite)
	n.run(time.Second)
	if full.when(Connected) != 40*ms || lite.when(Connected) != 30*ms {
		t.Errorf("connected at %v and %v, want two round trips", full.when(Connected), lite.when(Connected))
	}
	lite.wantSelected("192.0.2.2:2000", "198.51.100.1:1000")
	if lite.agent.Role() != Controlled || full.agent.Role() != Controlling {
		t.Errorf("roles %v, %v", full.agent.Role(), lite.agent.Role())
	}
	n.run(5 * time.Minute)
	if lite.agent.State() != Connected || full.agent.State() != Completed {
		t.Errorf("states %v, %v", full.agent.State(), lite.agent.State())
	}
}

// RFC 8445 section 6.1.1: "the full agent MUST take the controlling role, and
// the lite agent MUST take the controlled role", whatever the tie-breakers.
func TestALiteAgentNeverBecomesControlling(t *testing.T) {
	n := newNetwork(t, 10*ms)
	full := n.node("full", AgentConfig{Role: Controlled, TieBreaker: 1})
	lite := n.node("lite", AgentConfig{Role: Controlled, TieBreaker: 2, Lite: true})
	full.path("192.0.2.1:1000", "")
	lite.path("192.0.2.2:2000", "")
	lite.mustNotAsk()
	signal(full, lite)
	n.run(time.Second)
	if full.agent.Role() != Controlling || lite.agent.Role() != Controlled {
		t.Errorf("roles %v, %v", full.agent.Role(), lite.agent.Role())
	}
	lite.wantSelected("192.0.2.2:2000", "192.0.2.1:1000")
}

// The peer's authentic requests are the consent of a lite agent: 30 s after the
// last one it has no pair to send on (RFC 7675 section 5.1).
func TestALiteAgentStopsWhenThePeerAsksNoMore(t *testing.T) {
	n := newNetwork(t, 10*ms)
	full, lite := litePair(n)
	full.path("192.0.2.1:1000", "")
	pl := lite.path("192.0.2.2:2000", "")
	signal(full, lite)
	n.run(10 * time.Second)
	var last time.Duration
	n.tap = func(at time.Time, _, to netip.AddrPort, data []byte) {
		if to == pl.public && data[0] == 0 && data[1] == 1 {
			last = at.Sub(epoch) + n.delay
		}
	}
	n.run(20 * time.Second)
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	n.run(20*time.Second + 10*ms)
	n.tap = nil
	// What is not authentic does not count, and neither does data.
	stranger := full.forgedRequest("a password that is not the right one")
	for at := 21 * time.Second; at < last+consentExpiry+5*time.Second; at += 500 * ms {
		n.run(at)
		if err := lite.inject(pl, full.paths[0].public, stranger); err == nil {
			t.Fatal("a request with a wrong password was taken")
		}
		_ = lite.inject(pl, full.paths[0].public, indicationBytes())
		lite.do(func(a *Agent) { a.DataReceived(n.now) })
		_, ok := lite.agent.Selected()
		if want := n.now.Sub(epoch) < last+consentExpiry; ok != want {
			t.Fatalf("at %v may send: %v, want %v", n.now.Sub(epoch), ok, want)
		}
	}
	if countEvents[*ConsentLost](lite) != 1 {
		t.Error("ConsentLost is not reported once")
	}
}

// forgedRequest is a request to the other node as this one would send it, signed
// with another password.
func (x *node) forgedRequest(pwd string) []byte {
	keys := x.agent.current.keys
	e := newEncoder(bindingRequest, transactionID{1, 2, 3}, 200)
	e.text(attrUsername, keys.remote.Ufrag+":"+keys.local.Ufrag)
	e.uint32(attrPriority, 1)
	e.uint64(attrControlling, 1)
	return e.finish(newIntegrity(pwd))
}

func indicationBytes() []byte {
	e := newEncoder(bindingIndication, transactionID{4, 5, 6}, 40)
	return e.finishUnsigned()
}

func TestALitePeerOfALiteAgentRecovers(t *testing.T) {
	n := newNetwork(t, 10*ms)
	full, lite := litePair(n)
	full.path("192.0.2.1:1000", "")
	lite.path("192.0.2.2:2000", "")
	signal(full, lite)
	n.run(10 * time.Second)
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	n.run(28 * time.Second)
	if lite.agent.State() != Disconnected || full.agent.State() != Disconnected {
		t.Fatalf("states %v, %v", full.agent.State(), lite.agent.State())
	}
	n.drop = nil
	n.run(32 * time.Second)
	for _, x := range []*node{full, lite} {
		if s := x.agent.State(); s != Connected && s != Completed {
			t.Errorf("%s is %v", x.name, s)
		}
	}
}

// A lite agent follows the full one to another of its addresses, and a restart.
func TestALiteAgentFollowsThePeer(t *testing.T) {
	n := newNetwork(t, 10*ms)
	full, lite := litePair(n)
	full.path("192.0.2.1:1000", "")
	full.path("192.0.2.3:1000", "")
	lite.path("192.0.2.2:2000", "")
	signal(full, lite)
	n.run(time.Second)
	full.do(func(a *Agent) { a.RemoveLocal(n.now, 1) })
	n.run(10 * time.Second)
	full.wantSelected("192.0.2.3:1000", "192.0.2.2:2000")
	lite.wantSelected("192.0.2.2:2000", "192.0.2.3:1000")

	for _, x := range []*node{full, lite} {
		x.local = NewCredentials(seeded{n.random})
		x.do(func(a *Agent) { a.Restart(n.now, x.local) })
	}
	full.paths = full.paths[1:]
	signal(full, lite)
	n.run(12 * time.Second)
	if p, ok := lite.agent.Selected(); !ok || p.Generation != 2 {
		t.Errorf("selected of generation %d (%v) after a restart", p.Generation, ok)
	}
}

// RFC 8445 section 8.2: two lite agents check nothing, and take the same pair.
func TestTwoLiteAgentsTakeTheBestPair(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a := n.node("a", AgentConfig{Role: Controlling, Lite: true})
	b := n.node("b", AgentConfig{Role: Controlled, Lite: true})
	for i, x := range []*node{a, b} {
		x.path([]string{"192.0.2.1:1000", "192.0.2.2:1000"}[i], "")
		x.path([]string{"[2001:db8::1]:1000", "[2001:db8::2]:1000"}[i], "")
		x.mustNotAsk()
		x.agent.SetRemoteLite(n.now, true)
	}
	signal(a, b)
	n.run(10 * time.Minute)
	a.wantSelected("192.0.2.1:1000", "192.0.2.2:1000")
	b.wantSelected("192.0.2.2:1000", "192.0.2.1:1000")
	a.wantStates(Checking, Connected, Completed)
	// RFC 8445 section 11: a keepalive at least every 15 s.
	if n.sent < 2*10*60/15 {
		t.Errorf("%d keepalives in ten minutes", n.sent)
	}
}
