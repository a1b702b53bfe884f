package rtpsession

import (
	"math"
	"time"

	"github.com/pion/rtp"
)

// SendStream is one stream that this end sends, with its retransmissions. It belongs to a Sender, whose owner alone may
// touch it.
type SendStream struct {
	// SSRC is that of the media, RTX that of retransmissions, 0 without.
	SSRC, RTX SSRC
	// Serial tells the streams of a Sender apart, also those of one SSRC after another.
	Serial uint64
	MID    MID
	RID    RID
	// User is the caller's.
	User any

	format   SendFormat
	history  *History // nil unless NACK was negotiated
	rtxSeq   uint16
	writer   ExtensionWriter
	rebase   bool // the next packet is the first of another source
	seqShift uint16
	tsShift  uint32

	written           bool
	firstSeq          uint16 // that was sent
	lastSeq           uint16
	lastTimestamp     uint32 // of the newest packet, as sent
	lastTime          time.Time
	inserted          bool      // what follows is of the packet that was inserted last
	insertedAt        time.Time // its moment
	insertedTimestamp uint32    // without the offset
	named             bool      // the peer has reported on the stream: it knows whose it is
	remote            RemoteReport
	counts            SendCounts
	reported          uint64 // packets at the last report
	quiet             int    // reports since it sent, up to 2
	firSeen           bool
	firSequence       uint8 // of the newest FIR, and who sent it
	firSender         SSRC
}

// SendFormat is what was negotiated for a stream.
type SendFormat struct {
	PayloadType PayloadType
	// RTXPayloadType is that of retransmissions of it; HasRTX without it repeats the packet itself.
	RTXPayloadType PayloadType
	HasRTX         bool
	ClockRate      uint32
	// NACK keeps what was sent for a while, to send it again (RFC 4585 section 6.2.1).
	NACK bool
	// TransportCC numbers the packets across streams; the extension must have an ID as well.
	TransportCC bool
	Extensions  Extensions
	// Allowed are the IDs of all negotiated extensions: others are taken from the packets.
	Allowed [256]bool
	// Sizes are what some of those have: what has another size is an element of another connection under the same number, and is
	// left out.
	Sizes []ElementSize
}

// ElementSize is the length of an element of a header extension in bytes: one of two.
type ElementSize struct {
	ID   uint8
	A, B uint8
}

// SendCounts are the counters of a stream, as W3C's outbound-rtp has them.
type SendCounts struct {
	Packets, PayloadBytes, HeaderBytes uint64 // retransmissions included
	Retransmitted, RetransmittedBytes  uint64
	NACKs, PLIs, FIRs                  uint32 // received
	Marked                             uint64 // packets with the marker bit: frames, for video
	LastDeparture                      time.Time
	SendDelay                          time.Duration // that the packets waited, all together
}

// RemoteReport is what the peer has reported on a stream last (RFC 3550 section 6.4.1).
type RemoteReport struct {
	At           time.Time // zero: never
	FractionLost float64   // 0 to 1, since the report before
	PacketsLost  int64     // of all
	Packets      uint64    // that have come, as far as the report tells
	Jitter       time.Duration
	HighestSeq   uint32
	RTT          time.Duration
	TotalRTT     time.Duration
	RTTs         uint64 // measurements in TotalRTT; 0: RTT is not known
}

// OutPacket is a packet on its way out.
type OutPacket struct {
	Stream *SendStream
	// Data is the RTP packet.
	Data []byte
	// Retransmission says that it was sent before.
	Retransmission bool
	// Padding says that it has no payload: a probe.
	Padding bool
	// OnRTX says that the packet is of the stream's RTX, not of its SSRC.
	OnRTX bool

	transportCC, absSendTime int    // offsets of the elements to stamp; 0: none
	number                   uint16 // that transportCC is to have; with numbered
	numbered                 bool
	at                       time.Time // when it was made
	seq                      uint16
	payload                  int // bytes
	marker                   bool
}

// Number gives the packet a transport-wide sequence number of the caller's, as that of a congestion controller of a program's. From
// the first such packet to depart on, the session numbers none itself: what it sends on its own (retransmissions, telephone
// events) has no number then, as two numberings would take each other's.
func (p *OutPacket) Number(seq uint16) { p.number, p.numbered = seq, true }

// Counts returns the counters.
func (s *SendStream) Counts() SendCounts { return s.counts }

// Remote is what the peer has reported last.
func (s *SendStream) Remote() RemoteReport { return s.remote }

// Format returns what SetFormat set.
func (s *SendStream) Format() SendFormat { return s.format }

// SetFormat sets what was negotiated. With rebase the next packet is the first of another source: its sequence number and
// timestamp are moved to follow what went before (RFC 3550 section 5.1: one numbering for each SSRC), as after ReplaceTrack.
func (s *SendStream) SetFormat(f SendFormat, rebase bool) error {
	s.format = f
	s.named = false
	s.rebase = s.rebase || rebase && s.written
	switch {
	case !f.NACK:
		s.history = nil
	case s.history == nil:
		s.history = NewHistory(HistoryLimits{})
	}
	return s.prepareWriter()
}

