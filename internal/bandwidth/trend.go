package bandwidth

import "time"

const (
	trendWindow    = 20  // groups
	trendSmoothing = 0.9 // of the accumulated delay
	trendGain      = 4
	trendDeltas    = 60 // groups after which m(i) has its full weight
)

// trend is the arrival-time filter: it estimates m(i) of
// draft-ietf-rmcat-gcc-02 section 5.3, which allows any adaptive filter there.
//
// It is the slope of a line through the last 20 accumulated and smoothed delay
// variations, not the Kalman filter that the draft describes. A slope of
// accumulated delay sees a queue that grows by little with each group, which
// the Kalman filter's single-step innovation loses in jitter; it needs no
// estimate of the noise, which the draft itself calls inaccurate when a queue
// builds; and its window bounds its memory, so that it forgets one path on the
// next. Browsers have made the same move.
type trend struct {
	times, delays [trendWindow]float64 // ms
	n, next       int
	deltas        int
	sum, smoothed float64       // ms
	first         time.Duration // arrival of the first group
}

// add takes d(i) of a group that arrived at a time, and returns m(i) in the
// unit that the threshold is in; ok is false until the window is full.
func (t *trend) add(d, arrived time.Duration) (m float64, ok bool) {
	if t.deltas == 0 {
		t.first = arrived
	}
	t.deltas = min(t.deltas+1, trendDeltas)
	t.sum += milliseconds(d)
	t.smoothed = trendSmoothing*t.smoothed + (1-trendSmoothing)*t.sum
	t.times[t.next], t.delays[t.next] = milliseconds(arrived-t.first), t.smoothed
	t.next = (t.next + 1) % trendWindow
	t.n = min(t.n+1, trendWindow)
	if t.n < trendWindow {
		return 0, false
	}
	return t.slope() * float64(t.deltas) * trendGain, true
}

// slope is that of the least-squares line, in ms of delay per ms.
func (t *trend) slope() float64 {
	var meanT, meanD float64
	for i := range t.times {
		meanT += t.times[i]
		meanD += t.delays[i]
	}
	meanT /= trendWindow
	meanD /= trendWindow
	var num, den float64
	for i := range t.times {
		dt := t.times[i] - meanT
		num += dt * (t.delays[i] - meanD)
		den += dt * dt
	}
	if den == 0 {
		return 0
	}
	return num / den
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
