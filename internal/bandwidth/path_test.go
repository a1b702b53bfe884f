package bandwidth

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// world is a network in virtual time: events in their order, one bottleneck.
type world struct {
	now    time.Duration
	events eventHeap
	count  int
	rng    *rand.Rand
	link   *bottleneck
}

var simEpoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(seed uint64, link *bottleneck) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), link: link}
	link.w = w
	return w
}

func (w *world) time() time.Time { return simEpoch.Add(w.now) }

// at runs f at a time, in the order of the calls when times are equal.
func (w *world) at(t time.Duration, f func()) {
	w.count++
	heap.Push(&w.events, simEvent{max(t, w.now), w.count, f})
}

// run lets time pass until the end.
func (w *world) run(end time.Duration) {
	for len(w.events) > 0 && w.events[0].at <= end {
		e := heap.Pop(&w.events).(simEvent)
		w.now = e.at
		e.f()
	}
	w.now = end
}

type simEvent struct {
	at    time.Duration
	order int
	f     func()
}

type eventHeap []simEvent

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(simEvent)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// bottleneck is a drop-tail queue before a link of some rate, with random loss
// and jitter behind it; packets are not reordered.
type bottleneck struct {
	w      *world
	rate   Bitrate
	limit  time.Duration // a packet that would wait longer is dropped
	rtt    time.Duration // without the queue; half of it each way
	loss   float64
	jitter time.Duration
	down   bool // loses everything, both ways

	busy, last time.Duration
}

// send puts a packet into the queue; arrive runs when it comes out at the other
// end, with how long it waited.
func (b *bottleneck) send(size int, arrive func(waited time.Duration)) {
	w := b.w
	wait := max(0, b.busy-w.now)
	if b.down || wait > b.limit {
		return
	}
	b.busy = w.now + wait + b.rate.Duration(size)
	if b.loss > 0 && w.rng.Float64() < b.loss {
		return
	}
	at := b.busy + b.rtt/2
	if b.jitter > 0 {
		at += time.Duration(w.rng.Int64N(int64(b.jitter)))
	}
	at = max(at, b.last)
	b.last = at
	w.at(at, func() { arrive(wait) })
}

// cross sends constant traffic of others through the bottleneck.
func (w *world) cross(rate func() Bitrate, size int) {
	var next func()
	next = func() {
		r := rate()
		if r <= 0 {
			w.at(w.now+100*time.Millisecond, next)
			return
		}
		w.link.send(size, func(time.Duration) {})
		w.at(w.now+r.Duration(size), next)
	}
	w.at(0, next)
}

// flow is one sender with its receiver: sources, pacer, estimator, and the
// feedback that comes back each 50 ms.
type flow struct {
	w     *world
	est   *Estimator
	pacer *Pacer[int]
	seq   uint16

	source   func(target Bitrate) Bitrate // what the encoder makes of the target
	keyEvery time.Duration                // a frame of five times the size; 0 is never
	audio    Bitrate
	noTWCC   bool

	dropFeedback float64
	drift        float64 // of the receiver's clock

	wake     time.Duration // the earliest timer that is set
	arrivals []arrived     // not reported yet
	reported int64         // the highest number reported, unwrapped
	highest  int64
	top      int64 // the highest number that arrived

	samples []sample
	current sample
	events  []Event
}

type arrived struct {
	seq int64
	at  time.Duration
}

// sample is 100 ms of a flow.
type sample struct {
	at                time.Duration
	target            Bitrate
	sent, arrived     int // bytes
	padding           int
	queued            time.Duration // the longest wait in the bottleneck
	waits             time.Duration // their sum
	packets, expected int           // arrived, sent
	pacerQueue        time.Duration
}

const (
	sampleTime   = 100 * time.Millisecond
	feedbackTime = 50 * time.Millisecond
	frameTime    = time.Second / framesPerSecond
)

func newFlow(w *world, c Config) *flow {
	f := &flow{w: w, reported: -1, highest: -1, top: -1}
	f.est = NewEstimator(w.time(), c)
	f.pacer = NewPacer[int](w.time(), PacerConfig{Rate: f.est.Target()})
	f.source = func(target Bitrate) Bitrate { return target }
	return f
}

// start lets the flow send from now on.
func (f *flow) start() {
	f.pacer.SetPadding(!f.noTWCC)
	f.every(frameTime, f.frame)
	f.every(20*time.Millisecond, f.speak)
	if f.noTWCC {
		f.every(time.Second, f.report)
	} else {
		f.every(feedbackTime, f.feedback)
	}
	f.every(sampleTime, f.sample)
	f.drive()
}

func (f *flow) every(d time.Duration, do func()) {
	var next func()
	n, began := 0, f.w.now
	next = func() {
		do()
		n++
		f.w.at(began+time.Duration(n)*d, next)
	}
	f.w.at(f.w.now, next)
}

// frame makes a frame of video: its size varies by a fifth, its packets are of
// equal size.
func (f *flow) frame() {
	rate := f.source(f.est.Target()) - f.audio
	if rate <= 0 {
		return
	}
	size := float64(rate.Bytes(frameTime)) * (0.8 + 0.4*f.w.rng.Float64())
	if f.keyEvery > 0 && f.w.now%f.keyEvery < frameTime {
		size *= 5
	}
	bytes := int(size)
	n := (bytes + packetBytes - 1) / packetBytes
	for range n {
		f.pacer.Enqueue(f.w.time(), Packet[int]{Stream: 2, Kind: Video, Size: bytes / n})
	}
	f.drive()
}

func (f *flow) speak() {
	if f.audio > 0 {
		f.pacer.Enqueue(f.w.time(), Packet[int]{Stream: 1, Kind: Audio, Size: f.audio.Bytes(20 * time.Millisecond)})
		f.drive()
	}
}

