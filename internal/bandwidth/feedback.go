package bandwidth

import "time"

// PacketResult is what feedback says of one packet.
type PacketResult struct {
	Seq      uint16
	Received bool
	// Arrival is by the receiver's clock, from any origin that stays the same.
	// It is not looked at unless Received.
	Arrival time.Duration
}

// arrivalMost bounds arrival times, so that differences of two do not overflow.
const arrivalMost = time.Duration(1 << 61)

// HandleFeedback takes the results of one transport-wide feedback message, in
// the order of the sequence numbers
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1). What it says
// of packets that are not known, or that are known to have arrived, is ignored.
func (e *Estimator) HandleFeedback(now time.Time, results []PacketResult) {
	at := e.tick(now)
	b := batch{e: e, now: at}
	for i := range results {
		b.take(&results[i])
	}
	if b.known == 0 {
		return
	}
	e.heard, e.feedback = true, true
	resumed := e.silence.heard(at)
	if b.received > 0 {
		e.smoothRTT(at - b.latest)
	}
	e.control(at, resumed)
}

// batch is the state of taking one message in.
type batch struct {
	e               *Estimator
	now             time.Duration
	known, received int
	latest          time.Duration // the sending of the last packet that arrived
}

// take handles one result.
func (b *batch) take(r *PacketResult) {
	e := b.e
	p := e.history.find(r.Seq)
	if p == nil || p.fate == received || r.Received && (r.Arrival > arrivalMost || r.Arrival < -arrivalMost) {
		e.packets.Ignored++
		return
	}
	b.known++
	e.history.passed(p)
	if !r.Received {
		b.lose(p)
		return
	}
	if p.fate == lost {
		b.find(p)
	} else {
		b.count(p, 1, 0)
	}
	e.history.settle(p, received)
	e.packets.Received++
	b.received++
	b.latest = max(b.latest, p.at)
	b.arrive(p, r.Arrival)
}

// lose notes a packet that did not arrive, or not yet.
func (b *batch) lose(p *sent) {
	e := b.e
	if p.fate == lost {
		return
	}
	e.history.settle(p, lost)
	e.packets.Lost++
	if p.probe != 0 {
		e.meter.lose(p, e.queue.full())
	}
	b.count(p, 1, 1)
}

// find takes back a loss that was reordering. The window that it was counted in
// may be over; then the new one begins with one loss less than it will have.
func (b *batch) find(p *sent) {
	b.e.packets.Lost--
	b.count(p, 0, -1)
}

// count puts a packet into the window of the loss-based controller. Those of
// probes are left out: they may well lose some.
func (b *batch) count(p *sent, expected, lost int) {
	if p.probe != 0 {
		return
	}
	e := b.e
	w := &e.losses.window
	w.expected += expected
	w.lost = max(0, w.lost+lost)
	if lost > 0 && e.queue.full() {
		w.full++
	}
}

// arrive takes the arrival of a packet into the filters.
func (b *batch) arrive(p *sent, arrival time.Duration) {
	e := b.e
	e.acked.add(arrival, int(p.size))
	e.queue.add(b.now, arrival-p.at)
	if p.probe != 0 {
		// The queue that a probe builds is no over-use of the path by the target:
		// neither its packets nor the step to the next group enter the filter.
		e.meter.add(p, arrival)
		e.groups = groups{}
		return
	}
	d, arrived, ok := e.groups.add(p.at, arrival)
	if !ok {
		return
	}
	e.queue.vary(d)
	if m, ok := e.trend.add(d, arrived); ok {
		e.detect.add(m, arrived)
	}
}

// control runs the controllers after feedback.
func (e *Estimator) control(now time.Duration, resumed bool) {
	reason := ReasonIncrease
	e.queue.close(now, e.rtt)
	in := incoming{
		acked: e.acked.rate(), recent: e.acked.recent(), rtt: e.rtt,
		limited: e.limit.active, standing: e.queue.standing, longest: e.queue.span(),
	}
	if e.detect.usage == Overuse {
		e.overused = now
	}
	if queued := e.rates.queued(in); queued != e.queued {
		e.queued, e.held = queued, now
	}
	if !e.queued {
		e.queue.drained, e.queue.failed = 0, 0
	}
	in.drain = e.detect.usage == Normal && e.rates.drainDue(now, e.held, in) && e.queue.drain(now)
	if resumed {
		// What an outage lost says nothing of the path's capacity, and silence has
		// lowered the rate for it.
		e.losses = lossControl{limit: unlimited, began: now}
	}
	f, probed := e.meter.result()
	if probed && e.takeProbe(now, f, in) {
		reason = ReasonProbe
	} else if e.rates.update(now, e.detect.usage, in) {
		reason = ReasonOveruse
		e.losses.pause(now + e.rtt)
	}
	e.rates.rate = min(e.rates.rate, e.max)
	switch e.losses.update(now, e.rtt, e.target, e.rates.rate, in.acked) {
	case lossCrowded:
		if e.queue.drain(now) {
			e.rates.crowd(now, in)
			reason = ReasonLoss
		}
	case lossReduced:
		reason = ReasonLoss
	}
	e.rates.rate = max(e.rates.rate, e.min)
	e.retarget(reason)
	if probed {
		e.probed(now, f)
	}
	if resumed {
		e.prober.next = now
	}
	e.probeDue(now)
}

// takeProbe takes the result of a probe over, and reports whether it did. A
// probe that found more is believed when no queue grows; one that found less
// only when nothing else has measured the path, since the application is
// limited.
//
// A probe that fills a path which others use too gets more of it than it could
// keep: what arrives is its share of the queue, or fits between two packets of
// theirs. So it must be far above what the path carried when it was last found to
// be over-used. A probe of twice the rate that the path could not carry stays
// below that; the increase finds the rest.
func (e *Estimator) takeProbe(now time.Duration, f found, in incoming) bool {
	rate := min(f.rate, e.max)
	switch {
	case rate > e.rates.rate && e.detect.usage != Overuse:
		if f.full && e.rates.reduces && now-e.rates.reduced < probeMemory && rate < e.rates.carried.scale(probeFar) {
			return false
		}
	case rate < e.rates.rate && in.limited:
		rate = max(rate, in.acked)
	default:
		return false
	}
	e.rates.set(now, rate)
	e.losses.relieve(rate)
	return true
}

// HandleLoss takes what a receiver report said of the packets since the report
// before: how many were expected, and how many of them were lost (RFC 3550
// section 6.4.1). It is used as long as no transport-wide feedback has come.
func (e *Estimator) HandleLoss(now time.Time, expected, lost int) {
	at := e.tick(now)
	if expected <= 0 || e.feedback {
		return
	}
	expected = min(expected, historyMost)
	lost = max(0, min(lost, expected))
	e.silence.heard(at)
	if !e.heard {
		e.heard = true
		e.reports.rate = e.target
	}
	e.reports.window.expected += expected
	e.reports.window.lost += lost
	reason := ReasonIncrease
	if e.reports.update(at, e.rtt, e.sent.at(at)) {
		reason = ReasonReceiverLoss
	}
	e.reports.rate = min(max(e.reports.rate, e.min), e.max)
	e.losses.note(float64(lost) / float64(expected))
	e.retarget(reason)
}
