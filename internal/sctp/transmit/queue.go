// Package transmit is the sending half of an SCTP association: queues of messages,
// the choice of the stream that sends next, fragmentation, the retransmission queue
// with its timers, the congestion window, partial reliability and the search for the
// path MTU. RFC 9260 sections 6 and 7, RFC 3758, RFC 8260, RFC 8985 applied to
// SCTP, RFC 8899.
//
// A Queue is a pure machine with one owner: time comes in, chunks come out. After
// each input the owner calls Append until it appends nothing, and then
// Advance at Deadline.
package transmit

import (
	"errors"
	"math"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit/congestion"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit/pathmtu"
)

// Congestion is the algorithm of congestion control.
type Congestion = congestion.Algorithm

// The algorithms.
const (
	CUBIC   = congestion.CUBIC
	NewReno = congestion.NewReno
)

// ErrNeverSent is what HandleSACK returns for a TSN that was never sent: the peer
// violates the protocol.
var ErrNeverSent = errors.New("sctp: SACK acknowledges a TSN that was never sent")

// Config of a Queue.
type Config struct {
	// InitialTSN is the TSN of the first chunk.
	InitialTSN chunk.TSN
	// PeerWindow is the a_rwnd of the peer's INIT or INIT ACK, in bytes.
	PeerWindow uint32
	// MTU is the largest SCTP packet, header included, that the path is known to
	// carry. It is at least 64.
	MTU int
	// MaxMTU is up to where larger packets are tried; MTU or less: they are not.
	MaxMTU int
	// Interleaving tells that I-DATA and I-FORWARD-TSN were negotiated (RFC 8260).
	Interleaving bool
	// PartialReliability tells that the peer takes FORWARD-TSN. Without, messages are
	// abandoned only while nothing of them was sent.
	PartialReliability bool
	Congestion         Congestion
	Scheduler          Scheduler
	// Seed is for what is to be unpredictable.
	Seed uint64
	// RTOInitial, RTOMin and RTOMax are of RFC 9260 section 16; 0: 1 s, 400 ms, 3 s.
	RTOInitial, RTOMin, RTOMax time.Duration
	// RTT is a round trip that was measured in the handshake; 0: none was.
	RTT time.Duration
}

// Queue is the sending half of an association.
type Queue struct {
	config Config
	epoch  time.Time
	mtu    int // bytes of the largest packet
	header int // bytes of a DATA or I-DATA header

	streams  map[chunk.StreamID]*stream
	schedule schedule
	through  ids // NextDrained
	low      ids // NextLow

	free      *message
	freeCount int
	slab      slab
	loan      loan

	out        outstanding
	peerWindow int // a_rwnd of the last SACK
	control    congestion.Controller
	pacer      congestion.Pacer
	rto        rto
	rack       rack
	repair     repair
	tail       tailProbe
	forward    forward
	prober     pathmtu.Prober
	hole       blackHole

	order     uint64        // packets with data so far
	t3        time.Duration // when T3-rtx expires; never: it does not run
	timeouts  int           // T3-rtx expiries since the last acknowledgement
	blocked   blocked       // why the last Append ended
	immediate int64         // serial of the newest chunk with the I bit
	roundTrip uint64        // the next RTT is measured by a packet of this number or later
	route     uint64        // the first packet on the present path
	// windowProbe lets one chunk leave though the peer's window is closed (RFC 9260
	// section 6.1 A).
	windowProbe bool
	rest        time.Duration // when an empty queue gives memory back
	stats       Stats
}

// never is a time that does not come.
const never = time.Duration(math.MaxInt64)

// restAfter is how long the queue is empty before it gives the memory of payloads back.
const restAfter = time.Second

// blocked is what ended the last Append.
type blocked uint8

const (
	byNothing blocked = iota // there is nothing to send
	byWindow                 // the congestion window
	byPacer
	byPeer // the peer's window
)

