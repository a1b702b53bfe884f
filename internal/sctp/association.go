package sctp

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/receive"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// Association is one SCTP association (RFC 9260), a machine: after each call that
// takes now, drain NextPacket, NextEvent and NextReadable, and call Advance at
// Deadline. Not safe for concurrent use.
//
// Both ends may Connect at once (RFC 8831 section 5); one that does not still answers.
type Association struct {
	config Config
	random *rand.Rand

	state     State
	ended     bool  // Closed was reported
	defect    error // an invalid transition
	localTag  uint32
	remoteTag uint32
	localTSN  chunk.TSN // first of ours
	remoteTSN chunk.TSN // first of the peer's
	peer      peerTraits
	cookie    []byte // the peer's, in COOKIE-ECHOED
	report    []byte // ERROR chunk that goes behind COOKIE ECHO

	t1, t2, t5 timer
	sentAt     time.Time     // of INIT or COOKIE ECHO, unless it was repeated
	rtt        time.Duration // of the handshake or of heartbeats, until transmit knows

	out *transmit.Queue
	in  *receive.Buffer

	streams   map[StreamID]streamState
	reset     resets
	heartbeat heartbeat

	outbox  [][]byte // whole packets, which go first
	control []byte   // control chunks for the next packet
	probe   bool     // the last packet was a probe of the path MTU
	scratch []byte   // for packets of LendPacket that do not lie in a message's memory
	// dataCame: the packet at hand has brought DATA.
	dataCame bool
	events   []Event
	counts   counters
}

// peerTraits is what INIT and INIT ACK said of the peer.
type peerTraits struct {
	window                  uint32
	outbound, inbound       uint16 // streams
	forwardTSN, interleaves bool   // both ends do
	reconfig, zeroChecksum  bool
}

type counters struct {
	packetsSent, packetsReceived uint64
	bytesSent, bytesReceived     uint64
	dropped                      uint64 // inbound: wrong tag, checksum or port
}

const (
	// maxOutbox bounds the packets that answer what needs no association.
	maxOutbox = 8
	// maxControl bounds the control chunks that wait for a packet, in bytes.
	maxControl = 4096
)

// New returns an association in StateClosed.
func New(cfg Config) *Association {
	cfg.normalise()
	a := &Association{
		config: cfg, random: rand.New(rand.NewChaCha8(cfg.Seed)), streams: make(map[StreamID]streamState),
	}
	a.localTag, a.localTSN = a.newTag(), chunk.TSN(a.random.Uint32())
	return a
}

// newTag draws a verification tag, which is not 0 (RFC 9260 section 5.3.1).
func (a *Association) newTag() uint32 {
	for {
		if tag := a.random.Uint32(); tag != 0 {
			return tag
		}
	}
}

// State returns the state.
func (a *Association) State() State { return a.state }

// HandlePacket takes one packet, of which nothing is kept. What is not ours to take,
// or not whole, changes nothing.
func (a *Association) HandlePacket(now time.Time, packet []byte) {
	header, chunks, err := chunk.ParsePacket(packet)
	if err != nil {
		a.counts.dropped++
		return
	}
	first := chunks
	c, ok := first.Next()
	if !ok || header.DestinationPort != a.config.Port || header.SourcePort != a.config.Port || !a.intact(header, packet) {
		a.counts.dropped++
		return
	}
	a.counts.packetsReceived++
	a.counts.bytesReceived += uint64(len(packet))
	switch {
	case c.Type == chunk.TypeInit:
		a.handleInit(now, header, c, first)
	case c.Type == chunk.TypeCookieEcho:
		a.handleCookieEcho(now, header, c, first)
	case a.state == StateClosed:
		a.outOfTheBlue(header, chunks)
	default:
		a.handleChunks(now, header, chunks)
	}
}

// intact checks the checksum. 0 passes where we said that it is acceptable, but not
// in a packet with INIT or COOKIE ECHO (RFC 9653 section 5.3).
func (a *Association) intact(header chunk.Header, packet []byte) bool {
	if header.Checksum == 0 && a.config.ZeroChecksum {
		switch chunk.Type(packet[chunk.PacketHeaderSize]) {
		case chunk.TypeInit, chunk.TypeCookieEcho:
		default:
			return true
		}
	}
	return header.Checksum == chunk.Checksum(packet)
}

