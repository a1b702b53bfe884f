package bandwidth

import (
	"math"
	"time"
)

// The thresholds of draft-ietf-rmcat-gcc-02 section 6.
const (
	lossLow      = 0.02
	lossHigh     = 0.10
	lossIncrease = 1.05
	lossPackets  = 50 // of a window: fewer make 5 % look like 10
	lossFew      = 20 // enough when they took lossPatience
	lossPatience = time.Second
	lossInterval = 250 * time.Millisecond
	lossRelease  = 1.5  // times A_hat: from there on losses limit nothing
	lossCrowd    = 0.5  // weight of a window in the smoothed loss of congestion
	lossFilter   = 0.25 // weight of a window in the smoothed loss
)

// tally counts packets between two updates.
type tally struct {
	expected, lost int
	full           int // of the lost ones: those whose neighbours waited in a full queue
}

func (t tally) ratio() float64     { return float64(t.lost) / float64(t.expected) }
func (t tally) congested() float64 { return float64(t.full) / float64(t.expected) }

// high reports a loss of more than 10 %, by more than the standard deviation of
// such a loss in so few packets: one that is 5 % on average passes 10 % often.
func (t tally) high() bool {
	n := float64(t.expected)
	return float64(t.lost) > lossHigh*n+math.Sqrt(lossHigh*(1-lossHigh)*n)
}

// lossControl is the loss-based controller of section 6: it makes As_hat.
//
// As_hat begins at a loss of more than 10 % and ends where it no longer limits.
// Between 2 and 10 % the draft leaves it as it is, because the sender cannot
// know whether it causes the loss. This one knows more: losses whose neighbours
// waited in a full queue are those of congestion. When they are above 2 %, the
// queue stands full, its delay does not change any more, and the delay-based
// controller is blind: it is told to decrease. When they are below, As_hat
// grows: otherwise a path that always loses 5 % of its
// packets, whatever the rate, would keep the rate at which it once lost 10 %.
type lossControl struct {
	limit    Bitrate // As_hat; unlimited while losses do not limit
	window   tally
	began    time.Duration // of the window, or when it may begin
	smoothed float64
	crowded  float64 // smoothed loss of congestion since the last reduction for it
	known    bool    // smoothed has a value
}

// lossVerdict is what a window of losses leads to.
type lossVerdict uint8

const (
	lossNothing lossVerdict = iota
	lossReduced             // As_hat fell
	lossCrowded             // the queue stands full: A_hat is to fall
)

// update closes the window, when it is long enough. rate is what is sent at,
// delayBased is A_hat, acked is R_hat: what arrives is carried, so that As_hat
// does not fall far below it, whatever was lost.
func (l *lossControl) update(now, rtt time.Duration, rate, delayBased, acked Bitrate) lossVerdict {
	if now < l.began {
		l.window = tally{}
		return lossNothing
	}
	w, took := l.window, now-l.began
	enough := w.expected >= lossPackets || w.expected >= lossFew && took >= lossPatience
	if !enough || took < max(lossInterval, rtt) {
		return lossNothing
	}
	l.window, l.began = tally{}, now
	l.note(w.ratio())
	l.crowded += lossCrowd * (w.congested() - l.crowded)
	switch {
	case w.high():
		l.began = now + rtt
		base := min(l.limit, rate)
		l.limit = max(base.scale(1-0.5*w.ratio()), min(base, acked.scale(decreaseFactor)))
		return lossReduced
	case l.crowded >= lossLow && 2*w.full >= w.lost:
		l.crowded = 0
		return lossCrowded
	case w.congested() < lossLow:
		l.limit = l.limit.scale(lossIncrease)
	}
	if l.limit > delayBased.scale(lossRelease) {
		l.limit = unlimited
	}
	return lossNothing
}

// pause leaves out what is lost before a decrease can show: it would be paid
// for twice.
func (l *lossControl) pause(until time.Duration) {
	l.window, l.began = tally{}, max(l.began, until)
}

// relieve raises the limit to what a probe has found. A limit that grows by 5 %
// from a wrong start would take long to come there.
func (l *lossControl) relieve(found Bitrate) {
	if l.smoothed < lossHigh {
		l.limit = max(l.limit, found)
	}
}

func (l *lossControl) note(ratio float64) {
	if !l.known {
		l.smoothed, l.known = ratio, true
		return
	}
	l.smoothed += lossFilter * (ratio - l.smoothed)
}
