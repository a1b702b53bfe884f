package ice

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// connected joins two hosts, and returns once both have completed.
func connected(t *testing.T, d time.Duration, change ...func(*AgentConfig)) (*network, *node, *node) {
	t.Helper()
	n := newNetwork(t, d)
	a, b := n.pairOf(change...)
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	signal(a, b)
	n.run(5 * d)
	if a.agent.State() != Completed || b.agent.State() != Completed {
		t.Fatalf("states %v, %v", a.agent.State(), b.agent.State())
	}
	return n, a, b
}

func (x *node) lastResponse() time.Duration {
	_, p := x.agent.carrier()
	return p.lastResponse.Sub(epoch)
}

func TestDeadPathIsDisconnectedAndFailedAtTheConfiguredTimes(t *testing.T) {
	tests := []struct{ disconnected, failed time.Duration }{
		{0, 0}, {5 * time.Second, 25 * time.Second}, {1500 * ms, 700 * ms}, {3 * time.Second, 60 * time.Second},
	}
	for _, test := range tests {
		n, a, b := connected(t, 7*ms, func(c *AgentConfig) {
			c.DisconnectedTimeout, c.FailedTimeout = test.disconnected, test.failed
		})
		if test.disconnected == 0 {
			test.disconnected, test.failed = 5*time.Second, 25*time.Second
		}
		n.run(11 * time.Second)
		last := []time.Duration{}
		n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
		n.run(n.now.Sub(epoch) + 7*ms) // what is in flight still arrives
		for _, x := range []*node{a, b} {
			last = append(last, x.lastResponse())
			x.events = nil
		}
		n.run(2 * time.Minute)
		for i, x := range []*node{a, b} {
			x.wantStates(Disconnected, Failed)
			if got, want := x.when(Disconnected), last[i]+test.disconnected; got != want {
				t.Errorf("%s disconnected at %v, want %v", x.name, got, want)
			}
			if got, want := x.when(Failed), last[i]+test.disconnected+test.failed; got != want {
				t.Errorf("%s failed at %v, want %v", x.name, got, want)
			}
			if _, ok := x.agent.Selected(); ok {
				t.Errorf("%s: failed with a selected pair", x.name)
			}
			if d := x.agent.Deadline(); !d.IsZero() {
				t.Errorf("%s: failed, but active at %v", x.name, d.Sub(epoch))
			}
		}
	}
}

func TestRecoversWhenAnswersComeBack(t *testing.T) {
	n, a, b := connected(t, 10*ms)
	n.run(10 * time.Second)
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	n.run(20 * time.Second)
	if a.agent.State() != Disconnected || b.agent.State() != Disconnected {
		t.Fatalf("states %v, %v", a.agent.State(), b.agent.State())
	}
	if _, ok := a.agent.Selected(); !ok {
		t.Error("disconnected without a selected pair: nothing can recover")
	}
	n.drop = nil
	n.run(20*time.Second + 2400*ms + 20*ms) // the longest interval between requests, and a round trip
	for _, x := range []*node{a, b} {
		x.wantStates(Checking, Connected, Completed, Disconnected, Connected, Completed)
	}
}

// RFC 7675 section 5.1: consent is refreshed by valid responses, by nothing
// else; when it has expired nothing is sent on the pair.
func TestConsentExpiresInSpiteOfData(t *testing.T) {
	n, a, b := connected(t, 10*ms)
	n.run(10 * time.Second)
	// Requests of a and answers to it are lost; data of the peer arrives.
	peer := b.paths[0].public
	n.drop = func(from, to netip.AddrPort, data []byte) bool { return to == peer }
	n.run(10*time.Second + 10*ms)
	last := a.lastResponse()
	for at := 10 * time.Second; at < 80*time.Second; at += 500 * ms {
		n.run(at + 20*ms)
		a.do(func(x *Agent) { x.DataReceived(n.now) })
		_, ok := a.agent.Selected()
		if want := n.now.Sub(epoch) < last+consentExpiry; ok != want {
			t.Fatalf("at %v may send: %v, want %v", n.now.Sub(epoch), ok, want)
		}
	}
	a.wantStates(Checking, Connected, Completed, Disconnected, Failed)
	if got := a.when(Disconnected); got != last+consentExpiry {
		t.Errorf("consent lost at %v, want %v", got, last+consentExpiry)
	}
	if got := a.when(Failed); got != last+consentExpiry+defaultFailed {
		t.Errorf("failed at %v, want %v", got, last+consentExpiry+defaultFailed)
	}
	if countEvents[*ConsentLost](a) != 1 {
		t.Error("ConsentLost is not reported once")
	}
	// "the same ICE credentials MUST NOT be used on the affected 5-tuple again"
	for _, f := range n.flying {
		if f.from == a.paths[0].public && messageType(uint16(f.data[0])<<8|uint16(f.data[1])) == bindingRequest {
			t.Error("a request after consent was lost")
		}
	}
}

