package rtpsession

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// Sender is the sending half of what one transport carries: it numbers, stamps, counts and remembers what goes out, answers
// NACKs, and reads what the peer reports. It is a machine without lock, owned by the transport's outbound lane.
type Sender struct {
	streams []*SendStream
	bySSRC  map[SSRC]*SendStream // of media and of retransmissions
	serial  uint64               // of the newest stream

	transportSeq uint16 // of the next packet (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2)
	numbersGiven bool   // packets come with numbers, see OutPacket.Number
	resend       []resendRequest
	events       []SendEvent
	dueStreams   []*SendStream // that have to report yet
	dueBlocks    []ReportBlock // that have to be sent yet
	dueLocal     SSRC
	dueEmpty     bool // a report without content is due
	interval     *Interval
	seed         uint64
	cname        string
	rtt          time.Duration
	remb         uint64
	hasREMB      bool // since TakeREMB
	expected     int  // of the packets that report blocks spoke of since TakeLoss
	lost         int
}

// SendEvent is something that the peer asked of a stream.
type SendEvent struct {
	Stream   *SendStream
	Keyframe bool // PLI or FIR (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1)
}

// resendRequest is a packet that a NACK asked for.
type resendRequest struct {
	stream *SendStream
	seq    uint16
}

// maxResends bounds what waits to be sent again.
const maxResends = 1024

// NewSender makes one without streams. firstSeq is the first transport-wide sequence number, which should be random.
func NewSender(firstSeq uint16) *Sender {
	s := &Sender{bySSRC: make(map[SSRC]*SendStream), transportSeq: firstSeq, seed: uint64(firstSeq)}
	s.interval = NewInterval(AudioReportInterval, s.seed)
	return s
}

// Add makes a stream. rtxSeq is the first sequence number of its retransmissions, which should be random.
func (s *Sender) Add(ssrc, rtx SSRC, mid MID, rid RID, rtxSeq uint16) *SendStream {
	s.serial++
	stream := &SendStream{
		SSRC: ssrc, RTX: rtx, Serial: s.serial, MID: mid, RID: rid, rtxSeq: rtxSeq, lastSeq: rtxSeq, lastTimestamp: uint32(ssrc),
	}
	s.streams = append(s.streams, stream)
	s.bySSRC[ssrc] = stream
	if rtx != 0 {
		s.bySSRC[rtx] = stream
	}
	return stream
}

// Remove ends a stream and appends the BYE that says so to dst, nothing for a stream that never sent (RFC 3550 section 6.3.7).
func (s *Sender) Remove(stream *SendStream, dst []byte) []byte {
	is := func(other *SendStream) bool { return other == stream }
	s.streams = slices.DeleteFunc(s.streams, is)
	s.dueStreams = slices.DeleteFunc(s.dueStreams, is)
	s.resend = slices.DeleteFunc(s.resend, func(r resendRequest) bool { return r.stream == stream })
	s.events = slices.DeleteFunc(s.events, func(e SendEvent) bool { return e.Stream == stream })
	for ssrc, other := range s.bySSRC {
		if other == stream {
			delete(s.bySSRC, ssrc)
		}
	}
	if stream.counts.Packets == 0 {
		return dst
	}
	return s.appendBye(dst, stream)
}

// Streams lists the streams. The slice must not be changed or kept.
func (s *Sender) Streams() []*SendStream { return s.streams }

// Stream finds a stream by its SSRC, or that of its retransmissions, or returns nil.
func (s *Sender) Stream(ssrc SSRC) *SendStream { return s.bySSRC[ssrc] }

// RTT is the newest round-trip time that reports gave, 0 before.
func (s *Sender) RTT() time.Duration { return s.rtt }

// Depart stamps a packet that leaves now, counts it, and keeps it for a NACK. It is the last change of the packet: one that is
// repeated as it was must be the same to the octet, as SRTP would use one key stream for two packets otherwise. numbered says
// that it has a transport-wide sequence number, seq.
func (s *Sender) Depart(now time.Time, p *OutPacket) (seq uint16, numbered bool) {
	stream := p.Stream
	if p.transportCC > 0 {
		seq, numbered = s.stamp(p)
	}
	if p.absSendTime > 0 {
		putAbsSendTime(p.Data[p.absSendTime:], now)
	}
	c := &stream.counts
	c.Packets++
	c.PayloadBytes += uint64(p.payload)
	c.HeaderBytes += uint64(len(p.Data) - p.payload)
	c.LastDeparture = now
	c.SendDelay += max(0, now.Sub(p.at))
	if p.Retransmission {
		c.Retransmitted++
		c.RetransmittedBytes += uint64(p.payload)
		return seq, numbered
	}
	if p.marker {
		c.Marked++
	}
	if stream.history != nil {
		stream.history.Store(now, p.seq, p.Data)
	}
	return seq, numbered
}