// handleChunks takes the chunks of a packet of this association.
func (a *Association) handleChunks(now time.Time, header chunk.Header, chunks chunk.Chunks) {
	state := a.state
	for c, ok := chunks.Next(); ok; c, ok = chunks.Next() {
		if !a.tagged(header, c) {
			a.counts.dropped++
			if c.Type == chunk.TypeShutdownAck && state < StateEstablished {
				a.answerShutdownAck(header)
			}
			return
		}
		if !a.handleChunk(now, c) || a.state == StateClosed {
			break
		}
	}
	if a.in != nil && a.state != StateClosed {
		a.in.EndPacket(now)
		a.repeatShutdown(now)
	}
	a.dataCame = false
	a.settle(now)
}

// tagged checks the verification tag (RFC 9260 section 8.5 and 8.5.1).
func (a *Association) tagged(header chunk.Header, c chunk.Chunk) bool {
	reflected := c.Flags&chunk.FlagT != 0
	switch c.Type {
	case chunk.TypeAbort, chunk.TypeShutdownComplete:
		if reflected {
			return a.remoteTag != 0 && header.Tag == a.remoteTag
		}
	case chunk.TypeShutdownAck:
		// In COOKIE-WAIT and COOKIE-ECHOED it is out of the blue (8.5.1 E).
		if a.state == StateCookieWait || a.state == StateCookieEchoed {
			return false
		}
	}
	return header.Tag == a.localTag
}

// handleChunk takes one chunk; false: the rest of the packet is not for us.
func (a *Association) handleChunk(now time.Time, c chunk.Chunk) bool {
	switch c.Type {
	case chunk.TypeData, chunk.TypeIData:
		a.handleData(c)
	case chunk.TypeSACK:
		a.handleSACK(now, c)
	case chunk.TypeInitAck:
		a.handleInitAck(now, c)
	case chunk.TypeCookieAck:
		a.handleCookieAck(now)
	case chunk.TypeHeartbeat:
		a.handleHeartbeat(c)
	case chunk.TypeHeartbeatAck:
		a.handleHeartbeatAck(now, c)
	case chunk.TypeAbort:
		a.handleAbort(c)
	case chunk.TypeError:
		a.handleError(now, c)
	case chunk.TypeShutdown:
		a.handleShutdown(now, c)
	case chunk.TypeShutdownAck:
		a.handleShutdownAck(now)
	case chunk.TypeShutdownComplete:
		a.handleShutdownComplete()
	case chunk.TypeForwardTSN, chunk.TypeIForwardTSN:
		a.handleForwardTSN(c)
	case chunk.TypeReconfig:
		a.handleReconfig(now, c)
	case chunk.TypePad:
	case chunk.TypeInit, chunk.TypeCookieEcho:
		return false // only the first of a packet (RFC 9260 section 6.10)
	default:
		return a.unknownChunk(c)
	}
	return true
}

// unknownChunk does what the type's highest bits say (RFC 9260 section 3.2).
func (a *Association) unknownChunk(c chunk.Chunk) bool {
	if c.Type.WantsReport() && a.live() {
		a.addError(chunk.CauseUnrecognizedChunk, c.Raw)
	}
	return !c.Type.StopsPacket()
}

// Deadline is when Advance is to be called next; zero means never.
func (a *Association) Deadline() time.Time {
	d := earliest(earliest(a.t1.at, a.t2.at), a.t5.at)
	if a.live() {
		d = earliest(d, a.out.Deadline())
		d = earliest(d, a.in.Deadline())
		d = earliest(d, a.reset.timer.at)
		d = earliest(d, a.heartbeat.timer.at)
	}
	return d
}

// Advance does what is due.
func (a *Association) Advance(now time.Time) {
	a.advanceHandshake(now)
	if !a.live() {
		return
	}
	a.out.Advance(now)
	a.in.Advance(now)
	a.advanceReset(now)
	a.advanceHeartbeat(now)
	a.advanceShutdown(now)
	if limit := a.config.MaxRetransmits; limit > 0 && a.live() && a.silence() > limit {
		a.end(ErrTimeout) // RFC 9260 section 8.1
	}
	a.settle(now)
}

