package simnet

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// request is a Binding request with a transaction ID that ends in id.
func request(id byte) []byte {
	b := make([]byte, stunHeader)
	binary.BigEndian.PutUint16(b, bindingRequest)
	binary.BigEndian.PutUint32(b[4:], stunCookie)
	for i := range 12 {
		b[8+i] = byte(0xa0 + i)
	}
	b[19] = id
	return b
}

// mapped decodes XOR-MAPPED-ADDRESS from a Binding success response to request.
func mapped(t *testing.T, response, request []byte) netip.AddrPort {
	t.Helper()
	if len(response) != 32 && len(response) != 44 || binary.BigEndian.Uint16(response) != bindingSuccess ||
		int(binary.BigEndian.Uint16(response[2:])) != len(response)-stunHeader ||
		!slices.Equal(response[4:stunHeader], request[4:]) {
		t.Fatalf("not a response to the request: % x", response)
	}
	a := response[stunHeader:]
	if binary.BigEndian.Uint16(a) != xorMappedAddress || int(binary.BigEndian.Uint16(a[2:])) != len(a)-4 {
		t.Fatalf("not an XOR-MAPPED-ADDRESS: % x", a)
	}
	ip := slices.Clone(a[8:])
	for i := range ip {
		ip[i] ^= request[4+i]
	}
	if family := a[5]; int(family) != len(ip)/8 && !(family == 1 && len(ip) == 4) {
		t.Fatalf("family %d with %d bytes", family, len(ip))
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(a[6:])^0x2112)
}

// ask returns the address that a server sees s at.
func ask(t *testing.T, s *sink, server *Server) netip.AddrPort {
	t.Helper()
	s.take()
	s.send(server.Addr(), string(request(1)))
	pass(time.Second)
	got := s.take()
	if len(got) != 1 || got[0].src != server.Addr() {
		t.Fatalf("got %v from the server", got)
	}
	return mapped(t, []byte(got[0].data), request(1))
}

func TestTheSTUNServerTellsTheAddressOfBothFamilies(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		n.SetDefaultLink(Link{Delay: 5 * time.Millisecond})
		s4, s6 := n.STUNServer("s4", "203.0.113.3"), n.STUNServer("s6", "[2001:db8::3]:19302")
		h := n.Host("h", "192.0.2.1", "2001:db8::1")
		v4, v6 := listen(t, h, "192.0.2.1:1234"), listen(t, h, "[2001:db8::1]:4321")
		if s4.Addr() != ap("203.0.113.3:3478") {
			t.Errorf("default port: %v", s4.Addr())
		}
		if got := ask(t, v4, s4); got != v4.LocalAddr() {
			t.Errorf("IPv4: %v", got)
		}
		if got := ask(t, v6, s6); got != v6.LocalAddr() {
			t.Errorf("IPv6: %v", got)
		}
		for name, bad := range map[string][]byte{
			"short":       request(0)[:19],
			"response":    append([]byte{1, 1}, request(0)[2:]...),
			"length":      append([]byte{0, 1, 0, 4}, request(0)[4:]...),
			"cookie":      append([]byte{0, 1, 0, 0, 1, 2, 3, 4}, request(0)[8:]...),
			"unaligned":   append([]byte{0, 1, 0, 2}, append(request(0)[4:], 0, 0)...),
			"empty":       {},
			"other bytes": []byte("hello"),
		} {
			v4.send(s4.Addr(), string(bad))
			pass(time.Second)
			if got := v4.take(); len(got) != 0 {
				t.Errorf("%s: answered with %v", name, got)
			}
		}
		if s4.Requests() != 1 || s6.Requests() != 1 {
			t.Errorf("%d and %d requests", s4.Requests(), s6.Requests())
		}
	})
}

// A published reference beside our own decoder: RFC 5769 section 2.2 has the
// mapped address 192.0.2.1:32853 with its transaction ID.
func TestTheResponseMatchesTheVectorOfRFC5769(t *testing.T) {
	id := []byte{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}
	req := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, id...)
	got := bindingResponse(ap("192.0.2.1:32853"), req)[stunHeader:]
	want := []byte{0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43}
	if !slices.Equal(got, want) {
		t.Errorf("IPv4 % x, want % x", got, want)
	}
	// Section 2.3.
	got = bindingResponse(ap("[2001:db8:1234:5678:11:2233:4455:6677]:32853"), req)[stunHeader:]
	want = []byte{0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
		0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9}
	if !slices.Equal(got, want) {
		t.Errorf("IPv6 % x, want % x", got, want)
	}
}

