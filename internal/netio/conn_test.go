package netio

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// An implementation is a way to make a PacketConn of a UDP socket. All that
// can run on this system pass the same table.
type implementation struct {
	name string
	make func(*net.UDPConn) (PacketConn, error)
}

func portable() implementation {
	return implementation{"portable", func(udp *net.UDPConn) (PacketConn, error) { return newSingleConn(udp), nil }}
}

// forEach runs a test for every implementation and address family.
func forEach(t *testing.T, test func(t *testing.T, open func() (PacketConn, *net.UDPConn))) {
	for _, impl := range implementations() {
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
			t.Run(impl.name+"/"+addr, func(t *testing.T) {
				test(t, func() (PacketConn, *net.UDPConn) { return open(t, impl, addr) })
			})
		}
	}
}

func open(t testing.TB, impl implementation, addr string) (PacketConn, *net.UDPConn) {
	t.Helper()
	udp, err := listen(netip.MustParseAddrPort(addr))
	if err != nil {
		if addr[0] == '[' {
			t.Skip("no IPv6 here:", err)
		}
		t.Fatal(err)
	}
	c, err := impl.make(udp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, udp
}

// readN reads exactly n datagrams; the test's time-out ends a wait in vain.
func readN(t testing.TB, c PacketConn, n int) []Datagram {
	t.Helper()
	var all []Datagram
	for len(all) < n {
		ds := make([]Datagram, n-len(all))
		got, err := c.ReadBatch(ds)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ds[:got]...)
	}
	return all
}

func writeAll(t testing.TB, c PacketConn, ds ...Datagram) {
	t.Helper()
	if n, err := c.WriteBatch(ds); n != len(ds) || err != nil {
		t.Fatalf("wrote %d of %d, %v", n, len(ds), err)
	}
}

func payloadOf(size int, seed byte) *Buffer {
	b := GetBuffer()
	for i := range size {
		b.Cap()[i] = seed + byte(i*7)
	}
	b.SetLen(size)
	return b
}

func TestDatagramsArriveWholeInOrderWithTheirSource(t *testing.T) {
	forEach(t, func(t *testing.T, open func() (PacketConn, *net.UDPConn)) {
		a, _ := open()
		b, _ := open()
		if !a.LocalAddr().Addr().IsLoopback() || a.LocalAddr().Port() == 0 {
			t.Fatalf("local address %v", a.LocalAddr())
		}
		var out []Datagram
		for i, size := range []int{1, 1200, 0, MaxDatagram, 1200, 1200, 47} {
			out = append(out, Datagram{Buffer: payloadOf(size, byte(i)), Addr: b.LocalAddr()})
		}
		writeAll(t, a, out...)
		in := readN(t, b, len(out))
		for i := range in {
			if in[i].Addr != a.LocalAddr() {
				t.Errorf("datagram %d comes from %v, want %v", i, in[i].Addr, a.LocalAddr())
			}
			if !bytes.Equal(in[i].Buffer.Bytes(), out[i].Buffer.Bytes()) {
				t.Errorf("datagram %d: %d bytes arrived unlike the %d sent", i, len(in[i].Buffer.Bytes()), len(out[i].Buffer.Bytes()))
			}
		}
		writeAll(t, b, Datagram{Buffer: in[0].Buffer, Addr: in[0].Addr}) // the source answers
		releaseAll(readN(t, a, 1))
		releaseAll(in)
		releaseAll(out)
	})
}

func TestLongBatchesAndShortReads(t *testing.T) {
	const n = 150 // more than two system calls' worth
	forEach(t, func(t *testing.T, open func() (PacketConn, *net.UDPConn)) {
		a, _ := open()
		b, _ := open()
		var out []Datagram
		for i := range n {
			out = append(out, Datagram{Buffer: buffer(fmt.Sprint(i)), Addr: b.LocalAddr()})
		}
		writeAll(t, a, out...)
		releaseAll(out)
		for i := 0; i < n; {
			ds := make([]Datagram, 1+i%40)
			got, err := b.ReadBatch(ds)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range ds[:got] {
				if string(d.Buffer.Bytes()) != fmt.Sprint(i) {
					t.Fatalf("datagram %d is %q", i, d.Buffer.Bytes())
				}
				i++
			}
			for _, d := range ds[got:] {
				if d.Buffer != nil {
					t.Fatal("a buffer that was not used was not given back")
				}
			}
			releaseAll(ds[:got])
		}
		if n, err := b.ReadBatch(nil); n != 0 || err != nil {
			t.Errorf("reading into nothing: %d, %v", n, err)
		}
	})
}

