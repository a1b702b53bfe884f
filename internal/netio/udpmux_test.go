package netio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// stunMessage is a STUN message with the attribute USERNAME, or without one for "".
func stunMessage(kind uint16, id byte, username string) string {
	b := make([]byte, stunHeader)
	binary.BigEndian.PutUint16(b, kind)
	binary.BigEndian.PutUint32(b[4:], stunCookie)
	b[8] = id
	if username != "" {
		b = binary.BigEndian.AppendUint16(b, stunUsername)
		b = binary.BigEndian.AppendUint16(b, uint16(len(username)))
		b = append(b, username...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader))
	return string(b)
}

const (
	bindingRequest  = 0x0001
	bindingResponse = 0x0101
)

func requestTo(fragment string) string { return stunMessage(bindingRequest, 1, fragment+":peer") }

// muxRig is a mux on a socket in memory, and what its paths got.
type muxRig struct {
	t    *testing.T
	conn *memConn
	mux  *UDPMux

	mu      sync.Mutex
	got     map[string][]string // payloads by path
	batches map[string][]int
	failed  map[string]error
	seen    chan struct{} // a batch was handled by the path "last"
}

func newMuxRig(t *testing.T) *muxRig {
	t.Helper()
	r := &muxRig{t: t, conn: newMemConn(), got: map[string][]string{}, batches: map[string][]int{}, failed: map[string]error{}, seen: make(chan struct{}, 64)}
	r.mux = NewUDPMux(r.conn)
	t.Cleanup(func() { r.mux.Close() })
	r.open("last")
	return r
}

