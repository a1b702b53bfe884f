package bandwidth

import (
	"slices"
	"testing"
	"time"
)

func reasons(f *flow, from, to Bitrate) []Reason {
	var list []Reason
	for _, e := range f.events {
		if e.Target >= from && e.Target <= to && !slices.Contains(list, e.Reason) {
			list = append(list, e.Reason)
		}
	}
	return list
}

// draft-ietf-rmcat-gcc-02 section 7: a peer that sends receiver reports only.
func TestReceiverReportsAlone(t *testing.T) {
	for _, c := range []struct {
		link        Bitrate
		queue       time.Duration
		loss        float64
		least, most float64
	}{
		{300 * kb, 300 * time.Millisecond, 0, 0.7, 1.15},
		{mb, 300 * time.Millisecond, 0, 0.7, 1.15},
		{mb, 50 * time.Millisecond, 0, 0.7, 1.15},
		{5 * mb, 300 * time.Millisecond, 0, 0.7, 1.15},
		// 2 to 10 % neither raise nor lower the rate (section 6).
		{5 * mb, 300 * time.Millisecond, 0.05, 0.03, 1.15},
	} {
		w := newWorld(8, &bottleneck{rate: c.link, limit: c.queue, rtt: 100 * time.Millisecond, loss: c.loss})
		f := newFlow(w, Config{})
		f.noTWCC = true
		f.start()
		w.run(60 * time.Second)
		got := f.span(20*time.Second, 60*time.Second)
		share := float64(got.target) / float64(c.link)
		t.Logf("%v queue %v loss %v: %.0f %%, %v..%v, waits %v, loss %.1f %%", c.link, c.queue, c.loss, 100*share, got.lowest, got.highest, got.queue, 100*got.loss)
		if share < c.least || share > c.most {
			t.Errorf("%v queue %v loss %v: %.0f %% of the link", c.link, c.queue, c.loss, 100*share)
		}
		if s := f.est.Stats(); !s.LossOnly || s.Probes > 2 {
			t.Errorf("loss-only is %v, %d probes", s.LossOnly, s.Probes)
		}
	}
}

// More than 10 % lost: As_hat(i) = As_hat(i-1)(1-0.5p), section 6.
func TestReceiverReportOfHeavyLossLowersTheRate(t *testing.T) {
	now := simEpoch
	e := NewEstimator(now, Config{Start: mb})
	now = now.Add(time.Second)
	e.HandleLoss(now, 100, 20)
	if got, want := e.Target(), mb.scale(0.9); got != want {
		t.Errorf("target is %v, want %v", got, want)
	}
	if event, ok := e.NextEvent(); !ok || event != (Event{900 * kb, ReasonReceiverLoss}) {
		t.Errorf("event %v %v", event, ok)
	}
	now = now.Add(time.Second)
	e.HandleLoss(now, 100, 5)
	if e.Target() != 900*kb {
		t.Errorf("5 %% changed the target to %v", e.Target())
	}
}

func TestTransportFeedbackSupersedesReceiverReports(t *testing.T) {
	w := newWorld(9, &bottleneck{rate: mb, limit: 100 * time.Millisecond, rtt: 50 * time.Millisecond})
	f := newFlow(w, Config{})
	f.start()
	w.run(2 * time.Second)
	before := f.est.Target()
	f.est.HandleLoss(w.time(), 100, 90)
	if f.est.Target() != before || f.est.Stats().LossOnly {
		t.Errorf("a receiver report moved the target from %v to %v", before, f.est.Target())
	}
}

