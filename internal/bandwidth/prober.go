package bandwidth

import "time"

const (
	probeFirst   = 3 // times the start bitrate
	probeSecond  = 6
	probeFurther = 2 // times what the last one found
	// probeGoesOn is the part of a probe's rate that it must have found for a
	// further one.
	probeGoesOn  = 0.8
	probeTimeout = time.Second // for the result, beside the round-trip time
	// probePeriod is the time between probes of a path on which nothing happens:
	// the application is limited, or the estimate is where it has long been and
	// more might have become available.
	probePeriod = 5 * time.Second
	// probePeriodNew is used in the first probeNew of a path.
	probePeriodNew = 1500 * time.Millisecond
	probeNew       = 10 * time.Second
	// probeCalm is the time without over-use after which a path may be probed
	// although its estimate is in use.
	probeCalm = 3 * time.Second
	// A fall below dropShare of the estimate within dropWindow is followed by
	// probes up to dropProbe of what it was, once the over-use is over. The first
	// asks for no more than any other: if the path has become a slow one, a probe
	// at the old rate would fill its queue for long.
	dropShare  = 0.66
	dropProbe  = 0.85
	dropWindow = 5 * time.Second
	// demandProbe is how much more than the application can use is worth probing.
	demandProbe = 2
)

// prober decides when to probe.
type prober struct {
	began   time.Duration // the path's
	queue   [2]Probe      // handed out from the front
	queued  int
	last    ProbeID
	waiting bool // for a result, which may lead to a further probe
	until   time.Duration
	further Bitrate // the least result that does
	next    time.Duration

	peak      Bitrate       // the estimate before a fall
	droppedAt time.Duration // when it fell last
	lost      Bitrate       // what may be there again after a far fall; 0 for none
}

// ceiling is the highest rate that is worth probing.
func (e *Estimator) ceiling() Bitrate {
	c := e.max
	if e.demand > 0 {
		c = min(c, max(e.demand.scale(demandProbe), e.min))
	}
	if e.remb > 0 {
		c = min(c, max(e.remb, e.min))
	}
	return c
}

// probe asks for a probe, unless it would show nothing new.
func (e *Estimator) probe(now time.Duration, rate Bitrate) bool {
	p := &e.prober
	rate = min(rate, e.ceiling())
	if rate <= e.target || p.queued == len(p.queue) || e.noProbing || e.mode() == lossMode {
		return false
	}
	p.last++
	if p.last < 0 {
		p.last = 1
	}
	request := e.request(p.last, rate)
	p.queue[p.queued] = request
	p.queued++
	e.meter.begin(request)
	p.waiting = true
	p.until = now + probeTimeout + e.rtt
	p.further = rate.scale(probeGoesOn)
	p.next = now + e.period(now)
	return true
}

func (e *Estimator) request(id ProbeID, rate Bitrate) Probe {
	return Probe{
		ID: id, Bitrate: rate,
		Packets: probePackets, Bytes: max(rate.Bytes(e.probeDuration()), probeBytes),
	}
}

// probeDuration is how long a probe is sent: jitter must not be what it measures.
func (e *Estimator) probeDuration() time.Duration {
	if !e.heard {
		return probeStart
	}
	return max(probeLeast, min(probeVariations*e.queue.variation, probeMost))
}

// period is the time from a probe to one that nothing but time brings: shorter
// while the path is new.
func (e *Estimator) period(now time.Duration) time.Duration {
	if now-e.prober.began < probeNew {
		return probePeriodNew
	}
	return probePeriod
}

// probeStart is the exponential search at the beginning of a path.
func (e *Estimator) probeStart(now time.Duration) {
	start := e.target
	e.prober = prober{last: e.prober.last, began: now, next: now + probePeriodNew}
	e.probe(now, start.scale(probeFirst))
	e.probe(now, start.scale(probeSecond))
}

// probed takes the result of a probe into account: the search goes on, at once
// when it has found what it sent, soon when it has found room.
func (e *Estimator) probed(now time.Duration, f found) {
	p := &e.prober
	if p.waiting && f.rate >= p.further {
		p.waiting = false
		e.probe(now, f.rate.scale(probeFurther))
	} else if !f.full {
		p.next = min(p.next, now+probePeriodNew)
	}
}

// noteFall remembers what the estimate was before it fell far. Falls that
// follow each other within dropWindow are one.
func (p *prober) noteFall(now time.Duration, before, after Bitrate) {
	if p.peak == 0 || now-p.droppedAt > dropWindow {
		p.peak = before
	}
	p.droppedAt = now
	if after < p.peak.scale(dropShare) {
		p.lost = p.peak.scale(dropProbe)
	}
}

// probeDue asks for the probes that time brings: of a limited application, of a
// path that has long been calm, of what was lost in a fall.
func (e *Estimator) probeDue(now time.Duration) {
	p := &e.prober
	if p.waiting && now > p.until {
		p.waiting = false
	}
	if p.waiting || !e.heard {
		return
	}
	calm := now - max(e.overused, p.droppedAt)
	switch {
	case p.lost > 0 && calm >= probeTimeout+e.rtt && !e.queued:
		e.probe(now, min(p.lost, e.target.scale(probeFurther)))
		p.lost = 0
	case now < p.next, e.queued, e.detect.usage == Overuse:
	case e.limit.active || calm >= probeCalm:
		e.probe(now, e.target.scale(probeFurther))
		p.next = now + e.period(now)
	}
}
