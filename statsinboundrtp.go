package webrtc

import (
	"strconv"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
)

// InboundRTPStreamStats are the numbers of a stream that is received (webrtc-stats
// section 8.5, RTCInboundRtpStreamStats), from its first packet on. Retransmissions
// and protection, which have SSRCs of their own, are counted with the stream that
// they are for. What only a decoder or a jitter buffer knows is not here.
type InboundRTPStreamStats struct {
	// Timestamp is when the numbers were taken.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeInboundRTP.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// TrackIdentifier is TrackRemote.ID.
	TrackIdentifier string `json:"trackIdentifier"`
	// Mid is that of the transceiver.
	Mid string `json:"mid,omitempty"`
	// Rid is that of the simulcast layer; "" without simulcast. Pion's member.
	Rid string `json:"rid,omitempty"`
	// SSRC is that of the media.
	SSRC SSRC `json:"ssrc"`
	// Kind is "audio" or "video".
	Kind string `json:"kind"`
	// TransportID refers to the transport.
	TransportID string `json:"transportId"`
	// CodecID refers to the codec of the newest packet.
	CodecID string `json:"codecId,omitempty"`
	// RemoteID refers to what the peer says of the stream; "" before its first
	// sender report.
	RemoteID string `json:"remoteId,omitempty"`

	// PacketsReceived counts the packets that came, retransmissions, protection and
	// duplicates included.
	PacketsReceived uint64 `json:"packetsReceived"`
	// PacketsLost is how many packets of the SSRC were expected and did not come (RFC
	// 3550 section 6.4.1), also where RTX, under another SSRC, has brought them. It is
	// negative where more came than were expected: duplicates.
	PacketsLost int64 `json:"packetsLost"`
	// Jitter is that of RFC 3550 section 6.4.1, in seconds.
	Jitter float64 `json:"jitter"`
	// BytesReceived are those of PacketsReceived's payloads.
	BytesReceived uint64 `json:"bytesReceived"`
	// HeaderBytesReceived are those of PacketsReceived's headers and padding. Both
	// together are what SRTP protected.
	HeaderBytesReceived uint64 `json:"headerBytesReceived"`
	// LastPacketReceivedTimestamp is when the last of PacketsReceived came.
	LastPacketReceivedTimestamp StatsTimestamp `json:"lastPacketReceivedTimestamp,omitempty"`
	// RetransmittedPacketsReceived counts those of PacketsReceived that came as RTX;
	// nil without it, as nothing else tells them.
	RetransmittedPacketsReceived *uint64 `json:"retransmittedPacketsReceived,omitempty"`
	// RetransmittedBytesReceived are those of their payloads.
	RetransmittedBytesReceived *uint64 `json:"retransmittedBytesReceived,omitempty"`
	// RTXSSRC is the SSRC of retransmissions; nil until one has come.
	RTXSSRC *SSRC `json:"rtxSsrc,omitempty"`
	// FECPacketsReceived counts those of PacketsReceived that protect others; nil
	// where no such codec was negotiated.
	FECPacketsReceived *uint64 `json:"fecPacketsReceived,omitempty"`
	// FECBytesReceived are those of their payloads.
	FECBytesReceived *uint64 `json:"fecBytesReceived,omitempty"`
	// FECSSRC is the SSRC of packets that protect others; nil until one has come
	// under an SSRC of its own.
	FECSSRC *SSRC `json:"fecSsrc,omitempty"`

	// PacketsDiscarded counts packets that came and that nobody read in time, so that
	// newer ones took their place: there is no other jitter buffer here.
	PacketsDiscarded uint64 `json:"packetsDiscarded"`
	// FramesReceived counts the frames of which all packets have come, by the marker
	// bit; nil for audio, and for codecs whose format does not set that.
	FramesReceived *uint32 `json:"framesReceived,omitempty"`

	// NACKCount counts the NACK packets that were sent (RFC 4585 section 6.2.1).
	NACKCount uint32 `json:"nackCount"`
	// FIRCount counts the FIR packets that were sent (RFC 5104 section 4.3.1); nil
	// for audio. As for the others, what WriteRTCP sends does not count.
	FIRCount *uint32 `json:"firCount,omitempty"`
	// PLICount counts the PLI packets that were sent (RFC 4585 section 6.3.1); nil
	// for audio.
	PLICount *uint32 `json:"pliCount,omitempty"`

	// EstimatedPlayoutTimestamp is the time on the peer's clock that the stream is
	// at: when its newest media was captured, by the sender report, and what has
	// passed since that came; 0 before a report. The difference between two tracks
	// of a peer is by how much they are out of step.
	EstimatedPlayoutTimestamp StatsTimestamp `json:"estimatedPlayoutTimestamp,omitempty"`
	// AudioLevel is what the newest packet says of its loudness (RFC 6464), from 0,
	// silence, to 1, overload, linear; nil where it does not, and for video.
	AudioLevel *float64 `json:"audioLevel,omitempty"`
}

