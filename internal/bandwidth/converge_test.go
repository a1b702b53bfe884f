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

// most is the greatest share of it that the flow may ask for on average. Two
// packets fill 50 ms of 300 kb/s: there the others lose as many as the flow does,
// and it can have more than they leave.
func (s scenario) most() float64 {
	if s.cross > 0 && s.link.Bytes(s.queue) < 2*packetBytes {
		return 1.15
	}
	return 1
}

func (s scenario) run(seed uint64, c Config, end time.Duration) *flow {
	w := newWorld(seed, &bottleneck{rate: s.link, limit: s.queue, rtt: s.rtt, loss: s.loss, jitter: s.jitter})
	if s.cross > 0 {
		w.cross(func() Bitrate { return s.link.scale(s.cross) }, 600)
	}
	f := newFlow(w, c)
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
	t.Log("| link | queue | RTT | loss | jitter | cross | 70 % after | target | from..to | mean wait | longest | lost |")
	for _, s := range scenarios() {
		t.Run(s.String(), func(t *testing.T) {
			f := s.run(1, Config{}, end)
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
			if share < 0.7 || share > s.most() {
				t.Errorf("target is %.0f %% of what is there, want 70 to %.0f %%", 100*share, 100*s.most())
			}
			if got.arrived < have.scale(0.65) {
				t.Errorf("only %v of %v is used", got.arrived, have)
			}
			if got.queue > 60*time.Millisecond {
				t.Errorf("packets wait %v on average", got.queue)
			}
			if got.loss > s.loss+0.035 && s.most() == 1 || got.loss > 0.08 {
				t.Errorf("%.1f %% of the packets are lost", 100*got.loss)
			}
		})
	}
}

// TestConvergesFromAnyStart: a start bitrate that is far off, below or above,
// costs time only. Other seeds than those of the table show that it is not
// tuned to them; their bounds are wider.
func TestConvergesFromAnyStart(t *testing.T) {
	const settle, end = 10 * time.Second, 25 * time.Second
	for seed, start := range map[uint64]Bitrate{11: 100 * KilobitPerSecond, 12: 2 * MegabitPerSecond} {
		for i, s := range scenarios() {
			if i%3 != int(seed)%3 {
				continue
			}
			f := s.run(seed, Config{Start: start}, end)
			got := f.span(settle, end)
			have := s.available()
			share := float64(got.target) / float64(have)
			after := f.converged(have, 0.7, 0)
			if after == 0 || after > settle || share < 0.65 || share > s.most()+0.05 || got.queue > 160*time.Millisecond {
				t.Errorf("start %v, %v: %.0f %%, 70 %% after %v, packets wait %v", start, s, 100*share, after, got.queue)
			}
		}
	}
}
