package compare

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/pionsctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// endpoint is a socket on the emulated network, and where its peer is.
type endpoint struct {
	conn netio.PacketConn
	peer netip.AddrPort
}

// endpoints makes two hosts on a path.
func endpoints(t testing.TB, n *simnet.Net, link simnet.Link) (a, b endpoint) {
	hosts := []*simnet.Host{n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")}
	n.SetLink(hosts[0], hosts[1], link)
	var conns [2]netio.PacketConn
	for i, h := range hosts {
		c, err := h.ListenUDP(netip.AddrPortFrom(h.Addr(), 5000))
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
	}
	return endpoint{conns[0], conns[1].LocalAddr()}, endpoint{conns[1], conns[0].LocalAddr()}
}

// send sends packets as one batch.
func (e endpoint) send(packets ...[]byte) {
	batch := make([]netio.Datagram, len(packets))
	for i, p := range packets {
		b := netio.GetBuffer()
		b.SetLen(copy(b.Cap(), p))
		batch[i] = netio.Datagram{Buffer: b, Addr: e.peer}
	}
	_, _ = e.conn.WriteBatch(batch)
	for _, d := range batch {
		d.Buffer.Release()
	}
}

// receive calls take with each batch that arrives, until the socket is closed.
func (e endpoint) receive(take func(packets [][]byte)) {
	batch := make([]netio.Datagram, 32)
	var packets [][]byte
	for {
		n, err := e.conn.ReadBatch(batch)
		if err != nil {
			return
		}
		packets = packets[:0]
		for _, d := range batch[:n] {
			packets = append(packets, d.Buffer.Bytes())
		}
		take(packets)
		for _, d := range batch[:n] {
			d.Buffer.Release()
		}
	}
}

// flow sends as much as it can from one endpoint to the other.
type flow interface {
	received() uint64 // bytes of payload at the receiver
	close()
}

// machine is an association of ours on an endpoint, as the root drives it: a lock
// around each call, one timer.
type machine struct {
	endpoint
	took func(id sctp.StreamID, ppid uint32, payload []byte)
	feed func(now time.Time) // under the lock, before packets are taken

	mu    sync.Mutex
	a     *sctp.Association
	timer *time.Timer
	done  bool
	bytes atomic.Uint64
}

func newMachine(e endpoint, seed byte, change func(*sctp.Config)) *machine {
	cfg := sctp.Config{ZeroChecksum: true, MTU: mtu, MaxMTU: 1432}
	cfg.Seed[0], cfg.Secret[0] = seed, seed
	if change != nil {
		change(&cfg)
	}
	m := &machine{endpoint: e, a: sctp.New(cfg)}
	m.timer = time.AfterFunc(time.Hour, m.advance)
	return m
}

// begin connects and takes what arrives, on a goroutine of its own.
func (m *machine) begin() {
	m.do(func(now time.Time) { m.a.Connect(now) })
	go m.receive(func(packets [][]byte) {
		m.do(func(now time.Time) {
			for _, p := range packets {
				m.a.HandlePacket(now, p)
			}
		})
	})
}

func (m *machine) advance() { m.do(func(now time.Time) { m.a.Advance(now) }) }

// do gives an input, and drains.
func (m *machine) do(input func(now time.Time)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done {
		return
	}
	now := time.Now()
	input(now)
	for id, ok := m.a.NextReadable(); ok; id, ok = m.a.NextReadable() {
		for got, ok := m.a.Take(now, id); ok; got, ok = m.a.Take(now, id) {
			m.bytes.Add(uint64(len(got.Payload)))
			if m.took != nil {
				m.took(id, uint32(got.PPID), got.Payload)
			}
		}
	}
	if m.feed != nil && m.a.State() == sctp.StateEstablished {
		m.feed(now)
	}
	var out [][]byte
	for p, ok := m.a.NextPacket(now, nil); ok; p, ok = m.a.NextPacket(now, nil) {
		out = append(out, p)
	}
	for _, ok := m.a.NextEvent(); ok; _, ok = m.a.NextEvent() {
	}
	if len(out) > 0 {
		m.send(out...)
	}
	if due := m.a.Deadline(); !due.IsZero() {
		m.timer.Reset(max(due.Sub(now), 0))
	}
}

func (m *machine) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = true
	m.timer.Stop()
}

