package compare

import (
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/pionsctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

const (
	binaryPPID = 53       // the PPID of WebRTC Binary
	ahead      = 1 << 20  // how much a sender buffers
	window     = 16 << 20 // the receive window of both engines
	mtu        = 1160
)

var reliable = transmit.StreamParams{MaxRetransmits: -1, Lifetime: -1}

// pair is two associations of ours on a memory pipe, driven by one goroutine.
type pair struct {
	t    testing.TB
	a, b *sctp.Association
}

func newPair(t testing.TB) *pair {
	p := &pair{t: t}
	for i, a := range []**sctp.Association{&p.a, &p.b} {
		cfg := sctp.Config{ZeroChecksum: true, MTU: mtu, Window: window, MaxWindow: window}
		cfg.Seed[0], cfg.Secret[0] = byte(i), byte(i)
		*a = sctp.New(cfg)
	}
	now := time.Now()
	p.a.Connect(now)
	p.b.Connect(now)
	for p.a.State() != sctp.StateEstablished || p.b.State() != sctp.StateEstablished {
		p.exchange()
	}
	for _, a := range []*sctp.Association{p.a, p.b} {
		if err := a.Open(1, reliable); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// burst is how many packets an end sends before the other has its turn.
const burst = 16

// exchange carries what both ends have to say until neither has more, and returns how
// many messages b has got.
func (p *pair) exchange() int {
	got := 0
	for quiet := false; !quiet; {
		now := time.Now()
		sent := p.carry(now, p.a, p.b)
		for id, ok := p.b.NextReadable(); ok; id, ok = p.b.NextReadable() {
			for _, ok := p.b.Take(now, id); ok; _, ok = p.b.Take(now, id) {
				got++
			}
		}
		quiet = !p.carry(now, p.b, p.a) && !sent
	}
	return got
}

// carry takes a burst from one end to the other, and reports whether there was one.
func (p *pair) carry(now time.Time, from, to *sctp.Association) bool {
	if d := from.Deadline(); !d.IsZero() && !d.After(now) {
		from.Advance(now)
	}
	n := 0
	for ; n < burst; n++ {
		packet, ok := from.LendPacket(now)
		if !ok {
			break
		}
		to.HandlePacket(now, packet)
	}
	for _, ok := from.NextEvent(); ok; _, ok = from.NextEvent() {
	}
	return n > 0
}

// transfer sends n messages from a to b.
func (p *pair) transfer(n, size int) {
	payload := make([]byte, size)
	for sent, got := 0, 0; got < n; got += p.exchange() {
		for ; sent < n && p.a.BufferedAmount(1) < ahead; sent++ {
			if err := p.a.Send(time.Now(), 1, binaryPPID, payload); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// pionPair is the same with pion/sctp in its adapter, which has goroutines.
type pionPair struct {
	t    testing.TB
	a, b *pionsctp.Association
	got  chan struct{}
	low  chan struct{}
}

// pionEvents is a Handler.
type pionEvents struct {
	open, got, low chan struct{}
}

func (e *pionEvents) Established()                   { e.open <- struct{}{} }
func (e *pionEvents) Message(uint16, uint32, []byte) { e.got <- struct{}{} }
func (e *pionEvents) StreamReset(uint16)             {}
func (e *pionEvents) StreamClosed(uint16)            {}
func (e *pionEvents) Closed(error)                   {}
func (e *pionEvents) BufferedAmountLow(uint16) {
	select {
	case e.low <- struct{}{}:
	default:
	}
}

func newPionPair(t testing.TB) *pionPair {
	p := &pionPair{t: t}
	events := &pionEvents{make(chan struct{}, 2), make(chan struct{}, 1<<16), make(chan struct{}, 1)}
	p.got, p.low = events.got, events.low
	cfg := pionsctp.Config{MTU: mtu, ReceiveBuffer: window, Handler: events}
	cfg.Write = func(packet []byte, _ bool) error { p.b.HandlePacket(packet); return nil }
	p.a = pionsctp.New(cfg)
	cfg.Write = func(packet []byte, _ bool) error { p.a.HandlePacket(packet); return nil }
	p.b = pionsctp.New(cfg)
	p.a.Start()
	p.b.Start()
	<-events.open
	<-events.open
	for _, a := range []*pionsctp.Association{p.a, p.b} {
		if err := a.Open(1, pionsctp.StreamParams{}); err != nil {
			t.Fatal(err)
		}
	}
	p.a.SetBufferedAmountLowThreshold(1, ahead/2)
	return p
}

func (p *pionPair) transfer(n, size int) {
	payload := make([]byte, size)
	got := 0
	for range n {
		for p.a.BufferedAmount(1) > ahead {
			select {
			case <-p.low:
			case <-p.got:
				got++
			}
		}
		if err := p.a.Send(1, binaryPPID, payload); err != nil {
			p.t.Fatal(err)
		}
		for len(p.got) > 0 {
			<-p.got
			got++
		}
	}
	for ; got < n; got++ {
		<-p.got
	}
}

func (p *pionPair) close() {
	p.a.Close(true)
	p.b.Close(true)
}

// cost is the processor time of a byte.
func cost(transfer func(n, size int), n, size int) float64 {
	transfer(n/10, size) // warm: windows are open, memory is there
	began := cpuTime()
	transfer(n, size)
	return float64((cpuTime() - began).Nanoseconds()) / float64(n*size)
}

// Over a memory pipe our engine takes at most a quarter of the processor time of
// pion/sctp for messages of 16 KiB, and a third for messages of 100 bytes. Half as
// much again is allowed here, where other programs disturb the caches.
func TestAByteCostsAQuarterOfPions(t *testing.T) {
	if raceEnabled || cpuTime() == 0 {
		t.Skip("processor time says nothing here")
	}
	for _, c := range []struct {
		n, size int
		most    float64
	}{{1500, 16 << 10, 0.25}, {40000, 100, 1.0 / 3}} {
		ours := newPair(t)
		own := cost(ours.transfer, c.n, c.size)
		theirs := newPionPair(t)
		pion := cost(theirs.transfer, c.n, c.size)
		theirs.close()
		t.Logf("%d bytes: %.2f ns a byte, pion/sctp %.2f: %.3f of it", c.size, own, pion, own/pion)
		if own > 1.5*c.most*pion {
			t.Errorf("%d bytes: %.2f ns a byte, pion/sctp %.2f: %.2f of it, want %.2f", c.size, own, pion, own/pion, c.most)
		}
	}
}

// A message costs two allocations, both ends together: the copy that is sent and the
// one that is delivered. Packets cost none.
func TestAMessageIsTwoAllocations(t *testing.T) {
	for _, size := range []int{100, 16 << 10, 256 << 10} {
		p := newPair(t)
		p.transfer(200, size)
		const n = 100
		if got := testing.AllocsPerRun(5, func() { p.transfer(n, size) }) / n; got > 2.5 { // queues and lists grow now and then
			t.Errorf("%d bytes: %.2f allocations a message", size, got)
		}
	}
}

func benchmark(b *testing.B, size int, transfer func(n, size int)) {
	transfer(100, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	began := cpuTime()
	transfer(b.N, size)
	b.ReportMetric(float64((cpuTime()-began).Nanoseconds())/float64(b.N*size), "cpu-ns/B")
}

func benchmarkOurs(b *testing.B, size int) { benchmark(b, size, newPair(b).transfer) }

func benchmarkPion(b *testing.B, size int) {
	p := newPionPair(b)
	defer p.close()
	benchmark(b, size, p.transfer)
}

func BenchmarkPipe100B(b *testing.B)       { benchmarkOurs(b, 100) }
func BenchmarkPipe16KiB(b *testing.B)      { benchmarkOurs(b, 16<<10) }
func BenchmarkPipe256KiB(b *testing.B)     { benchmarkOurs(b, 256<<10) }
func BenchmarkPionPipe100B(b *testing.B)   { benchmarkPion(b, 100) }
func BenchmarkPionPipe16KiB(b *testing.B)  { benchmarkPion(b, 16<<10) }
func BenchmarkPionPipe256KiB(b *testing.B) { benchmarkPion(b, 256<<10) }
