package netio

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// addressedConn is an end of a pipe with addresses.
type addressedConn struct {
	net.Conn
	local, remote netip.AddrPort
}

func (c addressedConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c addressedConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// memListener accepts ends of pipes.
type memListener struct {
	conns chan net.Conn
	fail  chan error
	done  chan struct{}
	once  sync.Once
}

var listening = netip.MustParseAddrPort("192.0.2.1:443")

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), fail: make(chan error), done: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case err := <-l.fail:
		return nil, err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(listening) }

// connect is a peer's end of a new connection.
func (l *memListener) connect(from int) net.Conn {
	near, far := net.Pipe()
	l.conns <- addressedConn{far, listening, dest(from)}
	return near
}

// passive opens a path on a mux, whose packets go to got.
func passive(t *testing.T, m *TCPMux, fragment string, handle func(p *TCPPath, d Datagram)) *TCPPath {
	t.Helper()
	p, err := m.Open(TCPConfig{
		Local: listening, Fragment: fragment, Failed: func(error) {}, Ended: func(netip.AddrPort, error) {},
		Handle: func(p *TCPPath, _ time.Time, ds []Datagram) {
			for _, d := range ds {
				handle(p, d)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func frame(packet string) []byte { return appendFrame(nil, []byte(packet)) }

func TestTCPConnectionsGoByTheFragmentOfTheirFirstPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		m := NewTCPMux(l)
		defer m.Close()
		got := make(chan string, 16)
		for _, fragment := range []string{"aaaa", "bbbb"} {
			p := passive(t, m, fragment, func(p *TCPPath, d Datagram) {
				got <- fragment + " " + string(d.Buffer.Bytes()[:1])
				p.Bind(d.Addr)
				p.Send(buffer("to "+fragment), d.Addr, false)
			})
			defer p.Close()
		}
		for i, fragment := range []string{"aaaa", "bbbb", "nobody"} {
			conn := l.connect(i)
			defer conn.Close()
			go func() {
				conn.Write(frame(requestTo(fragment)))
				conn.Write(append(frame(rtpPacket), frame(garbage)...)) // no longer judged by the mux
			}()
			if fragment == "nobody" {
				if n, err := io.Copy(io.Discard, conn); n != 0 {
					t.Errorf("a stranger was sent %d octets, %v", n, err)
				}
				continue
			}
			for _, want := range []string{"\x00", "\x80", "\xff"} {
				if g := <-got; g != fragment+" "+want {
					t.Errorf("got %q, want %q of %s", g, want, fragment)
				}
			}
			b := make([]byte, len(frame("to aaaa")))
			if _, err := io.ReadFull(conn, b); err != nil || !bytes.Equal(b, frame("to "+fragment)) {
				t.Errorf("answered %q, %v", b, err)
			}
		}
	})
}

// Where nothing can be accepted any more, paths fail, and none is opened.
func TestTCPPathsFailWithTheirListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		m := NewTCPMux(l)
		defer m.Close()
		gone, failed := errors.New("gone"), make(chan error, 1)
		p, err := m.Open(TCPConfig{Local: listening, Fragment: "aaaa", Failed: func(err error) { failed <- err }})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		l.fail <- gone
		if err := <-failed; err != gone {
			t.Errorf("the path failed with %v, want %v", err, gone)
		}
		if _, err := m.Open(TCPConfig{Local: listening, Fragment: "bbbb"}); !errors.Is(err, gone) {
			t.Errorf("opening a path without a listener: %v, want %v", err, gone)
		}
	})
}

