package ice

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// outcome is what an intruder must not be able to change.
type outcome struct {
	state     State
	role      Role
	selected  Pair
	pairs     int
	remotes   int
	deadline  time.Time
	events    int
	sent      int
	consented time.Time
}

func (x *node) outcome() outcome {
	s, _ := x.agent.Selected()
	s.Local.Extensions, s.Remote.Extensions = nil, nil
	_, p := x.agent.carrier()
	return outcome{
		state: x.agent.State(), role: x.agent.Role(), selected: s, pairs: len(x.agent.Pairs()),
		remotes: len(x.agent.RemoteCandidates()), deadline: x.agent.Deadline(), events: len(x.events), sent: x.net.sent,
		consented: p.lastResponse,
	}
}

func equalOutcome(a, b outcome) bool {
	sa, sb := a.selected, b.selected
	same := sa.Local.Addr == sb.Local.Addr && sa.Remote.Addr == sb.Remote.Addr
	return same && a.state == b.state && a.role == b.role && a.pairs == b.pairs && a.remotes == b.remotes &&
		a.deadline.Equal(b.deadline) && a.events == b.events && a.sent == b.sent && a.consented.Equal(b.consented)
}

// RFC 8489 section 9.1.3 allows errors 400 and 401 for these; none are sent,
// so that nothing can be reflected or amplified.
func TestForgedMessagesChangeNothing(t *testing.T) {
	n, a, b := connected(t, 10*ms)
	n.run(5 * time.Second)
	right := newIntegrity(a.local.Pwd)
	wrong := newIntegrity("wrong password of 22 chars")
	name := a.local.Ufrag + ":" + b.local.Ufrag
	build := func(typ messageType, username string, role uint16, key *integrity) []byte {
		e := newEncoder(typ, transactionID{7}, 200)
		e.text(attrUsername, username)
		e.uint32(attrPriority, 77)
		e.uint64(role, 1<<63)
		e.attribute(attrUseCandidate, 0)
		if key == nil {
			return withFingerprint(e.b)
		}
		return e.finish(key)
	}
	flipped := build(bindingRequest, name, attrControlled, right)
	binary.BigEndian.PutUint32(flipped[len(flipped)-4:], 0)
	unprinted := build(bindingRequest, name, attrControlled, right)
	unprinted = slices.Clone(unprinted[:len(unprinted)-8])
	binary.BigEndian.PutUint16(unprinted[2:], uint16(len(unprinted)-headerSize))
	response := newEncoder(bindingSuccess, transactionID{7}, 100)
	response.xorAddress(netip.MustParseAddrPort("203.0.113.1:9"))
	tests := []struct {
		name string
		data []byte
		err  error
	}{
		{"wrong password", build(bindingRequest, name, attrControlling, wrong), ErrIntegrity},
		{"no integrity", build(bindingRequest, name, attrControlling, nil), ErrIntegrity},
		{"other user", build(bindingRequest, "x:y", attrControlling, right), ErrUsername},
		{"peer's fragment unknown", build(bindingRequest, a.local.Ufrag+":other", attrControlling, right), ErrUsername},
		{"no colon", build(bindingRequest, a.local.Ufrag, attrControlling, right), ErrUsername},
		{"our own request reflected", build(bindingRequest, b.local.Ufrag+":"+a.local.Ufrag, attrControlling, newIntegrity(b.local.Pwd)), ErrUsername},
		{"bad fingerprint", flipped, ErrFingerprint},
		{"no fingerprint", unprinted, ErrFingerprint},
		{"answer to nothing", response.finish(newIntegrity(b.local.Pwd)), ErrUnknownTransaction},
		{"other method", build(0x0003, name, attrControlling, right), ErrUnsupportedMethod},
		{"indication", build(bindingIndication, name, attrControlling, right), nil},
		{"empty", nil, ErrNotSTUN},
		{"DTLS", []byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ErrNotSTUN},
	}
	for _, test := range tests {
		before := a.outcome()
		for _, from := range []netip.AddrPort{b.paths[0].public, netip.MustParseAddrPort("203.0.113.66:6")} {
			if err := a.inject(a.paths[0], from, test.data); !errors.Is(err, test.err) {
				t.Errorf("%s: %v, want %v", test.name, err, test.err)
			}
			if a.agent.Verifier().Verify(test.data) && test.name != "answer to nothing" {
				t.Errorf("%s: the verifier accepts it", test.name)
			}
		}
		if after := a.outcome(); !equalOutcome(before, after) {
			t.Errorf("%s: %+v became %+v", test.name, before, after)
		}
	}
}

