package bandwidth

import "time"

const (
	silenceLeast  = 500 * time.Millisecond
	silenceFactor = 0.5
	// silenceReports is used instead of silenceLeast where receiver reports are
	// all that comes: RFC 3550 section 6.2 has them 5 s apart, give or take half.
	silenceReports = 8 * time.Second
)

// silence watches for packets that no feedback answers: the path is gone, or
// the way back is, and sending on at the same rate would hurt whoever shares it.
type silence struct {
	waiting bool          // something was sent since the last feedback
	since   time.Duration // when, or the last reduction
	cut     bool          // the rate was reduced for it
}

func (s *silence) sent(now time.Duration) {
	if !s.waiting {
		s.waiting, s.since = true, now
	}
}

// heard notes feedback, and reports whether it ends a silence that cost rate.
func (s *silence) heard(now time.Duration) bool {
	resumed := s.cut
	s.waiting, s.since, s.cut = false, now, false
	return resumed
}

// silenceDue is when the rate is reduced next.
func (e *Estimator) silenceDue() (time.Duration, bool) {
	if !e.silence.waiting || e.target <= e.min {
		return 0, false
	}
	wait := silenceLeast + 3*e.rtt
	if !e.feedback {
		wait = silenceReports
	}
	return e.silence.since + wait, true
}

// Advance does what is due: it reduces the rate when feedback stays away, and
// asks for probes.
func (e *Estimator) Advance(now time.Time) {
	at := e.tick(now)
	e.limit.sent(at, 0, e.target)
	if due, ok := e.silenceDue(); ok && at >= due {
		e.silence.since, e.silence.cut = at, true
		cut := max(e.min, e.target.scale(silenceFactor))
		e.rates.rate, e.reports.rate = min(e.rates.rate, cut), min(e.reports.rate, cut)
		e.retarget(ReasonSilence)
	}
	e.probeDue(at)
}

// Deadline is when to call Advance next; zero means never.
func (e *Estimator) Deadline() time.Time {
	due, ok := e.silenceDue()
	if e.heard && e.mode() == feedbackMode && !e.noProbing {
		next := e.prober.next
		if e.prober.waiting {
			next = max(next, e.prober.until)
		}
		next = max(next, e.now+probeTick)
		if !ok || next < due {
			due, ok = next, true
		}
	}
	if !ok {
		return time.Time{}
	}
	return e.epoch.Add(max(due, e.now))
}

// probeTick is how soon a probe that its time has come for, but not its
// condition, is looked at again.
const probeTick = 100 * time.Millisecond