// A path that is released gets nothing more by the time it hears of that, and no name.
func TestAReleasedTCPPathHasNoNamesWhenItFails(t *testing.T) {
	l := newMemListener()
	m := NewTCPMux(l)
	defer m.Close()
	var p *TCPPath
	failed := 0
	p, err := m.Open(TCPConfig{Local: listening, Fragment: "aaaa", Failed: func(err error) {
		if failed++; failed > 1 { // once more when the mux closes
			return
		}
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("failed with %v", err)
		}
		p.Name("cccc")
		for _, fragment := range []string{"aaaa", "bbbb", "cccc"} {
			if m.owner(listening.Addr(), []byte(requestTo(fragment))) != nil {
				t.Errorf("%s is still of the path", fragment)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Name("bbbb")
	if m.owner(listening.Addr(), []byte(requestTo("bbbb"))) != p {
		t.Error("bbbb is not of the path")
	}
	m.Release("aaaa")
	if failed != 1 {
		t.Errorf("the path failed %d times, want once", failed)
	}
}

// Who does not prove itself is closed: after ten seconds, after 64 packets, or as the
// oldest of too many.
func TestUnprovedTCPConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		m := NewTCPMux(l)
		defer m.Close()
		var got atomic.Int64
		defer passive(t, m, "aaaa", func(*TCPPath, Datagram) { got.Add(1) }).Close()

		talker := l.connect(1)
		sent := 0
		for ; sent < 1000; sent++ {
			if _, err := talker.Write(frame(requestTo("aaaa"))); err != nil {
				break
			}
		}
		synctest.Wait()
		if got.Load() > maxUnproved+readBatch {
			t.Errorf("took %d packets of a connection that proved nothing, want at most %d", got.Load(), maxUnproved+readBatch)
		}
		var ended atomic.Int64
		for i := range maxPending + 10 {
			conn := l.connect(100 + i)
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				ended.Add(1)
			}()
			synctest.Wait()
		}
		if n := ended.Load(); n != 10 || m.Stats().Pending != maxPending {
			t.Errorf("%d of %d connections were closed and %d wait, want 10, %d", n, maxPending+10, m.Stats().Pending, maxPending)
		}
		time.Sleep(tcpProofLimit)
		synctest.Wait()
		if n := ended.Load(); n != maxPending+10 || m.Stats().Pending != 0 {
			t.Errorf("%d connections were closed after %v, %d wait", n, tcpProofLimit, m.Stats().Pending)
		}
	})
}

// Who proves nothing costs no connection that has: the oldest other one goes for it,
// or it is not taken.
func TestUnprovedTCPConnectionsCostNoProvedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		m := NewTCPMux(l)
		defer m.Close()
		proves := true // written while nothing arrives
		p := passive(t, m, "aaaa", func(p *TCPPath, d Datagram) {
			if proves {
				p.Bind(d.Addr)
			}
		})
		defer p.Close()
		connect := func(from int) {
			conn := l.connect(from)
			t.Cleanup(func() { conn.Close() })
			go conn.Write(frame(requestTo("aaaa")))
			synctest.Wait()
		}
		has := func(want ...int) {
			t.Helper()
			p.mu.Lock()
			defer p.mu.Unlock()
			var addrs []netip.AddrPort
			for _, from := range want {
				addrs = append(addrs, dest(from))
			}
			if !slices.Equal(p.order, addrs) {
				t.Errorf("connections of %v, want %v", p.order, addrs)
			}
		}
		var proved []int
		for i := range maxTCPConns - 1 {
			connect(i)
			proved = append(proved, i)
		}
		proves = false
		connect(100)
		has(append(proved, 100)...)
		connect(101)
		has(append(proved, 101)...)
		proves = true
		connect(102)
		proves = false
		has(append(proved, 102)...)
		connect(103)
		has(append(proved, 102)...)
	})
}

// A peer that reads nothing is dropped, and holds up nobody.
func TestASlowTCPPeerIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		m := NewTCPMux(l)
		defer m.Close()
		p := passive(t, m, "aaaa", func(p *TCPPath, d Datagram) { p.Bind(d.Addr) })
		defer p.Close()
		slow, quick := l.connect(1), l.connect(2)
		defer quick.Close()
		for _, conn := range []net.Conn{slow, quick} {
			if _, err := conn.Write(frame(requestTo("aaaa"))); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		account := NewAccount(nil)
		start := time.Now()
		for range 3 * tcpQueue { // nobody reads
			b := buffer(strings.Repeat("x", 1000))
			b.Charge(account)
			p.Send(b, dest(1), false)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("sending waited %v", took)
		}
		p.Send(buffer("quick"), dest(2), false)
		b := make([]byte, 7)
		if _, err := io.ReadFull(quick, b); err != nil || !bytes.Equal(b, frame("quick")) {
			t.Errorf("%q, %v", b, err)
		}
		time.Sleep(tcpPatience)
		synctest.Wait()
		if s := account.Stats(); s.Sent != 0 || s.Discarded != 3*tcpQueue {
			t.Errorf("%+v, want all %d discarded", s, 3*tcpQueue)
		}
		if _, err := slow.Read(make([]byte, 1<<20)); !errors.Is(err, io.EOF) && err != nil {
			t.Errorf("read of the slow peer: %v", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.conns[dest(1)] != nil || p.conns[dest(2)] == nil {
			t.Errorf("connections %v, want the second alone", p.order)
		}
	})
}