// message is what a bulk flow sends.
var message = make([]byte, 16<<10)

// ourFlow is a bulk transfer over internal/sctp.
type ourFlow struct{ a, b *machine }

func newOurFlow(t testing.TB, a, b endpoint) flow {
	f := &ourFlow{newMachine(a, 1, nil), newMachine(b, 2, nil)}
	opened := false
	f.a.feed = func(now time.Time) {
		if !opened {
			opened = true
			if err := f.a.a.Open(1, reliable); err != nil {
				t.Error(err)
			}
		}
		for f.a.a.BufferedAmount(1) < ahead {
			_ = f.a.a.Send(now, 1, binaryPPID, message)
		}
	}
	f.a.begin()
	f.b.begin()
	return f
}

func (f *ourFlow) received() uint64 { return f.b.bytes.Load() }
func (f *ourFlow) close()           { f.a.end(); f.b.end() }

// pionFlow is the same over pion/sctp.
type pionFlow struct {
	a, b  *pionsctp.Association
	bytes atomic.Uint64
	end   chan struct{}
	ended chan struct{}
}

// pionTakes is a Handler.
type pionTakes struct {
	established chan struct{}
	low         chan struct{}
	closed      chan struct{}
	took        func(id uint16, ppid uint32, payload []byte)
}

func newPionTakes(took func(uint16, uint32, []byte)) *pionTakes {
	return &pionTakes{make(chan struct{}), make(chan struct{}, 1), make(chan struct{}), took}
}

func (h *pionTakes) Established()                          { close(h.established) }
func (h *pionTakes) Message(id uint16, p uint32, b []byte) { h.took(id, p, b) }
func (h *pionTakes) StreamReset(uint16)                    {}
func (h *pionTakes) StreamClosed(uint16)                   {}
func (h *pionTakes) Closed(error)                          { close(h.closed) }
func (h *pionTakes) BufferedAmountLow(uint16) {
	select {
	case h.low <- struct{}{}:
	default:
	}
}

// newPion makes an association of pion/sctp on an endpoint.
func newPion(e endpoint, h *pionTakes) *pionsctp.Association {
	a := pionsctp.New(pionsctp.Config{
		MTU: 1432, ReceiveBuffer: window, Handler: h,
		Write: func(packet []byte, _ bool) error { e.send(packet); return nil },
	})
	go e.receive(func(packets [][]byte) {
		for _, p := range packets {
			a.HandlePacket(p)
		}
	})
	a.Start()
	return a
}

func newPionFlow(t testing.TB, a, b endpoint) flow {
	f := &pionFlow{end: make(chan struct{}), ended: make(chan struct{})}
	sender := newPionTakes(func(uint16, uint32, []byte) {})
	receiver := newPionTakes(func(_ uint16, _ uint32, p []byte) { f.bytes.Add(uint64(len(p))) })
	f.a, f.b = newPion(a, sender), newPion(b, receiver)
	go f.run(t, sender, receiver)
	return f
}

func (f *pionFlow) run(t testing.TB, sender, receiver *pionTakes) {
	defer close(f.ended)
	for _, h := range []*pionTakes{sender, receiver} {
		select {
		case <-h.established:
		case <-f.end:
			return
		}
	}
	for _, a := range []*pionsctp.Association{f.a, f.b} {
		if err := a.Open(1, pionsctp.StreamParams{}); err != nil {
			t.Error(err)
		}
	}
	f.a.SetBufferedAmountLowThreshold(1, ahead/2)
	for {
		for f.a.BufferedAmount(1) < ahead {
			if f.a.Send(1, binaryPPID, message) != nil {
				return
			}
		}
		select {
		case <-sender.low:
		case <-f.end:
			return
		}
	}
}

func (f *pionFlow) received() uint64 { return f.bytes.Load() }

func (f *pionFlow) close() {
	close(f.end)
	f.a.Close(true)
	f.b.Close(true)
	<-f.ended
}