// RFC 4787 sections 4.1 and 5: what each kind maps and lets in.
func TestNATKindsMapAndFilterAsTheirNamesSay(t *testing.T) {
	for _, c := range []struct {
		name          string
		kind          NATKind
		sameMapping   bool // one public port for all remotes
		otherPort     bool // lets in another port of an address that was sent to
		stranger      bool // lets in an address that was not sent to
		strangerAfter bool // ... after something was sent there too, from the same public port
	}{
		{name: "full cone", kind: FullCone, sameMapping: true, otherPort: true, stranger: true, strangerAfter: true},
		{name: "address restricted", kind: AddressRestricted, sameMapping: true, otherPort: true, strangerAfter: true},
		{name: "port restricted", kind: PortRestricted, sameMapping: true, strangerAfter: true},
		{name: "symmetric", kind: Symmetric},
	} {
		bubble(t, 1, func(t *testing.T, n *Net) {
			r := n.NAT("nat", "203.0.113.1", c.kind)
			in := listen(t, r.Host("in", "10.0.0.2"), "10.0.0.2:5000")
			known := n.Host("known", "192.0.2.1")
			k1, k2 := listen(t, known, "192.0.2.1:1"), listen(t, known, "192.0.2.1:2")
			stranger := listen(t, n.Host("stranger", "192.0.2.9"), "192.0.2.9:1")

			in.send(k1.LocalAddr(), "out")
			got := k1.take()
			if len(got) != 1 || got[0].src.Addr() != r.Addr() || got[0].src.Port() == 5000 {
				t.Fatalf("%s: known got %v", c.name, got)
			}
			public := got[0].src
			check := func(from *sink, what string, want bool) {
				t.Helper()
				from.send(public, what)
				if got := len(in.take()) == 1; got != want {
					t.Errorf("%s: %s came in: %v, want %v", c.name, what, got, want)
				}
			}
			check(k1, "the same port", true)
			check(k2, "another port", c.otherPort)
			check(stranger, "a stranger", c.stranger)
			in.send(stranger.LocalAddr(), "out")
			other := stranger.take()[0].src
			if (other == public) != c.sameMapping {
				t.Errorf("%s: mapped to %v and %v", c.name, public, other)
			}
			check(stranger, "a stranger that was sent to", c.strangerAfter)
		})
	}
}

func TestBehavioursCombineFreely(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		r := n.NAT("nat", "203.0.113.1", FullCone)
		r.SetBehavior(AddressDependent, EndpointIndependent)
		in := listen(t, r.Host("in", "10.0.0.2"), "10.0.0.2:5000")
		peer := n.Host("peer", "192.0.2.1", "192.0.2.2")
		p1, p2, q := listen(t, peer, "192.0.2.1:1"), listen(t, peer, "192.0.2.1:2"), listen(t, peer, "192.0.2.2:1")
		for _, s := range []*sink{p1, p2, q} {
			in.send(s.LocalAddr(), "x")
		}
		a, b, c := p1.take()[0].src, p2.take()[0].src, q.take()[0].src
		if a != b || a == c {
			t.Errorf("mapped to %v, %v and %v, want the first two equal", a, b, c)
		}
		q.send(a, "filtering is independent")
		in.want("filtering is independent")
	})
}

