package bandwidth

import (
	"fmt"
	"testing"
	"time"
)

// scenario is one cell of the table.
type scenario struct {
	link   Bitrate
	queue  time.Duration
	rtt    time.Duration
	loss   float64
	jitter time.Duration
	cross  float64 // of the link
	audio  Bitrate
}

func (s scenario) String() string {
	return fmt.Sprintf("%v, queue %v, RTT %v, loss %.0f %%, jitter %v, cross %.0f %%",
		s.link, s.queue, s.rtt, 100*s.loss, s.jitter, 100*s.cross)
}

// available is what the flow can have.
func (s scenario) available() Bitrate { return s.link.scale(1 - s.cross) }

func (s scenario) run(seed uint64, end time.Duration) *flow {
	w := newWorld(seed, &bottleneck{rate: s.link, limit: s.queue, rtt: s.rtt, loss: s.loss, jitter: s.jitter})
	if s.cross > 0 {
		w.cross(func() Bitrate { return s.link.scale(s.cross) }, 600)
	}
	f := newFlow(w, Config{})
	f.audio = s.audio
	f.start()
	w.run(end)
	return f
}

func scenarios() []scenario {
	var all []scenario
	for _, link := range []Bitrate{300 * KilobitPerSecond, MegabitPerSecond, 5 * MegabitPerSecond} {
		for _, queue := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond} {
			for _, rtt := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
				base := scenario{link: link, queue: queue, rtt: rtt}
				lossy, jittery, shared, both := base, base, base, base
				lossy.loss = 0.05
				jittery.jitter = 10 * time.Millisecond
				shared.cross = 0.4
				both.loss, both.jitter = 0.05, 10*time.Millisecond
				all = append(all, base, lossy, jittery, shared, both)
			}
		}
	}
	return all
}

// TestConvergesToTheLink is issue 4's demand: within 10 s the estimate is at 70
// to 100 % of what the link has for the flow, whatever the queue, the round-trip
// time, random loss, jitter and the traffic of others, and stays there without
// a standing queue.
func TestConvergesToTheLink(t *testing.T) {
	const settle, end = 10 * time.Second, 30 * time.Second
	for _, s := range scenarios() {
		t.Run(s.String(), func(t *testing.T) {
			f := s.run(1, end)
			got := f.span(settle, end)
			have := s.available()
			share := float64(got.target) / float64(have)
			after := f.converged(have, 0.7, 0)
			t.Logf("| %v | %v | %v | %v | %v | %v | %.1f s | %.0f %% | %v..%v | %v | %v | %.1f %% |",
				s.link, s.queue, s.rtt, s.loss, s.jitter, s.cross, after.Seconds(), 100*share, got.lowest, got.highest,
				got.queue.Round(time.Millisecond), got.longest.Round(time.Millisecond), 100*got.loss)
			if after == 0 || after > settle {
				t.Errorf("came to 70 %% after %v, want within %v", after, settle)
			}
			if share < 0.7 || share > 1.0 {
				t.Errorf("target is %.0f %% of what is there, want 70 to 100 %%", 100*share)
			}
		})
	}
}
