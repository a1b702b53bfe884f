package ice

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/pion/stun"
)

// counting is a random source whose first bytes are 0, 1, 2 and so on, and which
// does not repeat itself soon.
type counting struct{ reads byte }

func (c *counting) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i) + c.reads
	}
	c.reads++
	return len(b), nil
}

var (
	fuzzLocal  = Credentials{"ours", "our password of 22 characters"}
	fuzzRemote = Credentials{"them", "their password of 22 chars"}
)

// fuzzSeeds are messages of every kind.
func fuzzSeeds(f *testing.F) {
	success := newEncoder(bindingSuccess, transactionID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 100)
	success.xorAddress(netip.MustParseAddrPort("192.0.2.1:1"))
	failure := newEncoder(bindingError, transactionID{}, 100)
	failure.errorCode(487, "Role Conflict")
	for _, seed := range [][]byte{
		nil,
		peerCheck(fuzzLocal, fuzzRemote, 1, Controlling, 1),
		peerCheck(fuzzLocal, fuzzRemote, 1, Controlled, 1, attrUseCandidate),
		peerCheck(fuzzLocal, fuzzRemote, 1, Controlled, 1, 0x7fff),
		success.finish(newIntegrity(fuzzRemote.Pwd)),
		failure.finish(newIntegrity(fuzzRemote.Pwd)),
		stun.MustBuild(stun.NewTransactionIDSetter([12]byte{}), stun.BindingSuccess, stun.RawAttribute{Type: stun.AttrXORMappedAddress}).Raw,
		stun.MustBuild(stun.NewTransactionIDSetter([12]byte{}), stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.Fingerprint).Raw,
	} {
		f.Add(seed)
	}
}

func FuzzParseCandidate(f *testing.F) {
	for _, seed := range []string{
		"candidate:842163049 1 udp 1677729535 203.0.113.1 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag EEtu network-id 1",
		"a=candidate:0 1 UDP 2122252543 4f2f8a7c.local 50000 typ host", "1 1 tcp 1 2001:db8::1 9 typ host tcptype active", "", "candidate:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCandidate(s)
		if err != nil {
			return
		}
		again, err := ParseCandidate(c.String())
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%q was read as %+v, written as %q, then read as %+v, %v", s, c, c.String(), again, err)
		}
	})
}

// The message is also signed anew, so that what lies behind integrity is
// reached: an authentic peer may send anything.
func FuzzAgentHandleDatagram(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, role := range []Role{Controlling, Controlled} {
			a := NewAgent(AgentConfig{Local: fuzzLocal, Role: role, Random: &counting{}, TieBreaker: 5})
			now := epoch
			local := netip.MustParseAddrPort("192.0.2.1:1")
			a.AddLocalCandidate(now, LocalCandidate{ID: 1, Base: local, Candidate: Candidate{Component: 1, Addr: local, Priority: 9}})
			remote := netip.MustParseAddrPort("192.0.2.2:2")
			for _, verified := range []bool{false, true} {
				_ = a.HandleDatagram(now, Datagram{Local: 1, Remote: remote, Data: data, Verified: verified})
				a.checkInvariants(t)
				a.SetRemoteCredentials(now, fuzzRemote)
				_ = a.AddRemoteCandidate(now, Candidate{Component: 1, Addr: remote, Priority: 7})
				a.checkInvariants(t)
			}
			for range 50 {
				d := a.Deadline()
				if d.IsZero() || d.After(epoch.Add(10*time.Second)) {
					break
				}
				now = d
				a.Advance(now)
				_ = a.HandleDatagram(now, Datagram{Local: 1, Remote: remote, Data: data, Verified: true})
				a.checkInvariants(t)
				for {
					out, ok := a.NextDatagram()
					if !ok {
						break
					}
					if len(out.Data) > 1200 {
						t.Errorf("%d bytes sent", len(out.Data))
					}
				}
			}
		}
	})
}

func FuzzGathererHandleDatagram(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := NewGatherer(GathererConfig{Random: &counting{}})
		server := netip.MustParseAddrPort("192.0.2.9:3478")
		g.AddSocket(epoch, LocalSocket{ID: 1, Addr: netip.MustParseAddrPort("192.0.2.1:1")})
		g.AddServer(epoch, "stun:s", server)
		g.HandleDatagram(epoch, Datagram{Local: 1, Remote: server, Data: data})
		if len(data) >= headerSize { // with the right transaction ID
			copy(data[8:], []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
		}
		g.HandleDatagram(epoch, Datagram{Local: 1, Remote: server, Data: data})
		g.Complete(epoch)
		if len(g.found) > 2 {
			t.Errorf("%d candidates of one socket", len(g.found))
		}
	})
}

func FuzzVerifierVerify(f *testing.F) {
	fuzzSeeds(f)
	v := newVerifier(newKeyring(fuzzLocal, fuzzRemote))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !v.Verify(data) {
			return
		}
		// pion/stun must agree on whatever we accept.
		m := &stun.Message{Raw: data}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		pwd := fuzzLocal.Pwd
		if m.Type.Class != stun.ClassRequest {
			pwd = fuzzRemote.Pwd
		}
		if err := stun.NewShortTermIntegrity(pwd).Check(m); err != nil {
			t.Error(err)
		}
		if err := stun.Fingerprint.Check(m); err != nil {
			t.Error(err)
		}
	})
}
