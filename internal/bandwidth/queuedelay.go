package bandwidth

import "time"

// delayEpoch is how long the extremes of the delay are kept, once or twice:
// clocks drift apart by a few milliseconds in that time.
const delayEpoch = 30 * time.Second

// queueDelay follows the one-way delay between its extremes. The clocks of the
// two ends have an unknown offset, so that only differences mean something.
type queueDelay struct {
	last             time.Duration // the latest delay, offset included
	least, most      [2]time.Duration
	began            time.Duration
	known, hasFormer bool

	floor      time.Duration // the least delay in the current standingWindow
	floorBegan time.Duration
	standing   time.Duration // of the window before, above the least delay of all
	drained    time.Duration // what stood when the rate was last reduced for it; 0 is never
	drainedAt  time.Duration
	failed     int           // reductions in a row that made it no shorter
	variation  time.Duration // smoothed |d(i)|
}

// standingWindow is the time in which a queue that empties at all does so; a
// round-trip time when that is longer.
const standingWindow = 500 * time.Millisecond

func (q *queueDelay) add(now, delay time.Duration) {
	switch {
	case !q.known, delay-q.last > arrivalJump, q.last-delay > arrivalJump:
		*q = queueDelay{known: true, began: now, floor: delay, floorBegan: now}
		q.least[0], q.most[0] = delay, delay
	case now-q.began > delayEpoch:
		q.least[1], q.most[1], q.hasFormer = q.least[0], q.most[0], true
		q.least[0], q.most[0], q.began = delay, delay, now
	}
	q.least[0], q.most[0] = min(q.least[0], delay), max(q.most[0], delay)
	q.last = delay
	q.floor = min(q.floor, delay)
}

// close ends the window of the standing queue when it is over.
func (q *queueDelay) close(now, rtt time.Duration) {
	if q.known && now-q.floorBegan >= max(standingWindow, rtt) {
		q.standing = q.above(q.floor)
		q.floor, q.floorBegan = q.last, now
	}
}

// drain notes that the rate is reduced for the standing queue, and reports
// whether that makes sense. When two reductions, each with time to show, have
// not made the queue a fifth shorter, it is not this flow's: the path has become
// longer, or slower so that each packet takes longer, or others fill the queue.
// Then it counts as the path's own delay.
func (q *queueDelay) drain(now time.Duration) bool {
	if q.drained > 0 {
		if now-q.drainedAt < standingPause {
			return false
		}
		if q.standing > q.drained*4/5 {
			q.failed++
		} else {
			q.failed = 0
		}
		if q.failed == standingTries {
			least := q.last - q.above(q.last) + q.standing
			q.least = [2]time.Duration{least, least}
			q.standing, q.drained, q.failed = 0, 0, 0
			return false
		}
	}
	q.drained, q.drainedAt = q.standing, now
	return true
}

const standingTries = 2

// vary takes in an inter-group delay variation.
func (q *queueDelay) vary(d time.Duration) {
	d = min(max(d, -d), arrivalJump)
	q.variation += (d - q.variation) / 16
}

// above is by how much a delay exceeds the least one.
func (q *queueDelay) above(delay time.Duration) time.Duration {
	least := q.least[0]
	if q.hasFormer {
		least = min(least, q.least[1])
	}
	return max(0, delay-least)
}

// span is the distance between the extremes.
func (q *queueDelay) span() time.Duration {
	most := q.most[0]
	if q.hasFormer {
		most = max(most, q.most[1])
	}
	return q.above(most)
}

// queueLeast is a delay that is more than jitter.
const queueLeast = 25 * time.Millisecond

// queueStands is a standing queue that is more than a burst or a probe leaves.
const queueStands = 10 * time.Millisecond

// full reports whether the latest packet waited in a queue that was long, at
// least half as long as the longest seen, and not only for a moment.
func (q *queueDelay) full() bool {
	return q.known && q.standing >= queueStands && q.above(q.last) >= max(q.span()/2, queueLeast)
}
