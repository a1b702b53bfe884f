package netio

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func implementations() []implementation {
	batch := implementation{"batch", func(udp *net.UDPConn) (PacketConn, error) { return newBatchConn(udp) }}
	return []implementation{batch, portable()}
}

// reportICMP makes the kernel report ICMP errors on an unconnected socket, as
// other systems do unasked.
func reportICMP(t *testing.T, udp *net.UDPConn, v6 bool) {
	t.Helper()
	raw, err := udp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR
	if v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	if cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
}

func TestPortUnreachableDoesNotEndTheReader(t *testing.T) {
	forEach(t, func(t *testing.T, open func() (PacketConn, *net.UDPConn)) {
		a, udp := open()
		b, _ := open()
		gone, _ := open()
		nobody := gone.LocalAddr()
		gone.Close()
		reportICMP(t, udp, a.LocalAddr().Addr().Is6())

		x := buffer("x")
		defer x.Release()
		// The ICMP message nearly always comes before the next datagram.
		for tries := 1; a.(counted).count().readErrors.Load() == 0; tries++ {
			if tries > 100 {
				t.Fatal("no ICMP error was counted")
			}
			writeAll(t, a, Datagram{Buffer: x, Addr: nobody})
			writeAll(t, b, Datagram{Buffer: x, Addr: a.LocalAddr()})
			releaseAll(readN(t, a, 1))
		}

		// The error of one destination must not cost another its datagram.
		writeAll(t, a, Datagram{Buffer: x, Addr: nobody})
		writeAll(t, a, Datagram{Buffer: x, Addr: b.LocalAddr()})
		releaseAll(readN(t, b, 1))
	})
}

func TestABatchIsOneSystemCall(t *testing.T) {
	c, _ := open(t, implementations()[0], "127.0.0.1:0")
	n := c.(*batchConn).count()
	out := make([]Datagram, maxBatch)
	for i := range out {
		out[i] = Datagram{Buffer: payloadOf(100, 0), Addr: c.LocalAddr()}
	}
	writeAll(t, c, out...)
	if got := n.writeCalls.Load(); got != 1 {
		t.Errorf("%d calls for a batch of %d, want 1", got, len(out))
	}
	// The reader takes 4 buffers at first, then 8, 16, 32, the last 4: five
	// calls, a few more when the kernel delivers late.
	in := make([]Datagram, maxBatch)
	for read := 0; read < len(out); {
		got, err := c.ReadBatch(in)
		if err != nil {
			t.Fatal(err)
		}
		read += got
		releaseAll(in[:got])
	}
	if got := n.readCalls.Load(); got > maxBatch/4 {
		t.Errorf("%d calls to read %d datagrams, want about 5", got, len(out))
	}
	releaseAll(out)
}

// A UDP socket on loopback is never full, because what it sends is the
// receiver's at once. A TCP socket that nobody reads is full soon, and takes
// the same system call.
func TestFullSocketIsNoError(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	tcp, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	c := &batchConn{}
	if c.raw, err = tcp.(*net.TCPConn).SyscallConn(); err != nil {
		t.Fatal(err)
	}
	ds := make([]Datagram, maxBatch)
	for i := range ds {
		ds[i] = Datagram{Buffer: payloadOf(1200, 0), Addr: dest(1)}
	}
	defer releaseAll(ds)
	for range 10_000 {
		n, err := c.WriteBatch(ds)
		if err != nil {
			t.Fatal(err)
		}
		if n < len(ds) {
			return
		}
	}
	t.Fatal("the socket took 768 MB")
}

func TestReaderEndsWhenTheSocketIsBroken(t *testing.T) {
	conn, udp := open(t, implementations()[0], "127.0.0.1:0")
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	c := conn.(*batchConn)
	if c.raw, err = null.SyscallConn(); err != nil {
		t.Fatal(err)
	}
	ds := make([]Datagram, 4)
	if n, err := c.ReadBatch(ds); n != 0 || !errors.Is(err, unix.ENOTSOCK) {
		t.Errorf("reading from what is no socket: %d, %v", n, err)
	}
	if ds[0].Buffer != nil {
		t.Error("the buffers were not given back")
	}
	udp.Close()
}

func TestReadSizeFollowsTheLoad(t *testing.T) {
	c := &batchConn{want: minWant}
	for _, tt := range []struct{ n, of, want int }{
		{4, 4, 8}, {8, 8, 16}, {10, 16, 16}, {16, 16, 32}, {32, 32, 64}, {64, 64, 64},
		{32, 32, 64}, // the caller's slice was the limit
		{1, 64, 32}, {1, 32, 16}, {1, 16, 8}, {1, 8, 4}, {1, 4, 4},
	} {
		if c.adapt(tt.n, tt.of); c.want != tt.want {
			t.Fatalf("after %d of %d it takes %d, want %d", tt.n, tt.of, c.want, tt.want)
		}
	}
}

