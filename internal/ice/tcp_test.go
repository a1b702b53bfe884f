package ice

import (
	"net/netip"
	"testing"
	"time"
)

// RFC 6544 section 4.2: direction 6 for active, 4 for passive, in the upper three bits
// of the local preference; RFC 8445 section 5.1.2.1 for the rest. UDP comes first.
func TestTCPCandidatesRankBelowUDP(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	add := func(id LocalID, addr, tcpType string) {
		x.g.AddSocket(x.now, LocalSocket{ID: id, Addr: netip.MustParseAddrPort(addr), TCPType: tcpType})
	}
	add(1, "192.0.2.1:5000", "")
	add(2, "192.0.2.1:443", TCPPassive)
	add(3, "192.0.2.1:9", TCPActive)
	add(4, "192.0.2.2:9", TCPActive)
	add(5, "192.0.2.1:5000", TCPPassive) // the port of the UDP candidate
	x.drain()
	var lines []string
	var found []Candidate
	for _, e := range x.events {
		if c, ok := e.(*GatherCandidate); ok {
			found = append(found, c.Candidate.Candidate)
			lines = append(lines, c.Candidate.String())
		}
	}
	if len(found) != 5 {
		t.Fatalf("candidates %q, want 5", lines)
	}
	for i, want := range []struct {
		direction, typ uint32
	}{1: {4, 99}, 2: {6, 99}, 3: {6, 99}, 4: {4, 99}} {
		if i == 0 {
			continue
		}
		if p := found[i].Priority; p>>24 != want.typ || p>>21&7 != want.direction {
			t.Errorf("%s: type preference %d and direction %d, want %d and %d", lines[i], p>>24, p>>21&7, want.typ, want.direction)
		}
	}
	if reflexive := candidatePriority(ServerReflexive, 0, 1); found[2].Priority >= reflexive {
		t.Errorf("TCP of a host has %d, not below server-reflexive UDP's %d", found[2].Priority, reflexive)
	}
	seen := map[uint32]bool{}
	for i, c := range found {
		if seen[c.Priority] {
			t.Errorf("priority of %s is another's too", lines[i])
		}
		seen[c.Priority] = true
	}
	if found[2].Foundation == found[1].Foundation || found[2].Foundation == found[0].Foundation {
		t.Error("a foundation is shared across transports")
	}
	parsed, err := ParseCandidate(lines[2])
	if err != nil || parsed.TCPType != TCPActive || parsed.Addr.Port() != ActivePort {
		t.Errorf("%s is read as %+v, %v", lines[2], parsed, err)
	}
}

// RFC 6544 section 6.2, and the ports that no connection is made to.
func TestTCPPairs(t *testing.T) {
	for _, test := range []struct {
		local, remote, addr string
		want                bool
	}{
		{TCPActive, TCPPassive, "198.51.100.1:5000", true},
		{TCPActive, TCPActive, "198.51.100.1:9", false},
		{TCPPassive, TCPActive, "198.51.100.1:9", false},
		{TCPPassive, TCPPassive, "198.51.100.1:5000", false},
		{TCPActive, "so", "198.51.100.1:5000", false},
		{TCPActive, TCPPassive, "198.51.100.1:443", true},
		{TCPActive, TCPPassive, "198.51.100.1:25", false},
		{TCPActive, TCPPassive, "10.0.0.1:443", false},
		{TCPActive, TCPPassive, "10.0.0.1:8443", true},
		{"", TCPPassive, "198.51.100.1:5000", false},
	} {
		l := LocalCandidate{Base: netip.MustParseAddrPort("192.0.2.1:9"), Candidate: Candidate{Component: 1, TCPType: test.local}}
		if test.local != "" {
			l.Transport = TCP
		}
		r := Candidate{Component: 1, Transport: TCP, TCPType: test.remote, Addr: netip.MustParseAddrPort(test.addr)}
		if got := pairable(&l, &r); got != test.want {
			t.Errorf("%s with %s at %s: %v, want %v", test.local, test.remote, test.addr, got, test.want)
		}
	}
}

