package netio

import (
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// modes are the socket's modes of path MTU discovery, as far as it has them.
func modes(t *testing.T, c *batchConn) (v4, v6 int) {
	t.Helper()
	var err error
	cerr := c.raw.Control(func(fd uintptr) {
		if v4, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER); err == nil && c.v6 {
			v6, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER)
		}
	})
	if cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return v4, v6
}

// A run of datagrams of one size, one of which must stay whole, arrives as it was given, and the mode of the socket is
// what it was.
func TestTheSocketHasItsModeBackAfterAWholeDatagram(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		conn, _ := open(t, implementations()[0], addr)
		c := conn.(*batchConn)
		v4, v6 := modes(t, c)
		var out []Datagram
		for i := range 7 {
			out = append(out, Datagram{Buffer: payloadOf(1400, byte(i)), Addr: c.LocalAddr()})
		}
		out[3].Buffer.KeepWhole()
		writeAll(t, c, out...)
		for i, d := range readN(t, c, len(out)) {
			if got := d.Buffer.Bytes(); len(got) != 1400 || got[0] != out[i].Buffer.Bytes()[0] {
				t.Errorf("%s: datagram %d has %d bytes, and begins with %d", addr, i, len(got), got[0])
			}
			d.Buffer.Release()
		}
		releaseAll(out)
		if now4, now6 := modes(t, c); now4 != v4 || now6 != v6 {
			t.Errorf("%s: modes %d and %d, were %d and %d", addr, now4, now6, v4, v6)
		}
	}
}

// One system call takes what may be fragmented, or one datagram that may not.
func TestAWholeDatagramLeavesAlone(t *testing.T) {
	ds := make([]Datagram, 70)
	for i := range ds {
		ds[i] = Datagram{Buffer: payloadOf(10, 0), Addr: dest(1)}
	}
	defer releaseAll(ds)
	ds[2].Buffer.KeepWhole()
	ds[3].Buffer.KeepWhole()
	var got []int
	for rest := ds; len(rest) > 0; rest = rest[got[len(got)-1]:] {
		got = append(got, len(together(rest)))
	}
	if len(got) != 5 || got[0] != 2 || got[1] != 1 || got[2] != 1 || got[3] != maxBatch || got[4] != 2 {
		t.Errorf("together: %v", got)
	}
}

// On a link that is too small a datagram that must stay whole is dropped, and counted; the next ones pass in
// fragments, and the socket sends runs as before. The link is the loopback of a network namespace of the test's own.
func TestAWholeDatagramThatIsTooLongIsDropped(t *testing.T) {
	done := make(chan string)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- "no network namespace: " + err.Error()
			return
		}
		if err := setLoopback(1280); err != nil {
			t.Errorf("set up the loopback: %v", err)
			return
		}
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
			udp, err := listen(netip.MustParseAddrPort(addr))
			if err != nil {
				t.Logf("%s: %v", addr, err)
				continue
			}
			c, err := newBatchConn(udp)
			if err != nil {
				t.Error(err)
				continue
			}
			sendTooLong(t, c)
		}
	}()
	if reason, ok := <-done; ok {
		t.Skip(reason)
	}
}

func sendTooLong(t *testing.T, c *batchConn) {
	to := c.LocalAddr()
	if to.Addr().IsUnspecified() {
		to = netip.AddrPortFrom(netip.IPv6Loopback(), to.Port())
	}
	received := make(chan int, 10)
	s := NewSocket(c, func(_ time.Time, ds []Datagram) {
		for _, d := range ds {
			received <- len(d.Buffer.Bytes())
		}
	})
	defer s.Close()
	bs := []*Buffer{payloadOf(1400, 0), payloadOf(1400, 0), payloadOf(1200, 0), payloadOf(1200, 0), payloadOf(1200, 0)}
	bs[1].KeepWhole()
	s.SendAll(bs, to)
	for _, want := range []int{1400, 1200, 1200, 1200} {
		if got := <-received; got != want {
			t.Errorf("%v: %d bytes, want %d", to, got, want)
		}
	}
	if d := s.Stats().Dropped; d != (Drops{TooLong: 1}) {
		t.Errorf("%v: drops %+v", to, d)
	}
	if c.unsegmented.Load() {
		t.Errorf("%v: no more runs", to)
	}
}

// setLoopback takes the loopback of the thread's network namespace up, with an MTU.
func setLoopback(mtu uint32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, request := range []struct {
		number uintptr
		value  uint32
	}{{unix.SIOCSIFMTU, mtu}, {unix.SIOCSIFFLAGS, unix.IFF_UP | unix.IFF_LOOPBACK}} {
		ifr, err := unix.NewIfreq("lo")
		if err != nil {
			return err
		}
		ifr.SetUint32(request.value)
		if request.number == unix.SIOCSIFFLAGS {
			ifr.SetUint16(uint16(request.value))
		}
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request.number, uintptr(unsafe.Pointer(ifr))); errno != 0 {
			return os.NewSyscallError("ioctl", errno)
		}
	}
	return nil
}