func TestNothingIsSentAfterConsentIsLost(t *testing.T) {
	n, a, b := connected(t, 10*ms, func(c *AgentConfig) { c.FailedTimeout = 300 * time.Second })
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	n.run(20 * time.Second)
	if a.agent.State() != Disconnected {
		t.Fatal(a.agent.State())
	}
	last := a.lastResponse()
	n.run(last + consentExpiry)
	if _, ok := a.agent.Selected(); ok {
		t.Error("still selected when consent has expired")
	}
	n.tap = func(at time.Time, from, to netip.AddrPort, _ []byte) {
		t.Errorf("sent from %v to %v at %v", from, to, at.Sub(epoch))
	}
	n.drop = nil
	n.run(200 * time.Second)
	if a.agent.State() != Disconnected || b.agent.State() != Disconnected {
		t.Errorf("states %v, %v, want disconnected until FailedTimeout", a.agent.State(), b.agent.State())
	}
}

func TestDataCountsAgainstDisconnected(t *testing.T) {
	n, a, _ := connected(t, 10*ms)
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	n.run(4 * time.Second)
	a.do(func(x *Agent) { x.DataReceived(n.now) })
	n.run(60 * time.Second)
	if got := a.when(Disconnected); got != 9*time.Second {
		t.Errorf("disconnected at %v, want 5 s after the data", got)
	}
	// Old news does not bring it back to life.
	n, a, _ = connected(t, 10*ms)
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	n.run(10 * time.Second)
	a.do(func(x *Agent) { x.DataReceived(epoch.Add(2 * time.Second)) })
	if a.agent.State() != Disconnected {
		t.Errorf("state %v after data of 8 s ago", a.agent.State())
	}
	a.do(func(x *Agent) { x.DataReceived(n.now) })
	if s := a.agent.State(); s != Completed && s != Connected {
		t.Errorf("state %v after fresh data", s)
	}
}

// RFC 7675 section 5.1: requests 0.8 to 1.2 intervals apart, never retransmitted.
func TestConsentRequestsKeepTheirInterval(t *testing.T) {
	n, a, _ := connected(t, 0, func(c *AgentConfig) { c.KeepaliveInterval = time.Second })
	var times []time.Time
	ids := map[string]bool{}
	n.tap = func(at time.Time, from, _ netip.AddrPort, data []byte) {
		if from == a.paths[0].public && data[0] == 0 && data[1] == 1 {
			times = append(times, at)
			ids[string(data[8:20])] = true
		}
	}
	n.run(60 * time.Second)
	if len(times) < 50 || len(times) > 75 || len(ids) != len(times) {
		t.Fatalf("%d requests with %d transaction IDs in a minute", len(times), len(ids))
	}
	spread := map[time.Duration]bool{}
	for i := 1; i < len(times); i++ {
		gap := times[i].Sub(times[i-1])
		spread[gap] = true
		if gap < 800*ms || gap > 1200*ms {
			t.Errorf("requests %v apart", gap)
		}
	}
	if len(spread) < 10 {
		t.Error("intervals are not random")
	}
}

