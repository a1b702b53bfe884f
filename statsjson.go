package webrtc

import (
	"encoding/json"
	"fmt"
)

// UnmarshalStatsJSON reads one entry of a report that was written as JSON. The
// result is of the type that the entry's "type" says; for one that is not known
// the error matches ErrUnknownType.
func UnmarshalStatsJSON(b []byte) (Stats, error) {
	var entry struct {
		Type StatsType `json:"type"`
		Kind string    `json:"kind"`
	}
	if err := json.Unmarshal(b, &entry); err != nil {
		return nil, fmt.Errorf("webrtc: unmarshal stats: %w", err)
	}
	switch entry.Type {
	case StatsTypePeerConnection:
		return unmarshalStats[PeerConnectionStats](b)
	case StatsTypeTransport:
		return unmarshalStats[TransportStats](b)
	case StatsTypeCandidatePair:
		return unmarshalStats[ICECandidatePairStats](b)
	case StatsTypeLocalCandidate, StatsTypeRemoteCandidate:
		return unmarshalStats[ICECandidateStats](b)
	case StatsTypeCertificate:
		return unmarshalStats[CertificateStats](b)
	case StatsTypeDataChannel:
		return unmarshalStats[DataChannelStats](b)
	case StatsTypeCodec:
		return unmarshalStats[CodecStats](b)
	case StatsTypeInboundRTP:
		return unmarshalStats[InboundRTPStreamStats](b)
	case StatsTypeOutboundRTP:
		return unmarshalStats[OutboundRTPStreamStats](b)
	case StatsTypeRemoteInboundRTP:
		return unmarshalStats[RemoteInboundRTPStreamStats](b)
	case StatsTypeRemoteOutboundRTP:
		return unmarshalStats[RemoteOutboundRTPStreamStats](b)
	case StatsTypeMediaSource:
		if entry.Kind == RTPCodecTypeAudio.String() {
			return unmarshalStats[AudioSourceStats](b)
		}
		return unmarshalStats[VideoSourceStats](b)
	case StatsTypeSCTPTransport:
		return unmarshalStats[SCTPTransportStats](b)
	}
	return nil, fmt.Errorf("webrtc: unmarshal stats: %w %q", ErrUnknownType, entry.Type)
}

func unmarshalStats[T Stats](b []byte) (Stats, error) {
	var s T
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("webrtc: unmarshal stats: %w", err)
	}
	return s, nil
}
