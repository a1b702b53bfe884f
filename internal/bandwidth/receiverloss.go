package bandwidth

import "time"

const (
	lossStartScale = 1.5 // each report without loss, at the start
	// lossOnlyIncrease is for each report, about a second apart: the draft's 1.05
	// is for reports that come as often as transport-wide feedback.
	lossOnlyIncrease = 1.08
	lossOnlyInterval = 900 * time.Millisecond // reports of one second are not exact
)

// lossOnly is the rate control for a peer that sends receiver reports only:
// section 7 of the draft. Losses are all it sees, and the round-trip time, which
// keeps its growth from filling a long queue.
type lossOnly struct {
	rate     Bitrate
	window   tally
	updated  time.Duration
	leastRTT time.Duration
	leastAt  time.Duration
	reduced  time.Duration // the last time that the round-trip time lowered the rate
	steady   bool          // the start is over
}

const (
	// rttSlack is how far the round-trip time may rise before the rate stops
	// growing, and before the start ends; at twice that, and more, it falls.
	rttSlack = 50 * time.Millisecond
	// rttFactor is how it falls, at most once in rttPause.
	rttFactor = 0.93
	rttPause  = 2 * time.Second
	// rttMemory is how long the least round-trip time is that of the path.
	rttMemory = 30 * time.Second
)

// update takes in what a receiver report said of the packets since the one
// before, and reports whether the rate fell. sentRate is what was really sent.
func (l *lossOnly) update(now, rtt time.Duration, sentRate Bitrate) bool {
	elapsed := now - l.updated
	if elapsed < lossOnlyInterval {
		return false
	}
	w := l.window
	l.window, l.updated = tally{}, now
	if rtt > 0 && (l.leastRTT == 0 || rtt <= l.leastRTT || now-l.leastAt > rttMemory) {
		l.leastRTT, l.leastAt = rtt, now
	}
	queued := rtt > l.leastRTT+rttSlack
	l.steady = l.steady || queued || w.ratio() >= lossLow
	switch {
	case w.high():
		l.rate = l.rate.scale(1 - 0.5*w.ratio())
		return true
	case rtt > l.leastRTT+2*rttSlack && now-l.reduced >= rttPause:
		l.reduced = now
		l.rate = l.rate.scale(rttFactor)
		return true
	case w.ratio() < lossLow && !queued:
		factor := lossOnlyIncrease
		if !l.steady {
			factor = lossStartScale
		}
		next := min(l.rate.scale(factor), sentRate.scale(incomingBound)+incomingSlack)
		l.rate = max(l.rate, next)
	}
	return false
}
