package transmit

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

const ms = time.Millisecond

// full is the payload of a DATA chunk that fills a packet of 1200 bytes.
const full = 1200 - chunk.PacketHeaderSize - chunk.DataHeaderSize

// measured makes a script whose round trip is known to be 100 ms, all sent messages
// acknowledged: n packets of them.
func measured(t *testing.T, n int, change func(*Config)) *script {
	s := begin(t, func(c *Config) {
		c.RTT = 100 * ms
		if change != nil {
			change(c)
		}
	})
	s.open(1)
	for range n {
		s.send(1, full)
	}
	s.drain()
	s.wait(100 * ms)
	s.sack(n)
	return s
}

func want(t *testing.T, what string, got []int, wanted ...int) {
	t.Helper()
	if !slices.Equal(got, wanted) {
		t.Fatalf("%s: %v, want %v", what, got, wanted)
	}
}

// RFC 9260 section 6.3.1: C1 before anything is measured RTO.Initial; C2 SRTT R,
// RTTVAR R/2, RTO SRTT + 4 RTTVAR; C3 with alpha 1/8 and beta 1/4; C6 and C7 the limits.
func TestTheTimeoutFollowsTheRoundTrip(t *testing.T) {
	r := newRTO(0, 0, 0)
	if r.value != time.Second {
		t.Errorf("RTO.Initial %v", r.value)
	}
	r.measure(200 * ms)
	if r.srtt != 200*ms || r.variation != 100*ms || r.value != 600*ms {
		t.Errorf("first: %+v", r)
	}
	r.measure(280 * ms)
	if r.srtt != 210*ms || r.variation != 95*ms || r.value != 590*ms {
		t.Errorf("second: %+v", r)
	}
	for range 100 {
		r.measure(20 * ms)
	}
	if r.value != 400*ms {
		t.Errorf("RTO.Min: %v", r.value)
	}
	for _, want := range []time.Duration{800 * ms, 1600 * ms, 3 * time.Second, 3 * time.Second} {
		if r.backOff(); r.value != want { // section 6.3.3 E2
			t.Errorf("after a timeout %v, want %v", r.value, want)
		}
	}
	r.measure(20 * ms)
	if r.value != 400*ms {
		t.Errorf("after an answer: %v", r.value)
	}
}

// RFC 9260 section 6.3.1 C5 (Karn): no round trip from what was sent twice.
func TestRetransmissionsAreNotMeasured(t *testing.T) {
	s := measured(t, 1, nil)
	before := s.q.SRTT()
	s.send(1, 100)
	s.drain()
	s.wait(150 * ms)
	s.wait(2 * time.Second)
	s.drain()
	s.wait(3 * time.Second)
	s.drain()
	s.sack(2)
	if s.q.SRTT() != before {
		t.Errorf("SRTT %v, was %v", s.q.SRTT(), before)
	}
}