// stamp writes the transport-wide sequence number. Where that is the program's business, packets of the session's own have none: the
// element becomes padding (RFC 8285 section 4.1.2).
func (s *Sender) stamp(p *OutPacket) (seq uint16, numbered bool) {
	s.numbersGiven = s.numbersGiven || p.numbered
	switch {
	case p.numbered:
		seq = p.number
	case s.numbersGiven:
		heading := 1
		if h, err := ParseHeader(p.Data); err == nil && h.ExtensionProfile != profileOneByte {
			heading = 2
		}
		clear(p.Data[p.transportCC-heading : p.transportCC+2])
		return 0, false
	default:
		seq = s.transportSeq
		s.transportSeq++
	}
	binary.BigEndian.PutUint16(p.Data[p.transportCC:], seq)
	return seq, true
}

// putAbsSendTime writes 24 bits of seconds in 6.18 fixed point
// (http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time).
func putAbsSendTime(b []byte, now time.Time) {
	ntp := NTPTime(now)
	v := uint32(ntp >> 14)
	b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v)
}

// HandleRTCP takes what concerns the streams that are sent: reports, NACKs, requests for keyframes, REMB. Transport-wide
// feedback is not its business.
func (s *Sender) HandleRTCP(now time.Time, packets []rtcp.Packet) {
	for _, packet := range packets {
		switch p := packet.(type) {
		case *rtcp.SenderReport:
			s.handleReports(now, p.Reports)
		case *rtcp.ReceiverReport:
			s.handleReports(now, p.Reports)
		case *rtcp.TransportLayerNack:
			s.handleNack(p)
		case *rtcp.PictureLossIndication:
			if stream := s.bySSRC[SSRC(p.MediaSSRC)]; stream != nil {
				stream.counts.PLIs++
				s.events = append(s.events, SendEvent{Stream: stream, Keyframe: true})
			}
		case *rtcp.FullIntraRequest:
			s.handleFIR(p)
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			s.remb, s.hasREMB = uint64(min(max(p.Bitrate, 0), maxREMB)), true
		}
	}
	if len(s.events) > maxEvents {
		s.events = s.events[len(s.events)-maxEvents:]
	}
}

const maxEvents = 256

// maxREMB is more than any path has, in bits/s: the format goes up to 2^81 (draft-alvestrand-rmcat-remb-03 section 2.2).
const maxREMB = 1 << 50

// handleFIR takes the entries that are for our streams. One with the sequence number of the one before is that again (RFC
// 5104 section 4.3.1.1), and its keyframe is on the way.
func (s *Sender) handleFIR(p *rtcp.FullIntraRequest) {
	for _, entry := range p.FIR {
		if stream := s.bySSRC[SSRC(entry.SSRC)]; stream != nil {
			stream.counts.FIRs++
			if stream.firSeen && stream.firSequence == entry.SequenceNumber && stream.firSender == SSRC(p.SenderSSRC) {
				continue
			}
			stream.firSeen, stream.firSequence, stream.firSender = true, entry.SequenceNumber, SSRC(p.SenderSSRC)
			s.events = append(s.events, SendEvent{Stream: stream, Keyframe: true})
		}
	}
}

// handleNack queues what a NACK asks for (RFC 4585 section 6.2.1).
func (s *Sender) handleNack(p *rtcp.TransportLayerNack) {
	stream := s.bySSRC[SSRC(p.MediaSSRC)]
	if stream == nil || stream.SSRC != SSRC(p.MediaSSRC) {
		return // retransmissions are not repeated: the packet inside is asked for again
	}
	stream.counts.NACKs++
	for _, pair := range p.Nacks {
		pair.Range(func(seq uint16) bool {
			if len(s.resend) < maxResends {
				s.resend = append(s.resend, resendRequest{stream, seq})
			}
			return true
		})
	}
}

