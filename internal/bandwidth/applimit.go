package bandwidth

import "time"

const (
	// limitShare is the part of the target that an application must send for it
	// not to be called limited.
	limitShare  = 0.65
	limitWindow = 500 * time.Millisecond
	limitStart  = 0.80 // of the budget left over: the application is limited
	limitStop   = 0.50 // and no longer
)

// appLimit finds out that the application sends less than it may: a budget that
// the target fills and packets use up.
type appLimit struct {
	budget float64 // bytes
	at     time.Duration
	active bool
	since  time.Duration
	ended  time.Duration // when it last stopped being limited; 0 is never
}

// sent takes a packet, or the passing of time with bytes 0.
func (a *appLimit) sent(now time.Duration, bytes int, target Bitrate) {
	rate := target.scale(limitShare)
	full := float64(rate.Bytes(limitWindow))
	a.budget += float64(rate) / 8 * (now - a.at).Seconds()
	a.budget = min(max(a.budget-float64(bytes), 0), full)
	a.at = now
	switch {
	case !a.active && a.budget > limitStart*full:
		a.active, a.since = true, now
	case a.active && a.budget < limitStop*full:
		a.active, a.ended = false, now
	}
}
