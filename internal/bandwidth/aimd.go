package bandwidth

import (
	"math"
	"time"
)

// The parameters of draft-ietf-rmcat-gcc-02 section 5.5.
const (
	decreaseFactor  = 0.85 // beta
	increaseFactor  = 1.08 // eta, per second
	incomingBound   = 1.5  // of R_hat, above which A_hat does not grow
	incomingSlack   = 10 * KilobitPerSecond
	responseTime    = 100 * time.Millisecond // beside the round-trip time
	additiveMinimum = 1000                   // b/s, each response time
	// additiveMost is the part of the rate that the additive increase adds in a
	// second at most. Below 500 kb/s half a packet each response time, which the
	// draft allows, would be more than the multiplicative increase.
	additiveMost     = 0.05
	framesPerSecond  = 30
	packetBytes      = 1200
	capacityWeight   = 0.05 // smoothing factor 0.95
	capacityDeviates = 3
)

// rateState is what the rate control does: section 5.5.
type rateState uint8

const (
	increase rateState = iota
	hold
	decrease
)

// rateTransitions is the table of section 5.5; what is absent stays.
var rateTransitions = [3]map[rateState]rateState{
	Overuse:  {hold: decrease, increase: decrease},
	Normal:   {hold: increase, decrease: hold},
	Underuse: {increase: hold, decrease: hold},
}

// aimd is the delay-based rate control of section 5.5: it makes A_hat.
type aimd struct {
	rate     Bitrate // A_hat
	state    rateState
	capacity capacity
	updated  time.Duration // last increase, or when there was none to make
	reduced  time.Duration // last decrease
	reduces  bool          // there was a decrease
	carried  Bitrate       // what arrived then
	jumped   time.Duration // when a measured rate was taken over
}

// A queue that never gets shorter than standingHold is not added to; the state
// Hold of section 5.5 is there to let it drain. Above standingDrain the rate is
// reduced for it, at most once in standingPause: a flow that competes with
// others which fill the queue must not give way each time. What they hold for
// longer than queueDelay remembers counts as the path's own delay.
const (
	standingHold  = 25 * time.Millisecond
	standingDrain = 60 * time.Millisecond
	standingPause = 3 * time.Second
	// standingPatience is how long a queue may hold the rate: either it is this
	// flow's, and a decrease empties it, or it is none.
	standingPatience = 5 * time.Second
	standingMost     = 0.25 // a second's worth of the standing queue is taken off, up to this
)

// incoming is what the rate control looks at.
type incoming struct {
	acked    Bitrate // R_hat, 0 when not known
	recent   Bitrate // the same over a shorter time
	rtt      time.Duration
	limited  bool          // the application sends less than it may
	standing time.Duration // what no packet waited less than, lately
	longest  time.Duration // the longest wait
	drain    bool          // the standing queue is to be reduced
}

// queued reports whether the standing queue is too long to be added to.
func (a *aimd) queued(in incoming) bool {
	return in.standing > max(in.bound(standingHold), packetTime(a.rate)*2/3)
}

// packetTime is what one packet takes at a rate: a path that has become slower
// delays each by most of that, which is no queue.
func packetTime(rate Bitrate) time.Duration {
	return rate.Duration(int(expectedPacketBits(rate) / 8))
}

// drainDue reports whether the standing queue asks for a decrease: it is long,
// or it has held the rate for long. held is since when it does.
func (a *aimd) drainDue(now, held time.Duration, in incoming) bool {
	if in.standing > max(in.bound(standingDrain), packetTime(a.rate)) {
		return now-a.reduced >= standingPause
	}
	return a.queued(in) && now-max(a.reduced, held) >= standingPatience
}

// bound is a bound of the standing queue, made smaller where a queue is short
// altogether: standingDrain is for one that has been 120 ms long.
func (in incoming) bound(of time.Duration) time.Duration {
	return min(of, max(of/2, time.Duration(float64(of)/float64(2*standingDrain)*float64(in.longest))))
}

// update carries out one step, and reports whether it decreased the rate.
func (a *aimd) update(now time.Duration, usage Usage, in incoming) bool {
	if next, ok := rateTransitions[usage][a.state]; ok {
		a.state = next
	}
	if usage == Normal && in.drain {
		// The queue is long and does not change: no over-use shows, and none of
		// what is sent leaves the queue any earlier.
		a.state = decrease
	}
	elapsed := min(now-a.updated, time.Second)
	a.updated = now
	switch a.state {
	case increase:
		a.grow(elapsed, in)
	case decrease:
		reduced := a.mayReduce(now, in)
		if reduced {
			a.shrink(now, usage, in)
		}
		a.state = hold
		return reduced
	}
	return false
}

