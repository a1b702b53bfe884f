package simnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

func TestInterfacesListsEveryAddressOfInterfacesThatAreUp(t *testing.T) {
	n := New(1)
	h := n.Host("h", "192.0.2.1/28", "2001:db8::1", "wlan0=198.51.100.1", "fe80::1", "192.0.2.33")
	names := func() []string {
		list, err := h.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, i := range list {
			out = append(out, fmt.Sprintf("%d %s %s/%d %v", i.Index, i.Name, i.Addr, i.Bits, i.Loopback))
		}
		return out
	}
	want := []string{
		"1 lo 127.0.0.1/8 true", "1 lo ::1/128 true",
		"2 eth0 192.0.2.1/28 false", "2 eth0 2001:db8::1/64 false",
		"3 wlan0 198.51.100.1/24 false",
		"4 eth1 fe80::1%eth1/64 false", "4 eth1 192.0.2.33/24 false",
	}
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	h.SetInterface("eth0", false)
	h.SetInterface("lo", false)
	if got := names(); !slices.Equal(got, want[4:]) {
		t.Errorf("with eth0 and lo down: %q", got)
	}
}

func TestListenUDPFollowsTheRulesOfARealHost(t *testing.T) {
	n := New(1)
	defer n.Close()
	h := n.Host("h", "192.0.2.1", "2001:db8::1", "fe80::1")
	for _, c := range []struct {
		addr string
		want error
	}{
		{"192.0.2.1:5000", nil},
		{"192.0.2.1:5000", syscall.EADDRINUSE},
		{"0.0.0.0:5000", syscall.EADDRINUSE},
		{"[2001:db8::1]:5000", nil},
		{"127.0.0.1:5000", nil},
		{"0.0.0.0:6000", nil},
		{"192.0.2.1:6000", syscall.EADDRINUSE},
		{"[::]:6000", nil},
		{"192.0.2.9:0", syscall.EADDRNOTAVAIL},
		{"[fe80::1%eth1]:7000", nil},
		{"[fe80::1%eth0]:7001", syscall.EADDRNOTAVAIL},
	} {
		conn, err := h.ListenUDP(ap(c.addr))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.addr, err, c.want)
		}
		if err == nil && conn.LocalAddr() != ap(c.addr) {
			t.Errorf("%s: LocalAddr is %v", c.addr, conn.LocalAddr())
		}
	}
}

func TestPortsAreAllottedAndReusedAfterClose(t *testing.T) {
	n := New(1)
	defer n.Close()
	h := n.Host("h", "192.0.2.1")
	seen := map[uint16]bool{}
	var conns []netio.PacketConn
	for range lastPort - firstPort + 1 {
		conn, err := h.ListenUDP(ap("192.0.2.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		port := conn.LocalAddr().Port()
		if port < firstPort || seen[port] {
			t.Fatalf("port %d was allotted", port)
		}
		seen[port] = true
		if len(conns) == 200 { // inUse walks all sockets
			break
		}
		conns = append(conns, conn)
	}
	addr := conns[0].LocalAddr()
	conns[0].Close()
	if _, err := h.ListenUDP(addr); err != nil {
		t.Errorf("the port of a closed socket: %v", err)
	}
	h.nextPort = lastPort
	first, _ := h.ListenUDP(ap("192.0.2.1:0"))
	second, err := h.ListenUDP(ap("192.0.2.1:0"))
	if err != nil || first.LocalAddr().Port() != lastPort || seen[second.LocalAddr().Port()] {
		t.Errorf("after the last port: %v, %v", second, err)
	}
}

func TestAnUnspecifiedSocketReceivesOnAllAddressesAndChoosesItsSource(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		r := n.NAT("home", "203.0.113.1", FullCone)
		h := r.Host("h", "10.0.0.2", "wlan0=10.0.1.2", "2001:db8::1")
		lan := r.Host("lan", "10.0.1.9")
		peer := n.Host("peer", "192.0.2.2", "2001:db8::2")
		any4, any6 := listen(t, h, "0.0.0.0:1"), listen(t, h, "[::]:1")
		lan1 := listen(t, lan, "10.0.1.9:1")
		peer4, peer6 := listen(t, peer, "192.0.2.2:1"), listen(t, peer, "[2001:db8::2]:1")

		any4.send(lan1.LocalAddr(), "lan")
		any4.send(peer4.LocalAddr(), "peer")
		any6.send(peer6.LocalAddr(), "peer")
		any4.send(ap("127.0.0.1:1"), "self")
		for _, c := range []struct {
			at   *sink
			want string
		}{{lan1, "10.0.0.2:1"}, {peer4, "203.0.113.1:40000"}, {peer6, "[2001:db8::1]:1"}, {any4, "127.0.0.1:1"}} {
			if got := c.at.take(); len(got) != 1 || got[0].src != ap(c.want) {
				t.Errorf("%v got %v, want one from %s", c.at.LocalAddr(), got, c.want)
			}
		}
		lan1.send(ap("10.0.1.2:1"), "second address")
		any4.want("second address")
		if err := any4.trySend(ap("[2001:db8::2]:1"), "x"); !errors.Is(err, syscall.EAFNOSUPPORT) {
			t.Errorf("IPv6 from an IPv4 socket: %v", err)
		}
		if err := any6.trySend(ap("[fe80::9]:1"), "x"); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("link-local without such an address: %v", err)
		}
	})
}

