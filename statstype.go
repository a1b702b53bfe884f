package webrtc

import (
	"math"
	"time"
)

// StatsType says what kind of object a Stats describes (webrtc-stats section 7.1,
// RTCStatsType).
type StatsType string

// The kinds of objects.
const (
	// StatsTypeCodec is a codec in use.
	StatsTypeCodec StatsType = "codec"
	// StatsTypeInboundRTP is an RTP stream that is received.
	StatsTypeInboundRTP StatsType = "inbound-rtp"
	// StatsTypeOutboundRTP is an RTP stream that is sent.
	StatsTypeOutboundRTP StatsType = "outbound-rtp"
	// StatsTypeRemoteInboundRTP is a stream of this end as the peer receives it.
	StatsTypeRemoteInboundRTP StatsType = "remote-inbound-rtp"
	// StatsTypeRemoteOutboundRTP is a stream of the peer as it sends it.
	StatsTypeRemoteOutboundRTP StatsType = "remote-outbound-rtp"
	// StatsTypeMediaSource is what a sender's track comes from.
	StatsTypeMediaSource StatsType = "media-source"
	// StatsTypeMediaPlayout is where audio is played.
	StatsTypeMediaPlayout StatsType = "media-playout"
	// StatsTypePeerConnection is the connection: PeerConnectionStats.
	StatsTypePeerConnection StatsType = "peer-connection"
	// StatsTypeDataChannel is a data channel: DataChannelStats.
	StatsTypeDataChannel StatsType = "data-channel"
	// StatsTypeTransport is an ICE transport with the DTLS transport on it:
	// TransportStats.
	StatsTypeTransport StatsType = "transport"
	// StatsTypeCandidatePair is a pair of ICE candidates: ICECandidatePairStats.
	StatsTypeCandidatePair StatsType = "candidate-pair"
	// StatsTypeLocalCandidate is a candidate of this end: ICECandidateStats.
	StatsTypeLocalCandidate StatsType = "local-candidate"
	// StatsTypeRemoteCandidate is a candidate of the peer: ICECandidateStats.
	StatsTypeRemoteCandidate StatsType = "remote-candidate"
	// StatsTypeCertificate is a certificate of either end: CertificateStats.
	StatsTypeCertificate StatsType = "certificate"
	// StatsTypeSCTPTransport is an SCTP association: SCTPTransportStats.
	StatsTypeSCTPTransport StatsType = "sctp-transport"
)

// StatsTimestamp is a time in milliseconds since the Unix epoch, with a
// resolution of a microsecond (W3C's DOMHighResTimeStamp). Zero means that there
// is none.
type StatsTimestamp float64

// newStatsTimestamp returns t, or 0 for the zero time.
func newStatsTimestamp(t time.Time) StatsTimestamp {
	if t.IsZero() {
		return 0
	}
	return StatsTimestamp(float64(t.UnixMicro()) / 1000)
}

// Time returns the time in UTC.
func (s StatsTimestamp) Time() time.Time {
	return time.UnixMicro(int64(math.Round(float64(s) * 1000))).UTC()
}

// Stats are the numbers of one object at one time: a value, not a pointer, of
// PeerConnectionStats, TransportStats, ICECandidatePairStats, ICECandidateStats,
// CertificateStats, DataChannelStats, SCTPTransportStats, CodecStats,
// InboundRTPStreamStats, OutboundRTPStreamStats, RemoteInboundRTPStreamStats,
// RemoteOutboundRTPStreamStats, AudioSourceStats or VideoSourceStats, which Type
// tells.
//
// A number that there is none of, as a round trip before the first answer, is nil
// where it is a pointer; where it is not, its zero cannot be a value of it, and
// JSON leaves it out. Counts begin at 0.
//
// See https://www.w3.org/TR/webrtc/#rtcstats-dictionary
type Stats interface {
	statsMarker()
	// entryID is the key in a report.
	entryID() string
	// references lists the members whose names end in Id; empty ones are absent.
	references() []string
}