func TestTargetFallsWhenFeedbackStaysAway(t *testing.T) {
	link := &bottleneck{rate: 2 * mb, limit: 200 * time.Millisecond, rtt: 80 * time.Millisecond}
	w := newWorld(10, link)
	f := newFlow(w, Config{})
	f.start()
	w.run(10 * time.Second)
	before := f.est.Target()
	link.down = true
	w.run(15 * time.Second)
	if s := f.est.Stats(); s.Target > before/16 || !s.Silent {
		t.Errorf("5 s without feedback: %v of %v, silent is %v", s.Target, before, s.Silent)
	}
	w.run(40 * time.Second)
	if got := f.est.Target(); got != defaultMin {
		t.Errorf("30 s without feedback: %v, want the minimum", got)
	}
	link.down = false
	w.run(50 * time.Second)
	got := f.span(45*time.Second, 50*time.Second)
	if got.target < link.rate.scale(0.7) || got.target > link.rate {
		t.Errorf("5 s after the outage the target is %v of %v", got.target, link.rate)
	}
	if f.est.Stats().Silent {
		t.Error("still silent")
	}
	if !slices.Contains(reasons(f, 0, unlimited), ReasonSilence) {
		t.Error("no event said why")
	}
}

func TestSilenceOfTheApplicationIsNoSilenceOfThePeer(t *testing.T) {
	w := newWorld(11, &bottleneck{rate: 2 * mb, limit: 200 * time.Millisecond, rtt: 80 * time.Millisecond})
	f := newFlow(w, Config{})
	mute := false
	f.source = func(target Bitrate) Bitrate {
		if mute {
			return 0
		}
		return target
	}
	f.start()
	w.run(10 * time.Second)
	f.pacer.SetPadding(false)
	mute = true
	before := f.est.Target()
	w.run(40 * time.Second)
	if got := f.est.Target(); got < before.scale(0.9) || got > before.scale(1.1) {
		t.Errorf("the target went from %v to %v while nothing was sent", before, got)
	}
	mute = false
	w.run(50 * time.Second)
	if got := f.span(42*time.Second, 50*time.Second); got.target < w.link.rate.scale(0.7) || got.target > w.link.rate {
		t.Errorf("afterwards it is %v", got.target)
	}
}

// Feedback that is lost tells of nothing: neither of loss nor of a slow path.
func TestLostFeedbackIsNotLoss(t *testing.T) {
	w := newWorld(12, &bottleneck{rate: 2 * mb, limit: 200 * time.Millisecond, rtt: 80 * time.Millisecond})
	f := newFlow(w, Config{})
	f.dropFeedback = 0.2
	f.start()
	w.run(40 * time.Second)
	got := f.span(10*time.Second, 40*time.Second)
	t.Logf("%v, loss %.1f %%", got.target, 100*f.est.Stats().Loss)
	if got.target < w.link.rate.scale(0.6) || got.target > w.link.rate {
		t.Errorf("target is %v of %v", got.target, w.link.rate)
	}
	if lost := f.est.Stats().Lost; lost > 60 {
		t.Errorf("%d packets counted as lost", lost)
	}
}

// draft-alvestrand-rmcat-remb-03: the receiver's estimate is an upper bound.
func TestREMBBoundsTheTarget(t *testing.T) {
	w := newWorld(13, &bottleneck{rate: 5 * mb, limit: 200 * time.Millisecond, rtt: 50 * time.Millisecond})
	f := newFlow(w, Config{})
	f.start()
	w.run(10 * time.Second)
	f.est.HandleREMB(w.time(), 700*kb)
	if f.est.Target() != 700*kb {
		t.Fatalf("target is %v", f.est.Target())
	}
	if event, ok := f.est.NextEvent(); !ok || event != (Event{700 * kb, ReasonRemote}) {
		t.Errorf("event %v %v", event, ok)
	}
	w.run(20 * time.Second)
	if got := f.span(10*time.Second+sampleTime, 20*time.Second); got.highest != 700*kb {
		t.Errorf("target rose to %v", got.highest)
	}
	f.est.HandleREMB(w.time(), 0)
	if f.est.Target() != defaultMin {
		t.Errorf("REMB of 0: target is %v, want the minimum", f.est.Target())
	}
	f.est.HandleREMB(w.time(), 50*mb)
	w.run(30 * time.Second)
	if got := f.span(25*time.Second, 30*time.Second); got.target < 3500*kb || got.target > 5*mb {
		t.Errorf("target is %v after the bound is gone", got.target)
	}
}