func (r *muxRig) open(fragment string) *MuxPath {
	r.t.Helper()
	p, err := r.mux.Open(MuxConfig{
		Local: r.conn.LocalAddr(), Fragment: fragment,
		Handle: func(_ *MuxPath, _ time.Time, ds []Datagram) {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, d := range ds {
				r.got[fragment] = append(r.got[fragment], string(d.Buffer.Bytes()))
			}
			r.batches[fragment] = append(r.batches[fragment], len(ds))
			if fragment == "last" {
				r.seen <- struct{}{}
			}
		},
		Failed: func(err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.failed[fragment] = err
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// arrives brings datagrams in one batch, and waits until they are handled.
func (r *muxRig) arrives(from int, payloads ...string) {
	var ds []Datagram
	for _, p := range payloads {
		ds = append(ds, Datagram{Buffer: buffer(p), Addr: dest(from)})
	}
	r.conn.read <- ds
	// A batch of its own, as the order of paths within one is nobody's to rely on.
	r.conn.read <- []Datagram{{Buffer: buffer(requestTo("last")), Addr: dest(999)}}
	<-r.seen
}

// has checks what a path got since the last call.
func (r *muxRig) has(fragment string, want ...string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.got[fragment], want) {
		r.t.Errorf("%s got %q, want %q", fragment, r.got[fragment], want)
	}
	r.got[fragment] = nil
}

const (
	handshake  = "\x16handshake"
	dtlsRecord = "\x17record"
	closeAlert = "\x15\xfe\xfd\x00\x01alert" // encrypted: of epoch 1
	openAlert  = "\x15\xfe\xfd\x00\x00alert"
	rtpPacket  = "\x80\x60rtp"
	garbage    = "\xffgarbage"
)

func TestRequestsGoByFragmentAndTheRestByAddress(t *testing.T) {
	r := newMuxRig(t)
	a, _ := r.open("aaaa"), r.open("bbbb")
	r.arrives(1, requestTo("aaaa"), requestTo("bbbb"), requestTo("aaa"), requestTo("aaaaa"), requestTo("nobody"), handshake, rtpPacket, garbage)
	r.has("aaaa", requestTo("aaaa"))
	r.has("bbbb", requestTo("bbbb")) // nothing else: no address is bound
	a.Bind(dest(1))
	r.arrives(1, handshake, rtpPacket, garbage, dtlsRecord)
	r.has("aaaa", handshake, rtpPacket, dtlsRecord)
	r.arrives(2, handshake, rtpPacket, dtlsRecord)
	r.has("aaaa")
	r.has("bbbb")
	if unknown := r.mux.Stats().Unknown; unknown != 3+3+1+3 {
		t.Errorf("%d datagrams for nobody, want 10", unknown)
	}
}

func TestABatchReachesEachConnectionAsOne(t *testing.T) {
	r := newMuxRig(t)
	r.open("aaaa").Bind(dest(1))
	r.open("bbbb").Bind(dest(2))
	var ds []Datagram
	for i := range 10 {
		ds = append(ds, Datagram{Buffer: buffer(rtpPacket + fmt.Sprint(i)), Addr: dest(1 + i%2)})
	}
	r.conn.read <- ds
	r.conn.read <- []Datagram{{Buffer: buffer(requestTo("last")), Addr: dest(999)}}
	<-r.seen
	if !slices.Equal(r.batches["aaaa"], []int{5}) || !slices.Equal(r.batches["bbbb"], []int{5}) {
		t.Errorf("batches of %v and %v, want one of 5 each", r.batches["aaaa"], r.batches["bbbb"])
	}
	r.has("aaaa", rtpPacket+"0", rtpPacket+"2", rtpPacket+"4", rtpPacket+"6", rtpPacket+"8")
}

// Many connections ask one STUN server, or one peer that has one port too, from
// one address: only the transaction tells whose an answer is.
func TestResponsesGoByTransaction(t *testing.T) {
	r := newMuxRig(t)
	a, b := r.open("aaaa"), r.open("bbbb")
	server := dest(7)
	a.Send(buffer(stunMessage(bindingRequest, 10, "")), server, false)
	b.Send(buffer(stunMessage(bindingRequest, 20, "")), server, false)
	first, second := stunMessage(bindingResponse, 10, ""), stunMessage(bindingResponse, 20, "")
	r.arrives(7, second, first, stunMessage(bindingResponse, 30, ""))
	r.has("aaaa", first)
	r.has("bbbb", second)
	a.Close()
	r.arrives(7, first)
	r.has("aaaa")
	if n := r.mux.Stats().Transactions; n != 1 {
		t.Errorf("%d transactions are remembered after one path has closed, want 1", n)
	}
	for i := range 300 { // bounded
		m := []byte(stunMessage(bindingRequest, 0, ""))
		binary.BigEndian.PutUint16(m[10:], uint16(i))
		b.Send(buffer(string(m)), server, false)
	}
	if n := r.mux.Stats().Transactions; n != maxAsked {
		t.Errorf("%d transactions of one path, want %d", n, maxAsked)
	}
}

// A NAT gives a port to another peer: the newest that has proved itself gets the
// handshake, and who had the address before loses nothing that is protected, should
// the claim be a forgery.
func TestAnAddressMayChangeItsOwner(t *testing.T) {
	r := newMuxRig(t)
	a, b := r.open("aaaa"), r.open("bbbb")
	a.Bind(dest(1))
	r.arrives(1, handshake)
	r.has("aaaa", handshake)
	b.Bind(dest(1))
	r.arrives(1, handshake, rtpPacket, dtlsRecord, openAlert, closeAlert)
	r.has("bbbb", handshake, rtpPacket, dtlsRecord, openAlert, closeAlert)
	r.has("aaaa", rtpPacket, dtlsRecord, closeAlert)
	a.Bind(dest(1)) // its consent check: it lives
	r.arrives(1, handshake)
	r.has("aaaa", handshake)
	r.has("bbbb")
	a.Close()
	r.arrives(1, handshake, rtpPacket)
	r.has("bbbb", handshake, rtpPacket)
	r.has("aaaa")
	b.Close()
	r.arrives(1, handshake, rtpPacket)
	if n := r.mux.Stats().Bindings; n != 0 {
		t.Errorf("%d bindings are left", n)
	}
}

// What is not bound by its owner, whatever it says, changes nothing.
func TestAnUnauthenticatedSenderCannotTakeAnAddress(t *testing.T) {
	r := newMuxRig(t)
	a := r.open("aaaa")
	r.open("bbbb")
	a.Bind(dest(1))
	for range 100 { // nobody binds: the owner found no integrity in them
		r.arrives(1, requestTo("bbbb"))
	}
	r.got["bbbb"] = nil
	r.arrives(1, handshake)
	r.has("aaaa", handshake)
	r.has("bbbb")
}

// Checks that are replayed from many addresses, and many connections that claim
// one address, do not cost a connection the address its data comes from.
func TestTheAddressOfTheDataIsTheLastToGo(t *testing.T) {
	r := newMuxRig(t)
	a := r.open("aaaa")
	a.Bind(dest(1))
	a.Keep(dest(1))
	for i := range 10 * maxBindings {
		a.Bind(dest(100 + i))
	}
	for i := range 3 * maxOwners {
		r.open(fmt.Sprint("other", i)).Bind(dest(1))
	}
	r.arrives(1, rtpPacket)
	r.has("aaaa", rtpPacket)
	if n := len(a.bound); n != maxBindings {
		t.Errorf("%d addresses of one path, want %d", n, maxBindings)
	}
	if n := len(r.mux.groups[0].remotes[muxRemote{remote: dest(1)}]); n != maxOwners {
		t.Errorf("%d paths of one address, want %d", n, maxOwners)
	}
}

// 64 connections may have one peer's address, as between two servers with a mux each:
// each gets what it alone can open, and none that carries data goes for another.
func TestManyConnectionsShareAPeersAddress(t *testing.T) {
	r := newMuxRig(t)
	names := make([]string, maxOwners+1)
	for i := range names {
		names[i] = fmt.Sprint("path", i)
		p := r.open(names[i])
		p.Bind(dest(1))
		p.Keep(dest(1))
	}
	r.arrives(1, rtpPacket, handshake, dtlsRecord)
	r.arrives(2, rtpPacket)
	for i, name := range names {
		switch {
		case i == maxOwners: // no place is left for it
			r.has(name)
		case i == maxOwners-1: // the newest
			r.has(name, rtpPacket, handshake, dtlsRecord)
		default:
			r.has(name, rtpPacket, dtlsRecord)
			if got := r.batches[name]; !slices.Equal(got, []int{2}) {
				t.Errorf("%s got batches of %v, want one of 2", name, got)
			}
		}
	}
}

func TestARestartHasAnotherFragment(t *testing.T) {
	r := newMuxRig(t)
	p := r.open("aaaa")
	p.Name("second")
	r.arrives(1, requestTo("aaaa"), requestTo("second"))
	r.has("aaaa", requestTo("aaaa"), requestTo("second"))
	for i := range 2 * maxNames {
		p.Name(fmt.Sprint("later", i))
	}
	r.arrives(1, requestTo("second"), requestTo(fmt.Sprint("later", 2*maxNames-1)))
	r.has("aaaa", requestTo(fmt.Sprint("later", 2*maxNames-1)))
	if n := len(r.mux.groups[0].names); n != maxNames+1 {
		t.Errorf("%d names, want %d", n, maxNames+1)
	}
	r.mux.Release("later7")
	if r.failed["aaaa"] == nil || r.mux.Stats().Paths != 1 {
		t.Errorf("failed with %v, %d paths left", r.failed["aaaa"], r.mux.Stats().Paths)
	}
}

func TestPathsFailWithTheirSocket(t *testing.T) {
	r := newMuxRig(t)
	r.open("aaaa")
	r.conn.fail <- net.UnknownNetworkError("gone")
	<-r.mux.groups[0].shards[0].socket.Done()
	if r.failed["aaaa"] == nil {
		t.Error("the path heard nothing of its socket's end")
	}
	if _, err := r.mux.Open(MuxConfig{Local: r.conn.LocalAddr()}); !errors.Is(err, net.UnknownNetworkError("gone")) {
		t.Errorf("opening a path on a dead socket: %v, want what it died of", err)
	}
	r.mux.Close()
	if _, err := r.mux.Open(MuxConfig{Local: r.conn.LocalAddr()}); err == nil {
		t.Error("a path was opened on a closed mux")
	}
	if _, err := r.mux.Open(MuxConfig{Local: netip.MustParseAddrPort("192.0.2.77:4242")}); err == nil {
		t.Error("a path was opened on an address that the mux does not listen on")
	}
}

// No path gets anything once its Close has returned.
func TestNothingIsDeliveredAfterClose(t *testing.T) {
	r := newMuxRig(t)
	var mu sync.Mutex
	for range 200 {
		closed := false
		p, err := r.mux.Open(MuxConfig{Local: r.conn.LocalAddr(), Fragment: "x", Failed: func(error) {}, Handle: func(*MuxPath, time.Time, []Datagram) {
			mu.Lock()
			defer mu.Unlock()
			if closed {
				t.Error("delivered after Close")
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		p.Bind(dest(1))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 5 {
				r.arrives(1, requestTo("x"), rtpPacket)
			}
		}()
		runtime.Gosched()
		p.Close()
		mu.Lock()
		closed = true
		mu.Unlock()
		<-done
	}
}

// 5,000 connections on one port: each gets its own requests, responses and data,
// and a batch that is for many of them takes no allocation.
func TestFiveThousandConnectionsShareAPort(t *testing.T) {
	const n = 5000
	mux := NewUDPMux(newMemConn())
	defer mux.Close()
	counts := make([]int, n)
	paths := make([]*MuxPath, n)
	for i := range n {
		p, err := mux.Open(MuxConfig{
			Local: newMemConn().LocalAddr(), Fragment: fmt.Sprintf("frag%d", i), Failed: func(error) {},
			Handle: func(_ *MuxPath, _ time.Time, ds []Datagram) { counts[i] += len(ds) },
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Bind(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 9))
		paths[i] = p
	}
	shard := mux.groups[0].shards[0]
	ds := make([]Datagram, readBatch)
	now := time.Now()
	step := 0
	batch := func() {
		for k := range ds {
			i := (step*readBatch + k) * 7 % n
			ds[k] = Datagram{Addr: paths[i].bound[0], Buffer: GetBuffer()}
			payload := rtpPacket
			ds[k].Buffer.SetLen(copy(ds[k].Buffer.Cap(), payload))
		}
		step++
		shard.receive(now, ds)
	}
	for range n {
		batch()
	}
	for i := range counts {
		if counts[i] != readBatch {
			t.Fatalf("connection %d got %d datagrams, want %d", i, counts[i], readBatch)
		}
	}
	request := []byte(requestTo("frag4999"))
	one := func() {
		b := GetBuffer()
		b.SetLen(copy(b.Cap(), request))
		ds[0] = Datagram{Addr: dest(1), Buffer: b}
		shard.receive(now, ds[:1])
	}
	one()
	if counts[4999] != readBatch+1 {
		t.Error("a request did not reach its connection")
	}
	if !raceEnabled {
		if allocs := testing.AllocsPerRun(200, func() { batch(); one() }); allocs > 0.1 {
			t.Errorf("%v allocations for %d datagrams, want 0", allocs, readBatch+1)
		}
	}
	for _, p := range paths {
		p.Close()
	}
	if s := mux.Stats(); s.Paths+s.Bindings+s.Transactions != 0 {
		t.Errorf("left behind: %+v", s)
	}
}

// A socket that is bound to no address answers from the address that it was asked
// at (RFC 8445 section 5.1.1.2: what is sent from is the base).
func TestAMuxOnAllAddressesKeepsTheSourceAddress(t *testing.T) {
	if !canShard {
		t.Skip("this system does not tell destinations")
	}
	for _, network := range []string{"udp4", "udp"} { // IPv4, and both families in one socket
		t.Run(network, func(t *testing.T) {
			locals := []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}
			if network == "udp" {
				locals = append(locals, "::1")
			}
			answersFromWhereItIsAsked(t, network, locals...)
		})
	}
}

// realMux is a mux on a socket of the system, at an address or, with nil, at all. It skips
// the test where there are none of the family.
func realMux(t *testing.T, network string, addr net.IP) (mux *UDPMux, port uint16) {
	t.Helper()
	conn, err := net.ListenUDP(network, &net.UDPAddr{IP: addr})
	if err != nil {
		t.Skip(err)
	}
	wrapped, err := NewPacketConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	mux = NewUDPMux(wrapped)
	t.Cleanup(func() { mux.Close() })
	return mux, mux.Listeners()[0].Addr.Port()
}

// answersFromWhereItIsAsked has a mux on all addresses asked at each of locals. The
// first of a family asks, which the system would answer from itself.
func answersFromWhereItIsAsked(t *testing.T, network string, locals ...string) {
	t.Helper()
	mux, port := realMux(t, network, nil)
	for _, local := range locals {
		_, err := mux.Open(MuxConfig{
			Local: netip.AddrPortFrom(netip.MustParseAddr(local), port), Fragment: "same", Failed: func(error) {},
			Handle: func(p *MuxPath, _ time.Time, ds []Datagram) {
				p.Bind(ds[0].Addr)
				// Two of one size: a run with a source of its own.
				p.SendAll([]*Buffer{buffer("from " + local), buffer("from " + local)}, ds[0].Addr)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, local := range locals {
		addr := netip.MustParseAddr(local)
		from := locals[slices.IndexFunc(locals, func(other string) bool { return netip.MustParseAddr(other).Is4() == addr.Is4() })]
		dialer := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
		client, err := dialer.Dial("udp", net.JoinHostPort(local, fmt.Sprint(port))) // takes packets of that address only
		if err != nil {
			t.Skip(err)
		}
		defer client.Close()
		if _, err := client.Write([]byte(requestTo("same"))); err != nil {
			t.Fatal(err)
		}
		client.SetReadDeadline(time.Now().Add(10 * time.Second))
		for range 2 {
			b := make([]byte, 100)
			n, err := client.Read(b)
			if err != nil || string(b[:n]) != "from "+local {
				t.Fatalf("asked at %s: got %q, %v", local, b[:n], err)
			}
		}
	}
}

func TestShardsShareAPort(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) { sharesAPort(t, netip.MustParseAddrPort(addr)) })
	}
}

func sharesAPort(t *testing.T, addr netip.AddrPort) {
	conns, err := ListenShards(addr, 4)
	if err != nil && addr.Addr().Is6() {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if canShard && len(conns) != 4 {
		t.Fatalf("%d sockets, want 4", len(conns))
	}
	mux := NewUDPMux(conns...)
	defer mux.Close()
	if got := mux.Listeners(); len(got) != 1 {
		t.Fatalf("listens on %v, want one address", got)
	}
	_, err = mux.Open(MuxConfig{Local: conns[0].LocalAddr(), Fragment: "x", Failed: func(error) {}, Handle: func(p *MuxPath, _ time.Time, ds []Datagram) {
		for _, d := range ds {
			p.Send(buffer("yes"), d.Addr, false)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 32 { // of 32 ports some go to each shard
		client, err := net.Dial("udp", conns[0].LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		client.SetDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 10)
		if _, err := client.Write([]byte(requestTo("x"))); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Read(b); err != nil || string(b[:n]) != "yes" {
			t.Fatalf("%q, %v", b[:n], err)
		}
		client.Close()
	}
	used := 0
	for _, s := range mux.groups[0].shards {
		if s.socket.Stats().DatagramsReceived > 0 {
			used++
		}
	}
	if canShard && used < 2 {
		t.Errorf("32 senders came to %d of 4 sockets", used)
	}
}

// Whatever arrives, it reaches at most one connection, unchanged, or nobody.
func FuzzUDPMuxInput(f *testing.F) {
	for _, seed := range []string{"", requestTo("frag"), requestTo("other"), stunMessage(bindingRequest, 1, "frag"),
		stunMessage(bindingResponse, 9, ""), stunMessage(0x0011, 1, "frag:x"), handshake, rtpPacket, dtlsRecord, garbage} {
		f.Add([]byte(seed), uint8(1))
	}
	f.Fuzz(func(t *testing.T, packet []byte, from uint8) {
		if len(packet) > MaxDatagram {
			return
		}
		mux := NewUDPMux(newMemConn())
		defer mux.Close()
		got := 0
		for _, fragment := range []string{"frag", "other"} {
			p, err := mux.Open(MuxConfig{Local: newMemConn().LocalAddr(), Fragment: fragment, Failed: func(error) {}, Handle: func(_ *MuxPath, _ time.Time, ds []Datagram) {
				got += len(ds)
				if string(ds[0].Buffer.Bytes()) != string(packet) {
					t.Error("changed on the way")
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if fragment == "frag" {
				p.Bind(dest(1))
				p.ask(transaction{9})
			}
		}
		ds := []Datagram{{Buffer: buffer(string(packet)), Addr: dest(int(from))}}
		mux.groups[0].shards[0].receive(time.Now(), ds)
		if got > 1 || uint64(1-got) != mux.unknown.Load() {
			t.Errorf("delivered %d times, %d unknown", got, mux.unknown.Load())
		}
	})
}

// An operation is one packet of 1,200 octets from an address that many connections
// have, without what they do to find that it is not theirs.
func BenchmarkSharedAddress(b *testing.B) {
	for _, n := range []int{1, 2, 8, maxOwners} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			mux := NewUDPMux(newMemConn())
			defer mux.Close()
			for i := range n {
				p, err := mux.Open(MuxConfig{Local: newMemConn().LocalAddr(), Fragment: fmt.Sprint(i), Failed: func(error) {}, Handle: func(*MuxPath, time.Time, []Datagram) {}})
				if err != nil {
					b.Fatal(err)
				}
				p.Bind(dest(1))
			}
			packet := make([]byte, 1200)
			packet[0] = 0x80
			ds := make([]Datagram, readBatch)
			shard, now := mux.groups[0].shards[0], time.Now()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := i % readBatch
				ds[k] = Datagram{Buffer: GetBuffer(), Addr: dest(1)}
				ds[k].Buffer.SetLen(copy(ds[k].Buffer.Cap(), packet))
				if k == readBatch-1 {
					shard.receive(now, ds)
				}
			}
		})
	}
}

// An operation is one datagram of a batch for 32 of 5,000 connections.
func BenchmarkUDPMux(b *testing.B) {
	const n = 5000
	mux := NewUDPMux(newMemConn())
	defer mux.Close()
	var from [n]netip.AddrPort
	for i := range n {
		p, err := mux.Open(MuxConfig{Local: newMemConn().LocalAddr(), Fragment: fmt.Sprintf("frag%d", i), Failed: func(error) {}, Handle: func(*MuxPath, time.Time, []Datagram) {}})
		if err != nil {
			b.Fatal(err)
		}
		from[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 9)
		p.Bind(from[i])
	}
	for name, payload := range map[string]string{"media": rtpPacket, "request": requestTo("frag17"), "garbage": garbage, "stranger": rtpPacket} {
		b.Run(name, func(b *testing.B) {
			ds := make([]Datagram, readBatch)
			shard, now := mux.groups[0].shards[0], time.Now()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := i % readBatch
				ds[k] = Datagram{Buffer: GetBuffer(), Addr: from[i*7%n]}
				if name == "stranger" {
					ds[k].Addr = dest(1)
				}
				ds[k].Buffer.SetLen(copy(ds[k].Buffer.Cap(), payload))
				if k == readBatch-1 {
					shard.receive(now, ds)
					for j := range ds {
						if ds[j].Buffer != nil {
							ds[j].Buffer.Release()
						}
					}
				}
			}
		})
	}
}