// NextResend builds a packet that was asked for in dst, as a retransmission (RFC 4588) where that was negotiated, as it was
// otherwise. ok is false when there is none left.
func (s *Sender) NextResend(now time.Time, dst []byte) (p OutPacket, ok bool) {
	for len(s.resend) > 0 {
		request := s.resend[0]
		s.resend = s.resend[1:]
		stream := request.stream
		if stream.history == nil {
			continue
		}
		packet, found := stream.history.Get(now, request.seq)
		if !found {
			continue
		}
		if p, ok = stream.repeat(now, dst, packet, request.seq); ok {
			return p, true
		}
	}
	s.resend = nil
	return OutPacket{}, false
}

// repeat makes the retransmission of a packet.
func (s *SendStream) repeat(now time.Time, dst, packet []byte, seq uint16) (OutPacket, bool) {
	if !s.format.HasRTX || s.RTX == 0 {
		h, err := ParseHeader(packet)
		return OutPacket{
			Stream: s, Data: append(dst[:0], packet...), Retransmission: true, at: now, seq: seq, payload: payloadSize(&h, packet),
		}, err == nil
	}
	if PayloadType(packet[1]&0x7F) != s.format.PayloadType {
		return OutPacket{}, false // of a codec before: the retransmissions' payload type stands for one only (RFC 4588 section 8.1)
	}
	data, err := AppendRTX(dst[:0], packet, s.RTX, s.format.RTXPayloadType, s.rtxSeq, RTXExtensions{RID: s.format.Extensions.RID, RepairedRID: s.format.Extensions.RepairedRID})
	if err != nil {
		return OutPacket{}, false
	}
	h, err := ParseHeader(data)
	if err != nil {
		return OutPacket{}, false
	}
	s.rtxSeq++
	e := &s.format.Extensions
	return OutPacket{
		Stream: s, Data: data, Retransmission: true, OnRTX: true, at: now, seq: h.SequenceNumber, payload: payloadSize(&h, data),
		transportCC: h.offset(data, e.TransportCC), absSendTime: h.offset(data, e.AbsSendTime),
	}, true
}

// offset is where the data of an element begins, 0 where it is not there.
func (h *Header) offset(packet []byte, id uint8) int {
	elements := h.Elements(packet)
	for {
		switch e, ok := elements.Next(); {
		case !ok:
			return 0
		case e.ID == id && id != 0:
			return h.PayloadOffset - len(elements.rest) - len(e.Data)
		}
	}
}

// NextEvent returns what the peer asked for.
func (s *Sender) NextEvent() (SendEvent, bool) {
	if len(s.events) == 0 {
		return SendEvent{}, false
	}
	e := s.events[0]
	s.events = s.events[1:]
	return e, true
}

// handleReports takes the report blocks about our streams (RFC 3550 section 6.4.1).
func (s *Sender) handleReports(now time.Time, blocks []rtcp.ReceptionReport) {
	for _, b := range blocks {
		stream := s.bySSRC[SSRC(b.SSRC)]
		if stream == nil || stream.SSRC != SSRC(b.SSRC) {
			continue
		}
		expected, lost := stream.report(now, b)
		s.expected += expected
		s.lost += lost
		if rtt, ok := RoundTrip(now, b.LastSenderReport, b.Delay); ok && rtt > 0 {
			s.setRTT(rtt)
		}
	}
}

// setRTT takes a new round-trip time, which bounds how often a packet is sent again.
func (s *Sender) setRTT(rtt time.Duration) {
	s.rtt = rtt
	for _, stream := range s.streams {
		if stream.history != nil {
			stream.history.SetRTT(rtt)
		}
	}
}

