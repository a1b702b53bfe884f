package ice

import (
	"net/netip"
	"testing"
	"time"
)

// benchAgents returns the controlled agent of a connected pair, and a consent
// request of its peer.
func benchAgents(b *testing.B) (*Agent, Datagram) {
	n := newNetwork(b, 0)
	x, y := n.pairOf()
	x.path("192.0.2.1:1000", "")
	p := y.path("192.0.2.2:2000", "")
	signal(x, y)
	n.run(time.Second)
	if y.agent.State() != Completed {
		b.Fatal(y.agent.State())
	}
	request := peerCheck(y.local, x.local, 1, Controlling, 1)
	return y.agent, Datagram{Local: p.id, Remote: netip.MustParseAddrPort("192.0.2.1:1000"), Data: request}
}

// As in the library: the reader has verified the request.
func BenchmarkHandleBindingRequest(b *testing.B) {
	a, d := benchAgents(b)
	d.Verified = true
	now := epoch.Add(time.Second)
	b.ReportAllocs()
	for b.Loop() {
		if err := a.HandleDatagram(now, d); err != nil {
			b.Fatal(err)
		}
		a.NextDatagram()
		a.Deadline()
	}
}

func BenchmarkHandleUnverifiedBindingRequest(b *testing.B) {
	a, d := benchAgents(b)
	now := epoch.Add(time.Second)
	b.ReportAllocs()
	for b.Loop() {
		if err := a.HandleDatagram(now, d); err != nil {
			b.Fatal(err)
		}
		a.NextDatagram()
	}
}

func BenchmarkVerify(b *testing.B) {
	a, d := benchAgents(b)
	v := a.Verifier()
	b.ReportAllocs()
	for b.Loop() {
		if !v.Verify(d.Data) {
			b.Fatal("not verified")
		}
	}
}

// A flood of requests to another user costs no HMAC.
func BenchmarkVerifyStranger(b *testing.B) {
	a, _ := benchAgents(b)
	v := a.Verifier()
	data := peerCheck(Credentials{"stranger", "x"}, Credentials{"y", "z"}, 1, Controlling, 1)
	b.ReportAllocs()
	for b.Loop() {
		if v.Verify(data) {
			b.Fatal("verified")
		}
	}
}

func TestHandlingARequestAllocatesOneDatagram(t *testing.T) {
	n, a, b := connected(t, 0)
	d := Datagram{Local: 1, Remote: b.paths[0].public, Data: peerCheck(a.local, b.local, 1, Controlled, 1)}
	got := testing.AllocsPerRun(1000, func() {
		if err := a.agent.HandleDatagram(n.now, d); err != nil {
			t.Fatal(err)
		}
		a.agent.NextDatagram()
	})
	if got > 1 {
		t.Errorf("%v allocations, want 1: the response", got)
	}
}