// RFC 9260 section 7.2.4: three reports that a chunk is missing have it sent again at
// once, in one packet that no window holds back; the window is reduced once, and
// again only after the exit point.
func TestThreeMissingReportsBringFastRetransmission(t *testing.T) {
	s := measured(t, 4, func(c *Config) { c.Congestion = NewReno })
	for range 10 {
		s.send(1, full)
	}
	want(t, "sent", tsns(s.drain()...), 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
	window := s.q.CongestionWindow()
	s.wait(100 * ms)
	s.sack(4, [2]int{5, 5})
	want(t, "after one report", tsns(s.drain()...))
	s.sack(4, [2]int{5, 6})
	want(t, "after two reports", tsns(s.drain()...))
	s.sack(4, [2]int{5, 7})
	want(t, "after three reports", tsns(s.drain()...), 4)
	if got := s.q.CongestionWindow(); got != max(window/2, 4*s.q.room()) {
		t.Errorf("window %d, was %d", got, window)
	}
	reduced := s.q.CongestionWindow()
	// Another loss of the same flight: sent again, not reduced again.
	s.sack(4, [2]int{5, 7}, [2]int{9, 13})
	want(t, "another loss", tsns(s.drain()...), 8)
	if s.q.CongestionWindow() != reduced || s.q.Stats().Recoveries != 1 {
		t.Errorf("window %d, was %d, %d recoveries", s.q.CongestionWindow(), reduced, s.q.Stats().Recoveries)
	}
	s.wait(100 * ms)
	s.sack(14)
	if s.q.repair.phase != open || s.q.Stats().Timeouts != 0 || !s.q.Empty() {
		t.Errorf("phase %d at the exit point, %+v", s.q.repair.phase, s.q.Stats())
	}
}

// RFC 8985 section 6.2: a chunk is lost when what was sent a reordering window later
// has arrived, not when it is overtaken.
func TestOvertakingIsNotLoss(t *testing.T) {
	s := measured(t, 4, nil)
	s.send(1, full)
	s.send(1, full)
	want(t, "sent", tsns(s.drain()...), 4, 5)
	s.wait(100 * ms)
	s.sack(4, [2]int{5, 5})
	want(t, "overtaken", tsns(s.drain()...))
	s.wait(24 * ms) // the window is a quarter of the round trip
	want(t, "within the reordering window", tsns(s.drain()...))
	s.sack(6)
	if st := s.q.Stats(); st.Lost != 0 || st.Recoveries != 0 {
		t.Errorf("%+v", st)
	}
	// Now it is known that the path reorders: three reports mean no loss any more.
	for range 5 {
		s.send(1, full)
	}
	s.drain()
	s.wait(100 * ms)
	s.sack(6, [2]int{7, 10})
	want(t, "three reports on a path that reorders", tsns(s.drain()...))
	s.wait(25 * ms)
	want(t, "after the reordering window", tsns(s.drain()...), 6)
}

// RFC 8985 section 6: the loss of a retransmission is found by time too, where miss
// indications wait for T3-rtx.
func TestALostRetransmissionIsSentAgain(t *testing.T) {
	s := measured(t, 4, nil)
	for range 8 {
		s.send(1, full)
	}
	s.drain()
	s.wait(100 * ms)
	s.sack(4, [2]int{5, 8})
	for range 3 {
		s.send(1, full)
	}
	got := tsns(s.drain()...)
	if got[0] != 4 || !slices.Contains(got, 12) {
		t.Fatalf("sent %v", got)
	}
	s.wait(100 * ms)
	s.sack(4, [2]int{5, 14}) // what left after the retransmission is there
	s.wait(30 * ms)
	want(t, "again", tsns(s.drain()...), 4)
	if s.q.Stats().Timeouts != 0 {
		t.Error("T3-rtx was needed")
	}
}

// RFC 8985 section 7: the loss of the last packets is found after two round trips, by a
// probe that asks for a SACK at once (RFC 7053).
func TestTheTailIsProbed(t *testing.T) {
	s := measured(t, 4, nil)
	for range 3 {
		s.send(1, full)
	}
	want(t, "sent", tsns(s.drain()...), 4, 5, 6)
	s.wait(199 * ms)
	want(t, "before PTO", tsns(s.drain()...))
	s.wait(2 * ms)
	p := s.next()
	if p == nil || len(p.data) != 1 || p.data[0].TSN != number(6) || p.data[0].Flags&chunk.FlagImmediate == 0 {
		t.Fatalf("probe %+v", p)
	}
	if s.next() != nil {
		t.Fatal("two probes")
	}
	// The probe shows what is missing; 4 and 5 are repaired without T3-rtx.
	s.wait(100 * ms)
	s.sack(4, [2]int{6, 6})
	s.wait(30 * ms)
	want(t, "repaired", tsns(s.drain()...), 4, 5)
	s.wait(100 * ms)
	s.sack(7)
	if st := s.q.Stats(); st.TailProbes != 1 || st.Timeouts != 0 || st.Recoveries != 1 {
		t.Errorf("%+v", st)
	}
}

// RFC 8985 section 7.3: the probe is new data where there is some.
func TestTheProbeIsNewDataWhereThereIsSome(t *testing.T) {
	s := measured(t, 4, nil)
	for range 40 {
		s.send(1, full)
	}
	n := len(tsns(s.drain()...))
	s.wait(300 * ms)
	if got := tsns(s.drain()...); len(got) != 1 || got[0] != 4+n {
		t.Fatalf("probe %v after %d", got, n)
	}
}

// RFC 8985 section 7.4.2: a probe that brought what was lost hides a loss; one that
// the peer got twice does not.
func TestAProbeThatRepairedIsCongestion(t *testing.T) {
	for duplicated, reduced := range map[bool]bool{true: false, false: true} {
		s := measured(t, 4, nil)
		s.send(1, full)
		s.drain()
		window := s.q.CongestionWindow()
		s.wait(450 * ms)
		want(t, "probe", tsns(s.drain()...), 4)
		s.wait(100 * ms)
		if duplicated {
			s.sackDuplicates(5, []int{4})
		} else {
			s.sack(5)
		}
		if (s.q.CongestionWindow() < window) != reduced {
			t.Errorf("duplicated %t: window %d, was %d", duplicated, s.q.CongestionWindow(), window)
		}
	}
}

// RFC 9260 section 6.3.3: T3-rtx backs off, reduces the window to one packet, and
// sends again in the order of TSNs; section 8.1 counts.
func TestTimeoutsBackOff(t *testing.T) {
	s := begin(t, nil) // no round trip is known: no tail probe
	s.open(1)
	for range 5 {
		s.send(1, full)
	}
	want(t, "sent", tsns(s.drain()...), 0, 1, 2, 3, 4)
	for n, wait := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
		if due := s.q.Deadline(); due.Sub(s.now) != wait {
			t.Fatalf("timeout %d after %v, want %v", n, due.Sub(s.now), wait)
		}
		s.wait(wait)
		want(t, "sent again", tsns(s.drain()...), 0)
		if s.q.Timeouts() != n+1 || s.q.CongestionWindow() != s.q.room() {
			t.Errorf("%d timeouts, window %d", s.q.Timeouts(), s.q.CongestionWindow())
		}
	}
	s.wait(100 * ms)
	s.sack(1)
	if s.q.Timeouts() != 0 {
		t.Error("still counting after an acknowledgement")
	}
	want(t, "slow start", tsns(s.drain()...), 1, 2)
}