// tcpAgent is an agent with one active candidate, and a peer that is passive.
func tcpAgent(t *testing.T) (*Agent, netip.AddrPort) {
	t.Helper()
	remote := netip.MustParseAddrPort("192.0.2.2:4000")
	a := NewAgent(AgentConfig{Role: Controlling, TieBreaker: 1, Local: NewCredentials(nil), FailedTimeout: 10 * time.Minute})
	base := netip.MustParseAddrPort("192.0.2.1:9")
	a.AddLocalCandidate(epoch, LocalCandidate{ID: 1, Base: base, Candidate: Candidate{
		Foundation: "1", Component: 1, Transport: TCP, TCPType: TCPActive, Addr: base, Priority: candidatePriorityOver(TCP, Host, 1, 1),
	}})
	a.SetRemoteCredentials(epoch, NewCredentials(nil))
	if err := a.AddRemoteCandidate(epoch, Candidate{
		Foundation: "1", Component: 1, Transport: TCP, TCPType: TCPPassive, Addr: remote, Priority: candidatePriorityOver(TCP, Host, 1, 1),
	}); err != nil {
		t.Fatal(err)
	}
	return a, remote
}

// RFC 8489 section 6.2.2: over a reliable transport a request is sent once, and has
// failed after 39.5 s.
func TestTCPChecksAreSentOnce(t *testing.T) {
	a, remote := tcpAgent(t)
	sent := 0
	for now := epoch; now.Before(epoch.Add(39 * time.Second)); now = now.Add(100 * ms) {
		a.Advance(now)
		for {
			d, ok := a.NextDatagram()
			if !ok {
				break
			}
			if sent++; d.Remote != remote {
				t.Errorf("sent to %v", d.Remote)
			}
		}
	}
	if sent != 1 {
		t.Errorf("sent %d times, want once", sent)
	}
	if s := a.Pairs()[0].State; s != PairInProgress {
		t.Errorf("pair is %v before its time is over", s)
	}
	a.Advance(epoch.Add(reliableTimeout + 100*ms))
	if s := a.Pairs()[0].State; s != PairFailed {
		t.Errorf("pair is %v after its time, want failed", s)
	}
}

func TestATCPConnectionThatIsNotMadeFailsItsPair(t *testing.T) {
	a, remote := tcpAgent(t)
	a.Advance(epoch)
	a.ConnectionEnded(epoch.Add(time.Second), 1, netip.MustParseAddrPort("192.0.2.2:4001")) // another
	if s := a.Pairs()[0].State; s != PairInProgress {
		t.Errorf("pair is %v", s)
	}
	a.ConnectionEnded(epoch.Add(time.Second), 1, remote)
	if s := a.Pairs()[0].State; s != PairFailed {
		t.Errorf("pair is %v, want failed", s)
	}
}

// A passive end fails no sooner than the peer could have connected.
func TestAPassiveEndWaitsForThePeer(t *testing.T) {
	a := NewAgent(AgentConfig{Role: Controlled, TieBreaker: 1, Local: NewCredentials(nil)})
	add := func(id LocalID, addr, tcpType string, transport Transport) {
		base := netip.MustParseAddrPort(addr)
		a.AddLocalCandidate(epoch, LocalCandidate{ID: id, Base: base, Candidate: Candidate{
			Foundation: "1", Component: 1, Transport: transport, TCPType: tcpType, Addr: base, Priority: uint32(id),
		}})
	}
	add(1, "192.0.2.1:5000", "", UDP)
	add(2, "192.0.2.1:5000", TCPPassive, TCP)
	a.SetRemoteCredentials(epoch, NewCredentials(nil))
	for _, c := range []Candidate{
		{Foundation: "1", Component: 1, Addr: netip.MustParseAddrPort("192.0.2.2:4000"), Priority: 1},
		{Foundation: "2", Component: 1, Transport: TCP, TCPType: TCPActive, Addr: netip.MustParseAddrPort("192.0.2.2:9"), Priority: 1},
	} {
		if err := a.AddRemoteCandidate(epoch, c); err != nil {
			t.Fatal(err)
		}
	}
	a.LocalEnd(epoch)
	a.RemoteEnd(epoch)
	a.RemoveLocal(epoch, 1) // UDP is gone
	a.Advance(epoch.Add(29 * time.Second))
	if a.State() != Checking {
		t.Errorf("state %v while the peer may connect, want checking", a.State())
	}
	a.Advance(epoch.Add(31 * time.Second))
	if a.State() != Failed {
		t.Errorf("state %v at the end, want failed", a.State())
	}
}
