package bandwidth

import "time"

// Config sets up an [Estimator]. The zero value is usable.
type Config struct {
	Start Bitrate // the first target; 0 is 300 kb/s
	Min   Bitrate // the target never goes below; 0 is 30 kb/s
	Max   Bitrate // nor above; 0 is no limit
	// NoProbing turns probes off: growth is that of the rate control alone.
	NoProbing bool
}

const (
	defaultStart = 300 * KilobitPerSecond
	defaultMin   = 30 * KilobitPerSecond
)

// mode is where the estimate comes from.
type mode uint8

const (
	feedbackMode mode = iota // transport-wide feedback
	lossMode                 // receiver reports: draft-ietf-rmcat-gcc-02 section 7
)

// Estimator is the send-side estimate of one transport's path: what may be sent
// on it without filling a queue. It has one owner; times that go back count as
// the latest one seen.
//
// Transport-wide feedback drives it (HandleFeedback), or receiver reports where
// the peer sends only those (HandleLoss, with HandleRTT): the mode follows what
// comes in. After each input, and at Deadline, take what NextEvent and
// NextProbe have.
type Estimator struct {
	epoch time.Time
	now   time.Duration // since epoch: the latest input

	start, min, max Bitrate
	noProbing       bool
	demand, remb    Bitrate // 0 for none

	history history
	groups  groups
	trend   trend
	detect  detector
	queue   queueDelay
	acked   rateWindow // by arrival time
	sent    rateWindow
	meter   probeMeter
	rates   aimd
	losses  lossControl
	reports lossOnly
	limit   appLimit
	prober  prober
	silence silence

	target   Bitrate
	rtt      time.Duration // smoothed; 0 when not known
	heard    bool          // of this path's packets: feedback or receiver reports
	feedback bool          // transport-wide feedback came
	overused time.Duration // the latest over-use
	queued   bool          // a queue stands
	held     time.Duration // since when, or since when not
	packets  Counters

	event   Event // the latest
	pending bool  // nobody has taken it
	eventAt time.Duration
}

// Counters are totals since the start of the estimator.
type Counters struct {
	Sent, Received, Lost uint64 // packets; Lost are those reported so and not corrected
	Ignored              uint64 // results for packets that are not known, or known to have arrived
	Probes               uint64 // asked for
}

// NewEstimator makes an estimator of a path that nothing is known of.
func NewEstimator(now time.Time, c Config) *Estimator {
	e := &Estimator{epoch: now, noProbing: c.NoProbing, start: c.Start}
	if e.start <= 0 {
		e.start = defaultStart
	}
	e.bound(c.Min, c.Max)
	e.begin(min(max(e.start, e.min), e.max))
	e.event.Target = e.target
	return e
}

func (e *Estimator) bound(least, most Bitrate) {
	if least <= 0 {
		least = defaultMin
	}
	if most <= 0 || most > unlimited {
		most = unlimited
	}
	e.min, e.max = min(least, most), most
}

// begin sets everything that belongs to a path to the state of a new one.
func (e *Estimator) begin(start Bitrate) {
	e.history.reset()
	e.groups, e.trend, e.detect = groups{}, trend{}, detector{}
	e.queue, e.acked, e.sent = queueDelay{}, rateWindow{}, rateWindow{}
	e.meter = probeMeter{}
	e.rates = aimd{rate: start, updated: e.now}
	e.losses = lossControl{limit: unlimited, began: e.now}
	e.reports = lossOnly{rate: start, updated: e.now}
	e.limit = appLimit{at: e.now}
	e.silence = silence{}
	e.target, e.rtt, e.heard, e.remb = start, 0, false, 0
	e.overused, e.queued = e.now, false
	e.probeStart(e.now)
}

// tick brings the estimator's time up to now.
func (e *Estimator) tick(now time.Time) time.Duration {
	e.now = max(e.now, now.Sub(e.epoch))
	return e.now
}

// Target is the rate to send at, all layers of all packets included, padding
// and retransmissions too.
func (e *Estimator) Target() Bitrate { return e.target }

// Sent takes note of a packet when it goes to the socket, in the order of the
// sequence numbers. Packets without a number are told too: the loss-only mode
// lets the rate grow no further than what is really sent.
func (e *Estimator) Sent(now time.Time, p SentPacket) {
	at := e.tick(now)
	p.Size = max(0, min(p.Size, 1<<16))
	e.packets.Sent++
	if !p.Unnumbered || !e.feedback {
		e.silence.sent(at)
	}
	if !p.Unnumbered {
		e.history.add(at, p)
	}
	e.sent.add(at, p.Size)
	counted := p.Size
	if p.Kind == Padding {
		counted = 0
	}
	e.limit.sent(at, counted, e.target)
}