// RFC 9260 section 6.3.2 R1 to R3: the timer runs while something is outstanding, and
// from the acknowledgement of the earliest chunk.
func TestT3RunsWhileSomethingIsOutstanding(t *testing.T) {
	s := begin(t, nil)
	s.open(1)
	if !s.q.Deadline().IsZero() {
		t.Error("R1: runs with nothing sent")
	}
	s.send(1, full)
	s.send(1, full)
	s.drain()
	first := s.q.t3
	s.wait(400 * ms)
	s.sack(0, [2]int{1, 1})
	if s.q.t3 != first {
		t.Error("R3: restarted though the earliest chunk is outstanding")
	}
	s.sack(1, [2]int{1, 1})
	if s.q.t3 != never {
		// The gap block acknowledges 1, so cumulative 0 with it cannot be; 1 was reneged.
		want(t, "reneged", tsns(s.drain()...), 1)
	}
	s.sack(2)
	if s.q.t3 != never || s.q.Deadline().Sub(s.now) > restAfter {
		t.Error("R2: runs with everything acknowledged")
	}
}

// RFC 9260 section 6.2.1: what acknowledges something never sent is refused and
// changes nothing; what is older than what is known is ignored.
func TestSACKsThatCannotBe(t *testing.T) {
	s := measured(t, 4, nil)
	s.send(1, full)
	s.drain()
	for _, err := range []error{s.tryWindow(6, 0, nil), s.tryWindow(4, 0, nil, [2]int{5, 5}), s.tryWindow(1<<20, 0, nil)} {
		if !errors.Is(err, ErrNeverSent) {
			t.Errorf("error %v", err)
		}
	}
	if s.q.PeerWindow() == 0 || s.q.Outstanding() == 0 {
		t.Error("a refused SACK changed something")
	}
	s.sackWindow(3, 0) // an old one: its window is old too
	if s.q.PeerWindow() == 0 {
		t.Error("an old SACK changed the window")
	}
	s.sack(4, [2]int{9, 7}, [2]int{5, 4}) // blocks that end before they begin say nothing
	if s.q.Outstanding() == 0 {
		t.Error("an empty block acknowledged something")
	}
}