// What an eavesdropper has recorded is worth nothing, but for the answer to a
// repeated request, which is no larger than it.
func TestReplayedMessagesChangeNothing(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	type record struct {
		from, to netip.AddrPort
		data     []byte
	}
	var recorded []record
	n.tap = func(_ time.Time, from, to netip.AddrPort, data []byte) {
		recorded = append(recorded, record{from, to, slices.Clone(data)})
	}
	signal(a, b)
	n.run(8 * time.Second)
	n.tap = nil
	var sent, answered int
	for _, x := range []*node{a, b} {
		x.onSend = func(d Datagram) bool {
			answered += len(d.Data)
			return false
		}
	}
	for range 3 {
		for _, r := range recorded {
			for _, x := range []*node{a, b} {
				if r.to != x.paths[0].public {
					continue
				}
				before := x.outcome()
				_ = x.inject(x.paths[0], r.from, r.data)
				sent += len(r.data)
				if after := x.outcome(); !equalOutcome(before, after) {
					t.Errorf("%s: %+v became %+v", x.name, before, after)
				}
			}
		}
	}
	if answered > sent {
		t.Errorf("%d bytes answered to %d bytes", answered, sent)
	}
	// From another address a replay makes a candidate, as RFC 8445 section
	// 7.3.1.3 wants, which never becomes valid.
	selected, _ := b.agent.Selected()
	for i, r := range recorded {
		if r.to == b.paths[0].public {
			_ = b.inject(b.paths[0], netip.AddrPortFrom(netip.MustParseAddr("203.0.113.66"), uint16(i+1)), r.data)
		}
	}
	n.run(9 * time.Second)
	if now, ok := b.agent.Selected(); !ok || now.Remote.Addr != selected.Remote.Addr {
		t.Errorf("selected %v", now.Remote.Addr)
	}
}

// Whatever bytes come, mutated from real ones, neither state nor memory follow.
func TestMutatedMessagesChangeNothing(t *testing.T) {
	n, a, b := connected(t, 10*ms)
	var pool [][]byte
	n.tap = func(_ time.Time, _, to netip.AddrPort, data []byte) { pool = append(pool, slices.Clone(data)) }
	n.run(20 * time.Second)
	n.tap = nil
	before := a.outcome()
	r := rand.New(rand.NewPCG(4, 5))
	for range 20000 {
		data := slices.Clone(pool[r.IntN(len(pool))])
		for range 1 + r.IntN(4) {
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
		data = data[:len(data)-r.IntN(2)*r.IntN(len(data))]
		if a.agent.Verifier().Verify(data) && !slices.ContainsFunc(pool, func(p []byte) bool { return string(p) == string(data) }) {
			t.Fatalf("verified %x", data)
		}
		_ = a.inject(a.paths[0], b.paths[0].public, data)
	}
	after := a.outcome()
	before.sent, after.sent = 0, 0 // unharmed copies are answered
	if !equalOutcome(before, after) {
		t.Errorf("%+v became %+v", before, after)
	}
}

// RFC 8489 section 6.3.1: a request with a comprehension-required attribute that
// we do not know is answered with 420, and has no other effect.
func TestUnknownRequiredAttributeIsRefused(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("a", AgentConfig{Role: Controlled})
	p := x.path("192.0.2.1:1000", "")
	x.gathered()
	peer := Credentials{"peerfrag", "peer password of 22 characters"}
	x.do(func(a *Agent) { a.SetRemoteCredentials(n.now, peer) })
	var answer []byte
	x.onSend = func(d Datagram) bool { answer = d.Data; return false }
	if err := x.inject(p, netip.MustParseAddrPort("198.51.100.1:1"), peerCheck(x.local, peer, 1, Controlling, 9, 0x7ffe, 0xfffe)); err != nil {
		t.Fatal(err)
	}
	m, err := parseMessage(answer)
	if err != nil || m.typ != bindingError || m.errorCode != 420 || !m.checkFingerprint() || !newIntegrity(x.local.Pwd).check(&m) {
		t.Errorf("answer %x: %v", answer, err)
	}
	if len(x.agent.Pairs()) != 0 {
		t.Error("it made a pair")
	}
}

func TestRequestOnAnUnknownPathIsDropped(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("a", AgentConfig{})
	x.gathered() // no candidate at all, as with the relay policy
	err := x.agent.HandleDatagram(n.now, Datagram{Local: 4, Remote: netip.MustParseAddrPort("198.51.100.1:1"),
		Data: peerCheck(x.local, Credentials{"peerfrag", ""}, 1, Controlled, 9)})
	if !errors.Is(err, ErrUnknownLocal) {
		t.Error(err)
	}
	if _, ok := x.agent.NextDatagram(); ok {
		t.Error("answered")
	}
}

// An owner that does not drain must not make the queue grow.
func TestOutputQueueIsBounded(t *testing.T) {
	n := newNetwork(t, 0)
	x := n.node("a", AgentConfig{})
	p := x.path("192.0.2.1:1000", "")
	x.gathered()
	data := peerCheck(x.local, Credentials{"peerfrag", ""}, 1, Controlled, 9)
	for range 5000 {
		_ = x.agent.HandleDatagram(n.now, Datagram{Local: p.id, Remote: netip.MustParseAddrPort("198.51.100.1:1"), Data: data})
	}
	x.agent.checkInvariants(t)
}