// drive moves what the machines put out, as the root of the library does.
func (f *flow) drive() {
	now := f.w.time()
	f.est.Advance(now)
	for {
		p, ok := f.est.NextProbe()
		if !ok {
			break
		}
		f.pacer.Probe(now, p)
	}
	for {
		e, ok := f.est.NextEvent()
		if !ok {
			break
		}
		f.events = append(f.events, e)
		f.pacer.SetTarget(now, e.Target)
	}
	for {
		r, ok := f.pacer.Next(now)
		if !ok {
			break
		}
		f.send(r)
	}
	f.arm(f.est.Deadline())
	f.arm(f.pacer.Deadline())
}

// arm sets a timer, unless an earlier one is set.
func (f *flow) arm(deadline time.Time) {
	if deadline.IsZero() {
		return
	}
	at := max(deadline.Sub(simEpoch), f.w.now)
	if f.wake > f.w.now && f.wake <= at {
		return
	}
	if at == f.w.now {
		at++
	}
	f.wake = at
	f.w.at(at, func() {
		if f.wake == at {
			f.wake = 0
			f.drive()
		}
	})
}

func (f *flow) send(r Release[int]) {
	seq := f.seq
	f.seq++
	f.highest++
	number := f.highest
	f.est.Sent(f.w.time(), SentPacket{Seq: seq, Size: r.Size, Kind: r.Kind, Probe: r.Probe, Unnumbered: f.noTWCC})
	f.current.sent += r.Size
	f.current.expected++
	if r.Padding > 0 {
		f.current.padding += r.Size
	}
	size := r.Size
	f.w.link.send(size, func(waited time.Duration) {
		f.current.arrived += size
		f.current.packets++
		f.current.waits += waited
		f.current.queued = max(f.current.queued, waited)
		f.top = max(f.top, number)
		f.arrivals = append(f.arrivals, arrived{number, f.w.now})
	})
}

// feedback sends what arrived since the last one, with gaps as losses.
func (f *flow) feedback() {
	if len(f.arrivals) == 0 {
		return
	}
	top := f.reported
	at := map[int64]time.Duration{}
	for _, a := range f.arrivals {
		top = max(top, a.seq)
		clock := a.at + time.Duration(float64(a.at)*f.drift)
		at[a.seq] = clock.Truncate(250*time.Microsecond) + 12345*time.Second
	}
	var results []PacketResult
	for seq := f.reported + 1; seq <= top; seq++ {
		t, ok := at[seq]
		results = append(results, PacketResult{Seq: uint16(seq), Received: ok, Arrival: t})
	}
	f.arrivals = f.arrivals[:0]
	f.reported = top
	if f.w.link.down || f.dropFeedback > 0 && f.w.rng.Float64() < f.dropFeedback {
		return
	}
	f.w.at(f.w.now+f.w.link.rtt/2, func() {
		f.est.HandleFeedback(f.w.time(), results)
		f.drive()
	})
}

// report sends a receiver report: of the packets up to the highest that arrived.
func (f *flow) report() {
	expected, received := int(f.top-f.reported), len(f.arrivals)
	if received == 0 || f.w.link.down {
		return
	}
	f.reported, f.arrivals = f.top, f.arrivals[:0]
	rtt := f.w.link.rtt + max(0, f.w.link.busy-f.w.now)
	f.w.at(f.w.now+f.w.link.rtt/2, func() {
		f.est.HandleRTT(f.w.time(), rtt)
		f.est.HandleLoss(f.w.time(), expected, max(0, expected-received))
		f.drive()
	})
}

func (f *flow) sample() {
	f.current.at, f.current.target = f.w.now, f.est.Target()
	f.current.pacerQueue = f.pacer.QueueAge()
	f.samples = append(f.samples, f.current)
	f.current = sample{}
}

// span is what a flow did in a time.
type span struct {
	target, sent, arrived, padding Bitrate // averages
	lowest, highest                Bitrate // targets
	queue, longest, pacer          time.Duration
	loss                           float64
}

func (f *flow) span(from, to time.Duration) span {
	var s span
	var target, sent, got, padding, packets, expected int64
	var waits time.Duration
	n := 0
	for _, x := range f.samples {
		if x.at <= from || x.at > to {
			continue
		}
		n++
		target += int64(x.target)
		sent += int64(x.sent)
		got += int64(x.arrived)
		padding += int64(x.padding)
		packets += int64(x.packets)
		expected += int64(x.expected)
		waits += x.waits
		s.longest = max(s.longest, x.queued)
		s.pacer = max(s.pacer, x.pacerQueue)
		s.highest = max(s.highest, x.target)
		if s.lowest == 0 || x.target < s.lowest {
			s.lowest = x.target
		}
	}
	if n == 0 {
		return s
	}
	d := time.Duration(n) * sampleTime
	s.target = Bitrate(target / int64(n))
	s.sent, s.arrived, s.padding = rateOf(sent, d), rateOf(got, d), rateOf(padding, d)
	if packets > 0 {
		s.queue = waits / time.Duration(packets)
	}
	if expected > 0 {
		s.loss = max(0, 1-float64(packets)/float64(expected))
	}
	return s
}

// converged is when the flow's target has come to a share of a rate, for a
// second on average; 0 when it never does.
func (f *flow) converged(rate Bitrate, share float64, from time.Duration) time.Duration {
	const second = int(time.Second / sampleTime)
	for i := range f.samples {
		if f.samples[i].at <= from || i+second > len(f.samples) {
			continue
		}
		var sum Bitrate
		for _, x := range f.samples[i : i+second] {
			sum += x.target
		}
		if sum/Bitrate(second) >= rate.scale(share) {
			return f.samples[i].at - from
		}
	}
	return 0
}
