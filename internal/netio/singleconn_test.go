package netio

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeUDP answers reads and writes from scripts.
type fakeUDP struct {
	udpConn
	reads, writes []error // nil: one datagram
	deadlines     []time.Time
}

func (f *fakeUDP) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (f *fakeUDP) SetWriteDeadline(at time.Time) error {
	f.deadlines = append(f.deadlines, at)
	return nil
}

func (f *fakeUDP) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	err := f.reads[0]
	f.reads = f.reads[1:]
	if err != nil {
		// Windows fills the buffer and tells that there was more.
		return 0, netip.AddrPort{}, err
	}
	return copy(b, "ok"), netip.MustParseAddrPort("[::ffff:192.0.2.9]:9"), nil
}

func (f *fakeUDP) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	err := f.writes[0]
	f.writes = f.writes[1:]
	return len(b), err
}

func opError(err error) error {
	return &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("call", err)}
}

func TestPortableReaderOutlivesErrorsOfOneDatagram(t *testing.T) {
	f := &fakeUDP{reads: []error{opError(errnoRefused), opError(errnoReset), opError(errnoTooLong), nil}}
	c := newSingleConn(f)
	in := readN(t, c, 1)
	if string(in[0].Buffer.Bytes()) != "ok" || in[0].Addr != netip.MustParseAddrPort("192.0.2.9:9") {
		t.Errorf("read %q from %v", in[0].Buffer.Bytes(), in[0].Addr)
	}
	releaseAll(in)
	if errs, long := c.readErrors.Load(), c.truncated.Load(); errs != 2 || long != 1 {
		t.Errorf("%d errors, %d truncated; want 2, 1", errs, long)
	}
	f.reads = []error{errors.New("the card is gone")}
	if _, err := c.ReadBatch(make([]Datagram, 1)); err != nil && err.Error() != "the card is gone" {
		t.Errorf("a final error became %v", err)
	}
}

func TestPortableWriterNeverWaitsForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeUDP{}
		c := newSingleConn(f)
		start := time.Now()
		b := buffer("x")
		defer b.Release()
		for range 50 {
			f.writes = append(f.writes, nil)
			writeAll(t, c, Datagram{Buffer: b, Addr: dest(1)})
			left := f.deadlines[len(f.deadlines)-1].Sub(time.Now())
			if left < minWait || left > maxWait {
				t.Fatalf("after %v a write may wait %v", time.Since(start), left)
			}
			time.Sleep(time.Millisecond)
		}
		if got, most := len(f.deadlines), 50/int((maxWait-minWait)/time.Millisecond)+1; got > most {
			t.Errorf("%d deadlines set in 50 ms, want at most %d", got, most)
		}
	})
}

func TestPortableWriterTellsFullFromBroken(t *testing.T) {
	ds := []Datagram{{Buffer: buffer("x"), Addr: dest(1)}, {Buffer: buffer("y"), Addr: dest(1)}}
	defer releaseAll(ds)
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		writes []error
		n      int
		err    error
	}{
		{"full", []error{nil, opError(os.ErrDeadlineExceeded), opError(os.ErrDeadlineExceeded)}, 1, nil},
		{"deadline over before the write", []error{nil, opError(os.ErrDeadlineExceeded), nil}, 2, nil},
		{"an earlier datagram was refused", []error{opError(errnoRefused), nil, nil}, 2, nil},
		{"refused again", []error{nil, opError(errnoRefused), opError(errnoRefused)}, 1, errnoRefused},
		{"broken", []error{opError(broken)}, 0, broken},
		{"too long", []error{nil, opError(errnoTooLong)}, 1, errnoTooLong},
	} {
		c := newSingleConn(&fakeUDP{writes: tt.writes})
		n, err := c.WriteBatch(ds)
		if n != tt.n || !errors.Is(err, tt.err) {
			t.Errorf("%s: %d, %v; want %d, %v", tt.name, n, err, tt.n, tt.err)
		}
	}
}
