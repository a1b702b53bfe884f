package ice

import (
	"net/netip"
	"testing"
	"time"
)

// Nobody who does not know the password gets as much as an octet, whatever is sent
// (RFC 8489 section 9.1.3 would allow an error; RFC 8445 section 7.3 is content with
// silence). Who sends what was overheard gets one answer for it, not larger than it.
func TestNothingIsAmplified(t *testing.T) {
	n, a, b := connected(t, 10*ms)
	var request []byte
	n.tap = func(_ time.Time, from, to netip.AddrPort, data []byte) {
		if from == a.paths[0].public && data[0] == 0 && data[1] == 1 {
			request = data
		}
	}
	n.run(10 * time.Second)
	n.tap = nil
	if request == nil {
		t.Fatal("no request was overheard")
	}
	attacker, victim := netip.MustParseAddrPort("203.0.113.66:666"), b.paths[0]
	answers, octets := 0, 0
	b.onSend = func(d Datagram) bool {
		if d.Remote == attacker {
			answers, octets = answers+1, octets+len(d.Data)
			return false
		}
		return true
	}
	forged := func() []byte {
		e := newEncoder(bindingRequest, transactionID{9}, 200)
		e.text(attrUsername, b.local.Ufrag+":"+a.local.Ufrag)
		e.uint64(attrControlling, ^uint64(0))
		e.attribute(attrUseCandidate, 0)
		return e.finish(newIntegrity("twenty-two characters or more"))
	}()
	for range 1000 {
		_ = b.inject(victim, attacker, forged)
		_ = b.inject(victim, attacker, forged[:len(forged)-8])
		_ = b.inject(victim, attacker, indicationBytes())
	}
	if answers != 0 {
		t.Errorf("%d answers to forged requests", answers)
	}
	const replays = 1000
	for range replays {
		_ = b.inject(victim, attacker, request)
	}
	// A replay also triggers a check of the new path, once: it is the price of
	// peer-reflexive candidates, and paced as all checks are.
	n.run(11 * time.Second)
	if answers > replays+maxTransmissions || octets > (replays+maxTransmissions)*len(request) {
		t.Errorf("%d answers, %d octets for %d requests of %d octets", answers, octets, replays, len(request))
	}
	a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
	b.wantSelected("192.0.2.2:2000", "192.0.2.1:1000")
}

// RFC 8445 section 19.2: a mapped address that was forged on the way has no
// integrity, and changes nothing; one that an authentic peer lies about is a
// candidate of its own and moves no path.
func TestAForgedMappedAddressMovesNothing(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	pa := a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	forge := func(pwd string) {
		n.tap = func(_ time.Time, from, to netip.AddrPort, data []byte) {
			if from != pa.public || data[0] != 0 || data[1] != 1 {
				return
			}
			var id transactionID
			copy(id[:], data[8:])
			e := newEncoder(bindingSuccess, id, 100)
			e.xorAddress(netip.MustParseAddrPort("203.0.113.66:666"))
			n.flying = append(n.flying, flight{n.now, to, from, e.finish(newIntegrity(pwd))})
		}
	}
	forge("twenty-two characters or more")
	signal(a, b)
	n.run(time.Second)
	if got := len(a.agent.LocalCandidates()); got != 1 {
		t.Errorf("%d local candidates by a forged answer", got)
	}
	a.wantSelected("192.0.2.1:1000", "192.0.2.2:2000")
	if a.when(Connected) != 40*ms {
		t.Errorf("connected at %v", a.when(Connected))
	}

	n = newNetwork(t, 10*ms)
	a, b = n.pairOf()
	pa = a.path("192.0.2.1:1000", "")
	b.path("192.0.2.2:2000", "")
	forge(b.local.Pwd) // the peer lies
	signal(a, b)
	n.run(time.Second)
	p, ok := a.agent.Selected()
	if !ok || p.Local.Base != pa.private || p.Remote.Addr.String() != "192.0.2.2:2000" {
		t.Errorf("selected %+v", p)
	}
	for _, f := range n.flying {
		if f.to.String() == "203.0.113.66:666" {
			t.Error("something is sent to the address of the lie")
		}
	}
}
