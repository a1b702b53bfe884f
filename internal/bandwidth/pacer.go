package bandwidth

import "time"

// StreamID tells streams apart in the pacer, which serves those of one kind in
// turns: an SSRC, or any other number.
type StreamID uint32

// Packet is what the pacer queues: a packet of type T, which it does not look
// into.
type Packet[T any] struct {
	Stream StreamID
	Kind   Kind
	Size   int // bytes, as in SentPacket
	Value  T
}

// Release is a packet that is to be sent now, or a request to make some.
type Release[T any] struct {
	Packet[T]
	// Probe is to be given on to Estimator.Sent.
	Probe ProbeID
	// Padding, when it is not 0, asks for about so many bytes of padding packets,
	// of Kind Padding and with this Probe; there is no Packet then. One that
	// cannot be satisfied is left out.
	Padding int
}

// PacerConfig sets up a [Pacer]. The zero value is usable.
type PacerConfig struct {
	Rate   Bitrate // the first target; 0 is 300 kb/s
	Factor float64 // of the target, at which media leaves; 0 is 2.5
	// Burst is how much of what is sent at the pacing rate leaves as one batch; 0
	// is 5 ms (draft-ietf-rmcat-gcc-02 section 4), which is the most.
	Burst time.Duration
	// Limit is how long a packet may wait: the pacing rate rises so that what is
	// queued leaves in that time. 0 is 2 s.
	Limit time.Duration
	// Packets bounds the queue; 0 is 8192.
	Packets int
}

const (
	pacingFactor = 2.5
	pacingBurst  = 5 * time.Millisecond
	pacingLimit  = 2 * time.Second
	pacingQueue  = 8192
	// pacingHurry is the least time in which a queue that is too old is drained.
	pacingHurry = 100 * time.Millisecond
	// debtMost bounds what unpaced audio and probes hold back, in time.
	debtMost = 500 * time.Millisecond
	// probeChunk is what of a probe leaves at once, and probePatience how long
	// one waits for packets where no padding can be made.
	probeChunk    = 2 * time.Millisecond
	probePatience = time.Second
	probesQueued  = 4
	paddingMost   = packetBytes
)

// Pacer spreads packets over time, a leaky bucket of bytes that leaks at 2.5
// times the target: a frame of a 30th of a second leaves in 13 ms, which keeps
// the queue of the bottleneck short and the delay of big frames bearable. Audio
// does not wait, though its bytes count; then come retransmissions, then video,
// then padding. Streams of one kind take turns by bytes.
//
// It has one owner. After Enqueue, and at Deadline, take packets with Next until
// there are none: what comes out in one run is one batch. A steady flow of
// packets allocates nothing.
type Pacer[T any] struct {
	epoch  time.Time
	now    time.Duration
	config PacerConfig

	rate   Bitrate // target
	debt   float64 // bytes sent that have not leaked yet
	closed bool    // waits for the debt to be gone

	classes [kinds]class[T]
	lanes   map[laneKey]*lane[T]
	packets int
	bytes   int64

	probes  [probesQueued]Probe
	waiting int // probes
	probing probing
	padding bool // the caller can make padding
}

// probing is the state of the probe at the front.
type probing struct {
	active         bool
	began          time.Duration
	asked          time.Duration // when it came to the front
	bytes, packets int
}

// NewPacer makes a pacer with nothing to send.
func NewPacer[T any](now time.Time, c PacerConfig) *Pacer[T] {
	if c.Rate <= 0 {
		c.Rate = defaultStart
	}
	if c.Factor <= 0 {
		c.Factor = pacingFactor
	}
	if c.Burst <= 0 || c.Burst > pacingBurst {
		c.Burst = pacingBurst
	}
	if c.Limit <= 0 {
		c.Limit = pacingLimit
	}
	if c.Packets <= 0 {
		c.Packets = pacingQueue
	}
	return &Pacer[T]{epoch: now, config: c, rate: c.Rate, lanes: make(map[laneKey]*lane[T])}
}

// SetTarget sets the target that the pacing rate is a multiple of.
func (p *Pacer[T]) SetTarget(now time.Time, target Bitrate) {
	p.tick(now)
	p.rate = max(target, BitPerSecond)
}

// SetPadding tells whether the caller can make padding packets: there is a video
// stream, the peer knows the SSRC. Without it probes are made of media only.
func (p *Pacer[T]) SetPadding(can bool) { p.padding = can }

// Probe queues a probe. Beyond four, the request is dropped: the estimator asks
// again.
func (p *Pacer[T]) Probe(now time.Time, probe Probe) {
	at := p.tick(now)
	if p.waiting == len(p.probes) || probe.Bitrate <= 0 || probe.ID == 0 {
		return
	}
	if p.waiting == 0 {
		p.probing = probing{asked: at}
	}
	p.probes[p.waiting] = probe
	p.waiting++
}

