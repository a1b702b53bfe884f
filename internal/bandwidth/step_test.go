package bandwidth

import (
	"fmt"
	"testing"
	"time"
)

const mb = MegabitPerSecond

// TestFollowsStepsOfTheLink: after each change of the link the estimate is at 70
// to 100 % of the new rate within 10 s, up and down, by any factor.
func TestFollowsStepsOfTheLink(t *testing.T) {
	const hold = 25 * time.Second
	rates := [][]Bitrate{
		{mb, 300 * kb, mb, 5 * mb, mb},
		{300 * kb, 5 * mb, 300 * kb, mb},
	}
	for _, steps := range rates {
		for _, queue := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond} {
			for _, rtt := range []time.Duration{20 * time.Millisecond, 300 * time.Millisecond} {
				for _, loss := range []float64{0, 0.05} {
					t.Run(fmt.Sprintf("%v queue %v RTT %v loss %v", steps, queue, rtt, loss), func(t *testing.T) {
						link := &bottleneck{rate: steps[0], limit: queue, rtt: rtt, loss: loss}
						w := newWorld(2, link)
						f := newFlow(w, Config{})
						f.start()
						for i, rate := range steps {
							from := time.Duration(i) * hold
							w.at(from, func() { link.rate = rate })
							w.run(from + hold)
							checkStep(t, f, rate, from, from+hold)
						}
					})
				}
			}
		}
	}
}

func checkStep(t *testing.T, f *flow, rate Bitrate, from, to time.Duration) {
	t.Helper()
	after := f.settled(rate, from)
	got := f.span(from+10*time.Second, to)
	share := float64(got.target) / float64(rate)
	t.Logf("| %v | %.1f s | %.0f %% | %v..%v | queue %v, longest %v | loss %.1f %% | pacer %v |", rate, after.Seconds(), 100*share,
		got.lowest, got.highest, got.queue.Round(time.Millisecond), got.longest.Round(time.Millisecond), 100*got.loss,
		f.span(from, to).pacer.Round(time.Millisecond))
	if after > 10*time.Second {
		t.Errorf("%v: settled after %v, want within 10 s", rate, after)
	}
	if share < 0.7 || share > 1 {
		t.Errorf("%v: target is %.0f %% of the link, want 70 to 100 %%", rate, 100*share)
	}
}

// settled is when the average target of one second has come into 70 to 105 % of
// a rate, after a time.
func (f *flow) settled(rate Bitrate, from time.Duration) time.Duration {
	const second = int(time.Second / sampleTime)
	for i := range f.samples {
		if f.samples[i].at <= from || i+second > len(f.samples) {
			continue
		}
		var sum Bitrate
		for _, x := range f.samples[i : i+second] {
			sum += x.target
		}
		if mean := sum / Bitrate(second); mean >= rate.scale(0.7) && mean <= rate.scale(1.05) {
			return f.samples[i].at - from
		}
	}
	return time.Hour
}

// TestApplicationLimitedDoesNotGrow: an application that sends 200 kb/s whatever
// it may gets no estimate beyond what probes have seen, and an estimate above the
// link is corrected; when it sends what it may again, that is there at once.
func TestApplicationLimitedDoesNotGrow(t *testing.T) {
	for _, link := range []Bitrate{mb, 5 * mb} {
		for _, loss := range []float64{0, 0.05} {
			for _, jitter := range []time.Duration{0, 10 * time.Millisecond} {
				t.Run(fmt.Sprintf("%v loss %v jitter %v", link, loss, jitter), func(t *testing.T) {
					path := &bottleneck{rate: link, limit: 300 * time.Millisecond, rtt: 100 * time.Millisecond, loss: loss, jitter: jitter}
					w := newWorld(3, path)
					f := newFlow(w, Config{})
					limited := true
					f.source = func(target Bitrate) Bitrate {
						if limited {
							return min(target, 200*kb)
						}
						return target
					}
					f.start()
					w.run(60 * time.Second)
					idle := f.span(20*time.Second, 60*time.Second)
					limited = false
					w.run(80 * time.Second)
					again := f.span(60*time.Second, 65*time.Second)
					busy := f.span(70*time.Second, 80*time.Second)
					t.Logf("limited: target %v..%v, sent %v, padding %v, queue %v; then after 5 s %v, loss %.1f %%, after 20 s %v, queue %v",
						idle.lowest, idle.highest, idle.sent, idle.padding, idle.queue, again.target, 100*again.loss, busy.target, busy.queue)
					if idle.highest > link.scale(1.3) {
						t.Errorf("the target grew to %v on a link of %v", idle.highest, link)
					}
					if idle.padding > 60*kb {
						t.Errorf("%v of padding while limited", idle.padding)
					}
					if again.target < link.scale(0.6) {
						t.Errorf("%v in the first 5 s after the limit", again.target)
					}
					if busy.target < link.scale(0.7) || busy.target > link {
						t.Errorf("%v after the limit, want 70 to 100 %% of %v", busy.target, link)
					}
				})
			}
		}
	}
}

