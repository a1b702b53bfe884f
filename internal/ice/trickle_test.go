package ice

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// RFC 8838: candidates, credentials and end-of-candidates come in any order and
// at any time, and the outcome is the same.
func TestTrickleInEveryOrder(t *testing.T) {
	steps := map[string]func(x, peer *node){
		"locals": func(x, _ *node) { x.gathered() },
		"credentials": func(x, peer *node) {
			x.do(func(a *Agent) { a.SetRemoteCredentials(x.net.now, peer.local) })
		},
		"remotes": func(x, peer *node) {
			for _, c := range peer.candidates() {
				x.add(c.Candidate)
			}
		},
		"end": func(x, _ *node) { x.do(func(a *Agent) { a.RemoteEnd(x.net.now) }) },
	}
	names := []string{"locals", "credentials", "remotes", "end"}
	for _, orderA := range permutations(names) {
		for _, gap := range []time.Duration{0, 35 * ms} {
			for _, orderB := range [][]string{names, {"end", "remotes", "credentials", "locals"}, {"locals", "remotes", "end", "credentials"}} {
				n := newNetwork(t, 10*ms)
				a, b := n.pairOf()
				a.path("192.0.2.1:1000", "")
				b.path("192.0.2.2:2000", "")
				for i := range names {
					steps[orderA[i]](a, b)
					n.run(n.now.Sub(epoch) + gap)
					steps[orderB[i]](b, a)
					n.run(n.now.Sub(epoch) + gap)
				}
				n.run(n.now.Sub(epoch) + 2*time.Second)
				if a.agent.State() != Completed || b.agent.State() != Completed {
					t.Fatalf("%v and %v, %v apart: %v, %v", orderA, orderB, gap, a.agent.State(), b.agent.State())
				}
			}
		}
	}
}

func permutations(s []string) [][]string {
	if len(s) <= 1 {
		return [][]string{slices.Clone(s)}
	}
	var all [][]string
	for i := range s {
		rest := append(slices.Clone(s[:i]), s[i+1:]...)
		for _, p := range permutations(rest) {
			all = append(all, append([]string{s[i]}, p...))
		}
	}
	return all
}

// Two hosts, each behind a NAT that only lets answers in. RFC 8445 section
// 7.2.5.3.1: the mapped address matches the server-reflexive candidate.
func TestConnectsThroughTwoNATs(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	a.path("10.0.0.1:1000", "192.0.2.1:1111")
	b.path("10.0.0.2:2000", "192.0.2.2:2222")
	signal(a, b)
	n.run(2 * time.Second)
	a.wantSelected("192.0.2.1:1111", "192.0.2.2:2222")
	b.wantSelected("192.0.2.2:2222", "192.0.2.1:1111")
	p, _ := a.agent.Selected()
	if p.Local.Type != ServerReflexive || p.Remote.Type != ServerReflexive {
		t.Errorf("selected %v to %v", p.Local.Type, p.Remote.Type)
	}
	if at := a.when(Connected); at > 250*ms {
		t.Errorf("connected at %v: the triggered check was late", at)
	}
}