func TestDatagramsThatAreTooLongAreDroppedAndCounted(t *testing.T) {
	forEach(t, func(t *testing.T, open func() (PacketConn, *net.UDPConn)) {
		a, udp := open()
		b, _ := open()
		for _, size := range []int{MaxDatagram + 1, 9000, MaxDatagram} {
			if _, err := udp.WriteToUDPAddrPort(make([]byte, size), b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		d := readN(t, b, 1)[0]
		if got := len(d.Buffer.Bytes()); got != MaxDatagram {
			t.Errorf("read %d bytes, want %d", got, MaxDatagram)
		}
		d.Buffer.Release()
		if got := b.(counted).count().truncated.Load(); got != 2 {
			t.Errorf("%d counted as truncated, want 2", got)
		}
		a.Close()
	})
}

func TestAWriteErrorConcernsOneDatagram(t *testing.T) {
	forEach(t, func(t *testing.T, open func() (PacketConn, *net.UDPConn)) {
		a, _ := open()
		b, _ := open()
		other := netip.MustParseAddrPort("[::1]:9")
		if a.LocalAddr().Addr().Is6() {
			other = netip.MustParseAddrPort("127.0.0.1:9")
		}
		bad := []netip.AddrPort{
			other,
			netip.AddrPortFrom(b.LocalAddr().Addr(), 0),
			{},
		}
		if a.LocalAddr().Addr().Is4() {
			// Refused without SO_BROADCAST.
			bad = append(bad, netip.MustParseAddrPort("255.255.255.255:9"))
		}
		for _, addr := range bad {
			x, y, z := buffer("x"), buffer("y"), buffer("z")
			ds := []Datagram{{Buffer: x, Addr: b.LocalAddr()}, {Buffer: y, Addr: addr}, {Buffer: z, Addr: b.LocalAddr()}}
			n, err := a.WriteBatch(ds)
			if n != 1 || err == nil {
				t.Fatalf("to %v: wrote %d, error %v; want 1 and an error", addr, n, err)
			}
			if addr == other && reasonOf(err) != dropUnreachable {
				t.Errorf("the other family is not unreachable: %v", err)
			}
			writeAll(t, a, ds[2:]...)
			in := readN(t, b, 2)
			if got := string(in[0].Buffer.Bytes()) + string(in[1].Buffer.Bytes()); got != "xz" {
				t.Errorf("after the error of %v %q arrived, want xz", addr, got)
			}
			releaseAll(in)
			releaseAll(ds)
		}
	})
}

func TestCloseUnblocksTheReader(t *testing.T) {
	forEach(t, func(t *testing.T, open func() (PacketConn, *net.UDPConn)) {
		c, _ := open()
		result := make(chan error)
		ds := make([]Datagram, 8)
		go func() {
			n, err := c.ReadBatch(ds)
			if n != 0 {
				err = fmt.Errorf("%d datagrams from nowhere, %w", n, err)
			}
			result <- err
		}()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-result; !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadBatch after Close: %v", err)
		}
		for _, d := range ds {
			if d.Buffer != nil {
				t.Error("a waiting reader holds buffers")
			}
		}
		if err := c.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		b := buffer("late")
		n, err := c.WriteBatch([]Datagram{{Buffer: b, Addr: c.LocalAddr()}})
		if n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("WriteBatch after Close: %d, %v", n, err)
		}
		b.Release()
	})
}

func TestMappedIPv4IsIPv4(t *testing.T) {
	for _, impl := range implementations() {
		t.Run(impl.name, func(t *testing.T) {
			c, _ := open(t, impl, "[::ffff:127.0.0.1]:0")
			if !c.LocalAddr().Addr().Is4() {
				t.Errorf("local address %v", c.LocalAddr())
			}
			mapped := netip.AddrPortFrom(netip.MustParseAddr("::ffff:127.0.0.1"), c.LocalAddr().Port())
			b := buffer("x")
			writeAll(t, c, Datagram{Buffer: b, Addr: mapped})
			b.Release()
			in := readN(t, c, 1)
			if in[0].Addr != c.LocalAddr() {
				t.Errorf("source %v, want %v", in[0].Addr, c.LocalAddr())
			}
			releaseAll(in)
		})
	}
}

func TestPacketConnDoesNotAllocatePerDatagram(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool forgets on purpose under the race detector")
	}
	forEach(t, func(t *testing.T, open func() (PacketConn, *net.UDPConn)) {
		c, _ := open()
		in := make([]Datagram, 16)
		out := make([]Datagram, 16)
		for i := range out {
			out[i] = Datagram{Buffer: payloadOf(1200, 0), Addr: c.LocalAddr()}
		}
		if n := testing.AllocsPerRun(200, func() {
			if n, err := c.WriteBatch(out); n != len(out) || err != nil {
				t.Fatal(n, err)
			}
			for left := len(out); left > 0; {
				n, err := c.ReadBatch(in)
				if err != nil {
					t.Fatal(err)
				}
				left -= n
				releaseAll(in[:n])
			}
		}); n != 0 {
			t.Errorf("%v allocations for %d datagrams each way", n, len(out))
		}
		releaseAll(out)
	})
}