// silence is how often in a row the peer has not answered: data, HEARTBEAT or RE-CONFIG
// (RFC 9260 section 8.1, RFC 6525 section 5.1.1).
func (a *Association) silence() int {
	return max(a.out.Timeouts(), a.heartbeat.missed, a.reset.timer.fired)
}

// settle does what follows from any input once both directions exist.
func (a *Association) settle(now time.Time) {
	if !a.live() {
		return
	}
	for id, ok := a.out.NextLow(); ok; id, ok = a.out.NextLow() {
		a.events = append(a.events, BufferedAmountLow{id})
	}
	a.settleReset(now)
	a.settleShutdown(now)
}

// NextEvent returns the next event.
func (a *Association) NextEvent() (Event, bool) {
	if len(a.events) == 0 {
		a.events = nil
		return nil, false
	}
	e := a.events[0]
	a.events[0] = nil
	a.events = a.events[1:]
	return e, true
}

// end closes the association without a word to the peer. What has arrived can still
// be taken.
func (a *Association) end(err error) {
	a.setState(StateClosed)
	a.t1.stop()
	a.t2.stop()
	a.t5.stop()
	a.reset = resets{}
	a.heartbeat = heartbeat{}
	a.control, a.cookie, a.report = nil, nil, nil
	a.out = nil
	if !a.ended {
		a.ended = true
		a.events = append(a.events, Closed{err})
	}
}

// Stats are counters and gauges. What follows Established is zero before it.
type Stats struct {
	PacketsSent, PacketsReceived uint64
	BytesSent, BytesReceived     uint64 // SCTP packets, headers included
	PacketsDropped               uint64 // inbound, with a wrong tag, checksum or port
	Established                  bool   // the handshake has succeeded
	MTU                          int    // bytes of an SCTP packet
	MaxStreams                   uint16 // streams that both ends have in both directions
	Streams                      int    // streams with an open or unacknowledged direction
	RTT                          time.Duration
	CongestionWindow             int    // bytes
	PeerWindow                   uint32 // bytes that the peer still accepts
	ReceiveBuffered              int    // bytes that arrived and were not taken, with overheads
	Interleaving                 bool   // I-DATA is in use
	ZeroChecksum                 bool   // we send checksums of 0
	Transmit                     transmit.Stats
}

// Stats returns the present numbers.
func (a *Association) Stats() Stats {
	s := Stats{
		PacketsSent: a.counts.packetsSent, PacketsReceived: a.counts.packetsReceived,
		BytesSent: a.counts.bytesSent, BytesReceived: a.counts.bytesReceived, PacketsDropped: a.counts.dropped,
		MTU: a.config.MTU, Streams: len(a.streams),
	}
	if a.in != nil {
		s.Established, s.MaxStreams = true, min(a.peer.outbound, a.peer.inbound)
		s.ReceiveBuffered, s.Interleaving, s.ZeroChecksum = a.in.Held(), a.peer.interleaves, a.peer.zeroChecksum
		s.RTT = a.rtt
	}
	if a.out != nil {
		s.MTU, s.CongestionWindow, s.PeerWindow = a.out.MTU(), a.out.CongestionWindow(), a.out.PeerWindow()
		s.RTT, s.Transmit = a.smoothedRTT(), a.out.Stats()
	}
	return s
}

// smoothedRTT is transmit's, or that of handshake and heartbeats before there is one.
func (a *Association) smoothedRTT() time.Duration {
	if a.out != nil {
		if rtt := a.out.SRTT(); rtt > 0 {
			return rtt
		}
	}
	return a.rtt
}

// rto is the retransmission timeout of what transmit does not send.
func (a *Association) rto() time.Duration {
	if a.out != nil {
		return a.out.RTO()
	}
	return rtoInitial
}

// String names the association in tests.
func (a *Association) String() string {
	return fmt.Sprintf("%v tags %08x %08x", a.state, a.localTag, a.remoteTag)
}
