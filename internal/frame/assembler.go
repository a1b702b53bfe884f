package frame

import (
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/internal/seqnum"
)

const (
	defaultMaxPackets = 2048
	defaultMaxBytes   = 16 << 20
	// maxMisorder is how far behind a packet may be and still be a late one; what
	// is further behind, or ahead by more than maxDropout, may be a sender that
	// began anew (RFC 3550 appendix A.1).
	maxMisorder = 100
	maxDropout  = 3000
)

// Config is what an Assembler is made for.
type Config struct {
	// Codec is that of the stream.
	Codec Codec
	// Target is the jitter target: for how long packets that are missing are
	// waited for, from when a later one came. With zero, a gap is a loss at once.
	// Frames that are whole and next in order never wait.
	Target time.Duration
	// MaxLate is another end of that wait: how many sequence numbers, counted from
	// the first missing one, the newest packet may be ahead. Zero means no limit.
	MaxLate int
	// MaxPackets bounds the sequence numbers between the oldest packet that is
	// held and the newest; zero means 2048. It is rounded up to a power of two, at
	// most 32768.
	MaxPackets int
	// MaxBytes bounds the payloads that are held and, apart from them, the frames
	// that have not been taken; zero means 16 MiB each. It is the limit for one
	// frame too.
	MaxBytes int
	// KeepPackets gives frames the packets that they were made of.
	KeepPackets bool
}

// Assembler is the machine. After each Push and Advance, take frames with Next
// until there are none, and call Advance at Deadline.
type Assembler struct {
	config Config
	now    time.Time

	packets window
	// started says that next is valid: the first sequence number that has not
	// been consumed. consumed says that it may not move back any more.
	started, consumed bool
	next              uint16
	// scanned is how many packets from next on are known to be there and not to
	// end the frame.
	scanned int
	// seam is what is known of the last packet with media before next.
	seam seam
	// suspect is the sequence number that would prove a sender that began anew.
	suspect    uint16
	hasSuspect bool

	deadline  time.Time
	lost      int
	delivered bool // whether Lost counts yet
	discarded uint64

	ready      []Frame // that nobody has taken
	readyBytes int
	payloads   [][]byte // of the frame that is being joined
}

// seam is the end of what was consumed: whether the packet before is known, and
// ended its frame, or which timestamp it had.
type seam struct {
	known     bool
	ended     bool
	timestamp uint32
}

// joins reports whether a packet with this timestamp begins a frame for certain.
func (s seam) joins(timestamp uint32) bool {
	return s.known && (s.ended || s.timestamp != timestamp)
}

// New returns an Assembler.
func New(config Config) *Assembler {
	if config.MaxPackets <= 0 {
		config.MaxPackets = defaultMaxPackets
	}
	if config.MaxBytes <= 0 {
		config.MaxBytes = defaultMaxBytes
	}
	size := 1
	for size < config.MaxPackets && size < 1<<15 {
		size *= 2
	}
	config.MaxPackets = size
	return &Assembler{config: config}
}

// SetTarget changes Config.Target, for packets that are waited for already too.
func (a *Assembler) SetTarget(now time.Time, target time.Duration) {
	a.config.Target = target
	a.Advance(now)
}

// Push takes a packet of the stream. The assembler keeps it, and its payload,
// until its frame is out: they must not be changed. A packet that comes a second
// time, or when its place is past, is left out.
func (a *Assembler) Push(now time.Time, packet *rtp.Packet) {
	a.now = now
	number := packet.SequenceNumber
	if !a.admit(number) || !a.packets.put(number, slot{packet: packet, arrival: now}, a.config.MaxPackets) {
		a.discarded++
	}
	a.settle()
	for a.packets.bytes > a.config.MaxBytes {
		a.giveUp()
		a.settle()
	}
}