func TestLimitsAreObeyedAndProbedTo(t *testing.T) {
	w := newWorld(14, &bottleneck{rate: 5 * mb, limit: 200 * time.Millisecond, rtt: 50 * time.Millisecond})
	f := newFlow(w, Config{Max: 800 * kb})
	f.start()
	w.run(10 * time.Second)
	if got := f.span(2*time.Second, 10*time.Second); got.highest > 800*kb || got.target < 700*kb {
		t.Errorf("target is %v, up to %v, with a maximum of 800 kb/s", got.target, got.highest)
	}
	f.est.SetLimits(w.time(), 200*kb, 4*mb)
	w.run(16 * time.Second)
	if got := f.est.Target(); got < 3*mb || got > 4*mb {
		t.Errorf("6 s after the maximum rose to 4 Mb/s: %v", got)
	}
	f.est.SetLimits(w.time(), 0, 500*kb)
	if f.est.Target() != 500*kb {
		t.Errorf("target is %v with a maximum of 500 kb/s", f.est.Target())
	}
}

func TestRouteChangeBeginsAnew(t *testing.T) {
	link := &bottleneck{rate: 5 * mb, limit: 200 * time.Millisecond, rtt: 200 * time.Millisecond}
	w := newWorld(15, link)
	f := newFlow(w, Config{})
	f.start()
	w.run(10 * time.Second)
	if f.est.Target() < 3*mb {
		t.Fatalf("target is %v", f.est.Target())
	}
	ignored := f.est.Stats().Ignored
	link.rate, link.rtt, link.busy = 600*kb, 40*time.Millisecond, 0
	f.est.HandleRouteChange(w.time())
	if s := f.est.Stats(); s.Target != defaultStart || s.RTT != 0 || s.InFlight != 0 {
		t.Errorf("after the change: %+v", s)
	}
	if event, ok := f.est.NextEvent(); !ok || event != (Event{defaultStart, ReasonRouteChange}) {
		t.Errorf("event %v %v", event, ok)
	}
	f.drive()
	w.run(30 * time.Second)
	if got := f.span(20*time.Second, 30*time.Second); got.target < 420*kb || got.target > 600*kb {
		t.Errorf("target is %v on a path of 600 kb/s", got.target)
	}
	s := f.est.Stats()
	if s.Ignored == ignored {
		t.Error("feedback of the old path was not ignored")
	}
	if s.RTT > 150*time.Millisecond {
		t.Errorf("round-trip time %v is the old path's", s.RTT)
	}
}

// A lower target than the start survives a change of the route.
func TestRouteChangeDoesNotRaiseTheTarget(t *testing.T) {
	e := NewEstimator(simEpoch, Config{})
	e.HandleREMB(simEpoch, 100*kb)
	e.HandleRouteChange(simEpoch.Add(time.Second))
	if e.Target() != 100*kb {
		t.Errorf("target is %v", e.Target())
	}
}

// TestPathThatGetsLonger: a path that is 100 ms longer from one moment to the
// next, without a change of the ICE pair, is no queue for ever.
func TestPathThatGetsLonger(t *testing.T) {
	for _, loss := range []float64{0, 0.05} {
		link := &bottleneck{rate: 2 * mb, limit: 200 * time.Millisecond, rtt: 40 * time.Millisecond, loss: loss}
		w := newWorld(16, link)
		f := newFlow(w, Config{})
		f.start()
		w.run(15 * time.Second)
		link.rtt = 240 * time.Millisecond
		w.run(50 * time.Second)
		low, after := f.span(15*time.Second, 50*time.Second), f.span(30*time.Second, 50*time.Second)
		t.Logf("loss %v: lowest %v, 15 s later %v", loss, low.lowest, after.target)
		if low.lowest < link.rate.scale(0.25) || after.target < link.rate.scale(0.7) || after.target > link.rate {
			t.Errorf("loss %v: fell to %v, 15 s later it is %v of %v", loss, low.lowest, after.target, link.rate)
		}
	}
}

