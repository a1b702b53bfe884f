package congestion

import (
	"math"
	"testing"
	"time"
)

const (
	mss = 1000
	rtt = 100 * time.Millisecond
)

// trip acknowledges a whole window in a round trip, two packets an Ack.
type trip struct {
	c         *Controller
	now       time.Duration
	delivered uint64
	rtt       time.Duration
}

func (r *trip) round() {
	packets := r.c.Window() / mss
	for n := 2; n <= packets; n += 2 {
		r.now += r.rtt / time.Duration(packets/2)
		r.delivered += 2
		sent := r.delivered + uint64(r.c.Window()/mss)
		r.c.Ack(r.now, Ack{Bytes: 2 * mss, Sent: sent, Delivered: r.delivered, RTT: r.rtt, SRTT: r.rtt, Utilised: true})
	}
}

// RFC 9260 section 7.2.1 with RFC 6928's window: slow start doubles it in a round
// trip, where L is infinite (RFC 9406 section 4.2).
func TestSlowStartDoublesTheWindowInARoundTrip(t *testing.T) {
	for _, a := range []Algorithm{CUBIC, NewReno} {
		c := New(a, mss)
		if c.Window() != 10*mss || !c.SlowStart() {
			t.Fatalf("%v begins with %d", a, c.Window())
		}
		r := trip{c: &c, rtt: rtt}
		for _, want := range []int{20, 40, 80} {
			if r.round(); c.Window() != want*mss {
				t.Errorf("%v: window %d, want %d packets", a, c.Window(), want)
			}
		}
	}
}

// RFC 9260 section 7.2.1: only a window that is fully utilised grows.
func TestAWindowThatNobodyFillsDoesNotGrow(t *testing.T) {
	for _, a := range []Algorithm{CUBIC, NewReno} {
		c := New(a, mss)
		c.Ack(rtt, Ack{Bytes: 5 * mss, Delivered: 5, Sent: 5, SRTT: rtt})
		if c.Window() != 10*mss {
			t.Errorf("%v: %d", a, c.Window())
		}
		// Nor in avoidance, however long that lasts, and there is no jump afterwards (RFC
		// 9438 section 5.8).
		c.Loss(rtt)
		before := c.Window()
		c.Ack(2*rtt, Ack{Bytes: mss, SRTT: rtt, Utilised: true})
		grown := c.Window() - before
		for i := range 1000 {
			c.Ack(time.Duration(3+i)*rtt, Ack{Bytes: mss, SRTT: rtt})
		}
		before = c.Window()
		c.Ack(1004*rtt, Ack{Bytes: mss, SRTT: rtt, Utilised: true})
		if d := c.Window() - before; d > grown+mss/2 {
			t.Errorf("%v: after a rest the window jumps by %d, before by %d", a, d, grown)
		}
	}
}

// RFC 8899 section 3, item 7: "An update to the PLPMTU (or MPS) MUST NOT increase the
// congestion window measured in bytes".
func TestAnotherPacketSizeLeavesTheWindow(t *testing.T) {
	for _, a := range []Algorithm{CUBIC, NewReno} {
		c := New(a, 1000)
		c.Timeout(false)
		for _, mss := range []int{8000, 500, 1400} {
			if c.SetMSS(mss); c.Window() != 1000 {
				t.Errorf("%v: %d bytes with packets of %d", a, c.Window(), mss)
			}
		}
	}
}

// RFC 9260 section 7.2.4: not while in Fast Recovery.
func TestTheWindowDoesNotGrowInRecovery(t *testing.T) {
	c := New(CUBIC, mss)
	c.Loss(rtt)
	before := c.Window()
	c.Ack(2*rtt, Ack{Bytes: 50 * mss, SRTT: rtt, Utilised: true, Recovering: true})
	if c.Window() != before {
		t.Errorf("%d, was %d", c.Window(), before)
	}
}

// RFC 9260 section 7.2.2: one packet more for each window.
func TestNewRenoGrowsByAPacketInARoundTrip(t *testing.T) {
	c := New(NewReno, mss)
	for c.Window() < 40*mss {
		c.Ack(0, Ack{Bytes: mss, SRTT: rtt, Utilised: true})
	}
	c.Loss(0)
	if c.Window() != 20*mss || c.SlowStart() {
		t.Fatalf("window %d after a loss at 40 packets (section 7.2.3)", c.Window())
	}
	r := trip{c: &c, rtt: rtt}
	for want := 21; want < 25; want++ {
		for n := 0; n < (want-1)*mss; n += mss {
			c.Ack(r.now, Ack{Bytes: mss, SRTT: rtt, Utilised: true})
		}
		if c.Window() != want*mss {
			t.Errorf("window %d, want %d packets", c.Window(), want)
		}
	}
}

// RFC 9260 section 7.2.3: not below 4 packets after a loss; one packet after T3-rtx.
func TestReductionsHaveAFloor(t *testing.T) {
	c := New(NewReno, mss)
	for range 5 {
		c.Loss(0)
	}
	if c.Window() != 4*mss {
		t.Errorf("window %d after losses", c.Window())
	}
	c.Timeout(false)
	if c.Window() != mss || c.Threshold() != 4*mss {
		t.Errorf("window %d, threshold %d after T3-rtx", c.Window(), c.Threshold())
	}
	threshold := c.Threshold()
	c.Timeout(true)
	if c.Threshold() != threshold {
		t.Errorf("a repeated timeout makes the threshold %d", c.Threshold())
	}
}