func TestConnectsAndStaysThroughLossReorderingAndDuplication(t *testing.T) {
	disconnected := 0 // five requests in a row that fail, 1 in 4000: rare, not impossible
	for seed := range uint64(20) {
		n := newNetwork(t, 50*ms)
		n.loss, n.twice, n.jitter = 0.1, 0.1, 80*ms
		n.random = rand.New(rand.NewPCG(seed, 1))
		a, b := n.pairOf()
		for _, x := range []string{"192.0.2.1:1000", "198.51.100.1:1001"} {
			a.path(x, "")
		}
		for _, x := range []string{"192.0.2.2:2000", "198.51.100.2:2001"} {
			b.path(x, "")
		}
		signal(a, b)
		n.run(3 * time.Minute)
		for _, x := range []*node{a, b} {
			if at := x.when(Connected); at < 0 || at > 5*time.Second {
				t.Errorf("seed %d: %s connected at %v", seed, x.name, at)
			}
			for _, s := range x.states() {
				if s == Disconnected {
					disconnected++
				}
			}
			if s := x.agent.State(); s != Completed {
				t.Errorf("seed %d: %s is %v", seed, x.name, s)
			}
		}
		pa, _ := a.agent.Selected()
		pb, _ := b.agent.Selected()
		if pa.Local.Addr != pb.Remote.Addr || pa.Remote.Addr != pb.Local.Addr {
			t.Errorf("seed %d: the ends selected different pairs", seed)
		}
	}
	if disconnected > 1 {
		t.Errorf("disconnected %d times in two hours", disconnected)
	}
}

func TestNeverConnecting(t *testing.T) {
	dead := func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	t.Run("bounded without end-of-candidates", func(t *testing.T) {
		n := newNetwork(t, 10*ms)
		n.drop = dead
		a, b := n.pairOf(func(c *AgentConfig) { c.DisconnectedTimeout, c.FailedTimeout = 2*time.Second, 3*time.Second })
		a.path("192.0.2.1:1000", "")
		b.path("192.0.2.2:2000", "")
		n.run(time.Second)
		a.gathered()
		a.do(func(x *Agent) { x.SetRemoteCredentials(n.now, b.local) })
		if a.agent.State() != New {
			t.Errorf("state %v without any remote candidate", a.agent.State())
		}
		a.add(b.paths[0].host().Candidate)
		n.run(20 * time.Second)
		a.wantStates(Checking, Failed)
		if got := a.when(Failed); got != 6*time.Second {
			t.Errorf("failed at %v, want 6 s", got)
		}
	})
	t.Run("when the checks are exhausted", func(t *testing.T) {
		// RFC 8489 section 6.2.1: with an RTO of 100 ms, transmissions at 0, 100,
		// 300, 700, 1500, 3100 and 6300 ms, and the end at 7900 ms.
		n := newNetwork(t, 10*ms)
		n.drop = dead
		var sent []time.Duration
		n.tap = func(at time.Time, _, _ netip.AddrPort, _ []byte) { sent = append(sent, at.Sub(epoch)) }
		a, b := n.pairOf(func(c *AgentConfig) { c.RTO = 100 * ms })
		a.path("192.0.2.1:1000", "")
		b.path("192.0.2.2:2000", "")
		a.gathered()
		a.learn(b)
		n.run(time.Minute)
		a.wantStates(Checking, Failed)
		if got := a.when(Failed); got != 7900*ms {
			t.Errorf("failed at %v, want 7.9 s", got)
		}
		want := []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 3100 * ms, 6300 * ms}
		if !slices.Equal(sent, want) {
			t.Errorf("transmissions at %v, want %v", sent, want)
		}
	})
	t.Run("without any pair", func(t *testing.T) {
		n := newNetwork(t, 10*ms)
		a, b := n.pairOf()
		a.path("192.0.2.1:1000", "")
		a.gathered()
		a.learn(b) // which has no candidates
		n.run(time.Minute)
		a.wantStates(Checking, Failed)
		if got := a.when(Failed); got != 30*time.Second {
			t.Errorf("failed at %v, want 30 s", got)
		}
	})
	t.Run("waiting for the peer's description has no limit", func(t *testing.T) {
		n := newNetwork(t, 10*ms)
		a, _ := n.pairOf()
		a.path("192.0.2.1:1000", "")
		a.gathered()
		n.run(time.Hour)
		a.wantStates()
	})
}

func TestLateAdvancePassesThroughTheStates(t *testing.T) {
	n, a, _ := connected(t, 10*ms)
	a.events = nil
	n.now = n.now.Add(time.Hour) // the machine slept
	a.do(func(x *Agent) { x.Advance(n.now) })
	a.wantStates(Disconnected, Failed)
}
