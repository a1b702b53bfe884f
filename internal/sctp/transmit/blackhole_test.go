package transmit

import (
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// RFC 8899 section 4.3: a path that begins to lose packets for their size is found out though T3-rtx tells nothing: the
// messages are abandoned, which the peer acknowledges, or small ones arrive all the while.
func TestABlackHoleIsFoundWhereAcknowledgementsGoOn(t *testing.T) {
	for name, small := range map[string]time.Duration{"abandoned": 0, "beside small ones": 20 * ms} {
		f := newFlow(t, Config{InitialTSN: testTSN, PeerWindow: 1 << 20, MTU: 1160, MaxMTU: 1432, RTT: 20 * ms, PartialReliability: true},
			pipe{delay: 10 * ms, bandwidth: 5e6, queue: 100 * ms}, pipe{delay: 10 * ms}, 1)
		f.invariants = true
		f.q.Open(1, StreamParams{MaxRetransmits: 0, Lifetime: -1, Unordered: true})
		f.q.Open(2, StreamParams{MaxRetransmits: -1, Lifetime: -1})
		every := func(d time.Duration, id chunk.StreamID, size int) {
			var tick func()
			tick = func() {
				f.q.Send(f.time(), id, 53, make([]byte, size))
				f.pump()
				f.w.after(d, tick)
			}
			tick()
		}
		every(200*ms, 1, 5000)
		if small > 0 {
			every(small, 2, 100)
		}
		f.w.run(5*time.Second, nil)
		if f.q.MTU() != 1432 {
			t.Fatalf("%s: MTU %d", name, f.q.MTU())
		}
		f.mtu = 1200
		f.w.run(f.w.now+10*time.Second, nil)
		if f.q.MTU() != 1160 {
			t.Errorf("%s: packets of %d bytes on a path of 1200", name, f.q.MTU())
		}
	}
}

// However many SACKs tell of it, what got lost at one time is one loss: small packets that came through prove nothing.
func TestOneCongestedMomentIsNoBlackHole(t *testing.T) {
	s := begin(t, func(c *Config) { c.MaxMTU, c.RTT = 1432, 20*ms })
	s.open(1)
	s.send(1, 10)
	s.drain()
	if _, ok := s.q.AppendProbe(s.now, make([]byte, chunk.PacketHeaderSize)); !ok {
		t.Fatal("no probe")
	}
	s.q.HandleProbeAck(s.now, []byte{ProbeMark, 0, 0, 0, 0, 0, 0, 1})
	s.wait(20 * ms)
	s.sack(1)
	if s.q.MTU() != 1432 {
		t.Fatalf("MTU %d", s.q.MTU())
	}
	var gaps [][2]int
	for n := range 12 { // a large and a small one, each 5 ms; the answers of the small ones come after 20 ms
		if n < 6 {
			s.send(1, 1400)
			s.drain()
			s.send(1, 10)
			s.drain()
		}
		if n >= 4 && n < 9 {
			gaps = append(gaps, [2]int{2*(n-4) + 2, 2*(n-4) + 2})
			s.sack(1, gaps...)
		}
		s.wait(5 * ms)
		s.drain()
	}
	if s.q.MTU() != 1432 || s.q.Stats().Lost < 3 {
		t.Errorf("MTU %d after %d losses", s.q.MTU(), s.q.Stats().Lost)
	}
}

// Packets that get lost as others do are no black hole.
func TestCongestionIsNoBlackHole(t *testing.T) {
	f := newFlow(t, Config{InitialTSN: testTSN, PeerWindow: 1 << 20, MTU: 1160, MaxMTU: 1432, RTT: 20 * ms},
		pipe{delay: 10 * ms, bandwidth: 5e6, queue: 20 * ms, loss: 0.05}, pipe{delay: 10 * ms, loss: 0.05}, 1)
	f.q.Open(1, reliable)
	f.saturate(64<<10, make([]byte, 16<<10))
	f.w.run(60*time.Second, nil)
	if f.q.MTU() != 1432 || f.q.Stats().Lost < 500 {
		t.Errorf("MTU %d after %d losses", f.q.MTU(), f.q.Stats().Lost)
	}
}

// Small messages share packets, which are too large just so; then T3-rtx tells.
func TestABlackHoleForBundlesIsFound(t *testing.T) {
	f := newFlow(t, Config{InitialTSN: testTSN, PeerWindow: 1 << 20, MTU: 1160, MaxMTU: 1432, RTT: 20 * ms},
		pipe{delay: 10 * ms, bandwidth: 5e6, queue: 100 * ms}, pipe{delay: 10 * ms}, 1)
	f.q.Open(1, reliable)
	f.saturate(64<<10, make([]byte, 100))
	f.w.run(5*time.Second, nil)
	if f.q.MTU() != 1432 {
		t.Fatalf("MTU %d", f.q.MTU())
	}
	f.mtu = 1200
	f.w.run(f.w.now+10*time.Second, nil)
	arrived := f.q.out.base
	f.w.run(f.w.now+time.Second, nil)
	if f.q.MTU() != 1160 || f.q.out.base < arrived+1000 {
		t.Errorf("packets of %d bytes on a path of 1200, %d chunks in a second", f.q.MTU(), f.q.out.base-arrived)
	}
}