func TestLinkLocalAddressesCarryTheReceiversZone(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		a := listen(t, n.Host("a", "fe80::1"), "[fe80::1%eth0]:1")
		b := listen(t, n.Host("b", "192.0.2.2", "wlan0=fe80::2"), "[::]:1")
		a.send(ap("[fe80::2%eth0]:1"), "x")
		got := b.take()
		if len(got) != 1 || got[0].src != ap("[fe80::1%wlan0]:1") {
			t.Fatalf("got %v", got)
		}
		b.send(got[0].src, "y")
		if got := a.take(); len(got) != 1 || got[0].src != ap("[fe80::2%eth0]:1") {
			t.Fatalf("got %v", got)
		}
	})
}

func TestAnInterfaceThatIsDownNeitherSendsNorReceives(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		ha := n.Host("a", "192.0.2.1", "198.51.100.1")
		hb := n.Host("b", "192.0.2.2")
		a, any4 := listen(t, ha, "192.0.2.1:1"), listen(t, ha, "0.0.0.0:2")
		b := listen(t, hb, "192.0.2.2:1")
		ha.SetInterface("eth0", false)
		if err := a.trySend(b.LocalAddr(), "x"); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("sending: %v", err)
		}
		any4.send(b.LocalAddr(), "by eth1")
		if got := b.take(); len(got) != 1 || got[0].src != ap("198.51.100.1:2") {
			t.Errorf("got %v", got)
		}
		b.send(a.LocalAddr(), "lost")
		a.want()
		if _, err := ha.ListenUDP(ap("192.0.2.1:3")); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("listening: %v", err)
		}
		ha.SetInterface("eth0", true)
		b.send(a.LocalAddr(), "back")
		a.want("back")
		if got := n.Stats().Drops.Unreachable; got != 1 {
			t.Errorf("%d unreachable, want 1", got)
		}
	})
}

func TestCloseUnblocksReadersAndRefusesWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		h := n.Host("h", "192.0.2.1")
		var errs []error
		var mu sync.Mutex
		var conns []netio.PacketConn
		for range 3 {
			conn, err := h.ListenUDP(ap("192.0.2.1:0"))
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
			for range 2 {
				go func() {
					_, err := conn.ReadBatch(make([]netio.Datagram, 1))
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				}()
			}
		}
		synctest.Wait()
		conns[0].Close()
		conns[0].Close()
		synctest.Wait()
		if len(errs) != 2 {
			t.Errorf("%d readers returned, want 2", len(errs))
		}
		n.Close()
		synctest.Wait()
		if len(errs) != 6 {
			t.Errorf("%d readers returned, want 6", len(errs))
		}
		for _, err := range errs {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("ReadBatch: %v", err)
			}
		}
		b := netio.GetBuffer()
		defer b.Release()
		if _, err := conns[1].WriteBatch([]netio.Datagram{{Buffer: b, Addr: ap("192.0.2.2:1")}}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("WriteBatch: %v", err)
		}
		if _, err := h.ListenUDP(ap("192.0.2.1:0")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("ListenUDP: %v", err)
		}
	})
}

