package ice

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// twoNetworks connects two ends that have a path each in two networks, where the peers
// of one cannot be reached from the other. It returns what cuts a network off.
func twoNetworks(t *testing.T, change ...func(*AgentConfig)) (n *network, a, b *node, cut func(network int, on bool)) {
	t.Helper()
	n = newNetwork(t, 10*ms)
	a, b = n.pairOf(change...)
	for _, x := range []string{"192.0.2.1:1000", "198.51.100.1:1001"} {
		a.path(x, "")
	}
	for _, x := range []string{"192.0.2.2:2000", "198.51.100.2:2001"} {
		b.path(x, "")
	}
	of := func(at netip.AddrPort) int { return map[byte]int{192: 0, 198: 1}[at.Addr().As4()[0]] }
	var off [2]bool
	n.drop = func(from, to netip.AddrPort, _ []byte) bool { return of(from) != of(to) || off[of(from)] }
	signal(a, b)
	n.run(10 * time.Second)
	for _, x := range []*node{a, b} {
		if s := x.agent.State(); s != Completed && s != Connected {
			t.Fatalf("%s is %v", x.name, s)
		}
		x.events = nil
	}
	a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
	return n, a, b, func(network int, on bool) { off[network] = on }
}

// moved is when the node selected a pair for the first time, or -1.
func (x *node) moved() time.Duration {
	for _, e := range x.events {
		if _, ok := e.event.(*SelectedPairChanged); ok {
			return e.at
		}
	}
	return -1
}

// RFC 7675 section 5.1 lets nothing be sent on a pair without consent. Where the selected path dies the agents
// go over to another by themselves, two round trips after the controlling one counts
// the old as disconnected. The nomination has a number (draft-thatcher-ice-
// renomination); it is the only one.
func TestGoesOverToAnotherPairWhenTheSelectedOneDies(t *testing.T) {
	n, a, b, cut := twoNetworks(t)
	nominations := map[string]bool{}
	n.tap = func(_ time.Time, _, _ netip.AddrPort, data []byte) {
		if m, err := parseMessage(data); err == nil && m.useCandidate {
			nominations[string(m.id[:])] = true
			if m.nomination != 2 {
				t.Errorf("nomination number %d", m.nomination)
			}
		}
	}
	cut(0, true)
	n.run(10*time.Second + 10*ms)
	last := a.lastResponse()
	n.run(time.Minute)
	n.tap = nil
	for _, x := range []*node{a, b} {
		if at := x.moved(); at < 0 || at > last+defaultDisconnected+2*2*10*ms {
			t.Errorf("%s moved at %v, last answer at %v", x.name, at, last)
		}
		if s := x.agent.State(); s != Completed {
			t.Errorf("%s is %v", x.name, s)
		}
		if n := countEvents[*SelectedPairChanged](x); n != 1 {
			t.Errorf("%s selected %d times", x.name, n)
		}
		if countEvents[*ConsentLost](x) != 0 {
			t.Errorf("%s lost consent", x.name)
		}
	}
	if len(nominations) != 1 {
		t.Errorf("%d nominations", len(nominations))
	}
	a.wantSelected("198.51.100.1:1001", "198.51.100.2:2001")
	b.wantSelected("198.51.100.2:2001", "198.51.100.1:1001")

	// And back, when that one dies.
	cut(0, false)
	cut(1, true)
	n.run(2 * time.Minute)
	a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
	b.wantSelected("192.0.2.2:2000", "192.0.2.1:1000")
}

// RFC 7675 section 5.1: data of the peer is no consent. An end whose requests are not
// answered goes over though it hears the peer.
func TestGoesOverThoughDataStillComes(t *testing.T) {
	n, a, b, _ := twoNetworks(t)
	before := n.drop
	peer := b.paths[0].public
	n.drop = func(from, to netip.AddrPort, data []byte) bool { return to == peer || before(from, to, data) }
	for at := 10 * time.Second; at < 17*time.Second; at += 500 * ms {
		n.run(at)
		a.do(func(x *Agent) { x.DataReceived(n.now) })
	}
	a.wantSelected("198.51.100.1:1001", "198.51.100.2:2001")
	b.wantSelected("198.51.100.2:2001", "198.51.100.1:1001")
	a.wantStates() // it has heard of the peer all the time
}

// A pause that is shorter than DisconnectedTimeout changes nothing: the other pairs
// are looked at, and left alone again when the selected one answers.
func TestAShortSilenceOnlyLooksAtTheOtherPairs(t *testing.T) {
	n, a, b, cut := twoNetworks(t)
	other := 0
	n.tap = func(_ time.Time, from, _ netip.AddrPort, _ []byte) {
		if from == a.paths[1].public {
			other++
		}
	}
	cut(0, true)
	n.run(10*time.Second + 10*ms)
	last := max(a.lastResponse(), b.lastResponse())
	n.run(last + 4*time.Second)
	cut(0, false) // the next request is 500 ms away at most
	if other == 0 {
		t.Error("no other pair was checked")
	}
	n.run(16 * time.Second)
	other = 0
	n.run(time.Minute)
	if other != 0 {
		t.Errorf("%d datagrams on other paths when the selected one answers again", other)
	}
	for _, x := range []*node{a, b} {
		if countEvents[*SelectedPairChanged](x) != 0 {
			t.Errorf("%s moved", x.name)
		}
	}
	a.wantStates()
}

// Where all is silent it ends as it ever did, and the paths are tried until then: what
// comes back within the time is found.
func TestTriesTheOtherPairsUntilItHasFailed(t *testing.T) {
	n, a, b, cut := twoNetworks(t)
	n.run(a.lastResponse() + 10*ms)
	cut(0, true)
	cut(1, true)
	n.run(n.now.Sub(epoch) + 20*time.Second)
	if a.agent.State() != Disconnected {
		t.Fatal(a.agent.State())
	}
	cut(1, false)
	n.run(n.now.Sub(epoch) + 5*time.Second + 500*ms)
	a.wantSelected("198.51.100.1:1001", "198.51.100.2:2001")
	b.wantSelected("198.51.100.2:2001", "198.51.100.1:1001")
	cut(1, true)
	last := a.lastResponse()
	n.run(3 * time.Minute)
	for _, x := range []*node{a, b} {
		if s := x.agent.State(); s != Failed {
			t.Errorf("%s is %v", x.name, s)
		}
	}
	if at := a.when(Failed); at > last+30*time.Second+2500*ms {
		t.Errorf("failed at %v, last answer at %v", at, last)
	}
}

// A lite peer checks nothing, and follows the nomination.
func TestTheFullEndMovesALitePeer(t *testing.T) {
	n, a, b, cut := twoNetworks(t, func(c *AgentConfig) { c.Lite = c.Role == Controlled })
	cut(0, true)
	n.run(10*time.Second + 10*ms)
	last := a.lastResponse()
	n.run(time.Minute)
	if at := a.when(Connected); at < 0 || at > last+defaultDisconnected+2*2*10*ms {
		t.Errorf("connected again at %v, last answer at %v", at, last)
	}
	b.wantSelected("198.51.100.2:2001", "198.51.100.1:1001")
	if slices.Contains(b.states(), Failed) {
		t.Error("the lite end failed")
	}
}