// Enqueue takes a packet; false means that the queue is full and the packet is
// the caller's again.
func (p *Pacer[T]) Enqueue(now time.Time, packet Packet[T]) bool {
	at := p.tick(now)
	if p.packets >= p.config.Packets {
		return false
	}
	packet.Kind = min(packet.Kind, Padding)
	packet.Size = max(0, packet.Size)
	p.lane(packet.Stream, packet.Kind).push(entry[T]{packet, at})
	p.packets++
	p.bytes += int64(packet.Size)
	return true
}

// Remove drops what is queued of a stream; drop gets each value.
func (p *Pacer[T]) Remove(stream StreamID, drop func(T)) {
	for kind := range Kind(kinds) {
		key := laneKey{stream, kind}
		l := p.lanes[key]
		if l == nil {
			continue
		}
		for l.count > 0 {
			e := l.pop()
			p.packets--
			p.bytes -= int64(e.packet.Size)
			if drop != nil {
				drop(e.packet.Value)
			}
		}
		delete(p.lanes, key)
		p.classes[kind].forget(l)
	}
}

// tick lets time pass: the debt leaks.
func (p *Pacer[T]) tick(now time.Time) time.Duration {
	at := max(p.now, now.Sub(p.epoch))
	if p.debt > 0 {
		p.debt = max(0, p.debt-float64(p.pace())/8*(at-p.now).Seconds())
	}
	p.now = at
	return at
}

// pace is the rate at which packets leave: the multiple of the target, or what
// drains the queue in time.
func (p *Pacer[T]) pace() Bitrate {
	rate := p.rate.scale(p.config.Factor)
	if rateOf(p.bytes, pacingHurry) <= rate {
		return rate // no age would change it
	}
	left := max(p.config.Limit-p.age(), pacingHurry)
	return max(rate, rateOf(p.bytes, left))
}

// age is how long the oldest packet has waited.
func (p *Pacer[T]) age() time.Duration {
	oldest := p.now
	for i := range p.classes {
		oldest = min(oldest, p.classes[i].oldest(p.now))
	}
	return p.now - oldest
}

// Next returns what is to be sent now.
func (p *Pacer[T]) Next(now time.Time) (Release[T], bool) {
	at := p.tick(now)
	if p.waiting > 0 {
		p.advanceProbe(at)
	}
	if p.classes[Audio].count > 0 {
		r := p.release(Audio)
		p.closed = p.closed || p.indebted()
		return r, true
	}
	if p.probing.active {
		if at < p.probeDue() {
			return Release[T]{}, false
		}
		if kind, ok := p.first(); ok {
			return p.release(kind), true
		}
		return p.pad(), p.padding
	}
	if p.debt <= 0 {
		p.closed = false
	}
	kind, ok := p.first()
	if !ok || p.closed {
		return Release[T]{}, false
	}
	r := p.release(kind)
	p.closed = p.indebted()
	return r, true
}

// indebted reports whether the batch is full.
func (p *Pacer[T]) indebted() bool {
	return p.debt >= float64(p.pace().Bytes(p.config.Burst))
}

// first is the first kind that has packets.
func (p *Pacer[T]) first() (Kind, bool) {
	for kind := range Kind(kinds) {
		if p.classes[kind].count > 0 {
			return kind, true
		}
	}
	return 0, false
}

// release takes the next packet of a kind out.
func (p *Pacer[T]) release(kind Kind) Release[T] {
	e := p.classes[kind].pop()
	p.packets--
	p.bytes -= int64(e.packet.Size)
	return Release[T]{Packet: e.packet, Probe: p.spend(e.packet.Size)}
}

// spend counts bytes as sent, for the debt and for the probe, whose identifier
// it returns.
func (p *Pacer[T]) spend(bytes int) ProbeID {
	p.debt = min(p.debt+float64(bytes), float64(p.pace().Bytes(debtMost))+float64(bytes))
	if !p.probing.active {
		return 0
	}
	p.probing.bytes += bytes
	p.probing.packets++
	return p.probes[0].ID
}

// Deadline is when to call Next; zero means never. A time that has passed means
// at once.
func (p *Pacer[T]) Deadline() time.Time {
	due, ok := p.now, true
	switch {
	case p.classes[Audio].count > 0:
	case p.probing.active && (p.padding || p.packets > 0):
		due = max(p.now, p.probeDue())
	case p.waiting > 0 && p.padding && !p.probing.active:
	case p.packets > 0:
		if p.closed {
			due += p.pace().Duration(int(p.debt + 0.999))
		}
	default:
		ok = false
	}
	if !ok {
		return time.Time{}
	}
	return p.epoch.Add(due)
}

// QueueBytes is how much waits.
func (p *Pacer[T]) QueueBytes() int { return int(p.bytes) }

// QueuePackets is how many packets wait.
func (p *Pacer[T]) QueuePackets() int { return p.packets }

// QueueAge is how long the oldest packet had waited at the latest input.
func (p *Pacer[T]) QueueAge() time.Duration { return p.age() }