// RFC 8445 sections 7.2.5.3.1 and 7.3.1.3: neither end signals what the NAT
// makes of it, so both learn a peer-reflexive candidate.
func TestLearnsPeerReflexiveCandidates(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	pa := a.path("10.0.0.1:1000", "192.0.2.1:1111")
	b.path("192.0.2.2:2000", "")
	a.do(func(x *Agent) { x.AddLocalCandidate(n.now, pa.host()); x.LocalEnd(n.now) })
	b.gathered()
	a.learn(b)
	b.do(func(x *Agent) { x.SetRemoteCredentials(n.now, a.local) })
	b.add(pa.host().Candidate)
	b.do(func(x *Agent) { x.RemoteEnd(n.now) })
	n.run(500 * ms)
	a.wantSelected("192.0.2.1:1111", "192.0.2.2:2000")
	b.wantSelected("192.0.2.2:2000", "192.0.2.1:1111")
	pair, _ := a.agent.Selected()
	if pair.Local.Type != PeerReflexive || pair.Local.Base != pa.private {
		t.Errorf("local candidate is %v of %v", pair.Local.Type, pair.Local.Base)
	}
	e := lastEvent[*RemotePeerReflexive](b)
	if e == nil || countEvents[*RemotePeerReflexive](b) != 1 {
		t.Fatal("not reported once")
	}
	host := pa.host()
	if e.Candidate.Type != PeerReflexive || e.Candidate.Priority != peerReflexivePriority(&host.Candidate) {
		t.Errorf("learnt %v", e.Candidate)
	}
	// RFC 8838 section 11: the signalled candidate takes the learnt one's place.
	b.add(pa.reflexive().Candidate)
	b.agent.checkInvariants(t)
	all := b.agent.RemoteCandidates()
	if len(all) != 2 || all[1].Type != ServerReflexive || all[1].Foundation != pa.reflexive().Foundation {
		t.Errorf("remote candidates %v", all)
	}
	b.wantSelected("192.0.2.2:2000", "192.0.2.1:1111")
}

func TestRemoteCandidateAfterItsChecks(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	a.gathered()
	b.gathered()
	b.do(func(x *Agent) { x.SetRemoteCredentials(n.now, a.local) })
	a.learn(b)
	n.run(15 * ms)
	b.add(a.candidates()[0].Candidate)
	b.do(func(x *Agent) { x.RemoteEnd(n.now) })
	n.run(time.Second)
	all := b.agent.RemoteCandidates()
	if len(all) != 1 || all[0].Type != Host {
		t.Errorf("remote candidates %v", all)
	}
	if len(b.agent.Pairs()) != 1 || b.agent.State() != Completed || a.agent.State() != Completed {
		t.Errorf("%d pairs, states %v, %v", len(b.agent.Pairs()), a.agent.State(), b.agent.State())
	}
}

func TestRemoteCandidatesThatAreRefusedOrIgnored(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("a", AgentConfig{MaxRemoteCandidates: 3})
	p4, p6 := x.path("192.0.2.1:1000", ""), x.path("[fe80::1%eth0]:1000", "")
	for _, p := range []*testPath{p4, p6} {
		x.do(func(a *Agent) { a.AddLocalCandidate(n.now, p.host()) })
	}
	x.do(func(a *Agent) {
		a.SetRemoteCredentials(n.now, Credentials{"peerfrag", "peer password of 22 characters"})
	})
	tests := []struct {
		line  string
		err   error
		pairs int
	}{
		{"1 1 udp 1 0a1b2c.local 9 typ host", ErrUnresolved, 0},
		{"1 1 udp 1 192.0.2.7 9 typ host ufrag other", ErrUnknownGeneration, 0},
		{"1 2 udp 1 192.0.2.7 9 typ host", nil, 0},
		{"1 1 tcp 1 192.0.2.7 9 typ host tcptype active", nil, 0},
		{"1 1 udp 5 192.0.2.7 9 typ host ufrag peerfrag", nil, 1},
		{"2 1 udp 7 192.0.2.7 9 typ srflx raddr 0.0.0.0 rport 0", nil, 1}, // RFC 8838: a duplicate
		{"1 1 udp 1 fe80::2 9 typ host", nil, 2},
		{"1 1 udp 1 192.0.2.8 9 typ host", ErrTooManyCandidates, 2},
	}
	for _, test := range tests {
		c, err := ParseCandidate(test.line)
		if err != nil {
			t.Fatal(err)
		}
		x.do(func(a *Agent) {
			if err := a.AddRemoteCandidate(n.now, c); !errors.Is(err, test.err) {
				t.Errorf("%s: %v, want %v", test.line, err, test.err)
			}
		})
		if got := len(x.agent.Pairs()); got != test.pairs {
			t.Errorf("%s: %d pairs, want %d", test.line, got, test.pairs)
		}
	}
	// A link-local destination needs the zone of the interface it is behind.
	for _, p := range x.agent.Pairs() {
		if p.Remote.Addr.Addr().Is6() && p.Remote.Addr.String() != "[fe80::2%eth0]:9" {
			t.Errorf("link-local destination %v", p.Remote.Addr)
		}
	}
}

