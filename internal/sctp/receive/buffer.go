package receive

import (
	"errors"
	"fmt"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// Errors of a peer that breaks the protocol, to be matched with errors.Is. The
// association is to be aborted.
var (
	// ErrNoUserData: DATA without payload (RFC 9260 section 6.2).
	ErrNoUserData = errors.New("sctp: DATA without user data")
	// ErrFragment: a fragment that contradicts its neighbours.
	ErrFragment = errors.New("sctp: fragments contradict each other")
	// ErrOutOfResource: the unfinished messages of the peer fill all memory that the
	// association may have, so that none can ever be finished.
	ErrOutOfResource = errors.New("sctp: unfinished messages fill the receive buffer")
)

const (
	// overhead is counted for each run of fragments and each message on top of its
	// bytes, so that small ones cannot fill the heap behind the window's back.
	overhead = 128
	// maxAhead is how far behind the cumulative TSN a TSN can be reported: gap ack
	// blocks have 16 bits.
	maxAhead = 0xffff
	// maxStream is the first stream identifier that does not exist (RFC 8831 section
	// 6.2).
	maxStream chunk.StreamID = 65535

	// DefaultWindow and DefaultMaxWindow are what Config's zeros mean.
	DefaultWindow    = 1 << 20
	DefaultMaxWindow = 16 << 20
)

// Config of a Buffer.
type Config struct {
	// InitialTSN is the first TSN that the peer sends.
	InitialTSN chunk.TSN
	// Window is the receive window at first, in bytes: the one of INIT. 0:
	// DefaultWindow.
	Window int
	// MaxWindow is how far it may grow, in bytes; 0: DefaultMaxWindow. At least
	// Window. Twice as much is the most that is ever held.
	MaxWindow int
}

// Message is what waits on a stream: a user message, or the peer's reset.
type Message struct {
	Stream chunk.StreamID
	PPID   chunk.PPID
	// Payload is the receiver's own.
	Payload []byte
	// Reset: the peer has reset its direction of the stream; there is no payload.
	// What follows belongs to the next use of the identifier.
	Reset bool
}

// Buffer holds what came in. Not safe for concurrent use.
type Buffer struct {
	arrived tsns
	acks    acks
	window  window

	streams map[chunk.StreamID]*stream
	recent  *stream   // the stream of the last chunk
	active  []*stream // those that have an assembly
	idle    []*assembly
	ready   queue[*stream] // those that have messages to take, each once
	reset   deferred       // a reset that waits for TSNs

	reserved int // bytes that runs have beyond what came
}

// New returns an empty buffer.
func New(cfg Config) *Buffer {
	if cfg.Window == 0 {
		cfg.Window = DefaultWindow
	}
	if cfg.MaxWindow == 0 {
		cfg.MaxWindow = DefaultMaxWindow
	}
	cfg.MaxWindow = max(cfg.MaxWindow, cfg.Window)
	return &Buffer{
		arrived: tsns{cumulative: cfg.InitialTSN - 1},
		window:  newWindow(cfg.Window, cfg.MaxWindow),
		streams: make(map[chunk.StreamID]*stream),
	}
}

// fragment is a DATA or I-DATA chunk as reassembly sees it.
type fragment struct {
	tsn     chunk.TSN
	id      chunk.StreamID
	flags   chunk.DataFlags
	mid     uint32 // I-DATA: the message; DATA: 0
	seq     uint32 // I-DATA: number of the fragment; DATA: TSN
	order   uint32 // MID or SSN
	ppid    chunk.PPID
	payload []byte
}

// HandleData takes a DATA chunk; its payload is copied. invalid reports a stream
// that does not exist: the chunk is acknowledged, not delivered, and the peer to be
// told (RFC 9260 section 6.5). Errors: ErrNoUserData, ErrFragment,
// ErrOutOfResource.
func (b *Buffer) HandleData(d *chunk.Data) (invalid bool, err error) {
	f := fragment{
		tsn: d.TSN, id: d.Stream, flags: d.Flags, seq: uint32(d.TSN), order: uint32(d.SSN), ppid: d.PPID, payload: d.Payload,
	}
	return b.handle(&f, false)
}

// HandleIData takes an I-DATA chunk as HandleData takes DATA.
func (b *Buffer) HandleIData(d *chunk.IData) (invalid bool, err error) {
	f := fragment{
		tsn: d.TSN, id: d.Stream, flags: d.Flags, mid: uint32(d.MID), seq: d.FSN, order: uint32(d.MID), ppid: d.PPID, payload: d.Payload,
	}
	return b.handle(&f, true)
}

func (b *Buffer) handle(f *fragment, wide bool) (invalid bool, err error) {
	if len(f.payload) == 0 {
		return false, fmt.Errorf("%w: TSN %d", ErrNoUserData, f.tsn)
	}
	b.acks.data(f.flags&chunk.FlagImmediate != 0)
	ahead := b.arrived.cumulative.Distance(f.tsn)
	switch {
	case ahead <= 0 || b.arrived.has(f.tsn):
		b.acks.duplicate(f.tsn)
		return false, nil
	case ahead > maxAhead, !b.arrived.fits(f.tsn):
		b.acks.now() // dropped: it could not be reported
		return false, nil
	case b.window.shut() && b.arrived.beyond(f.tsn), !b.window.admits(len(f.payload)+overhead, ahead == 1):
		b.acks.now()
		if b.window.stuck() {
			return false, ErrOutOfResource
		}
		return false, nil
	}
	if f.id >= maxStream {
		b.mark(f.tsn)
		return true, nil
	}
	if b.reset.holds(f) {
		b.reset.hold(b, f, wide)
		b.mark(f.tsn)
		return false, nil
	}
	taken, err := b.insert(f, wide)
	if err != nil {
		return false, err
	}
	if taken {
		b.mark(f.tsn)
	} else {
		b.acks.now()
	}
	return false, nil
}

// mark notes that a TSN has arrived.
func (b *Buffer) mark(tsn chunk.TSN) {
	gap := b.arrived.add(tsn)
	if gap {
		b.acks.now() // RFC 9260 section 6.7
	}
	b.reset.advance(b)
}

// stream returns the state of a stream, made where it is missing.
func (b *Buffer) stream(id chunk.StreamID) *stream {
	if b.recent != nil && b.recent.id == id {
		return b.recent
	}
	s := b.streams[id]
	if s == nil {
		s = &stream{id: id}
		b.streams[id] = s
	}
	b.recent = s
	return s
}

// NextReadable returns a stream that has something to take and was not returned
// since Take last left something on it or found nothing.
func (b *Buffer) NextReadable() (chunk.StreamID, bool) {
	if b.ready.len() == 0 {
		return 0, false
	}
	s := b.ready.pop()
	s.queued = false
	return s.id, true
}

// Take removes the next message of a stream; false when there is none. The window
// reopens by what is taken.
func (b *Buffer) Take(now time.Time, id chunk.StreamID) (m Message, ok bool) {
	s := b.streams[id]
	if s == nil || s.busy == nil || s.busy.ready.len() == 0 {
		return Message{}, false
	}
	m = s.busy.ready.pop()
	b.window.take(now, len(m.Payload)+overhead)
	if b.window.reopened() {
		b.acks.update()
	}
	b.settle(s)
	return m, true
}

// deliver queues a message on its stream.
func (b *Buffer) deliver(s *stream, m Message) {
	b.assembly(s).ready.push(m)
	b.window.ready(len(m.Payload) + overhead)
	if !s.queued {
		s.queued = true
		b.ready.push(s)
	}
}

// CumulativeTSN is the last TSN before which nothing is missing.
func (b *Buffer) CumulativeTSN() chunk.TSN { return b.arrived.cumulative }

// Held is the number of bytes that are held in all, overheads included.
func (b *Buffer) Held() int { return b.window.held }

// SetRTT tells the smoothed round-trip time, by which the window is tuned and
// acknowledgements are delayed.
func (b *Buffer) SetRTT(rtt time.Duration) {
	b.window.rtt = rtt
	b.acks.rtt = rtt
}

// CheckInvariants is for tests: it reports what contradicts itself.
func (b *Buffer) CheckInvariants() error {
	if err := b.arrived.check(); err != nil {
		return err
	}
	held, readable, reserved := b.reset.size, 0, 0
	for id, s := range b.streams {
		if s.id != id {
			return fmt.Errorf("stream %d is filed under %d", s.id, id)
		}
		if s.busy == nil {
			continue
		}
		for _, m := range s.busy.ready.list[s.busy.ready.taken:] {
			readable += len(m.Payload) + overhead
		}
		n, extra, err := s.busy.check()
		if err != nil {
			return fmt.Errorf("stream %d: %w", id, err)
		}
		held += n
		reserved += extra
	}
	if held += readable; held != b.window.held || readable != b.window.readable {
		return fmt.Errorf("%d bytes held and %d readable, counted %d and %d", held, readable, b.window.held, b.window.readable)
	}
	if reserved != b.reserved || reserved > b.window.max {
		return fmt.Errorf("%d bytes reserved, counted %d, the limit is %d", reserved, b.reserved, b.window.max)
	}
	if b.window.held > 2*b.window.max+maxAhead {
		return fmt.Errorf("%d bytes held, the limit is %d", b.window.held, b.window.max)
	}
	return nil
}
