package sctp

import "time"

// timer is one of T1, T2, T5, that of RE-CONFIG and that of heartbeats. The zero
// value is stopped.
type timer struct {
	at    time.Time
	delay time.Duration
	fired int // times in a row
}

func (t *timer) running() bool { return !t.at.IsZero() }

// start begins anew with a delay.
func (t *timer) start(now time.Time, delay time.Duration) {
	*t = timer{at: now.Add(delay), delay: delay}
}

// again starts with twice the delay, up to rtoMax (RFC 9260 section 6.3.3 E2).
func (t *timer) again(now time.Time) {
	t.delay = min(2*t.delay, rtoMax)
	t.at = now.Add(t.delay)
	t.fired++
}

func (t *timer) stop() { *t = timer{} }

func (t *timer) due(now time.Time) bool { return t.running() && !t.at.After(now) }

// earliest is the earlier of two deadlines, of which zero means none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