func TestKernelLayouts(t *testing.T) {
	word := unsafe.Sizeof(uintptr(0))
	// struct mmsghdr: a msghdr and an unsigned int, padded to a word.
	if got, want := unsafe.Sizeof(message{}), (unix.SizeofMsghdr+4+word-1)&^(word-1); got != want {
		t.Errorf("message has %d bytes, the kernel's mmsghdr %d", got, want)
	}
	if got := unsafe.Offsetof(message{}.n); got != unix.SizeofMsghdr {
		t.Errorf("the length lies at %d, want %d", got, unix.SizeofMsghdr)
	}
}

func TestSockaddrRoundTrip(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip("no interface lo:", err)
	}
	var zones zoneTable
	for _, tt := range []struct {
		addr string
		v6   bool
		want string // "": does not belong to the family
	}{
		{"192.0.2.1:65535", false, "192.0.2.1:65535"},
		{"[::ffff:192.0.2.1]:1", false, "192.0.2.1:1"},
		{"192.0.2.1:1", true, ""},
		{"[::ffff:192.0.2.1]:1", true, ""},
		{"[2001:db8::1]:443", true, "[2001:db8::1]:443"},
		{"[2001:db8::1]:443", false, ""},
		{"[fe80::1%lo]:5", true, "[fe80::1%lo]:5"},
		{"[fe80::1%4000000]:5", true, "[fe80::1%4000000]:5"},
		{"[fe80::1%nosuch]:5", true, "[fe80::1]:5"},
		{"[fe80::1]:5", true, "[fe80::1]:5"},
	} {
		sa := sockaddr{}
		for i := range sa {
			sa[i] = 0xff // what an earlier call left
		}
		n := sa.set(netip.MustParseAddrPort(tt.addr), family{v6: tt.v6}, &zones)
		if (n == 0) != (tt.want == "") {
			t.Errorf("%s on IPv6 %v: length %d", tt.addr, tt.v6, n)
		} else if n != 0 && sa.addrPort(&zones).String() != tt.want {
			t.Errorf("%s came back as %v, want %s", tt.addr, sa.addrPort(&zones), tt.want)
		}
	}
	if zones.name(uint32(lo.Index)) != "lo" || zones.index("lo") != uint32(lo.Index) {
		t.Error("zone lo is not interface lo")
	}
	if n := (&sockaddr{}).set(netip.AddrPort{}, family{}, &zones); n != 0 {
		t.Error("the invalid address has a structure")
	}
	if (&sockaddr{}).addrPort(&zones).IsValid() {
		t.Error("a structure of no family has an address")
	}
}

func TestSockaddrIsTheKernels(t *testing.T) {
	var zones zoneTable
	var sa sockaddr
	sa.set(netip.MustParseAddrPort("192.0.2.1:258"), family{}, &zones)
	four := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa))
	if four.Family != unix.AF_INET || *(*[2]byte)(unsafe.Pointer(&four.Port)) != [2]byte{1, 2} || four.Addr != [4]byte{192, 0, 2, 1} {
		t.Errorf("IPv4: %+v", four)
	}
	sa.set(netip.MustParseAddrPort("[fe80::1%7000]:258"), family{v6: true}, &zones)
	six := (*unix.RawSockaddrInet6)(unsafe.Pointer(&sa))
	if six.Family != unix.AF_INET6 || *(*[2]byte)(unsafe.Pointer(&six.Port)) != [2]byte{1, 2} ||
		six.Addr != [16]byte{0xfe, 0x80, 15: 1} || six.Scope_id != 7000 || six.Flowinfo != 0 {
		t.Errorf("IPv6: %+v", six)
	}
}

func TestZoneTableIsBounded(t *testing.T) {
	var zones zoneTable
	for i := range uint32(3 * zoneTableLimit) {
		zones.name(5_000_000 + i)
		zones.index(netip.MustParseAddr("fe80::1").WithZone(string(rune('a'+i%26)) + string(rune(0x400+i))).Zone())
	}
	if len(zones.names) > zoneTableLimit || len(zones.indices) > zoneTableLimit {
		t.Errorf("remembers %d names and %d indices", len(zones.names), len(zones.indices))
	}
}
