package webrtc

import (
	"strconv"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
)

// OutboundRTPStreamStats are the numbers of a stream that is sent (webrtc-stats
// section 8.8, RTCOutboundRtpStreamStats), from the negotiation of its sender on:
// one for each encoding. Retransmissions, which have an SSRC of their own, are
// counted with it. What only an encoder knows is not here.
type OutboundRTPStreamStats struct {
	// Timestamp is when the numbers were taken.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeOutboundRTP.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// Mid is that of the transceiver.
	Mid string `json:"mid,omitempty"`
	// Rid is that of the simulcast layer; "" without simulcast.
	Rid string `json:"rid,omitempty"`
	// EncodingIndex is the place in RTPSendParameters.Encodings; nil for audio.
	EncodingIndex *uint32 `json:"encodingIndex,omitempty"`
	// MediaSourceID refers to the track that is attached; "" for none.
	MediaSourceID string `json:"mediaSourceId,omitempty"`
	// SSRC is that of the media.
	SSRC SSRC `json:"ssrc"`
	// Kind is "audio" or "video".
	Kind string `json:"kind"`
	// TransportID refers to the transport.
	TransportID string `json:"transportId"`
	// CodecID refers to the codec; "" while there is none.
	CodecID string `json:"codecId,omitempty"`
	// RemoteID refers to what the peer says of the stream; "" before its first
	// report.
	RemoteID string `json:"remoteId,omitempty"`

	// PacketsSent counts the packets that left, retransmissions and what probes the
	// path included.
	PacketsSent uint64 `json:"packetsSent"`
	// BytesSent are those of PacketsSent's payloads.
	BytesSent uint64 `json:"bytesSent"`
	// HeaderBytesSent are those of PacketsSent's headers and padding. Both together
	// are what SRTP protects.
	HeaderBytesSent uint64 `json:"headerBytesSent"`
	// LastPacketSentTimestamp is when the last of PacketsSent left; 0 before the
	// first. Pion's member; W3C has it no longer.
	LastPacketSentTimestamp StatsTimestamp `json:"lastPacketSentTimestamp,omitempty"`
	// RetransmittedPacketsSent counts those of PacketsSent that had been sent
	// before; with RTX also the empty ones that probe the path.
	RetransmittedPacketsSent uint64 `json:"retransmittedPacketsSent"`
	// RetransmittedBytesSent are those of their payloads.
	RetransmittedBytesSent uint64 `json:"retransmittedBytesSent"`
	// RTXSSRC is the SSRC of retransmissions; nil without RTX.
	RTXSSRC *SSRC `json:"rtxSsrc,omitempty"`
	// FramesSent counts the packets with the marker bit: the payload formats of VP8,
	// VP9, H.264, H.265 and AV1 set it on the last one of a frame. It is nil for
	// audio and other codecs.
	FramesSent *uint32 `json:"framesSent,omitempty"`
	// TotalPacketSendDelay is for how long all of PacketsSent waited to leave, from
	// when the track wrote them or they were asked for again, in seconds.
	TotalPacketSendDelay float64 `json:"totalPacketSendDelay"`
	// TargetBitrate is what an encoder should make of payload, in bit/s: the share of
	// PeerConnection.OnTargetBitrate without the headers, as far as they have been so
	// far; nil before there is an estimate.
	TargetBitrate *float64 `json:"targetBitrate,omitempty"`
	// Active is RTPEncodingParameters.Active.
	Active bool `json:"active"`

	// NACKCount counts the NACK packets that came (RFC 4585 section 6.2.1).
	NACKCount uint32 `json:"nackCount"`
	// FIRCount counts the FIR packets that came (RFC 5104 section 4.3.1); nil for
	// audio.
	FIRCount *uint32 `json:"firCount,omitempty"`
	// PLICount counts the PLI packets that came (RFC 4585 section 6.3.1); nil for
	// audio.
	PLICount *uint32 `json:"pliCount,omitempty"`
}

func (OutboundRTPStreamStats) statsMarker()      {}
func (s OutboundRTPStreamStats) entryID() string { return s.ID }
func (s OutboundRTPStreamStats) references() []string {
	return statsRefs(s.MediaSourceID, s.TransportID, s.CodecID, s.RemoteID)
}

// outboundNumbers are what the lane knows of a stream, copied under its lock.
type outboundNumbers struct {
	ssrc, rtx   rtpsession.SSRC
	serial      uint64
	payloadType rtpsession.PayloadType
	formed      bool // there is a payload type
	counts      rtpsession.SendCounts
	remote      rtpsession.RemoteReport
	overhead    int // of SRTP, UDP and IP, a packet
}

func (t *rtpTransport) outboundNumbers(s *rtpsession.SendStream) outboundNumbers {
	n := outboundNumbers{overhead: t.overhead()}
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	f := s.Format()
	n.ssrc, n.serial, n.counts, n.remote = s.SSRC, s.Serial, s.Counts(), s.Remote()
	n.payloadType, n.formed = f.PayloadType, f.ClockRate != 0
	if f.HasRTX {
		n.rtx = s.RTX
	}
	return n
}

