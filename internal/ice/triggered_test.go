package ice

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var scriptedPeer = Credentials{"peerfrag", "peer password of 22 characters"}

// manyRemotes is a node with one path and n remote candidates that never answer,
// at 198.51.100.1:1 and so on by falling priority.
func manyRemotes(t *testing.T, cfg AgentConfig, count int) (n *network, x *node, requests func(port uint16) [][]byte) {
	n = newNetwork(t, 0)
	x = n.node("x", cfg)
	x.path("192.0.2.1:1000", "")
	sent := map[uint16][][]byte{}
	x.onSend = func(d Datagram) bool {
		if d.Data[0] == 0 {
			sent[d.Remote.Port()] = append(sent[d.Remote.Port()], d.Data)
		}
		return false
	}
	x.gathered()
	x.do(func(a *Agent) { a.SetRemoteCredentials(n.now, scriptedPeer) })
	for i := range count {
		x.add(Candidate{Foundation: fmt.Sprint(i), Component: 1, Priority: uint32(1000 - i), Addr: scriptedAddr(i + 1)})
	}
	return n, x, func(port uint16) [][]byte { return sent[port] }
}

func scriptedAddr(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(port))
}

// RFC 8445 section 6.1.4.2: triggered checks come before ordinary ones.
func TestTriggeredCheckJumpsTheQueue(t *testing.T) {
	n, x, requests := manyRemotes(t, AgentConfig{Role: Controlled}, 8)
	if err := x.inject(x.paths[0], scriptedAddr(8), peerCheck(x.local, scriptedPeer, 1, Controlling, 9)); err != nil {
		t.Fatal(err)
	}
	n.run(50 * ms)
	if len(requests(8)) != 1 || len(requests(2)) != 0 {
		t.Errorf("in the next slot: %d checks triggered, %d ordinary", len(requests(8)), len(requests(2)))
	}
}

// RFC 8445 section 7.3.1.4: a check under way on the pair is cancelled, a new
// one follows; section 7.2.5.3 still takes the answer to the old one.
func TestCheckUnderWayIsReplacedByATriggeredOne(t *testing.T) {
	n, x, requests := manyRemotes(t, AgentConfig{Role: Controlled}, 1)
	n.run(120 * ms)
	if err := x.inject(x.paths[0], scriptedAddr(1), peerCheck(x.local, scriptedPeer, 1, Controlling, 9)); err != nil {
		t.Fatal(err)
	}
	sent := requests(1)
	if len(sent) != 2 || slices.Equal(sent[0], sent[1]) {
		t.Fatalf("%d checks, want a second one at once", len(sent))
	}
	n.run(3 * time.Second)
	if got := slices.IndexFunc(requests(1)[1:], func(d []byte) bool { return slices.Equal(d, sent[0]) }); got >= 0 {
		t.Error("the cancelled check is retransmitted")
	}
	if err := x.inject(x.paths[0], scriptedAddr(1), answerTo(sent[0], x.paths[0].private, scriptedPeer)); err != nil {
		t.Error(err)
	}
	if s := x.agent.Pairs()[0].State; s != PairSucceeded {
		t.Errorf("pair is %v after the answer to the cancelled check", s)
	}
}

// RFC 8445 section 7.2.5.1: the role is switched once, however many checks were
// under way.
func TestSeveralRoleConflictAnswersSwitchOnce(t *testing.T) {
	n, x, requests := manyRemotes(t, AgentConfig{Role: Controlling}, 2)
	n.run(60 * ms)
	for port := range 2 {
		var id transactionID
		copy(id[:], requests(uint16(port + 1))[0][8:])
		e := newEncoder(bindingError, id, 100)
		e.errorCode(codeRoleConflict, "Role Conflict")
		if err := x.inject(x.paths[0], scriptedAddr(port+1), e.finish(newIntegrity(scriptedPeer.Pwd))); err != nil {
			t.Fatal(err)
		}
	}
	if x.agent.Role() != Controlled || countEvents[*RoleChanged](x) != 1 {
		t.Errorf("role %v after %d changes", x.agent.Role(), countEvents[*RoleChanged](x))
	}
	n.run(200 * ms)
	for port := range uint16(2) { // "the pair is enqueued into the triggered-check queue"
		again := requests(port + 1)
		m, err := parseMessage(again[len(again)-1])
		if err != nil || m.role != attrControlled {
			t.Errorf("the repeated check has role %x, %v", m.role, err)
		}
	}
}

// RFC 8445 section 8.1.2: a selected pair ends the other checks.
func TestSelectionEndsTheOtherChecks(t *testing.T) {
	n, x, requests := manyRemotes(t, AgentConfig{Role: Controlled}, 8)
	if err := x.inject(x.paths[0], scriptedAddr(1), peerCheck(x.local, scriptedPeer, 1, Controlling, 9, attrUseCandidate)); err != nil {
		t.Fatal(err)
	}
	n.run(60 * ms)
	sent := requests(1)
	if err := x.inject(x.paths[0], scriptedAddr(1), answerTo(sent[len(sent)-1], x.paths[0].private, scriptedPeer)); err != nil {
		t.Fatal(err)
	}
	x.wantSelected("192.0.2.1:1000", "198.51.100.1:1")
	before := 0
	for port := range uint16(8) {
		before += len(requests(port + 2))
	}
	n.run(3 * time.Second) // then the silence of the selected pair ends the rest
	after := 0
	for port := range uint16(8) {
		after += len(requests(port + 2))
	}
	if before != after {
		t.Errorf("%d checks after selection", after-before)
	}
	x.do(func(a *Agent) { a.RemoteEnd(n.now) })
	if x.agent.State() != Completed {
		t.Errorf("state %v", x.agent.State())
	}
}

// W3C: "failed" needs both ends' candidates; more may come before.
func TestAllPairsFailingIsNotFailureWhileCandidatesMayCome(t *testing.T) {
	n, x, _ := manyRemotes(t, AgentConfig{Role: Controlling, RTO: 10 * ms}, 2)
	n.run(10 * time.Second)
	if x.agent.State() != Checking || x.agent.Pairs()[0].State != PairFailed {
		t.Errorf("state %v, pair %v", x.agent.State(), x.agent.Pairs()[0].State)
	}
	x.do(func(a *Agent) { a.RemoteEnd(n.now) })
	if x.agent.State() != Failed {
		t.Errorf("state %v when the peer has no more candidates", x.agent.State())
	}
}

// A pair that was valid long ago is no proof of consent today: it answers again
// before data moves to it.
func TestLateNominationOfAnOldPairIsCheckedFirst(t *testing.T) {
	s := newPeer(t)
	s.check(high, 300, false, 0)
	s.check(mid, 200, true, 0)
	s.n.run(40 * time.Second)
	s.x.wantSelected("192.0.2.1:1000", mid)
	s.check(high, 300, true, 0)
	s.x.wantSelected("192.0.2.1:1000", high)
	s.n.run(80 * time.Second)
	if s := s.x.agent.State(); s != Connected {
		t.Errorf("state %v", s)
	}
	if countEvents[*ConsentLost](s.x) != 0 {
		t.Error("consent was lost")
	}
}
