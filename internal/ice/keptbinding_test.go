package ice

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/stun"
)

// mapAll answers the queries sent so far: each socket has one address in a NAT.
func (x *gathering) mapAll() {
	for _, q := range x.sent {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, 1}), 5000+uint16(q.d.Local))
		x.answer(q, stun.BindingSuccess, mapped(at.String()))
	}
}

// RFC 8445 section 5.1.1.4: the binding of each server-reflexive candidate is kept
// alive by Binding requests to the server, without end-of-gathering ending that; one
// binding that two servers see needs one of them, and an address that no NAT has
// translated none. Section 14.2: requests are Ta apart.
func TestBindingsAreKeptAliveUntilICEHasEnded(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	x.socket(1, "10.0.0.1:1000")
	x.socket(2, "10.0.0.2:1000")
	x.socket(3, "[2001:db8::1]:1000")
	x.server("stun:s", "192.0.2.100:3478")
	x.server("stun:t", "192.0.2.101:3478")
	x.server("stun:s", "[2001:db8::100]:3478")
	x.g.Complete(x.now)
	x.run(300 * ms)
	first := x.sent
	x.mapAll()
	for _, q := range first {
		if q.d.Local == 3 {
			x.answer(q, stun.BindingSuccess, mapped("[2001:db8::1]:1000"))
		}
	}
	if !x.done() || len(first) != 5 {
		t.Fatalf("done %v after %d queries", x.done(), len(first))
	}
	x.sent = nil
	x.run(5 * time.Minute)
	ids := map[string]bool{}
	at := map[LocalID][]time.Duration{}
	for _, q := range x.sent {
		if q.d.Remote.String() != "192.0.2.100:3478" || stun.MessageType(stun.BindingRequest) != readType(q.d.Data) {
			t.Errorf("sent %x to %v", q.d.Data, q.d.Remote)
		}
		ids[string(q.d.Data[8:headerSize])] = true
		at[q.d.Local] = append(at[q.d.Local], q.at)
	}
	if len(ids) != len(x.sent) {
		t.Errorf("%d transaction IDs in %d requests", len(ids), len(x.sent))
	}
	if len(at) != 2 || len(at[1]) < 19 || len(at[2]) != len(at[1]) {
		t.Fatalf("requests at %v", at)
	}
	for i := range at[1] {
		if at[2][i]-at[1][i] < defaultTa {
			t.Errorf("requests of two sockets %v apart", at[2][i]-at[1][i])
		}
		if i > 0 && at[1][i]-at[1][i-1] > bindingInterval+defaultTa {
			t.Errorf("requests of one socket %v apart", at[1][i]-at[1][i-1])
		}
	}

	// A socket that is closed has no binding, and after the end there is none at all.
	x.g.RemoveSocket(x.now, 1)
	x.sent = nil
	x.run(6 * time.Minute)
	if len(x.sent) == 0 || slices.ContainsFunc(x.sent, func(q sentQuery) bool { return q.d.Local == 1 }) {
		t.Errorf("%d requests, some from a closed socket", len(x.sent))
	}
	x.g.Conclude()
	x.sent = nil
	x.run(10 * time.Minute)
	if len(x.sent) != 0 || !x.g.Deadline().IsZero() {
		t.Errorf("%d requests after ICE has ended", len(x.sent))
	}
}

func readType(data []byte) stun.MessageType {
	m := &stun.Message{Raw: data}
	_ = m.Decode()
	return m.Type
}

// What is found when ICE has ended is not kept alive: nobody checks it.
func TestABindingFoundTooLateIsNotKept(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	x.socket(1, "10.0.0.1:1000")
	x.server("stun:s", "192.0.2.100:3478")
	x.g.Complete(x.now)
	x.g.Conclude()
	x.mapAll()
	if len(x.candidates()) != 2 || !x.done() || !x.g.Deadline().IsZero() {
		t.Errorf("%d candidates, done %v, deadline %v", len(x.candidates()), x.done(), x.g.Deadline())
	}
}

// 64 sockets whose every server sees another address, as symmetric NATs show them.
func TestKeptBindingsAreBounded(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	for i := range maxSockets {
		x.socket(LocalID(i+1), netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1000).String())
	}
	for i := range 4 {
		x.server("stun:s", netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 3478).String())
	}
	x.g.Complete(x.now)
	port := uint16(1024)
	for !x.done() {
		before := len(x.sent)
		x.run(x.now.Sub(epoch) + defaultTa)
		for _, q := range x.sent[before:] {
			port++
			x.answer(q, stun.BindingSuccess, mapped(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, 1}), port).String()))
		}
	}
	before, from := len(x.sent), x.now
	x.run(x.now.Sub(epoch) + time.Minute)
	if n := len(x.sent) - before; len(x.g.kept) != maxBindings || n > int(x.now.Sub(from)/bindingInterval+1)*maxBindings {
		t.Errorf("%d bindings kept, %d requests in a minute", len(x.g.kept), n)
	}
}