// TestClockDriftIsNoQueue: clocks of the two ends run apart by 100 parts in a
// million.
func TestClockDriftIsNoQueue(t *testing.T) {
	for _, drift := range []float64{100e-6, -100e-6} {
		w := newWorld(17, &bottleneck{rate: 2 * mb, limit: 200 * time.Millisecond, rtt: 50 * time.Millisecond})
		f := newFlow(w, Config{})
		f.drift = drift
		f.start()
		w.run(120 * time.Second)
		if got := f.span(60*time.Second, 120*time.Second); got.target < w.link.rate.scale(0.75) || got.target > w.link.rate {
			t.Errorf("drift %v: target is %v of %v", drift, got.target, w.link.rate)
		}
	}
}

// Feedback comes 20 times a second: what is a step for an encoder is told, and
// not each of these.
func TestEventsAreFew(t *testing.T) {
	s := scenario{link: 5 * mb, queue: 100 * time.Millisecond, rtt: 50 * time.Millisecond}
	f := s.run(19, Config{}, 60*time.Second)
	if n := len(f.events); n > 5*60 {
		t.Errorf("%d events in 60 s", n)
	}
	last, target := f.events[len(f.events)-1].Target, f.est.Target()
	if target < last || target > last.scale(eventStep) {
		t.Errorf("the target is %v, the last event said %v", target, last)
	}
}

// TestTheSameInputGivesTheSameOutput: nothing depends on a clock or on chance.
func TestTheSameInputGivesTheSameOutput(t *testing.T) {
	run := func() []Event {
		s := scenario{link: mb, queue: 100 * time.Millisecond, rtt: 60 * time.Millisecond, loss: 0.02, jitter: 5 * time.Millisecond}
		return s.run(18, Config{}, 20*time.Second).events
	}
	if a, b := run(), run(); !slices.Equal(a, b) {
		t.Error("two runs differ")
	}
}

// Packets without a number get no feedback: their silence is none.
func TestUnnumberedPacketsAwaitNoFeedback(t *testing.T) {
	w := newWorld(20, &bottleneck{rate: mb, limit: 100 * time.Millisecond, rtt: 50 * time.Millisecond})
	f := newFlow(w, Config{})
	f.start()
	w.run(5 * time.Second)
	before, now := f.est.Target(), w.time()
	for range 500 {
		now = now.Add(20 * time.Millisecond)
		f.est.Sent(now, SentPacket{Unnumbered: true, Size: 100, Kind: Audio})
		f.est.HandleFeedback(now, []PacketResult{{Seq: f.seq - 1, Received: true}})
		f.est.Advance(now)
	}
	if s := f.est.Stats(); s.Silent || s.Target < before.scale(0.95) {
		t.Errorf("target fell from %v to %v, silent is %v", before, s.Target, s.Silent)
	}
}

func TestReceiverReportsRaiseNoTargetThatIsNotUsed(t *testing.T) {
	w := newWorld(22, &bottleneck{rate: 5 * mb, limit: 100 * time.Millisecond, rtt: 50 * time.Millisecond})
	f := newFlow(w, Config{})
	f.noTWCC = true
	f.source = func(Bitrate) Bitrate { return 250 * kb }
	f.start()
	w.run(60 * time.Second)
	if got := f.span(0, 60*time.Second); got.highest > 450*kb {
		t.Errorf("target grew to %v while 250 kb/s were sent", got.highest)
	}
}

// What arrives in spite of the losses is carried by the path: As_hat(i-1)(1-0.5p)
// of section 6 does not go below 85 % of it.
func TestLossesLeaveWhatArrives(t *testing.T) {
	for _, c := range []struct{ acked, want Bitrate }{{mb, 850 * kb}, {700 * kb, 800 * kb}, {0, 800 * kb}} {
		l := lossControl{limit: unlimited, window: tally{expected: 100, lost: 40}}
		if l.update(time.Second, 100*time.Millisecond, mb, mb, c.acked) != lossReduced || l.limit != c.want {
			t.Errorf("40 %% lost, %v arrive: %v, want %v", c.acked, l.limit, c.want)
		}
	}
}
