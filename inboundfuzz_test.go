package webrtc

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/mux"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// target is a connected pair under attack: what it has sent serves as material,
// and every change of state is noted.
type target struct {
	*rig
	atA, atB *DataChannel
	ends     [2]attackedEnd
	pong     chan struct{}
	changes  atomic.Int32 // events of a change, of any object
	closed   atomic.Int32 // OnClose of the channels
}

// attackedEnd is one of the two: its address, and what it received of its peer.
type attackedEnd struct {
	pc   *PeerConnection
	addr netip.AddrPort
	peer netip.AddrPort

	mu         sync.Mutex
	stun, dtls [][]byte
	sctp       [][]byte // plaintext of DTLS records, after connecting
}

// maxMaterial bounds what is recorded of each kind.
const maxMaterial = 32

func keep(all [][]byte, one []byte) [][]byte {
	if len(all) < maxMaterial {
		all = append(all, append([]byte(nil), one...))
	}
	return all
}

// newTarget connects a rig that has not begun.
func newTarget(t testing.TB, r *rig) *target {
	t.Helper()
	x := &target{rig: r, pong: make(chan struct{}, 1)}
	x.ends[0].pc, x.ends[1].pc = r.a, r.b
	r.net.Tap(func(p simnet.Packet) simnet.Verdict {
		for i, host := range []*simnet.Host{r.hostA, r.hostB} {
			if host.Addr() == p.Dst.Addr() {
				x.ends[i].record(p)
			}
		}
		return simnet.Pass
	})
	x.atA, x.atB = r.openPair("target", nil)
	for i := range x.ends {
		x.ends[i].peer = x.ends[i].pc.ice.path.Load().remote
		x.ends[1-i].addr = x.ends[i].peer
		x.ends[i].tapPlaintext()
	}
	x.atB.OnMessage(func(DataChannelMessage) { _ = x.atB.Send([]byte("pong")) })
	x.atA.OnMessage(func(DataChannelMessage) {
		select {
		case x.pong <- struct{}{}:
		default:
		}
	})
	for range 4 {
		x.roundTrip(t) // plaintext for the SCTP part
	}
	x.watch()
	return x
}

// record keeps a datagram for its receiver.
func (e *attackedEnd) record(p simnet.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch mux.Classify(p.Data) {
	case mux.STUN:
		e.stun = keep(e.stun, p.Data)
	case mux.DTLS:
		e.dtls = keep(e.dtls, p.Data)
	}
}

// tapPlaintext records what DTLS has opened, on its way to SCTP.
func (e *attackedEnd) tapPlaintext() {
	sink := *e.pc.dtls.data.sink.Load()
	tapped := packetSink(func(now time.Time, packet []byte) {
		e.mu.Lock()
		e.sctp = keep(e.sctp, packet)
		e.mu.Unlock()
		sink(now, packet)
	})
	e.pc.dtls.data.sink.Store(&tapped)
}

// material returns the tape's choice of the recorded datagrams, and another.
func (e *attackedEnd) material(p *tape, of func(e *attackedEnd) [][]byte) (base, other []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := of(e)
	if len(all) == 0 {
		return nil, nil
	}
	return all[p.below(len(all))], all[p.below(len(all))]
}

func stunOf(e *attackedEnd) [][]byte { return e.stun }
func dtlsOf(e *attackedEnd) [][]byte { return e.dtls }
func sctpOf(e *attackedEnd) [][]byte { return e.sctp }

// watch counts all events that tell of a change.
func (x *target) watch() {
	count := func() { x.changes.Add(1) }
	for _, pc := range []*PeerConnection{x.a, x.b} {
		pc.OnSignalingStateChange(func(SignalingState) { count() })
		pc.OnICEConnectionStateChange(func(ICEConnectionState) { count() })
		pc.OnICEGatheringStateChange(func(ICEGatheringState) { count() })
		pc.OnConnectionStateChange(func(PeerConnectionState) { count() })
		pc.OnDataChannel(func(*DataChannel) { count() })
		pc.ice.OnSelectedCandidatePairChange(func(*ICECandidatePair) { count() })
		pc.dtls.OnStateChange(func(DTLSTransportState) { count() })
		pc.dtls.OnError(func(error) { count() })
		pc.sctp.OnStateChange(func(SCTPTransportState) { count() })
	}
	for _, d := range []*DataChannel{x.atA, x.atB} {
		d.OnError(func(error) { count() })
		d.OnClosing(func() { count() })
		d.OnClose(func() { count(); x.closed.Add(1) })
	}
}