// New makes a Queue. now is when the association was established.
func New(now time.Time, cfg Config) *Queue {
	header := chunk.DataHeaderSize
	if cfg.Interleaving {
		header = chunk.IDataHeaderSize
	}
	q := &Queue{
		config: cfg, epoch: now, mtu: cfg.MTU &^ 3, header: header,
		streams:    make(map[chunk.StreamID]*stream),
		schedule:   schedule{kind: cfg.Scheduler},
		out:        newOutstanding(cfg.InitialTSN, header),
		peerWindow: int(cfg.PeerWindow),
		rto:        newRTO(cfg.RTOInitial, cfg.RTOMin, cfg.RTOMax),
		rack:       rack{multiplier: 1, due: never},
		tail:       tailProbe{due: never},
		forward:    forward{point: -1},
		prober:     pathmtu.New(cfg.MTU&^3, max(cfg.MTU, cfg.MaxMTU)),
		t3:         never,
		rest:       never,
		immediate:  -1,
	}
	q.control = congestion.New(cfg.Congestion, q.room())
	if cfg.RTT > 0 {
		q.rto.measure(cfg.RTT)
		q.rto.observe(0, cfg.RTT)
	}
	return q
}

// room is how many bytes of chunks fit a packet: PMDCS of RFC 9260.
func (q *Queue) room() int { return q.mtu - chunk.PacketHeaderSize }

func (q *Queue) since(at time.Time) time.Duration { return at.Sub(q.epoch) }

// MTU is the largest packet that Append makes, in bytes.
func (q *Queue) MTU() int { return q.mtu }

// Empty tells whether everything was sent and acknowledged, or abandoned and
// forwarded over.
func (q *Queue) Empty() bool {
	return q.schedule.next() == nil && q.out.base == q.out.next
}

// Timeouts is how often T3-rtx has expired since anything was acknowledged (RFC
// 9260 section 8.1). A peer that answers that its window is closed is alive.
func (q *Queue) Timeouts() int { return q.timeouts }

// NextTSN is the TSN of the next new chunk.
func (q *Queue) NextTSN() chunk.TSN { return q.out.tsn(q.out.next) }

// SRTT is the smoothed round-trip time; 0: none was measured.
func (q *Queue) SRTT() time.Duration { return q.rto.srtt }

// RTO is the retransmission timeout.
func (q *Queue) RTO() time.Duration { return q.rto.value }

// CongestionWindow is in bytes of chunks.
func (q *Queue) CongestionWindow() int { return q.control.Window() }

// PeerWindow is how many bytes of payload the peer still accepts.
func (q *Queue) PeerWindow() uint32 { return uint32(max(0, q.peerWindow-q.out.payload)) }

// Outstanding is how many bytes of chunks are under way.
func (q *Queue) Outstanding() int { return q.out.flight }

// Deadline is when Advance has something to do, or Append may append again; zero:
// never.
func (q *Queue) Deadline() time.Time {
	due := min(q.t3, q.rack.due, q.tail.due, q.rest)
	if q.active() {
		due = min(due, q.prober.Deadline())
	}
	if q.blocked == byPacer {
		due = min(due, q.pacer.Next(q.rate(), q.room()))
	}
	if due == never {
		return time.Time{}
	}
	return q.epoch.Add(due)
}

// active tells whether data is under way: only then the path is probed.
func (q *Queue) active() bool { return q.out.base != q.out.next || q.schedule.next() != nil }

// Advance does what is due at now.
func (q *Queue) Advance(at time.Time) {
	now := q.since(at)
	if now >= q.rack.due {
		q.detectLoss(now)
	}
	if now >= q.t3 {
		q.timeout(now)
	}
	if now >= q.tail.due {
		q.tail.due, q.tail.wanted = never, true
	}
	if q.active() {
		q.prober.Advance(now)
	}
	if now >= q.rest {
		if q.rest = never; q.Empty() {
			q.slab.clear()
		}
	}
	q.updateForward()
}

func (q *Queue) rate() float64 { return q.control.Rate(q.rto.srtt) }