// TestLimitedApplicationNoticesALinkThatShrinks: probes find less than the
// estimate too.
func TestLimitedApplicationNoticesALinkThatShrinks(t *testing.T) {
	link := &bottleneck{rate: 5 * mb, limit: 300 * time.Millisecond, rtt: 50 * time.Millisecond}
	w := newWorld(4, link)
	f := newFlow(w, Config{})
	f.source = func(target Bitrate) Bitrate { return min(target, 300*kb) }
	f.start()
	w.run(20 * time.Second)
	if f.est.Target() < 3*mb {
		t.Fatalf("target is %v before the step", f.est.Target())
	}
	link.rate = 500 * kb
	w.run(40 * time.Second)
	if got := f.est.Target(); got > 600*kb {
		t.Errorf("target is still %v on a link of 500 kb/s", got)
	}
}

// TestAudioOnlyIsStable: a call of 32 kb/s neither collapses nor asks for
// padding that it has no use for.
func TestAudioOnlyIsStable(t *testing.T) {
	for _, link := range []Bitrate{300 * kb, mb, 5 * mb} {
		for _, loss := range []float64{0, 0.05} {
			t.Run(fmt.Sprintf("%v loss %v", link, loss), func(t *testing.T) {
				w := newWorld(5, &bottleneck{rate: link, limit: 300 * time.Millisecond, rtt: 100 * time.Millisecond, loss: loss, jitter: 10 * time.Millisecond})
				f := newFlow(w, Config{})
				f.audio = 32 * kb
				f.source = func(Bitrate) Bitrate { return 32 * kb }
				f.est.SetDemand(w.time(), 32*kb)
				f.start()
				w.run(60 * time.Second)
				got := f.span(5*time.Second, 60*time.Second)
				t.Logf("target %v..%v, sent %v, padding %v, queue %v", got.lowest, got.highest, got.sent, got.padding, got.queue)
				if got.lowest < 64*kb {
					t.Errorf("the target fell to %v", got.lowest)
				}
				if got.highest > 330*kb {
					t.Errorf("the target grew to %v without demand", got.highest)
				}
				if got.padding > 4*kb {
					t.Errorf("%v of padding", got.padding)
				}
			})
		}
	}
}

// TestTwoFlowsShareFairly: two flows on one link end with shares within a factor
// of two, begun together or 15 s apart.
func TestTwoFlowsShareFairly(t *testing.T) {
	for _, link := range []Bitrate{mb, 5 * mb} {
		for _, queue := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond} {
			for _, late := range []time.Duration{0, 15 * time.Second} {
				t.Run(fmt.Sprintf("%v queue %v late %v", link, queue, late), func(t *testing.T) {
					w := newWorld(6, &bottleneck{rate: link, limit: queue, rtt: 50 * time.Millisecond})
					a, b := newFlow(w, Config{}), newFlow(w, Config{})
					a.start()
					w.at(late, b.start)
					const from, to = 60 * time.Second, 120 * time.Second
					w.run(to)
					x, y := a.span(from, to), b.span(from, to)
					ratio := float64(min(x.arrived, y.arrived)) / float64(max(x.arrived, y.arrived))
					t.Logf("%v and %v: ratio %.2f, queue %v, loss %.1f %%", x.arrived, y.arrived, ratio, x.queue, 100*x.loss)
					if ratio < 0.5 {
						t.Errorf("%v and %v: ratio %.2f, want 0.5", x.arrived, y.arrived, ratio)
					}
					if sum := x.arrived + y.arrived; sum < link.scale(0.7) {
						t.Errorf("both together use %v of %v", sum, link)
					}
				})
			}
		}
	}
}

// TestCrossTrafficComesAndGoes: what others leave is taken, what they take is
// left to them.
func TestCrossTrafficComesAndGoes(t *testing.T) {
	w := newWorld(7, &bottleneck{rate: 2 * mb, limit: 200 * time.Millisecond, rtt: 60 * time.Millisecond})
	var others Bitrate
	w.cross(func() Bitrate { return others }, 1000)
	f := newFlow(w, Config{})
	f.start()
	for i, rate := range []Bitrate{0, 1200 * kb, 0} {
		from := time.Duration(i) * 25 * time.Second
		w.at(from, func() { others = rate })
		w.run(from + 25*time.Second)
		checkStep(t, f, 2*mb-rate, from, from+25*time.Second)
	}
}
