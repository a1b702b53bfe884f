package transmit

import (
	"testing"
	"time"
)

// RFC 9260 section 7.2.5.2: on another path the window is the initial one, the RTO too (section 6.3.1 C1), and the
// path MTU is looked for from the base again (RFC 8899), up to what is said of the new one. The transfer goes on.
func TestAnotherPathBeginsAnew(t *testing.T) {
	cfg := Config{InitialTSN: testTSN, PeerWindow: 4 << 20, MTU: 1160, MaxMTU: 1432, RTT: 20 * ms}
	f := newFlow(t, cfg, pipe{delay: 10 * ms, bandwidth: 5e6, queue: 100 * ms}, pipe{delay: 10 * ms}, 1)
	f.invariants = true
	f.q.Open(1, reliable)
	message := make([]byte, 16<<10)
	f.saturate(64<<10, message)
	f.w.run(10*time.Second, nil)
	if f.q.MTU() != 1432 || f.q.CongestionWindow() <= 10*1432 || f.q.RTO() >= time.Second {
		t.Fatalf("before: MTU %d, window %d, RTO %v", f.q.MTU(), f.q.CongestionWindow(), f.q.RTO())
	}
	initial := New(start, cfg).CongestionWindow()
	f.mtu = 1300
	f.q.PathChanged(f.time(), 1412)
	if f.q.MTU() != 1160 || f.q.CongestionWindow() != initial || f.q.RTO() != time.Second || !f.q.control.SlowStart() {
		t.Errorf("after: MTU %d, window %d, want %d, RTO %v", f.q.MTU(), f.q.CongestionWindow(), initial, f.q.RTO())
	}
	acknowledged := f.q.out.base
	f.pump()
	f.w.run(f.w.now+20*time.Second, nil)
	if f.q.MTU() > 1300 || f.q.MTU() < 1288 || f.q.CongestionWindow() <= initial || f.q.RTO() >= time.Second {
		t.Errorf("20 s later: MTU %d, window %d, RTO %v", f.q.MTU(), f.q.CongestionWindow(), f.q.RTO())
	}
	if f.q.out.base < acknowledged+1000 {
		t.Errorf("%d chunks in 20 s", f.q.out.base-acknowledged)
	}
}

// What left on the former path neither makes the window grow nor gives a round trip.
func TestAnswersOfTheFormerPathAreNotTheNewOnes(t *testing.T) {
	s := begin(t, func(c *Config) { c.RTT = 20 * ms })
	s.open(1)
	s.send(1, 60000)
	s.drain()
	s.q.PathChanged(s.now, 0)
	window, rto := s.q.CongestionWindow(), s.q.RTO()
	s.wait(5 * ms)
	s.sack(int(s.q.out.next))
	if s.q.CongestionWindow() != window || s.q.RTO() != rto {
		t.Errorf("window %d, was %d; RTO %v, was %v", s.q.CongestionWindow(), window, s.q.RTO(), rto)
	}
}