// state describes both ends. It is the same before and after what changes
// nothing.
func (x *target) state() string {
	s := fmt.Sprint("events ", x.changes.Load())
	for i, pc := range []*PeerConnection{x.a, x.b} {
		pair, _ := pc.ice.GetSelectedCandidatePair()
		s += fmt.Sprintf("\nend %d: %v %v %v, ICE %v %v %v, DTLS %v, SCTP %v", i,
			pc.ConnectionState(), pc.SignalingState(), pc.ICEGatheringState(),
			pc.ice.State(), pc.ice.Role(), pair, pc.dtls.State(), pc.sctp.State())
	}
	return s + fmt.Sprintf("\nchannels %v %v", x.atA.ReadyState(), x.atB.ReadyState())
}

// roundTrip sends a message each way. What came before it on the wire has been
// handled when it returns.
func (x *target) roundTrip(t testing.TB) {
	t.Helper()
	must(t, x.atA.Send([]byte("ping")))
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	select {
	case <-x.pong:
	case <-timeout.C:
		t.Fatalf("data no longer flows; %v", x.state())
	}
}

// stranger is an address that is not the peer's: of another host, or another
// port of the peer's.
func stranger(p *tape, peer netip.AddrPort) netip.AddrPort {
	port := uint16(1024 + p.below(60000))
	if port != peer.Port() && p.byte()%4 == 0 {
		return netip.AddrPortFrom(peer.Addr(), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, p.byte()}), port)
}

// throw injects one datagram that anybody on the path or off it can make: the
// tape says at whom, from where, and what.
func (x *target) throw(p *tape) {
	how := p.byte()
	e := &x.ends[how&1]
	var datagram []byte
	switch how >> 1 & 3 {
	case 0:
		datagram = append(datagram, p.take(int(p.byte()))...)
	case 1:
		base, other := e.material(p, stunOf)
		datagram = p.mutate(base, other)
	default:
		base, other := e.material(p, dtlsOf)
		datagram = p.mutate(base, other)
	}
	src := e.peer
	if how>>3&3 == 0 {
		src = stranger(p, src)
	}
	x.net.Inject(src, e.addr, datagram)
}

// betray has an end receive something that only its peer can have made: SCTP
// inside DTLS, or a STUN message with the right integrity.
func (x *target) betray(p *tape) {
	how := p.byte()
	e := &x.ends[how&1]
	if how>>1&3 == 0 {
		base, other := e.material(p, stunOf)
		password := e.pc.gatherer.credentials.Pwd
		if len(base) > 0 && base[0] == 1 { // a response is signed with the sender's
			password = x.ends[1-how&1].pc.gatherer.credentials.Pwd
		}
		datagram := sealSTUN(p.mutate(base, other), password)
		src := e.peer
		if how>>3&1 == 0 {
			src = stranger(p, src)
		}
		x.net.Inject(src, e.addr, datagram)
		return
	}
	base, other := e.material(p, sctpOf)
	packet := p.mutate(base, other)
	if how>>6 == 0 && len(packet) >= 12 { // a chunk of RFC 9260: DATA to SHUTDOWN COMPLETE
		value := p.take(max(0, int(p.byte()%64)-32))
		packet = append(packet[:12], p.byte()%16, p.byte(), 0, byte(4+len(value)))
		packet = append(packet, value...)
	}
	if how>>3&7 != 0 {
		sealSCTP(packet)
	}
	e.pc.dtls.deliver(packet)
}

// memory is the heap in use after collection.
func memory() int {
	runtime.GC()
	runtime.GC() // pools survive one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// DESIGN section 2.6 and RFC 8827 section 6.5: who knows neither the ICE
// password nor the DTLS keys can do nothing to a connection, from whatever
// address it sends, replays of whole datagrams included.
func TestInboundGarbageChangesNothing(t *testing.T) {
	count := 100_000
	if testing.Short() {
		count = 10_000
	}
	const batch = 50
	inBubble(t, func(t *testing.T, r *rig) {
		x := newTarget(t, r)
		random := rand.New(rand.NewPCG(42, 0))
		attack := func(n int) {
			for i := range n {
				x.throw(randomTape(random, 64))
				if i%batch == batch-1 {
					time.Sleep(10 * time.Millisecond)
					synctest.Wait()
				}
			}
			x.roundTrip(t)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		attack(1000) // pools and queues reach their size
		before, heap, goroutines := x.state(), memory(), runtime.NumGoroutine()
		attack(count)
		if after := x.state(); after != before {
			t.Errorf("before: %s\nafter: %s", before, after)
		}
		if now := runtime.NumGoroutine(); now > goroutines {
			t.Errorf("%d goroutines, %d before", now, goroutines)
		}
		if s := r.net.Stats(); s.Injected < uint64(count) || s.Drops.ReceiveQueue > 0 {
			t.Errorf("the readers did not see all: %+v", s)
		}
		growth := memory() - heap
		t.Logf("%d datagrams: the heap grew by %d bytes", count, growth)
		if growth > 512<<10 {
			t.Errorf("the heap grew by %d bytes", growth)
		}
	})
}

// Somebody on the path can repeat a check of the peer, whose integrity holds,
// from as many addresses as he likes. The peer's own must stay admitted.
func TestChecksReplayedFromManyAddressesDoNotShutOutThePeer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		x := newTarget(t, r)
		before := x.state()
		for i := range x.ends {
			e := &x.ends[i]
			for host := range 4 * maxPeers {
				src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(host)}), 4242)
				for _, message := range e.stun {
					x.net.Inject(src, e.addr, message)
				}
				time.Sleep(time.Millisecond)
			}
		}
		synctest.Wait()
		x.roundTrip(t)
		time.Sleep(time.Minute)
		x.roundTrip(t)
		if after := x.state(); after != before {
			t.Errorf("before: %s\nafter: %s", before, after)
		}
	})
}