// RFC 9260 section 6.2.1: gap blocks are advisory. A peer that threw away what it
// had reported gets it again.
func TestAPeerMayThrowAwayWhatItReported(t *testing.T) {
	s := measured(t, 4, nil)
	for range 6 {
		s.send(1, full)
	}
	s.drain()
	s.wait(100 * ms)
	s.sack(4, [2]int{5, 9})
	want(t, "fast retransmission", tsns(s.drain()...), 4)
	s.wait(100 * ms)
	s.sack(5)
	want(t, "reneged", tsns(s.drain()...), 5, 6, 7, 8, 9)
	s.wait(100 * ms)
	s.sack(10)
	if !s.q.Empty() {
		t.Error("not empty")
	}
}

// RFC 3708: when the peer reports every retransmission as a duplicate, the losses
// were none, and the window is as before.
func TestSpuriousRetransmissionsGiveTheWindowBack(t *testing.T) {
	s := measured(t, 4, nil)
	for range 10 {
		s.send(1, full)
	}
	s.drain()
	window := s.q.CongestionWindow()
	s.wait(100 * ms)
	s.sack(4, [2]int{6, 9})
	want(t, "fast retransmission", tsns(s.drain()...), 4, 5)
	reduced := s.q.CongestionWindow()
	s.wait(50 * ms)
	s.sack(14) // they were late, not lost
	s.wait(50 * ms)
	s.sackDuplicates(14, []int{4})
	if s.q.CongestionWindow() > reduced+2*s.q.room() {
		t.Errorf("one of two duplicates gave the window back")
	}
	s.sackDuplicates(14, []int{5})
	if s.q.CongestionWindow() < window {
		t.Errorf("window %d, was %d before, %d after the loss", s.q.CongestionWindow(), window, reduced)
	}
}

// RFC 9260 section 6.1 A: with the peer's window closed one chunk probes it, after an
// RTO and then ever more rarely; nothing is counted against the peer while it
// answers; and when the window reopens nobody waits for the timer.
func TestAClosedWindowIsProbed(t *testing.T) {
	s := measured(t, 4, nil)
	s.sackWindow(4, 0)
	for range 5 {
		s.send(1, full)
	}
	want(t, "closed", tsns(s.drain()...))
	rto := s.q.RTO()
	s.wait(rto - ms)
	want(t, "closed", tsns(s.drain()...))
	s.wait(2 * ms)
	want(t, "probe", tsns(s.drain()...), 4)
	window := s.q.CongestionWindow()
	for n := range 6 {
		s.wait(50 * ms)
		s.sackWindow(4, 0) // no room
		before := s.now
		s.wait(10 * time.Second)
		if gap := s.now.Sub(before); gap < rto || n > 3 && gap < 2900*ms {
			t.Errorf("probe %d after %v", n, gap)
		}
		want(t, "probe", tsns(s.drain()...), 4)
		if s.q.CongestionWindow() != window || s.q.Timeouts() > 1 {
			t.Errorf("window %d, was %d; %d timeouts", s.q.CongestionWindow(), window, s.q.Timeouts())
		}
	}
	s.wait(50 * ms)
	s.sackWindow(4, 100000)
	want(t, "reopened", tsns(s.drain()...), 4, 5, 6, 7, 8)
}

// RFC 9260 section 6.1 A: never more than the peer's window.
func TestThePeersWindowIsKept(t *testing.T) {
	s := measured(t, 4, nil)
	s.sackWindow(4, 3*full+10)
	for range 8 {
		s.send(1, full)
	}
	want(t, "sent", tsns(s.drain()...), 4, 5, 6)
	if s.q.PeerWindow() != 10 {
		t.Errorf("%d left", s.q.PeerWindow())
	}
	s.wait(100 * ms)
	s.sackWindow(5, 2*full) // two are under way: no room
	want(t, "full", tsns(s.drain()...))
	s.sackWindow(7, 2*full)
	want(t, "half open", tsns(s.drain()...), 7, 8)
}

