package netio

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// UDP_SEGMENT, udp(7): segments of one message have one size, but for the last,
// which may be shorter; one destination.
func TestRunsAreOfOneSizeAndDestination(t *testing.T) {
	for name, test := range map[string]struct {
		sizes []int
		other int // index of a datagram to another destination; 0: none
		want  int
	}{
		"alone":                 {sizes: []int{100}, want: 1},
		"one size":              {sizes: []int{100, 100, 100}, want: 3},
		"the last is shorter":   {sizes: []int{100, 100, 99, 100}, want: 3},
		"the next is longer":    {sizes: []int{100, 101}, want: 1},
		"another destination":   {sizes: []int{100, 100, 100}, other: 2, want: 2},
		"empty at the front":    {sizes: []int{0, 0}, want: 1},
		"empty behind":          {sizes: []int{100, 0}, want: 1},
		"more than one message": {sizes: repeated(2000, 64), want: maxSegmented / 2000},
		"64 segments":           {sizes: repeated(10, 70), want: maxSegments},
	} {
		var ds []Datagram
		for i, size := range test.sizes {
			port := 1
			if test.other != 0 && i == test.other {
				port = 2
			}
			ds = append(ds, Datagram{Buffer: payloadOf(size, 0), Addr: dest(port)})
		}
		if got := run(ds); got != test.want {
			t.Errorf("%s: a run of %d, want %d", name, got, test.want)
		}
		releaseAll(ds)
	}
}

func repeated(size, n int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// What leaves as segments arrives as the datagrams that were given, in their order,
// also where the kernel refuses segments: it does so for sockets without checksums.
func TestSegmentsArriveAsDatagrams(t *testing.T) {
	for _, refused := range []bool{false, true} {
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
			conn, udp := open(t, implementations()[0], addr)
			c := conn.(*batchConn)
			if refused {
				raw, err := udp.SyscallConn()
				if err != nil {
					t.Fatal(err)
				}
				options := [][2]int{{unix.SOL_SOCKET, unix.SO_NO_CHECK}}
				if c.v6 {
					options = [][2]int{{unix.SOL_UDP, unix.UDP_NO_CHECK6_TX}, {unix.SOL_UDP, unix.UDP_NO_CHECK6_RX}}
				}
				cerr := raw.Control(func(fd uintptr) {
					for _, o := range options {
						if e := unix.SetsockoptInt(int(fd), o[0], o[1], 1); e != nil {
							err = e
						}
					}
				})
				if cerr != nil || err != nil {
					t.Fatal(cerr, err)
				}
			}
			var out []Datagram
			for i, size := range []int{1200, 1200, 1200, 7, 1200, 1200, 300, 1300, 20} {
				out = append(out, Datagram{Buffer: payloadOf(size, byte(i)), Addr: c.LocalAddr()})
			}
			writeAll(t, c, out...)
			for i, d := range readN(t, c, len(out)) {
				if !bytes.Equal(d.Buffer.Bytes(), out[i].Buffer.Bytes()) {
					t.Errorf("refused %v, %s: datagram %d has %d bytes, want %d", refused, addr, i, len(d.Buffer.Bytes()), len(out[i].Buffer.Bytes()))
				}
				d.Buffer.Release()
			}
			releaseAll(out)
			if c.unsegmented.Load() != refused {
				t.Errorf("%s: unsegmented is %v, want %v", addr, c.unsegmented.Load(), refused)
			}
		}
	}
}