// A peer that sends a frame by halves holds up nobody, and a frame that is longer than
// any packet costs it that frame alone (RFC 4571 section 2).
func TestHalfAFrameHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		m := NewTCPMux(l)
		defer m.Close()
		got := make(chan Datagram, 16)
		p := passive(t, m, "aaaa", func(p *TCPPath, d Datagram) { p.Bind(d.Addr); got <- Datagram{Addr: d.Addr} })
		defer p.Close()
		slow, quick := l.connect(1), l.connect(2)
		defer slow.Close()
		defer quick.Close()
		write := func(conn net.Conn, from int, stream []byte, packets int) {
			t.Helper()
			if _, err := conn.Write(stream); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if len(got) != packets {
				t.Fatalf("%d packets came, want %d", len(got), packets)
			}
			for range packets {
				if d := <-got; d.Addr != dest(from) {
					t.Errorf("a packet of %v, want of %v", d.Addr, dest(from))
				}
			}
		}
		long := append([]byte{0xff, 0xff}, make([]byte, 0xffff)...)
		write(slow, 1, frame(requestTo("aaaa")), 1)
		write(slow, 1, long[:1000], 0)
		write(quick, 2, append(frame(requestTo("aaaa")), frame(rtpPacket)...), 2)
		time.Sleep(time.Hour)
		write(quick, 2, frame(rtpPacket), 1)
		write(slow, 1, append(long[1000:], frame(rtpPacket)...), 1)
	})
}

// Peers that read nothing, or little, hold up closing for a moment in all, however
// much waits for them.
func TestClosingAPathWaitsOnlyAMomentForSlowTCPPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		m := NewTCPMux(l)
		defer m.Close()
		p := passive(t, m, "aaaa", func(p *TCPPath, d Datagram) { p.Bind(d.Addr) })
		const peers = 3
		var readers sync.WaitGroup
		for i := range peers {
			conn := l.connect(i)
			defer conn.Close()
			if _, err := conn.Write(frame(requestTo("aaaa"))); err != nil {
				t.Fatal(err)
			}
			if i > 0 { // the first reads nothing, the others one write in 150 ms
				readers.Go(func() {
					b := make([]byte, frameWrite)
					for err := error(nil); err == nil; time.Sleep(150 * time.Millisecond) {
						_, err = io.ReadFull(conn, b)
					}
				})
			}
		}
		synctest.Wait()
		for i := range peers {
			for range 2 * tcpQueue {
				p.Send(buffer(strings.Repeat("x", 1000)), dest(i), false)
			}
		}
		synctest.Wait()
		start := time.Now()
		p.Close()
		if took := time.Since(start); took != lastWords {
			t.Errorf("closing took %v, want %v", took, lastWords)
		}
		readers.Wait()
	})
}

// An active path connects when something is sent, keeps what is sent meanwhile, says
// when it cannot, and has a bound.
func TestAnActivePathConnectsWhenItSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := make(chan net.Conn, 1)
		ended := make(chan error, maxTCPConns)
		refused := errors.New("refused")
		p := OpenTCP(TCPConfig{
			Local: netip.MustParseAddrPort("192.0.2.1:9"), Handle: func(*TCPPath, time.Time, []Datagram) {},
			Ended: func(_ netip.AddrPort, err error) { ended <- err },
			Dial: func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
				switch remote {
				case dest(1):
					time.Sleep(100 * time.Millisecond)
					a, b := net.Pipe()
					far <- b
					return a, nil
				case dest(2):
					return nil, refused
				}
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		p.Send(buffer("one"), dest(1), false)
		p.SendAll([]*Buffer{buffer("two"), buffer("three")}, dest(1))
		conn := <-far
		want := append(append(frame("one"), frame("two")...), frame("three")...)
		b := make([]byte, len(want))
		if _, err := io.ReadFull(conn, b); err != nil || !bytes.Equal(b, want) {
			t.Errorf("%q, %v; want %q", b, err, want)
		}
		p.Send(buffer("x"), dest(2), false)
		if err := <-ended; err != refused {
			t.Errorf("ended with %v", err)
		}
		for i := range 2 * maxTCPConns {
			p.Send(buffer("x"), dest(10+i), false)
		}
		if n := len(p.conns); n != maxTCPConns {
			t.Errorf("%d connections, want %d", n, maxTCPConns)
		}
		p.Close()
		if _, err := conn.Read(b); err == nil {
			t.Error("the connection is open after Close")
		}
	})
}