func (a *aimd) grow(elapsed time.Duration, in incoming) {
	if in.acked > a.capacity.upper() {
		a.capacity = capacity{}
	}
	if a.queued(in) {
		return
	}
	next := a.rate
	if a.capacity.known {
		share := min(elapsed.Seconds()/(in.rtt+responseTime).Seconds(), 1)
		step := min(0.5*share*expectedPacketBits(a.rate), additiveMost*elapsed.Seconds()*float64(a.rate))
		next += Bitrate(max(additiveMinimum*share, step))
	} else {
		next = next.scale(math.Pow(increaseFactor, elapsed.Seconds()))
	}
	if in.acked > 0 {
		next = min(next, in.acked.scale(incomingBound)+incomingSlack)
	}
	a.rate = max(a.rate, next)
}

// expectedPacketBits is the average size of a packet of video at a rate, as
// section 5.5 computes it.
func expectedPacketBits(rate Bitrate) float64 {
	frame := float64(rate) / framesPerSecond
	return frame / max(1, math.Ceil(frame/(packetBytes*8)))
}

// mayReduce tells the effect of the last decrease from a new over-use: it shows
// after a response time, unless far less arrives than was asked for.
func (a *aimd) mayReduce(now time.Duration, in incoming) bool {
	return !a.reduces || now-a.reduced >= in.rtt+responseTime || in.acked > 0 && in.acked < a.rate/2 && !in.limited
}

// crowd decreases the rate because losses say that the queue stands full.
func (a *aimd) crowd(now time.Duration, in incoming) {
	a.shrink(now, Normal, in)
	a.state = hold
}

func (a *aimd) shrink(now time.Duration, usage Usage, in incoming) {
	a.reduces, a.reduced = true, now
	next := a.rate.scale(decreaseFactor)
	if in.acked > 0 {
		arriving := in.acked
		if now-a.jumped < rateSpan+in.rtt+responseTime {
			arriving = max(arriving, in.recent) // R_hat lags behind the jump
		}
		if usage == Normal {
			arriving = min(arriving, a.rate) // a queue that stands: the path carries the rate
		}
		reduced := arriving.scale(min(decreaseFactor, 1-min(in.standing.Seconds(), standingMost)))
		switch {
		case in.limited:
			// What arrives is what the application sent, not what the path can.
			next = max(next, reduced)
		case reduced < a.rate:
			next = reduced
		case a.capacity.known:
			next = a.capacity.mean.scale(decreaseFactor)
		}
		if !in.limited {
			a.capacity.add(arriving)
			a.carried = arriving
		}
	}
	a.rate = min(a.rate, next)
}

// set takes over a rate that was measured.
func (a *aimd) set(now time.Duration, rate Bitrate) {
	if rate > a.capacity.upper() || rate < a.capacity.lower() {
		a.capacity = capacity{}
	}
	a.rate, a.updated, a.jumped = rate, now, now
	a.state = hold
}

// capacity is the average of R_hat at the times of decrease, with its
// deviation: where convergence is (section 5.5).
type capacity struct {
	mean     Bitrate
	variance float64 // of (kb/s)², divided by the mean in kb/s
	known    bool
}

// The variance is kept in these bounds: too little would take each sample for a
// new path, too much would never.
const (
	capacityVarianceMin   = 0.4
	capacityVarianceMax   = 2.5
	capacityVarianceStart = 0.4
)

func (c *capacity) add(r Bitrate) {
	if r < c.lower() {
		*c = capacity{}
	}
	if !c.known {
		*c = capacity{mean: r, variance: capacityVarianceStart, known: true}
		return
	}
	mean := float64(c.mean) / 1000
	off := float64(r)/1000 - mean
	c.mean += Bitrate(capacityWeight * float64(r-c.mean))
	c.variance = (1-capacityWeight)*c.variance + capacityWeight*off*off/max(mean, 1)
	c.variance = max(capacityVarianceMin, min(c.variance, capacityVarianceMax))
}

func (c *capacity) deviation() Bitrate {
	return Bitrate(1000 * math.Sqrt(c.variance*float64(c.mean)/1000))
}

// upper is where the mean no longer holds; unlimited when nothing is known.
func (c *capacity) upper() Bitrate {
	if !c.known {
		return unlimited
	}
	return c.mean + capacityDeviates*c.deviation()
}

func (c *capacity) lower() Bitrate {
	if !c.known {
		return 0
	}
	return max(0, c.mean-capacityDeviates*c.deviation())
}