// Write builds a packet in dst, which needs room for it. The header's SSRC and payload type are ours, as are the header
// extensions that the session writes; h does not change.
func (s *SendStream) Write(now time.Time, dst []byte, h *rtp.Header, payload []byte) (OutPacket, error) {
	if s.rebase {
		s.follow(now, h)
	}
	out := *h
	out.SSRC, out.PayloadType = uint32(s.SSRC), uint8(s.format.PayloadType)
	out.SequenceNumber += s.seqShift
	out.Timestamp += s.tsShift
	data, err := s.writer.AppendPacket(dst[:0], &out, payload)
	if err != nil {
		return OutPacket{}, err
	}
	s.remember(now, &out)
	e := &s.format.Extensions
	return OutPacket{
		Stream: s, Data: data, at: now, seq: out.SequenceNumber, payload: len(payload), marker: h.Marker,
		transportCC: max(0, s.writer.Offset(e.TransportCC)), absSendTime: max(0, s.writer.Offset(e.AbsSendTime)),
	}, nil
}

// Insert builds a packet of the session's own, such as a telephone event (RFC 4733), between those of the track: it takes the
// next sequence number, and what is written later moves up by one. at is the moment that the packet's timestamp stands for;
// packets of one moment, as those of one event, have one timestamp (section 2.2.1), whatever the track's have done meanwhile.
func (s *SendStream) Insert(now time.Time, dst []byte, pt PayloadType, marker bool, at time.Time, offset uint32, payload []byte) (OutPacket, error) {
	if !s.written {
		s.lastTime, s.rebase = now, true // the track's numbers follow these
	}
	if !s.inserted || !at.Equal(s.insertedAt) {
		s.inserted, s.insertedAt, s.insertedTimestamp = true, at, s.timestampAt(at)
	}
	h := rtp.Header{
		Version: 2, Marker: marker, PayloadType: uint8(pt), SSRC: uint32(s.SSRC), SequenceNumber: s.lastSeq + 1,
		Timestamp: s.insertedTimestamp + offset,
	}
	data, err := s.writer.AppendPacket(dst[:0], &h, payload)
	if err != nil {
		return OutPacket{}, err
	}
	s.seqShift++
	s.number(h.SequenceNumber)
	e := &s.format.Extensions
	return OutPacket{
		Stream: s, Data: data, at: now, seq: h.SequenceNumber, payload: len(payload), marker: marker,
		transportCC: max(0, s.writer.Offset(e.TransportCC)), absSendTime: max(0, s.writer.Offset(e.AbsSendTime)),
	}, nil
}

// timestampAt is the timestamp of a moment, by that of the newest packet.
func (s *SendStream) timestampAt(at time.Time) uint32 {
	return s.lastTimestamp + uint32(int64(math.Round(at.Sub(s.lastTime).Seconds()*float64(s.format.ClockRate))))
}

// remember keeps what a later source goes on from, and what sender reports say.
func (s *SendStream) remember(now time.Time, h *rtp.Header) {
	if s.lastTime.IsZero() || int32(h.Timestamp-s.lastTimestamp) >= 0 {
		s.lastTimestamp, s.lastTime = h.Timestamp, now
	}
	if !s.written || int16(h.SequenceNumber-s.lastSeq) > 0 {
		s.number(h.SequenceNumber)
	}
}

// number notes the sequence number of the newest packet.
func (s *SendStream) number(seq uint16) {
	if !s.written {
		s.firstSeq = seq
	}
	s.lastSeq, s.written = seq, true
}

// follow makes the numbers of a new source go on from those of the one before.
func (s *SendStream) follow(now time.Time, h *rtp.Header) {
	s.rebase = false
	elapsed := uint32(max(0, now.Sub(s.lastTime).Seconds())*float64(s.format.ClockRate)) + 1
	s.seqShift = s.lastSeq + 1 - h.SequenceNumber
	s.tsShift = s.lastTimestamp + elapsed - h.Timestamp
}

// prepareWriter sets which elements of a header extension are ours, and which of the application's are left out because they
// were not negotiated: the same number may mean something else on another connection. MID and RID are written until the peer
// has reported on the stream (RFC 9143 section 9.3, RFC 8852 section 3.3); from then on the SSRC is enough. Layers go on to write both:
// their retransmissions, whose SSRC nobody has signalled, take them from the packet.
func (s *SendStream) prepareWriter() error {
	w, e := &s.writer, &s.format.Extensions
	w.AllowTwoByte = e.AllowTwoByte
	w.Reset()
	unknown := !s.named || s.RID != ""
	for id := range s.format.Allowed {
		if !s.format.Allowed[id] {
			w.Drop(uint8(id))
		}
	}
	for _, size := range s.format.Sizes {
		w.Expect(size)
	}
	for _, own := range []struct {
		id   uint8
		data []byte
		set  bool
	}{
		{e.MID, []byte(s.MID), unknown && s.MID != ""},
		{e.RID, []byte(s.RID), unknown && s.RID != ""},
		{e.RepairedRID, nil, false},
		{e.TransportCC, stampRoom[:2], s.format.TransportCC},
		{e.AbsSendTime, stampRoom[:3], true},
	} {
		if own.id == 0 {
			continue
		}
		w.Drop(own.id) // what a forwarded packet has is of another connection
		if !own.set {
			continue
		}
		if err := w.Set(own.id, own.data); err != nil {
			return err
		}
	}
	return nil
}

// stampRoom holds the place of what is only known when a packet leaves.
var stampRoom [3]byte