// A peer that has the keys may end its channels by breaking SCTP's rules, and
// no more than that: the association closes with its events, or goes on.
func TestAPeerThatBreaksTheRulesHarmsOnlyItsChannels(t *testing.T) {
	rounds := uint64(60)
	if testing.Short() {
		rounds = 10
	}
	ended := 0
	synctest.Test(t, func(t *testing.T) {
		var most int
		for seed := range rounds {
			r := newRig(t)
			x := newTarget(t, r)
			heap := memory()
			random := rand.New(rand.NewPCG(seed, 7))
			for range 200 {
				x.betray(randomTape(random, 64))
				if random.IntN(8) == 0 {
					time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
				}
			}
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			most = max(most, memory()-heap)
			x.checkEnd(t)
			if x.closed.Load() > 0 {
				ended++
			}
			r.close()
			synctest.Wait()
		}
		t.Logf("%d of %d associations ended; the heap grew by at most %d bytes", ended, rounds, most)
		if most > 8<<20 {
			t.Errorf("the heap grew by %d bytes", most)
		}
	})
}

// checkEnd holds the objects of each end to one another: a closed association
// has closed its channels, and everything beneath it is up.
func (x *target) checkEnd(t testing.TB) {
	t.Helper()
	for i, d := range []*DataChannel{x.atA, x.atB} {
		pc := x.ends[i].pc
		if s := pc.dtls.State(); s != DTLSTransportStateConnected {
			t.Errorf("end %d: DTLS %v", i, s)
		}
		if pc.sctp.State() == SCTPTransportStateClosed && d.ReadyState() != DataChannelStateClosed {
			t.Errorf("end %d: SCTP is closed, the channel %v", i, d.ReadyState())
		}
	}
	closed := int32(0)
	for _, d := range []*DataChannel{x.atA, x.atB} {
		if d.ReadyState() == DataChannelStateClosed {
			closed++
		}
	}
	if got := x.closed.Load(); got != closed {
		t.Errorf("%d channels are closed, %d OnClose", closed, got)
	}
}

// FuzzInboundDatagram throws what an outsider can make at a pair that is
// connected in real time and serves for all executions: nothing may change.
func FuzzInboundDatagram(f *testing.F) {
	for kind := range byte(8) {
		f.Add([]byte{kind, 0, 0, 0})                                           // replayed by a stranger
		f.Add([]byte{kind | 8, 1, 2, 1, 0, 3, 1})                              // a bit, from the peer's address
		f.Add([]byte{kind | 8, 0, 0, 1, 3, 9, kind | 8, 2, 0, 1, 4, 0, 3, 7})  // cut; longer
		f.Add([]byte{kind | 16, 3, 1, 2, 2, 2, 5, 2, 0, 6, kind ^ 1, 5, 0, 0}) // lengths
	}
	r := newRig(f)
	f.Cleanup(r.close)
	x := newTarget(f, r)
	before := x.state()
	f.Fuzz(func(t *testing.T, input []byte) {
		p := &tape{input}
		for range 64 {
			if p.empty() {
				break
			}
			x.throw(p)
		}
		x.roundTrip(t)
		if after := x.state(); after != before {
			t.Fatalf("before: %s\nafter: %s", before, after)
		}
	})
}

// FuzzAuthenticatedPeer has a peer that knows the keys send what it should not:
// no panic, nothing hangs, and what closes does so with its events. Each
// execution has a pair of its own in virtual time.
func FuzzAuthenticatedPeer(f *testing.F) {
	for end := range byte(2) {
		f.Add([]byte{end, 0, 0, 0})
		f.Add([]byte{end | 8, 1, 2, 1, 0, 21, 3})
		for at := range byte(28) {
			f.Add([]byte{end | 10, at % 4, 0, 1, 1, at, 6})
			f.Add([]byte{end | 10, 1, 2, 1, 2, at, at, end | 12, 2, 1, 1, 7, at, 9})
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			defer r.close()
			x := newTarget(t, r)
			p := &tape{input}
			for range 64 {
				if p.empty() {
					break
				}
				x.betray(p)
				if p.byte()%8 == 0 {
					time.Sleep(50 * time.Millisecond)
				}
			}
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			x.checkEnd(t)
		})
	})
}