func (InboundRTPStreamStats) statsMarker()      {}
func (s InboundRTPStreamStats) entryID() string { return s.ID }
func (s InboundRTPStreamStats) references() []string {
	return statsRefs(s.TransportID, s.CodecID, s.RemoteID)
}

// inboundNumbers are what the lane knows of a stream, copied under its lock.
type inboundNumbers struct {
	track          *TrackRemote
	ssrc, rtx, fec rtpsession.SSRC
	serial         uint64
	payloadType    rtpsession.PayloadType
	counts         rtpsession.ReceiveCounts
	reception      rtpsession.ReceptionStats
	hasRTX, hasFEC bool
	level          *float64
	playout        time.Time // on the sender's clock; zero: not known
	frames         *uint32   // nil where they are not known
	discarded      uint64
}

// numbers copies what is known of the streams that have a track, those that are not
// received at the moment too, as long as they may be again.
func (in *rtpInbound) numbers(now time.Time) []inboundNumbers {
	in.mu.Lock()
	defer in.mu.Unlock()
	var all []inboundNumbers
	streams := in.receiver.Streams()
	for _, s := range append(streams[:len(streams):len(streams)], in.receiver.Dormant()...) {
		to, ok := s.User.(*received)
		if !ok || s.Dormant() && to.track.newest().ended {
			continue
		}
		n := inboundNumbers{
			track: to.track, ssrc: s.SSRC, rtx: s.RTX, fec: s.FEC, serial: s.Serial, payloadType: s.Codec.PayloadType,
			counts: s.Counts(), reception: s.Reception.Stats(), hasRTX: s.HasRTX(), hasFEC: s.HasFEC(),
		}
		if level, _, ok := s.AudioLevel(); ok {
			n.level = linearLevel(level)
		}
		n.playout, _ = s.PlayoutTime(now)
		n.discarded = to.track.packets.discarded() - to.discarded
		if s.Codec.Frames {
			frames := uint32(s.Frames())
			n.frames = &frames
		}
		all = append(all, n)
	}
	return all
}

// collectInbound adds the streams that come over the transport, with what the peer
// says of them. On the loop.
func (t *rtpTransport) collectInbound(c *statsCollector, now time.Time) {
	for _, n := range t.in.numbers(now) {
		receiver := n.track.receiver
		s := n.stats(c.now, t.statsID+"-I"+strconv.FormatUint(n.serial, 10), t.dtls.ice.statsID)
		if codec, ok := receiver.codecOf(n.payloadType); ok {
			s.CodecID = c.addCodec(s.TransportID, codec)
		}
		if n.reception.SenderReports > 0 {
			remote := n.remote(&s)
			s.RemoteID = remote.ID
			c.add(remote)
		}
		c.addOwned(receiver, s)
	}
}

// stats are the numbers in W3C's terms, without what belongs to other entries.
func (n *inboundNumbers) stats(now StatsTimestamp, id, transportID string) InboundRTPStreamStats {
	track, transceiver := n.track.newest(), n.track.receiver.transceiver
	s := InboundRTPStreamStats{
		Timestamp: now, Type: StatsTypeInboundRTP, ID: id,
		TrackIdentifier: track.id, Mid: transceiver.published.latest().mid, Rid: track.rid,
		SSRC: SSRC(n.ssrc), Kind: transceiver.kind.String(), TransportID: transportID,
		PacketsReceived: n.counts.Packets, PacketsLost: n.reception.PacketsLost, Jitter: n.reception.Jitter.Seconds(),
		BytesReceived: n.counts.PayloadBytes, HeaderBytesReceived: n.counts.HeaderBytes,
		LastPacketReceivedTimestamp: newStatsTimestamp(n.counts.LastArrival),
		NACKCount:                   n.counts.NACKs,
		PacketsDiscarded:            n.discarded, FramesReceived: n.frames,
		EstimatedPlayoutTimestamp: newStatsTimestamp(n.playout),
	}
	if n.hasRTX {
		s.RetransmittedPacketsReceived, s.RetransmittedBytesReceived = &n.counts.Retransmitted, &n.counts.RetransmittedBytes
		s.RTXSSRC = statsSSRC(n.rtx)
	}
	if n.hasFEC {
		s.FECPacketsReceived, s.FECBytesReceived = &n.counts.FEC, &n.counts.FECBytes
		s.FECSSRC = statsSSRC(n.fec)
	}
	if transceiver.kind == RTPCodecTypeAudio {
		s.AudioLevel = n.level
	} else {
		s.FIRCount, s.PLICount = &n.counts.FIRs, &n.counts.PLIs
	}
	return s
}

// statsSSRC is nil for an SSRC that is not known.
func statsSSRC(ssrc rtpsession.SSRC) *SSRC {
	if ssrc == 0 {
		return nil
	}
	known := SSRC(ssrc)
	return &known
}
