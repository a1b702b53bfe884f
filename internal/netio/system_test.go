package netio

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestSystemLooksUpNames(t *testing.T) {
	for _, tt := range []struct {
		network, host, want string
	}{
		{"ip", "127.0.0.1", "127.0.0.1"},
		{"ip4", "127.0.0.1", "127.0.0.1"},
		{"ip6", "::1", "::1"},
		{"ip", "::ffff:192.0.2.1", "192.0.2.1"},
		{"ip4", "localhost", "127.0.0.1"},
		{"ip6", "127.0.0.1", ""},
	} {
		addrs, err := System().LookupNetIP(t.Context(), tt.network, tt.host)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s %s: %v, want an error", tt.network, tt.host, addrs)
			}
			continue
		}
		if !slices.Contains(addrs, netip.MustParseAddr(tt.want)) {
			t.Errorf("%s %s: %v, %v; want %s", tt.network, tt.host, addrs, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := System().LookupNetIP(ctx, "ip", "name.invalid"); err == nil {
		t.Error("a cancelled look-up succeeded")
	}
}

func TestSystemListens(t *testing.T) {
	c, err := System().ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if second, err := System().ListenUDP(c.LocalAddr()); err == nil {
		second.Close()
		t.Error("one port was bound twice")
	}
	if _, err := System().ListenUDP(netip.AddrPort{}); err == nil {
		t.Error("the invalid address was bound")
	}
}

func TestIPv6SocketLeavesThePortToIPv4(t *testing.T) {
	var err error
	for range 10 { // another program may have the port of IPv4
		six, unsupported := System().ListenUDP(netip.MustParseAddrPort("[::]:0"))
		if unsupported != nil {
			t.Skip("no IPv6 here:", unsupported)
		}
		defer six.Close()
		var four PacketConn
		if four, err = System().ListenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), six.LocalAddr().Port())); err == nil {
			four.Close()
			return
		}
	}
	t.Fatal(err)
}

func TestSocketBuffersTakeTheLargestSizeThatIsAccepted(t *testing.T) {
	var tried []int
	growBuffer(func(n int) error {
		tried = append(tried, n)
		if n > 256<<10 {
			return errors.New("too much")
		}
		return nil
	}, 1<<20)
	if want := []int{1 << 20, 512 << 10, 256 << 10}; !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
	tried = nil
	growBuffer(func(n int) error { tried = append(tried, n); return errors.New("never") }, 1<<20)
	if len(tried) != 5 {
		t.Errorf("tried %v", tried)
	}
}

// Two Sockets on the loopback interface, one that echoes.
func TestSocketsExchangeDatagramsOverLoopback(t *testing.T) {
	forEachSocket(t, func(t *testing.T, conn func() PacketConn) {
		const total = 2000
		var echo *Socket
		ready := make(chan struct{})
		echo = NewSocket(conn(), func(_ time.Time, ds []Datagram) {
			<-ready
			for i := range ds {
				b := ds[i].Buffer
				ds[i].Buffer = nil
				echo.Send(b, ds[i].Addr, i+1 < len(ds))
			}
		})
		close(ready)
		back := make(chan struct{}, total)
		s := NewSocket(conn(), func(_ time.Time, ds []Datagram) {
			for range ds {
				back <- struct{}{}
			}
		})
		tooLong := time.After(time.Minute)
		for i := range total {
			s.Send(payloadOf(1200, 0), echo.LocalAddr(), i%10 != 9)
			if i%50 == 49 { // stay within the smallest socket buffers
				for range 50 {
					select {
					case <-back:
					case <-tooLong:
						t.Fatalf("datagrams are missing; sent %+v, echoed %+v", s.Stats(), echo.Stats())
					}
				}
			}
		}
		if err := errors.Join(s.Close(), echo.Close()); err != nil {
			t.Error(err)
		}
		for _, st := range []Stats{s.Stats(), echo.Stats()} {
			if st.DatagramsSent != total || st.DatagramsReceived != total || st.BytesSent != total*1200 ||
				st.BytesReceived != total*1200 || st.Dropped.Total() != 0 || st.SendCalls == 0 || st.ReceiveCalls == 0 {
				t.Errorf("stats %+v", st)
			}
		}
	})
}

func forEachSocket(t *testing.T, test func(t *testing.T, conn func() PacketConn)) {
	for _, impl := range implementations() {
		t.Run(impl.name, func(t *testing.T) {
			test(t, func() PacketConn {
				c, _ := open(t, impl, "127.0.0.1:0")
				return c
			})
		})
	}
}

func TestSocketDoesNotAllocatePerDatagram(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool forgets on purpose under the race detector")
	}
	forEachSocket(t, func(t *testing.T, conn func() PacketConn) {
		got := make(chan struct{}, 64)
		to := NewSocket(conn(), func(_ time.Time, ds []Datagram) {
			for range ds {
				got <- struct{}{}
			}
		})
		defer to.Close()
		from := NewSocket(conn(), func(time.Time, []Datagram) {})
		defer from.Close()
		tooLong := time.After(time.Minute)
		for _, burst := range []int{1, 20} {
			send := func() {
				for i := range burst {
					b := GetBuffer()
					b.SetLen(1200)
					from.Send(b, to.LocalAddr(), i+1 < burst)
				}
				for range burst {
					select {
					case <-got:
					case <-tooLong:
						t.Fatalf("datagrams are missing; sent %+v, received %+v", from.Stats(), to.Stats())
					}
				}
			}
			for range 100 {
				send()
			}
			if n := testing.AllocsPerRun(500, send); n != 0 {
				t.Errorf("bursts of %d: %v allocations each", burst, n)
			}
		}
	})
}