// admit makes the window contain the number, or says that it is not for it.
func (a *Assembler) admit(number uint16) bool {
	if !a.started {
		a.started, a.next = true, number
		a.packets.reset(number)
		return true
	}
	distance := int(seqnum.Distance16(a.next, number))
	switch {
	case distance < 0 && distance >= -maxMisorder:
		if a.consumed || a.packets.span()-distance > a.config.MaxPackets {
			return false
		}
		a.next, a.scanned = number, 0
		a.packets.extend(number)
		return true
	case distance < 0 || distance-a.packets.span() > maxDropout:
		if !a.hasSuspect || number != a.suspect {
			a.suspect, a.hasSuspect = number+1, true
			return false
		}
		a.restart(number)
		return true
	}
	a.hasSuspect = false
	for int(seqnum.Distance16(a.next, number)) >= a.config.MaxPackets {
		if a.packets.span() > 0 {
			a.giveUp()
			a.settle()
			continue
		}
		a.lose(int(seqnum.Distance16(a.next, number)))
		a.consume(number, seam{})
	}
	return true
}

// restart ends what is held: the sender counts from number on. The packet that
// aroused suspicion is lost.
func (a *Assembler) restart(number uint16) {
	for a.packets.span() > 0 {
		a.giveUp()
		a.settle()
	}
	a.lose(1)
	a.consume(number, seam{})
	a.hasSuspect = false
}

// Advance does what is due: it gives up what was waited for in vain.
func (a *Assembler) Advance(now time.Time) {
	a.now = now
	a.settle()
}

// Deadline is when to call Advance next; zero means never.
func (a *Assembler) Deadline() time.Time { return a.deadline }

// Next returns the next frame, if there is one.
func (a *Assembler) Next() (Frame, bool) {
	if len(a.ready) == 0 {
		return Frame{}, false
	}
	f := a.ready[0]
	a.ready[0] = Frame{}
	if len(a.ready) == 1 {
		a.ready = a.ready[:0] // and keep the memory
	} else {
		a.ready = a.ready[1:]
	}
	a.readyBytes -= len(f.Payload)
	return f, true
}

// Discarded is the number of packets that came too late or a second time.
func (a *Assembler) Discarded() uint64 { return a.discarded }

// settle makes frames of what is there, until something is missing.
func (a *Assembler) settle() {
	a.deadline = time.Time{}
	for a.packets.span() > 0 {
		switch state, until := a.look(); state {
		case whole:
			a.emit()
		case noStart:
			if a.due(until) {
				a.drop(1)
				continue
			}
			return
		case gap:
			if a.due(until) {
				a.giveUp()
				continue
			}
			return
		case unfinished:
			return
		}
	}
}

// due reports whether what came at arrival has waited long enough, and sets the
// deadline where it has not. A zero time does not wait.
func (a *Assembler) due(arrival time.Time) bool {
	until := arrival.Add(a.config.Target)
	if a.config.Target <= 0 || arrival.IsZero() || !a.now.Before(until) {
		return true
	}
	a.deadline = until
	return false
}

// lookState is what there is at the head of the window.
type lookState uint8

const (
	unfinished lookState = iota // nothing is known to be missing
	whole                       // a frame of scanned packets
	noStart                     // a packet that does not begin a frame
	gap                         // packets are missing, before a later one
)

// look walks over the packets from the head on. For noStart and gap it returns
// when the packet arrived that makes the wait begin, or the zero time where there
// is nothing to wait for.
func (a *Assembler) look() (lookState, time.Time) {
	for {
		number := a.next + uint16(a.scanned)
		if a.scanned == a.packets.span() {
			return unfinished, time.Time{}
		}
		s := a.packets.get(number)
		if s == nil {
			if late := a.config.MaxLate; late > 0 && int(a.packets.end-number) > late {
				return gap, time.Time{}
			}
			return gap, a.packets.arrivalAfter(number)
		}
		if len(s.packet.Payload) == 0 { // padding, wherever it is
			if a.scanned == 0 {
				a.consume(a.next+1, a.seam)
			} else {
				a.scanned++
			}
			continue
		}
		first := a.packets.get(a.next)
		if a.scanned == 0 && !a.begins(s) {
			if a.consumed {
				return noStart, time.Time{}
			}
			return noStart, s.arrival
		}
		if s.packet.Timestamp != first.packet.Timestamp {
			return whole, time.Time{}
		}
		a.scanned++
		if s.packet.Marker || a.config.Codec.audio() {
			return whole, time.Time{}
		}
	}
}

