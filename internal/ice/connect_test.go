package ice

import (
	"net/netip"
	"testing"
	"time"
)

// RFC 8445 sections 7.2.5.3 and 8.1.1: a check, then the nomination. The
// controlling side selects after two round trips, the controlled one when the
// nomination reaches it.
func TestConnectsInTwoRoundTrips(t *testing.T) {
	for _, d := range []time.Duration{0, ms / 2, 10 * ms, 25 * ms, 60 * ms, 200 * ms} {
		n := newNetwork(t, d)
		a, b := n.pairOf()
		a.path("192.0.2.1:1000", "")
		b.path("192.0.2.2:2000", "")
		signal(a, b)
		n.run(3 * time.Second)
		if got := a.when(Connected); got != 4*d {
			t.Errorf("delay %v: controlling connected at %v, want %v", d, got, 4*d)
		}
		if got := b.when(Connected); got != 3*d {
			t.Errorf("delay %v: controlled connected at %v, want %v", d, got, 3*d)
		}
		a.wantStates(Checking, Connected, Completed)
		b.wantStates(Checking, Connected, Completed)
		a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
		b.wantSelected("192.0.2.2:2000", "192.0.2.1:1000")
	}
}

// The controlled side may know the peer first: its check needs no answer yet to
// be of use.
func TestEarlyChecksAreAnsweredAndActedUpon(t *testing.T) {
	const d = 20 * ms
	n := newNetwork(t, d)
	a, b := n.pairOf()
	a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	a.gathered()
	b.gathered()
	a.learn(b)
	n.run(100 * ms)
	if a.when(Connected) >= 0 && b.when(Connected) >= 0 {
		t.Error("connected before the controlled side has any credentials")
	}
	if countEvents[*RemoteValidated](b) != 1 {
		t.Errorf("early check reported %d times, want once", countEvents[*RemoteValidated](b))
	}
	b.do(func(x *Agent) { x.SetRemoteCredentials(n.now, a.local) })
	n.run(100*ms + 2*d)
	// RFC 8445 section 7.3: the nomination of the early check counts too.
	b.wantStates(Checking, Connected)
	b.wantSelected("192.0.2.2:2000", "192.0.2.1:1000")
	if e := lastEvent[*RemotePeerReflexive](b); e == nil || e.Candidate.Addr != netip.MustParseAddrPort("192.0.2.1:1000") {
		t.Errorf("peer-reflexive candidate %v", e)
	}
	if countEvents[*RemoteValidated](b) != 1 {
		t.Error("the early check's address is reported twice")
	}
}