// No collapse after idle (RFC 9260 section 7.2.1 has the decay as a SHOULD): the window stays and leaves in paced
// bursts.
func TestTheWindowSurvivesARest(t *testing.T) {
	s := measured(t, 4, nil)
	for range 3 {
		for range 200 {
			s.send(1, full)
		}
		for s.q.waiting() > 0 || s.q.Outstanding() > 0 {
			s.drain()
			n := int(s.q.out.next)
			s.run(100 * ms)
			s.sack(n)
		}
	}
	window := s.q.CongestionWindow()
	s.wait(time.Minute)
	if s.q.CongestionWindow() != window || window < 50*s.q.room() {
		t.Errorf("window %d, was %d", s.q.CongestionWindow(), window)
	}
	for range 300 {
		s.send(1, full)
	}
	if n := len(s.drain()); n > s.q.CongestionWindow()/s.q.room()/8+10 {
		t.Errorf("%d packets at once after a rest, the window is %d", n, s.q.CongestionWindow()/s.q.room())
	}
}

// RFC 9260 section 7.2.4 step 3, and a share after the idea of RFC 6937: while more is under way than the reduced
// window allows, the first packet is sent again at once, and then two for three SACKs.
func TestRepairGoesOnWhileTheWindowIsFull(t *testing.T) {
	s := measured(t, 10, func(c *Config) { c.Congestion = NewReno })
	for range 100 {
		s.send(1, full)
	}
	s.run(100 * ms)
	s.sack(20)
	if n := len(s.run(90 * ms)); n != 20 {
		t.Fatalf("%d packets in a window of 20", n)
	}
	s.wait(10 * ms)
	gaps := [][2]int{{22, 22}, {24, 24}, {26, 26}}
	for n, again := range [][]int{{20}, {21}, {}, {23}, {25}} {
		s.sack(20, gaps...)
		if s.q.Outstanding() < s.q.CongestionWindow() {
			t.Fatalf("%d under way in a window of %d", s.q.Outstanding(), s.q.CongestionWindow())
		}
		if got := tsns(s.drain()...); !slices.Equal(got, again) {
			t.Errorf("SACK %d: sent %v again, want %v", n+1, got, again)
		}
	}
}

// RFC 9260 section 3.3.4 has a SACK report as many gaps as fit, the lowest: what lies
// above the last one that it reports is not known to be lost, even when a chunk
// that was sent again later has arrived.
func TestWhatASACKHasNoRoomForIsNotLost(t *testing.T) {
	s := begin(t, func(c *Config) { c.RTT = 100 * ms; c.PeerWindow = 1 << 24 })
	s.open(1)
	sent := 0
	for sent < 600 { // open the window
		for range 200 {
			s.send2(1, full)
		}
		s.run(100 * ms)
		sent = int(s.q.out.next)
		s.sack(sent)
	}
	for range 400 {
		s.send2(1, full)
	}
	s.run(60 * ms)
	first, last := sent, int(s.q.out.next)-1
	if last-first < 350 {
		t.Fatalf("%d packets under way", last-first)
	}
	s.wait(40 * ms)
	// Every other packet of 240 was lost; of the rest nothing is said.
	var gaps [][2]int
	for n := first + 1; n < first+240; n += 2 {
		gaps = append(gaps, [2]int{n, n})
	}
	s.sack(first, gaps...)
	again := len(tsns(s.drain()...))
	s.run(100 * ms)
	lost := s.q.Stats().Lost
	// The first that was sent again arrives, and it is the newest that has.
	s.sack(first+2, gaps[1:]...)
	s.run(30 * ms)
	if s.q.Stats().Lost > lost || lost > 120 || again == 0 {
		t.Errorf("%d were taken for lost, %d after a retransmission had arrived; 120 are missing", lost, s.q.Stats().Lost)
	}
}

// RFC 9260 section 7.2.1: after T3-rtx "only one packet is allowed to be in flight until
// successful acknowledgement", though the window has room for another small one.
func TestOnePacketFliesAfterATimeout(t *testing.T) {
	s := measured(t, 4, nil)
	for range 5 {
		s.send(1, 600) // one a packet, two exceed it
	}
	s.drain()
	s.wait(4 * time.Second)
	want(t, "the tail loss probe", tsns(s.drain()...), 8)
	s.wait(4 * time.Second)
	want(t, "the first timeout", tsns(s.drain()...), 4)
	s.wait(4 * time.Second)
	want(t, "the second", tsns(s.drain()...), 4)
	s.sack(4) // nothing new
	want(t, "an old SACK", tsns(s.drain()...))
	s.sack(5)
	want(t, "acknowledged", tsns(s.drain()...), 5, 6, 7)
}