// report keeps a report block. The round-trip time is what has passed since the sender report that it names, without the
// peer's own delay; statistics count none whose delay is 0 (webrtc-stats, roundTripTime).
func (s *SendStream) report(now time.Time, b rtcp.ReceptionReport) (expected, lost int) {
	if !s.named {
		s.named = true
		_ = s.prepareWriter() // takes elements away only
	}
	r := &s.remote
	if !r.At.IsZero() {
		expected = int(int32(b.LastSequenceNumber - r.HighestSeq))
		lost = int(signed24(b.TotalLost) - r.PacketsLost)
	}
	if expected < 0 || lost < 0 || lost > expected {
		expected, lost = max(0, expected), 0
	}
	r.At = now
	r.FractionLost = float64(b.FractionLost) / 256
	r.PacketsLost = signed24(b.TotalLost)
	r.HighestSeq = b.LastSequenceNumber
	r.Packets = s.arrived(b.LastSequenceNumber, r.PacketsLost)
	if s.format.ClockRate > 0 {
		r.Jitter = time.Duration(uint64(b.Jitter) * uint64(time.Second) / uint64(s.format.ClockRate))
	}
	if rtt, ok := RoundTrip(now, b.LastSenderReport, b.Delay); ok && b.Delay != 0 {
		r.RTT = rtt
		r.TotalRTT += rtt
		r.RTTs++
	}
	return expected, lost
}

// arrived is how many packets have come to the peer, which counts the wraps of the sequence number from its own first packet on.
func (s *SendStream) arrived(highest uint32, lost int64) uint64 {
	sent := int64(highest) - int64(s.firstSeq) + 1
	if sent < 0 {
		sent += 1 << 16
	}
	return uint64(max(0, sent-lost))
}

// TakeLoss returns how many packets the peer's reports expected since the call before, and how many of them were lost.
func (s *Sender) TakeLoss() (expected, lost int) {
	expected, lost = s.expected, s.lost
	s.expected, s.lost = 0, 0
	return expected, lost
}

// TakeREMB returns the receiver's own estimate, in bits/s, if one came since the call before.
func (s *Sender) TakeREMB() (limit uint64, ok bool) {
	ok, s.hasREMB = s.hasREMB, false
	return s.remb, ok
}

// CanPad reports whether Padding can make packets: there is a stream with retransmissions, which may be repeated or empty
// without harm, and whose header extension numbers them.
func (s *Sender) CanPad() bool { return s.padded() != nil }

func (s *Sender) padded() *SendStream {
	for _, stream := range s.streams {
		f := &stream.format
		if !s.numbersGiven && stream.written && stream.RTX != 0 && f.HasRTX && f.TransportCC && f.Extensions.TransportCC != 0 {
			return stream
		}
	}
	return nil
}

// maxPadding is the most that one packet is padded with: its count has eight bits (RFC 3550 section 5.1).
const maxPadding = 255

// Padding makes a packet that probes the path, of about size bytes at the most: the newest packet again, which the peer can
// use if it was lost, or one without payload.
func (s *Sender) Padding(now time.Time, dst []byte, size int) (OutPacket, bool) {
	stream := s.padded()
	if stream == nil {
		return OutPacket{}, false
	}
	if stream.history != nil && size > maxPadding {
		if packet, ok := stream.history.Latest(now); ok {
			if p, ok := stream.repeat(now, dst, packet, 0); ok && p.transportCC > 0 {
				p.Padding = true
				return p, true
			}
		}
	}
	return stream.empty(now, dst, size)
}

// empty makes a retransmission without an original.
func (s *SendStream) empty(now time.Time, dst []byte, size int) (OutPacket, bool) {
	h := rtp.Header{
		Version: 2, SSRC: uint32(s.RTX), PayloadType: uint8(s.format.RTXPayloadType), SequenceNumber: s.rtxSeq,
		Timestamp: s.lastTimestamp, PaddingSize: uint8(min(max(size, 1), maxPadding)),
	}
	data, err := s.writer.AppendPacket(dst[:0], &h, nil)
	if err != nil {
		return OutPacket{}, false
	}
	s.rtxSeq++
	e := &s.format.Extensions
	if written, err := ParseHeader(data); err == nil && e.RID != 0 {
		repair(&written, data[:written.PayloadOffset], RTXExtensions{RID: e.RID, RepairedRID: e.RepairedRID})
	}
	return OutPacket{
		Stream: s, Data: data, Retransmission: true, Padding: true, OnRTX: true, at: now, seq: h.SequenceNumber,
		transportCC: max(0, s.writer.Offset(e.TransportCC)), absSendTime: max(0, s.writer.Offset(e.AbsSendTime)),
	}, true
}

func signed24(v uint32) int64 { return int64(int32(v<<8) >> 8) }