// RFC 4787 section 4.3, REQ-6: outbound traffic refreshes, inbound need not.
func TestBindingsEndAfterTheirTimeout(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		server := n.STUNServer("stun", "203.0.113.3")
		r := n.NAT("nat", "203.0.113.1", PortRestricted)
		r.SetBindingTimeout(30 * time.Second)
		in := listen(t, r.Host("in", "10.0.0.2"), "10.0.0.2:5000")
		p := listen(t, n.Host("p", "192.0.2.1"), "192.0.2.1:1")
		in.send(p.LocalAddr(), "out")
		public := p.take()[0].src

		pass(20 * time.Second)
		in.send(p.LocalAddr(), "refresh")
		pass(30*time.Second - 1)
		p.send(public, "just in time")
		in.want("just in time")
		pass(1)
		p.send(public, "too late")
		in.want()

		// Traffic to one remote keeps the binding, but not the other's filter entry.
		public = ask(t, in, server)
		in.send(p.LocalAddr(), "out")
		p.take()
		for range 4 {
			pass(10 * time.Second)
			if got := ask(t, in, server); got != public {
				t.Fatalf("mapped to %v, before to %v", got, public)
			}
		}
		p.send(public, "the filter has closed")
		in.want()
		pass(time.Minute)
		if got := ask(t, in, server); got == public {
			t.Error("the binding is still there")
		}
		before := ask(t, in, server)
		r.Reboot()
		if after := ask(t, in, server); after == before {
			t.Error("the binding outlived a reboot")
		}
	})
}

func TestHostsBehindOneNATMeetDirectlyAndByHairpin(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		server := n.STUNServer("stun", "203.0.113.3")
		r := n.NAT("nat", "203.0.113.1", FullCone)
		a := listen(t, r.Host("a", "10.0.0.2"), "10.0.0.2:1")
		b := listen(t, r.Host("b", "10.0.0.3"), "10.0.0.3:1")
		a.send(b.LocalAddr(), "direct")
		if got := b.take(); len(got) != 1 || got[0].src != a.LocalAddr() {
			t.Errorf("direct: %v", got)
		}
		publicA, publicB := ask(t, a, server), ask(t, b, server)
		a.send(publicB, "hairpin")
		if got := b.take(); len(got) != 1 || got[0].src != publicA {
			t.Errorf("hairpin: %v, want one from %v", got, publicA)
		}
		r.SetHairpin(false)
		a.send(publicB, "no hairpin")
		b.want()
	})
}

func TestTwoNATsAreCrossedWhenBothSidesSend(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		n.SetDefaultLink(Link{Delay: 10 * time.Millisecond})
		server := n.STUNServer("stun", "203.0.113.3")
		ra, rb := n.NAT("nat a", "203.0.113.1", PortRestricted), n.NAT("nat b", "203.0.113.2", PortRestricted)
		ha, hb := ra.Host("a", "10.0.0.2"), rb.Host("b", "10.0.0.2")
		n.SetLink(ha, hb, Link{Delay: 70 * time.Millisecond})
		a, b := listen(t, ha, "10.0.0.2:1"), listen(t, hb, "10.0.0.2:1")
		publicA, publicB := ask(t, a, server), ask(t, b, server)
		a.send(publicB, "opens a's side")
		pass(time.Second)
		b.want()
		a.start = time.Now()
		b.send(publicA, "comes in")
		pass(time.Second)
		if got := a.take(); len(got) != 1 || got[0] != (arrival{70 * time.Millisecond, publicB, "comes in"}) {
			t.Errorf("got %v: the link between the hosts behind the NATs counts", got)
		}
		a.send(publicB, "and out")
		pass(time.Second)
		b.want("and out")
		if got := n.Stats().Drops.Filtered; got != 1 {
			t.Errorf("%d filtered, want 1", got)
		}
	})
}

func TestPrivateAddressesDoNotLeaveTheirRealm(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		r := n.NAT("nat", "203.0.113.1", FullCone)
		in := listen(t, r.Host("in", "10.0.0.2"), "10.0.0.2:1")
		out := listen(t, n.Host("out", "192.0.2.1"), "192.0.2.1:1")
		out.send(in.LocalAddr(), "x")
		out.send(netip.AddrPortFrom(r.Addr(), 40000), "no binding")
		in.want()
		if s := n.Stats(); s.Drops.Unreachable != 1 || s.Drops.Filtered != 1 {
			t.Errorf("%+v", s.Drops)
		}
	})
}

func FuzzBindingResponse(f *testing.F) {
	f.Add(request(1))
	f.Add([]byte{})
	f.Add(append(request(1), 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, src := range []string{"192.0.2.1:1", "[2001:db8::1]:65535"} {
			if reply := bindingResponse(ap(src), data); reply != nil {
				if got := mapped(t, reply, data[:stunHeader]); got != ap(src) {
					t.Fatalf("mapped to %v, want %v", got, src)
				}
			}
		}
	})
}
