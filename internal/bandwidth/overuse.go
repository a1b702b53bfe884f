package bandwidth

import (
	"math"
	"time"
)

// Usage is what the over-use detector says of the path:
// draft-ietf-rmcat-gcc-02 section 5.4.
type Usage uint8

const (
	Normal   Usage = iota
	Overuse        // a queue grows
	Underuse       // a queue shrinks
)

// String is the usage's name in lower case.
func (u Usage) String() string {
	switch u {
	case Normal:
		return "normal"
	case Overuse:
		return "over-use"
	case Underuse:
		return "under-use"
	}
	return "unknown"
}

// The parameters of section 5.6, thresholds in ms.
const (
	thresholdStart = 12.5
	thresholdMin   = 6
	thresholdMax   = 600
	thresholdSkip  = 15 // above the threshold by more, m(i) does not move it
	thresholdUp    = 0.0087
	thresholdDown  = 0.039
	overuseTime    = 10 * time.Millisecond
	thresholdStep  = 100 * time.Millisecond // a longer pause counts as this
)

// detector compares m(i) with an adaptive threshold: section 5.4.
type detector struct {
	usage     Usage
	threshold float64
	last      float64 // m(i-1)
	at        time.Duration
	over      time.Duration // how long m(i) has been above the threshold
	samples   int           // in a row above it
	started   bool
}

// add takes m(i) of a group that arrived at a time.
func (d *detector) add(m float64, at time.Duration) {
	if !d.started {
		*d = detector{threshold: thresholdStart, at: at, started: true}
	}
	elapsed := max(0, min(at-d.at, thresholdStep))
	d.at = at
	switch {
	case m > d.threshold:
		d.over += elapsed
		d.samples++
		if d.over > overuseTime && d.samples > 1 && m >= d.last {
			d.over, d.samples = 0, 0
			d.usage = Overuse
		}
	case m < -d.threshold:
		d.over, d.samples = 0, 0
		d.usage = Underuse
	default:
		d.over, d.samples = 0, 0
		d.usage = Normal
	}
	d.last = m
	d.adapt(math.Abs(m), elapsed)
}

// adapt moves the threshold towards |m(i)|, so that a competing flow which
// fills queues does not starve this one.
func (d *detector) adapt(m float64, elapsed time.Duration) {
	if m-d.threshold > thresholdSkip {
		return
	}
	k := thresholdUp
	if m < d.threshold {
		k = thresholdDown
	}
	d.threshold += milliseconds(elapsed) * k * (m - d.threshold)
	d.threshold = max(thresholdMin, min(d.threshold, thresholdMax))
}