// RFC 9438 sections 4.2 and 4.6: after a loss at W_max the window is 0.7 of it, and
// W_max again after K = cbrt(W_max * 0.3 / 0.4) seconds, flat there; then it goes
// beyond.
func TestCUBICReturnsToItsMaximumAfterK(t *testing.T) {
	c := New(CUBIC, mss)
	r := trip{c: &c, rtt: rtt}
	c.window = 500 * mss
	c.Loss(r.now)
	if c.Window() != 350*mss {
		t.Fatalf("window %d after a loss at 500 packets", c.Window())
	}
	k := time.Duration(math.Cbrt(500*0.3/0.4) * float64(time.Second))
	for r.now < k/2 {
		r.round()
	}
	if w := c.Window(); w < 470*mss || w > 490*mss {
		t.Errorf("at K/2 the window is %d, W_cubic 481 packets", w)
	}
	for r.now < k {
		r.round()
	}
	if w := c.Window(); w < 495*mss || w > 503*mss {
		t.Errorf("at K the window is %d, W_max 500 packets", w)
	}
	for r.now < 2*k {
		r.round()
	}
	if w := c.Window(); w < 600*mss {
		t.Errorf("at 2K the window is %d", w)
	}
}

// RFC 9438 section 4.3: where Reno would be faster, as on short paths, CUBIC is not
// slower.
func TestCUBICIsNotSlowerThanReno(t *testing.T) {
	grow := func(a Algorithm) int {
		c := New(a, mss)
		c.window = 20 * mss
		c.Loss(0)
		r := trip{c: &c, rtt: 10 * time.Millisecond}
		for range 40 {
			r.round()
		}
		return c.Window()
	}
	// W_est begins at 0.7 and grows by 0.53 packets a round trip until it is where it
	// was: Reno begins at 0.5 and grows by 1.
	if cubic, reno := grow(CUBIC), grow(NewReno); cubic < reno*8/10 {
		t.Errorf("CUBIC %d, NewReno %d", cubic, reno)
	}
}

// RFC 9438 section 4.7: who loses again before it was back releases more.
func TestFastConvergenceReleasesMore(t *testing.T) {
	c := New(CUBIC, mss)
	c.window = 100 * mss
	c.Loss(0)
	if c.cubic.maximum != 100*mss {
		t.Errorf("W_max %v", c.cubic.maximum)
	}
	c.Loss(rtt)
	if want := 70 * mss * (1 + 0.7) / 2; math.Abs(c.cubic.maximum-want) > 1 {
		t.Errorf("W_max %v, want %v", c.cubic.maximum, want)
	}
}

// RFC 9406 section 4.2: when the round trip grows, slow start gets slower, and after
// five rounds of that it ends, before anything was lost.
func TestRisingRoundTripsEndSlowStart(t *testing.T) {
	c := New(CUBIC, mss)
	r := trip{c: &c, rtt: rtt}
	for range 3 {
		r.round()
	}
	r.rtt = rtt + 20*time.Millisecond
	r.round()
	before := c.Window()
	r.round()
	if grown := float64(c.Window()) / float64(before); grown > 1.3 || grown < 1.2 {
		t.Errorf("in Conservative Slow Start the window grows to %v of what it was, want 1.25", grown)
	}
	rounds := 0
	for c.SlowStart() && rounds < 20 {
		r.round()
		rounds++
	}
	if rounds < 3 || rounds > 5 {
		t.Errorf("slow start ended after %d rounds more", rounds)
	}
}

// Section 4.2: if the round trip falls below what it was, it was jitter, and slow start
// goes on.
func TestJitterDoesNotEndSlowStart(t *testing.T) {
	c := New(CUBIC, mss)
	r := trip{c: &c, rtt: rtt}
	r.round()
	r.round()
	r.rtt = rtt + 20*time.Millisecond
	r.round()
	r.round()
	r.rtt = rtt
	r.round()
	before := c.Window()
	r.round()
	if c.Window() < 2*before-2*mss {
		t.Errorf("window %d, was %d", c.Window(), before)
	}
}

// RFC 9438 section 4.9: a reduction that was for nothing is taken back.
func TestUndoRestoresTheWindow(t *testing.T) {
	for _, a := range []Algorithm{CUBIC, NewReno} {
		c := New(a, mss)
		c.window = 100 * mss
		c.Loss(0)
		c.Undo()
		if c.Window() != 100*mss || !c.SlowStart() {
			t.Errorf("%v: window %d after Undo", a, c.Window())
		}
		c.Undo()
		if c.Window() != 100*mss {
			t.Errorf("%v: a second Undo makes it %d", a, c.Window())
		}
		c.Timeout(false)
		c.Undo()
		if c.Window() != 100*mss {
			t.Errorf("%v: window %d after Undo of a timeout", a, c.Window())
		}
	}
}

// RFC 9260 section 6.1 D: bursts are limited; the rest follows at the rate.
func TestThePacerSpreadsAWindowOverTheRoundTrip(t *testing.T) {
	const rate = 1e6 // bytes a second
	var p Pacer
	now := time.Duration(0)
	sent := 0
	fill := func() int {
		n := 0
		for !p.Full(now, rate, mss) {
			p.Spend(mss)
			n++
		}
		sent += n
		return n
	}
	if n := fill(); n != minBurst {
		t.Errorf("%d packets at once", n)
	}
	for now < time.Second {
		next := p.Next(rate, mss)
		if next <= now {
			t.Fatalf("next %v, now %v", next, now)
		}
		now = next
		if n := fill(); n < 1 || n > 2 {
			t.Fatalf("%d packets at %v", n, now)
		}
	}
	if sent < 1000 || sent > 1015 {
		t.Errorf("%d packets in a second, want 1000", sent)
	}
	// A rest earns one burst, not all that it missed.
	now += time.Minute
	if n := fill(); n != minBurst {
		t.Errorf("%d packets after a rest", n)
	}
	// Without a rate there is no limit.
	if p.Full(now, 0, mss) {
		t.Error("full without a rate")
	}
}