// begins reports whether a packet at the head begins a frame.
func (a *Assembler) begins(s *slot) bool {
	if a.seam.joins(s.packet.Timestamp) {
		return true
	}
	d, err := a.config.Codec.Describe(s.packet.Payload)
	return err == nil && d.Start
}

// emit makes a frame of the scanned packets. One that cannot be joined is lost.
func (a *Assembler) emit() {
	first := a.packets.get(a.next).packet
	f := Frame{
		Timestamp: first.Timestamp, First: a.next, Header: &first.Header,
		Lost: a.lost,
	}
	a.payloads = a.payloads[:0]
	size := 0
	var failure error
	for i := range a.scanned {
		s := a.packets.get(a.next + uint16(i))
		if s.arrival.After(f.Arrival) {
			f.Arrival = s.arrival
		}
		if len(s.packet.Payload) == 0 {
			continue
		}
		f.Last = a.next + uint16(i)
		a.payloads = append(a.payloads, s.packet.Payload)
		if a.config.KeepPackets {
			f.Packets = append(f.Packets, s.packet)
		}
		size += len(s.packet.Payload)
		d, err := a.config.Codec.Describe(s.packet.Payload)
		if err != nil {
			failure = err
		}
		f.Keyframe = f.Keyframe || d.Keyframe
		f.Layered = f.Layered || d.Layered
		f.SpatialLayer = max(f.SpatialLayer, d.SpatialLayer)
		f.TemporalLayer = max(f.TemporalLayer, d.TemporalLayer)
	}
	if failure == nil {
		// Start codes and sizes make a frame a little longer than its packets.
		f.Payload, failure = a.config.Codec.Join(make([]byte, 0, size+64), a.payloads)
	}
	clear(a.payloads)
	if failure != nil || len(f.Payload) == 0 {
		a.drop(a.scanned)
		return
	}
	a.consume(a.next+uint16(a.scanned), seam{known: true, ended: true})
	a.lost, a.delivered = 0, true
	a.ready = append(a.ready, f)
	a.readyBytes += len(f.Payload)
	for a.readyBytes > a.config.MaxBytes && len(a.ready) > 1 || len(a.ready) > a.config.MaxPackets {
		a.overflow()
	}
}

// overflow drops the oldest frame that nobody has taken; the next one says so.
func (a *Assembler) overflow() {
	f, _ := a.Next()
	missing := f.Lost + int(f.Last-f.First) + 1
	if len(a.ready) > 0 {
		a.ready[0].Lost += missing
	} else {
		a.lost += missing
	}
}

// giveUp stops waiting at the head: the frame that is not whole there is lost, up
// to the next packet behind what is missing.
func (a *Assembler) giveUp() {
	number := a.next
	for number != a.packets.end && a.packets.get(number) != nil {
		number++
	}
	for number != a.packets.end && a.packets.get(number) == nil {
		number++
	}
	a.lose(int(number - a.next))
	a.consume(number, seam{})
}

// drop gives up n packets that are there. The seam is behind the last of them
// that has media.
func (a *Assembler) drop(n int) {
	end := a.seam
	for i := range n {
		if p := a.packets.get(a.next + uint16(i)).packet; len(p.Payload) > 0 {
			end = seam{known: true, ended: p.Marker || a.config.Codec.audio(), timestamp: p.Timestamp}
		}
	}
	a.lose(n)
	a.consume(a.next+uint16(n), end)
}

// lose counts packets that no frame will have; before the first frame, nobody is
// told of them.
func (a *Assembler) lose(n int) {
	if a.delivered {
		a.lost += n
	}
}

// consume moves the head on.
func (a *Assembler) consume(to uint16, s seam) {
	a.packets.dropTo(to)
	a.next, a.scanned, a.seam, a.consumed = to, 0, s, true
}
