package ice

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// RFC 8445 section 6.1.2.3, by hand: 2^32*min + 2*max + (G>D).
func TestPairPriority(t *testing.T) {
	tests := []struct {
		g, d uint32
		want uint64
	}{
		{1, 1, 1<<32 + 2}, {2, 1, 1<<32 + 4 + 1}, {1, 2, 1<<32 + 4},
		{2130706431, 1694498815, 1694498815<<32 + 2*2130706431 + 1},
	}
	for _, test := range tests {
		if got := pairPriority(test.g, test.d); got != test.want {
			t.Errorf("priority of %d, %d is %d, want %d", test.g, test.d, got, test.want)
		}
	}
	// RFC 8445 section 5.1.2.1 with the recommended preferences.
	if got := candidatePriority(Host, 0xffff, 1); got != 2130706431 {
		t.Errorf("host priority %d", got)
	}
	if got := candidatePriority(ServerReflexive, 0xffff, 2); got != 1694498814 {
		t.Errorf("srflx priority %d", got)
	}
}

// RFC 8445 section 14.2: new checks are Ta apart, the first one at once; section
// 6.1.4.2: by priority; a retransmission takes no turn.
func TestOrdinaryChecksArePaced(t *testing.T) {
	n := newNetwork(t, 0)
	n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
	a, b := n.pairOf()
	a.path("192.0.2.1:1000", "")
	for i := range 8 {
		b.path(fmt.Sprintf("198.51.100.%d:2000", i+1), "")
	}
	type send struct {
		at time.Duration
		to string
	}
	var first []send
	seen := map[string]bool{}
	n.tap = func(at time.Time, _, to netip.AddrPort, data []byte) {
		if id := string(data[8:20]); !seen[id] {
			seen[id] = true
			first = append(first, send{at.Sub(epoch), to.String()})
		}
	}
	a.gathered()
	a.learn(b)
	n.run(2 * time.Second)
	if len(first) != 8 {
		t.Fatalf("%d checks", len(first))
	}
	for i, s := range first {
		want := send{time.Duration(i) * 50 * ms, fmt.Sprintf("198.51.100.%d:2000", i+1)}
		if s != want {
			t.Errorf("check %d: %v, want %v", i, s, want)
		}
	}
}

// RFC 8445 section 6.1.2.6: one pair of a foundation at a time, until one
// succeeds, which sets the others Waiting (section 7.2.5.3.3).
func TestPairsOfOneFoundationAreFrozen(t *testing.T) {
	n := newNetwork(t, 10*ms)
	x := n.node("a", AgentConfig{Role: Controlled})
	p := x.path("192.0.2.1:1000", "")
	x.gathered()
	peer := Credentials{"peerfrag", "peer password of 22 characters"}
	x.do(func(a *Agent) { a.SetRemoteCredentials(n.now, peer) })
	for i := range 4 {
		c := Candidate{Foundation: fmt.Sprint(i % 2), Component: 1, Priority: uint32(100 - i),
			Addr: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(i+1))}
		x.do(func(a *Agent) { _ = a.AddRemoteCandidate(n.now, c) })
	}
	states := func() (all []PairState) {
		for _, p := range x.agent.Pairs() {
			all = append(all, p.State)
		}
		return all
	}
	var request []byte
	n.tap = func(_ time.Time, _, to netip.AddrPort, data []byte) {
		if to.Port() == 1 {
			request = data
		}
	}
	if got := states(); !slices.Equal(got, []PairState{PairInProgress, PairWaiting, PairFrozen, PairFrozen}) {
		t.Fatalf("%v", got)
	}
	n.run(60 * ms)
	if got := states(); !slices.Equal(got, []PairState{PairInProgress, PairInProgress, PairFrozen, PairFrozen}) {
		t.Errorf("after 60 ms: %v", got)
	}
	n.run(600 * ms) // the retransmission gives us the request
	answer := answerTo(request, p.private, peer)
	if err := x.inject(p, netip.MustParseAddrPort("198.51.100.1:1"), answer); err != nil {
		t.Fatal(err)
	}
	if got := states(); !slices.Equal(got, []PairState{PairSucceeded, PairInProgress, PairInProgress, PairFrozen}) {
		t.Errorf("after success: %v", got)
	}
}

// answerTo is a peer's success response.
func answerTo(request []byte, mapped netip.AddrPort, peer Credentials) []byte {
	var id transactionID
	copy(id[:], request[8:])
	e := newEncoder(bindingSuccess, id, 100)
	e.xorAddress(mapped)
	return e.finish(newIntegrity(peer.Pwd))
}

// RFC 8445 section 6.1.2.5: the lowest priorities go first.
func TestChecklistKeepsTheBestPairs(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("a", AgentConfig{MaxPairs: 4})
	x.path("192.0.2.1:1000", "")
	x.gathered()
	for _, i := range []uint32{5, 3, 9, 1, 7, 2, 8, 4, 6} {
		c := Candidate{Foundation: fmt.Sprint(i), Component: 1, Priority: i,
			Addr: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(i))}
		x.do(func(a *Agent) { _ = a.AddRemoteCandidate(n.now, c) })
	}
	var got []uint32
	for _, p := range x.agent.Pairs() {
		got = append(got, p.Remote.Priority)
	}
	if !slices.Equal(got, []uint32{9, 8, 7, 6}) {
		t.Errorf("kept %v", got)
	}
}

// RFC 8445 section 7.2.5.2.1: an answer from elsewhere fails the pair.
func TestAsymmetricAnswerFailsThePair(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("a", AgentConfig{})
	p := x.path("192.0.2.1:1000", "")
	peer := Credentials{"peerfrag", "peer password of 22 characters"}
	var request []byte
	n.tap = func(_ time.Time, _, _ netip.AddrPort, data []byte) { request = data }
	x.gathered()
	x.do(func(a *Agent) { a.SetRemoteCredentials(n.now, peer) })
	x.add(Candidate{Foundation: "1", Component: 1, Priority: 1, Addr: netip.MustParseAddrPort("198.51.100.1:1")})
	if err := x.inject(p, netip.MustParseAddrPort("198.51.100.1:2"), answerTo(request, p.private, peer)); err == nil {
		t.Error("accepted")
	}
	if s := x.agent.Pairs()[0].State; s != PairFailed {
		t.Errorf("pair is %v", s)
	}
}

func TestLosingTheSelectedPathFindsAnother(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	first := a.path("192.0.2.1:1000", "")
	a.path("198.51.100.1:1001", "")
	b.path("192.0.2.2:2000", "")
	signal(a, b)
	n.run(5 * time.Second)
	a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
	a.events = nil
	a.do(func(x *Agent) { x.RemoveLocal(n.now, first.id) })
	if a.agent.State() != Disconnected || countEvents[*ConsentLost](a) != 1 {
		t.Errorf("state %v", a.agent.State())
	}
	n.run(20 * time.Second)
	a.wantStates(Disconnected, Connected, Completed)
	a.wantSelected("198.51.100.1:1001", "192.0.2.2:2000")
	b.wantSelected("192.0.2.2:2000", "198.51.100.1:1001")
}