// What is sent at once leaves in one write, and what the queue does not take of it is
// dropped.
func TestABurstIsOneWriteOnATCPConnection(t *testing.T) {
	l := newMemListener()
	m := NewTCPMux(l)
	defer m.Close()
	bound := make(chan struct{}, 1)
	p := passive(t, m, "aaaa", func(p *TCPPath, d Datagram) { p.Bind(d.Addr); bound <- struct{}{} })
	defer p.Close()
	conn := l.connect(1)
	defer conn.Close()
	if _, err := conn.Write(frame(requestTo("aaaa"))); err != nil {
		t.Fatal(err)
	}
	<-bound
	account := NewAccount(nil)
	burst := func(n int) (bs []*Buffer, stream []byte) {
		for i := range n {
			b := buffer(fmt.Sprint("packet ", i))
			stream = appendFrame(stream, b.Bytes())
			b.Charge(account)
			bs = append(bs, b)
		}
		return bs, stream
	}
	in := make([]byte, frameWrite)
	for range 500 {
		bs, want := burst(20)
		p.SendAll(bs, dest(1))
		if n, err := conn.Read(in); err != nil || !bytes.Equal(in[:n], want) { // a pipe's read is one write at most
			t.Fatalf("read %d octets, %v, of a burst of %d", n, err, len(want))
		}
	}
	bs, stream := burst(tcpQueue + 10)
	p.SendAll(bs, dest(1))
	if n := account.Stats().Discarded; n != 10 {
		t.Errorf("%d packets of a burst of %d were discarded, want 10", n, len(bs))
	}
	last := frame(fmt.Sprint("packet ", tcpQueue-1))
	want := stream[:bytes.Index(stream, last)+len(last)]
	if _, err := io.ReadFull(conn, in[:len(want)]); err != nil || !bytes.Equal(in[:len(want)], want) {
		t.Errorf("of a long burst came something else than its beginning: %v", err)
	}
	bs, _ = burst(3)
	p.SendAll(bs, dest(2))
	if n := account.Stats().Discarded; n != 13 {
		t.Errorf("%d packets were discarded, want 13: three had no connection", n)
	}
}

// packetsOf is a second reading of frames, of a whole stream.
func packetsOf(stream []byte) (packets [][]byte) {
	for len(stream) >= frameHeader {
		n := int(binary.BigEndian.Uint16(stream))
		stream = stream[frameHeader:]
		if n > 0 && n <= min(MaxDatagram, len(stream)) {
			packets = append(packets, stream[:n])
		}
		stream = stream[min(n, len(stream)):]
	}
	return packets
}

// RFC 4571 section 2, whatever the stream holds and however it is cut.
func FuzzTCPFrames(f *testing.F) {
	long := append([]byte{0xff, 0xff}, make([]byte, 0xffff)...)
	for _, seed := range [][]byte{nil, {0}, {0, 0}, {0, 1}, frame("hello"), append(frame("a"), frame("b")...),
		append(long, frame("after")...), {0x08, 0x01, 1}, append([]byte{0, 0, 0, 0}, frame("x")...), frame(strings.Repeat("y", MaxDatagram))} {
		f.Add(seed, uint8(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8) {
		want := packetsOf(stream)
		frames := newFrameReader(&cutReader{stream, int(cut)%64 + 1})
		var got [][]byte
		for {
			ready := frames.ready()
			b, err := frames.next()
			if err != nil {
				if ready {
					t.Fatal("ready, and there was none")
				}
				break
			}
			got = append(got, bytes.Clone(b.Bytes()))
			b.Release()
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d packets, want %d", len(got), len(want))
		}
	})
}

// cutReader gives a stream in pieces.
type cutReader struct {
	rest []byte
	size int
}

func (r *cutReader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.rest[:min(r.size, len(r.rest))])
	r.rest = r.rest[n:]
	return n, nil
}