func TestTheReceiveQueueIsBounded(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		ha, hb := n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")
		hb.SetReceiveQueue(10)
		a := listen(t, ha, "192.0.2.1:1")
		b, err := hb.ListenUDP(ap("192.0.2.2:1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range numbered(25) {
			a.send(b.LocalAddr(), s)
		}
		var got []string
		ds := make([]netio.Datagram, 4)
		for len(got) < 10 {
			k, err := b.ReadBatch(ds)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range ds[:k] {
				got = append(got, string(d.Buffer.Bytes()))
				d.Buffer.Release()
			}
		}
		if !slices.Equal(got, numbered(10)) {
			t.Errorf("got %q", got)
		}
		s := n.Stats()
		if s.Drops.ReceiveQueue != 15 || s.Delivered != 10 {
			t.Errorf("%+v, want 10 delivered and 15 dropped", s)
		}
	})
}

func TestWriteBatchNamesTheDatagramThatFailed(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		a, b := pair(t, n, Link{})
		var ds []netio.Datagram
		for _, dst := range []string{"192.0.2.2:1000", "[::ffff:192.0.2.2]:1000", "[2001:db8::1]:1", "192.0.2.2:1000"} {
			buf := netio.GetBuffer()
			buf.SetLen(copy(buf.Cap(), dst))
			ds = append(ds, netio.Datagram{Buffer: buf, Addr: ap(dst)})
		}
		k, err := a.WriteBatch(ds)
		if k != 2 || !errors.Is(err, syscall.EAFNOSUPPORT) {
			t.Errorf("%d, %v", k, err)
		}
		if k, err := a.WriteBatch(ds[3:]); k != 1 || err != nil {
			t.Errorf("%d, %v", k, err)
		}
		b.want("192.0.2.2:1000", "[::ffff:192.0.2.2]:1000", "192.0.2.2:1000")
		for _, d := range ds {
			d.Buffer.Release() // they stayed ours
		}
	})
}