func TestPairsMakeSense(t *testing.T) {
	tests := []struct {
		local, remote string
		want          bool
	}{
		{"192.0.2.1:1", "192.0.2.2:2", true},
		{"192.0.2.1:1", "[2001:db8::1]:2", false},
		{"[2001:db8::2]:1", "[2001:db8::1]:2", true},
		{"[2001:db8::2]:1", "[fe80::1]:2", false},
		{"[fe80::2%eth0]:1", "[fe80::1]:2", true},
		{"[fe80::2%eth0]:1", "[2001:db8::1]:2", false},
		{"192.0.2.1:1", "127.0.0.1:2", false},
		{"127.0.0.1:1", "127.0.0.1:2", true},
		{"127.0.0.1:1", "192.0.2.1:2", false},
		{"192.0.2.1:1", "0.0.0.0:2", false},
		{"192.0.2.1:1", "224.0.0.1:2", false},
		{"192.0.2.1:1", "192.0.2.2:0", false},
	}
	for _, test := range tests {
		p := testPath{id: 1, private: netip.MustParseAddrPort(test.local)}
		l := p.host()
		r := Candidate{Component: 1, Addr: netip.MustParseAddrPort(test.remote)}
		if got := pairable(&l, &r); got != test.want {
			t.Errorf("%s with %s: %v", test.local, test.remote, got)
		}
	}
}

// A remote peer must not make us hold more than configured, whichever way it
// brings candidates.
func TestCapsHold(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("a", AgentConfig{Role: Controlled, MaxPairs: 10, MaxRemoteCandidates: 8})
	p := x.path("192.0.2.1:1000", "")
	peer := Credentials{"peerfrag", "peer password of 22 characters"}
	x.gathered()
	x.do(func(a *Agent) { a.SetRemoteCredentials(n.now, peer) })
	for i := range 200 {
		// Checks from ever new addresses, and signalled candidates between them.
		from := netip.MustParseAddrPort(fmt.Sprintf("198.51.100.%d:%d", i%250+1, 3000+i))
		if err := x.inject(p, from, peerCheck(x.local, peer, byte(i), Controlling, 99)); err != nil {
			t.Fatal(err)
		}
		c := Candidate{Foundation: "1", Component: 1, Priority: uint32(i + 1),
			Addr: netip.AddrPortFrom(netip.MustParseAddr("203.0.113.5"), uint16(i+1))}
		x.do(func(a *Agent) { _ = a.AddRemoteCandidate(n.now, c) })
	}
	if got := len(x.agent.RemoteCandidates()); got > 16 {
		t.Errorf("%d remote candidates", got)
	}
	if got := len(x.agent.Pairs()); got != 10 {
		t.Errorf("%d pairs, want 10", got)
	}
	// Before the peer is known, too.
	y := n.node("b", AgentConfig{})
	q := y.path("192.0.2.2:1000", "")
	y.gathered()
	for i := range 200 {
		from := netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(i+1))
		_ = y.inject(q, from, peerCheck(y.local, peer, byte(i), Controlled, 99))
	}
	if got := len(y.agent.current.early); got != maxEarlyRequests {
		t.Errorf("%d early checks", got)
	}
}

// peerCheck is an authentic check from a peer.
func peerCheck(to, from Credentials, id byte, role Role, tieBreaker uint64, extra ...uint16) []byte {
	e := newEncoder(bindingRequest, transactionID{1, 2, id}, 200)
	e.text(attrUsername, to.Ufrag+":"+from.Ufrag)
	e.uint32(attrPriority, 1000+uint32(id))
	if role == Controlling {
		e.uint64(attrControlling, tieBreaker)
	} else {
		e.uint64(attrControlled, tieBreaker)
	}
	for _, typ := range extra {
		e.attribute(typ, 0)
	}
	return e.finish(newIntegrity(to.Pwd))
}