// HandleRTT takes a round-trip time that RTCP measured (RFC 3550 section 6.4.1).
// Values outside of 0 to 10 s are ignored.
func (e *Estimator) HandleRTT(now time.Time, rtt time.Duration) {
	e.tick(now)
	e.smoothRTT(rtt)
}

const rttMost = 10 * time.Second

// smoothRTT has the weight of RFC 6298 section 2.
func (e *Estimator) smoothRTT(rtt time.Duration) {
	switch {
	case rtt <= 0 || rtt > rttMost:
	case e.rtt == 0:
		e.rtt = rtt
	default:
		e.rtt += (rtt - e.rtt) / 8
	}
}

// HandleREMB takes the receiver's own estimate
// (draft-alvestrand-rmcat-remb-03): an upper bound until the next one, or until
// the route changes. The target does not go below Min for it.
func (e *Estimator) HandleREMB(now time.Time, limit Bitrate) {
	e.tick(now)
	e.remb = max(limit, 1)
	e.retarget(ReasonRemote)
}

// SetLimits sets the bounds of the target anew; 0 has the meaning that it has
// in Config.
func (e *Estimator) SetLimits(now time.Time, least, most Bitrate) {
	at := e.tick(now)
	before := e.max
	e.bound(least, most)
	e.rates.rate = min(max(e.rates.rate, e.min), e.max)
	e.reports.rate = min(max(e.reports.rate, e.min), e.max)
	e.retarget(ReasonLimits)
	if e.max > before && e.heard {
		e.probe(at, e.target.scale(probeFurther))
	}
}

// SetDemand tells how much the application could use at most: the sum of its
// encodings' greatest rates; 0 is not known. More than twice of it is not probed
// for. A greater demand than before is probed for at once.
func (e *Estimator) SetDemand(now time.Time, demand Bitrate) {
	at := e.tick(now)
	before := e.demand
	e.demand = max(0, min(demand, unlimited))
	if e.heard && e.demand > before && before > 0 && e.limit.active {
		e.probe(at, min(e.demand, e.target.scale(probeSecond)))
	}
}

// HandleRouteChange begins again: packets take another path, of which nothing is
// known (ICE selected another pair). The start bitrate applies, unless the
// target was lower; feedback about packets of the old path finds nothing.
func (e *Estimator) HandleRouteChange(now time.Time) {
	e.tick(now)
	before := e.target
	e.begin(min(max(min(e.start, before), e.min), e.max))
	e.announce(before, ReasonRouteChange)
}

// retarget computes the target from its parts and tells of a change.
func (e *Estimator) retarget(r Reason) {
	before := e.target
	target := e.rates.rate
	if e.mode() == lossMode {
		target = e.reports.rate
	} else {
		target = min(target, e.losses.limit)
	}
	if e.remb > 0 {
		target = min(target, e.remb)
	}
	e.target = min(max(target, e.min), e.max)
	e.announce(before, r)
}

// announce queues the event of a change. An event that nobody has taken yet is
// replaced: its target is no longer true. An increase that is small and soon
// after the last event waits for the next feedback.
func (e *Estimator) announce(before Bitrate, r Reason) {
	if e.target == before && e.target == e.event.Target {
		return
	}
	switch r {
	case ReasonOveruse, ReasonLoss, ReasonSilence, ReasonReceiverLoss:
		if e.target < before {
			e.prober.noteFall(e.now, before, e.target)
		}
	}
	told := e.event.Target
	if r == ReasonIncrease && !e.pending && e.now-e.eventAt < eventInterval && e.target >= told && e.target < told.scale(eventStep) {
		return
	}
	e.event, e.pending, e.eventAt = Event{Target: e.target, Reason: r}, true, e.now
}

const (
	eventInterval = 250 * time.Millisecond
	eventStep     = 1.05
)

// mode is feedback as soon as there was any.
func (e *Estimator) mode() mode {
	if e.heard && !e.feedback {
		return lossMode
	}
	return feedbackMode
}

// NextEvent returns the change of the target since the last call, if there was
// one.
func (e *Estimator) NextEvent() (Event, bool) {
	if !e.pending {
		return Event{}, false
	}
	e.pending = false
	return e.event, true
}

// NextProbe returns a probe that the pacer is to send; there are at most two.
func (e *Estimator) NextProbe() (Probe, bool) {
	p := &e.prober
	for p.queued > 0 {
		next := p.queue[0]
		p.queue[0] = p.queue[1]
		p.queued--
		if next.Bitrate > e.ceiling() {
			// The limits have fallen since it was asked for.
			next = e.request(next.ID, e.ceiling())
			e.meter.begin(next)
		}
		if next.Bitrate > e.target {
			e.packets.Probes++
			return next, true
		}
	}
	return Probe{}, false
}