func TestTapsSeeAndDropWhatIsSent(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		a, b := pair(t, n, Link{Delay: time.Second, Loss: 0})
		var seen []Packet
		n.Tap(func(p Packet) Verdict {
			seen = append(seen, p)
			if string(p.Data) == "bad" {
				return Drop
			}
			return Pass
		})
		n.Tap(func(p Packet) Verdict {
			if string(p.Data) == "cut" {
				n.SetLink(n.hosts[0], n.hosts[1], Link{Down: true})
			}
			return Pass
		})
		start := time.Now()
		for _, s := range []string{"good", "bad", "cut", "late"} {
			a.send(b.LocalAddr(), s)
		}
		pass(time.Second)
		b.want("good")
		if len(seen) != 4 || !seen[1].Time.Equal(start) || seen[1].Src != a.LocalAddr() ||
			seen[1].Dst != b.LocalAddr() || string(seen[1].Data) != "bad" {
			t.Errorf("seen %v", seen)
		}
		if s := n.Stats(); s.Drops.Tap != 1 || s.Drops.Down != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCountersAreKeptPerHostAndForAll(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		a, b := pair(t, n, Link{})
		a.send(b.LocalAddr(), "four")
		a.send(b.LocalAddr(), "six by")
		a.send(ap("192.0.2.99:1"), "nobody")
		a.send(ap("192.0.2.2:99"), "no socket")
		synctest.Wait()
		if got, want := n.hosts[0].Stats(), (HostStats{Sent: 4, SentBytes: 25, Lost: 2}); got != want {
			t.Errorf("a: %+v, want %+v", got, want)
		}
		if got, want := n.hosts[1].Stats(), (HostStats{Received: 2, ReceivedBytes: 10}); got != want {
			t.Errorf("b: %+v, want %+v", got, want)
		}
		want := Stats{Sent: 4, Bytes: 25, Delivered: 2, DeliveredBytes: 10, Lost: 2, Drops: Drops{Unreachable: 2}}
		if got := n.Stats(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func TestInjectedDatagramsCarryAnySource(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		_, b := pair(t, n, Link{Delay: time.Second})
		n.Inject(ap("198.51.100.66:6"), b.LocalAddr(), []byte("evil"))
		n.Inject(ap("198.51.100.66:6"), ap("198.51.100.67:6"), []byte("nobody"))
		if got := b.take(); len(got) != 1 || got[0] != (arrival{0, ap("198.51.100.66:6"), "evil"}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestLookupsTakeTheirDelayAndObeyTheContext(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		h := n.Host("h", "192.0.2.1")
		v4, v6 := netip.MustParseAddr("192.0.2.5"), netip.MustParseAddr("2001:db8::5")
		h.SetDNS("both.test", v4, v6)
		h.SetDNS("six.test", v6)
		h.SetDNSDelay(30 * time.Millisecond)
		for _, c := range []struct {
			network, name string
			want          []netip.Addr
			after         time.Duration
		}{
			{"ip", "both.test", []netip.Addr{v4, v6}, 30 * time.Millisecond},
			{"ip4", "both.test", []netip.Addr{v4}, 30 * time.Millisecond},
			{"ip6", "both.test", []netip.Addr{v6}, 30 * time.Millisecond},
			{"ip4", "six.test", nil, 30 * time.Millisecond},
			{"ip", "none.test", nil, 30 * time.Millisecond},
			{"ip", "192.0.2.9", []netip.Addr{netip.MustParseAddr("192.0.2.9")}, 0},
			{"ip6", "192.0.2.9", nil, 0},
		} {
			start := time.Now()
			got, err := h.LookupNetIP(t.Context(), c.network, c.name)
			var dns *net.DNSError
			if notFound := errors.As(err, &dns) && dns.IsNotFound; !slices.Equal(got, c.want) || notFound != (c.want == nil) {
				t.Errorf("%s %s: %v, %v", c.network, c.name, got, err)
			}
			if took := time.Since(start); took != c.after {
				t.Errorf("%s %s took %v, want %v", c.network, c.name, took, c.after)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := h.LookupNetIP(ctx, "ip", "both.test")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if _, err := h.LookupNetIP(t.Context(), "tcp", "both.test"); err == nil {
			t.Error("network tcp was accepted")
		}
	})
}

// In real time, with readers and writers on all sides, for the race detector.
func TestConcurrentUseLosesNothing(t *testing.T) {
	n := New(1)
	defer n.Close()
	server := n.STUNServer("stun", "203.0.113.3")
	const hosts, each = 4, 500
	n.SetDefaultLink(Link{Delay: time.Millisecond})
	var conns []netio.PacketConn
	for i := range hosts {
		h := n.Host(fmt.Sprint("h", i), fmt.Sprintf("192.0.2.%d", i+1))
		h.SetReceiveQueue(hosts * each * 2)
		conn, err := h.ListenUDP(netip.AddrPortFrom(h.Addr(), 1))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() {
			b := netio.GetBuffer()
			defer b.Release()
			b.SetLen(copy(b.Cap(), request(0)))
			for range each {
				conn.WriteBatch([]netio.Datagram{{Buffer: b, Addr: conns[(i+1)%hosts].LocalAddr()}, {Buffer: b, Addr: server.Addr()}})
			}
		})
		wg.Go(func() {
			ds := make([]netio.Datagram, 16)
			for got := 0; got < 2*each; {
				k, err := conn.ReadBatch(ds)
				if err != nil {
					t.Error(err)
					return
				}
				for _, d := range ds[:k] {
					d.Buffer.Release()
				}
				got += k
			}
		})
	}
	wg.Wait()
	if got := server.Requests(); got != hosts*each {
		t.Errorf("%d requests were answered, want %d", got, hosts*each)
	}
}

func BenchmarkSend(b *testing.B) {
	n := New(1)
	defer n.Close()
	ha, hb := n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")
	hb.SetReceiveQueue(1 << 20)
	from, _ := ha.ListenUDP(ap("192.0.2.1:1"))
	to, _ := hb.ListenUDP(ap("192.0.2.2:1"))
	buf := netio.GetBuffer()
	defer buf.Release()
	buf.SetLen(1200)
	out := []netio.Datagram{{Buffer: buf, Addr: to.LocalAddr()}}
	in := make([]netio.Datagram, 1)
	b.SetBytes(1200)
	b.ReportAllocs()
	for b.Loop() {
		from.WriteBatch(out)
		if _, err := to.ReadBatch(in); err != nil {
			b.Fatal(err)
		}
		in[0].Buffer.Release()
	}
}