// collectOutbound adds the streams of a sender, with what the peer says of them.
// On the loop.
func (s *RTPSender) collectOutbound(c *statsCollector) {
	for i, e := range s.flows {
		over, ok := e.counted()
		if !ok || i >= len(s.encodings) {
			continue
		}
		n := over.transport.outboundNumbers(over.stream)
		stats := s.outboundStats(c.now, i, &n)
		stats.ID = over.transport.statsID + "-O" + strconv.FormatUint(n.serial, 10)
		stats.TransportID = over.transport.dtls.ice.statsID
		if codec, ok := codecOfType(s.published.latest().parameters.Codecs, PayloadType(n.payloadType)); ok && n.formed {
			stats.CodecID = c.addCodec(stats.TransportID, codec)
			if stats.FramesSent != nil && !codec.marksFrames() {
				stats.FramesSent = nil
			}
		}
		if !n.remote.At.IsZero() {
			remote := n.remoteStats(&stats)
			stats.RemoteID = remote.ID
			c.add(remote)
		}
		c.addOwned(s, stats)
	}
}

// outboundStats are the numbers of an encoding in W3C's terms, without what belongs
// to other entries.
func (s *RTPSender) outboundStats(now StatsTimestamp, encoding int, n *outboundNumbers) OutboundRTPStreamStats {
	pc, e := s.transceiver.pc, &s.encodings[encoding]
	stats := OutboundRTPStreamStats{
		Timestamp: now, Type: StatsTypeOutboundRTP,
		Mid: s.transceiver.published.latest().mid, Rid: e.RID, MediaSourceID: pc.sources.id(s.trackOf(encoding)),
		SSRC: SSRC(n.ssrc), Kind: s.transceiver.kind.String(),
		PacketsSent: n.counts.Packets, BytesSent: n.counts.PayloadBytes, HeaderBytesSent: n.counts.HeaderBytes,
		LastPacketSentTimestamp:  newStatsTimestamp(n.counts.LastDeparture),
		RetransmittedPacketsSent: n.counts.Retransmitted, RetransmittedBytesSent: n.counts.RetransmittedBytes,
		RTXSSRC: statsSSRC(n.rtx), TotalPacketSendDelay: n.counts.SendDelay.Seconds(),
		Active: e.Active == nil || *e.Active, NACKCount: n.counts.NACKs,
	}
	for _, share := range pc.target.latest().Encodings {
		if share.Sender == s && share.RID == e.RID {
			payload := float64(share.Bitrate) * n.payloadShare()
			stats.TargetBitrate = &payload
		}
	}
	if s.transceiver.kind == RTPCodecTypeVideo {
		index, frames := uint32(encoding), uint32(n.counts.Marked)
		stats.EncodingIndex, stats.FramesSent = &index, &frames
		stats.FIRCount, stats.PLICount = &n.counts.FIRs, &n.counts.PLIs
	}
	return stats
}

// marksFrames reports whether the payload format sets the marker bit on the last
// packet of each frame: RFC 7741 section 4.1, RFC 9628 section 4.1, RFC 6184 section
// 5.1, RFC 7798 section 4.1, and the RTP payload format of AV1, section 4.2.
func (c RTPCodecCapability) marksFrames() bool {
	return c.is(MimeTypeVP8) || c.is(MimeTypeVP9) || c.is(MimeTypeH264) || c.is(MimeTypeH265) || c.is(MimeTypeAV1)
}

// payloadShare is how much of what media has taken of the path was payload.
func (n *outboundNumbers) payloadShare() float64 {
	packets := n.counts.Packets - n.counts.Retransmitted
	if packets == 0 {
		return 1
	}
	payload := float64(n.counts.PayloadBytes - n.counts.RetransmittedBytes)
	headers := float64(n.counts.HeaderBytes)/float64(n.counts.Packets) + float64(n.overhead)
	return payload / (payload + float64(packets)*headers)
}

// overhead is what a packet has besides RTP: SRTP, UDP and IPv4.
func (t *rtpTransport) overhead() int {
	if keys := t.out.keys.Load(); keys != nil {
		return keys.Profile().RTPOverhead() + ipOverhead
	}
	return ipOverhead
}

// availableBitrate is the estimate of the path without the headers of UDP and IP,
// as far as they have been so far; nil before there is one. On the loop.
func (t *rtpTransport) availableBitrate() *float64 {
	if t.allocation.target == 0 {
		return nil
	}
	var packets, bytes float64
	t.out.mu.Lock()
	for _, s := range t.out.sender.Streams() {
		counts := s.Counts()
		packets += float64(counts.Packets)
		bytes += float64(counts.PayloadBytes + counts.HeaderBytes)
	}
	t.out.mu.Unlock()
	available := float64(t.allocation.target)
	if packets > 0 {
		whole := bytes + packets*float64(t.overhead())
		available *= (whole - packets*ipOverhead) / whole
	}
	return &available
}

// collectStreams adds the RTP streams of both directions, and what they come from.
// On the loop.
func (pc *PeerConnection) collectStreams(c *statsCollector, now time.Time) {
	for _, t := range pc.transports {
		t.dtls.rtp.collectInbound(c, now)
	}
	for _, t := range pc.transceivers {
		t.sender.collectOutbound(c)
	}
	pc.sources.collect(c)
}
