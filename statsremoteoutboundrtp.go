package webrtc

// RemoteOutboundRTPStreamStats are what the peer says of a stream that it sends
// (webrtc-stats section 8.10, RTCRemoteOutboundRtpStreamStats): its newest sender
// report. There is no round trip: it takes an extended report (RFC 3611 section
// 4.5), which is neither sent nor asked for.
type RemoteOutboundRTPStreamStats struct {
	// Timestamp is when the report came.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeRemoteOutboundRTP.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// SSRC is that of the stream.
	SSRC SSRC `json:"ssrc"`
	// Kind is "audio" or "video".
	Kind string `json:"kind"`
	// TransportID refers to the transport.
	TransportID string `json:"transportId"`
	// CodecID refers to the codec.
	CodecID string `json:"codecId,omitempty"`
	// LocalID refers to the stream as it arrives: InboundRTPStreamStats.
	LocalID string `json:"localId"`

	// PacketsSent counts the packets that the peer has sent under the SSRC.
	PacketsSent uint64 `json:"packetsSent"`
	// BytesSent are those of their payloads.
	BytesSent uint64 `json:"bytesSent"`
	// RemoteTimestamp is when the report was made, on the peer's clock, which need
	// not agree with this one's; 0 where the peer has none.
	RemoteTimestamp StatsTimestamp `json:"remoteTimestamp,omitempty"`
	// ReportsSent counts the reports that came.
	ReportsSent uint64 `json:"reportsSent"`
}

func (RemoteOutboundRTPStreamStats) statsMarker()      {}
func (s RemoteOutboundRTPStreamStats) entryID() string { return s.ID }
func (s RemoteOutboundRTPStreamStats) references() []string {
	return statsRefs(s.TransportID, s.CodecID, s.LocalID)
}

// remote is what the sender reports say of a stream.
func (n *inboundNumbers) remote(local *InboundRTPStreamStats) RemoteOutboundRTPStreamStats {
	r := &n.reception
	return RemoteOutboundRTPStreamStats{
		Timestamp: newStatsTimestamp(r.ReportArrival), Type: StatsTypeRemoteOutboundRTP, ID: local.ID + "-R",
		SSRC: local.SSRC, Kind: local.Kind, TransportID: local.TransportID, CodecID: local.CodecID, LocalID: local.ID,
		PacketsSent: r.RemotePackets, BytesSent: r.RemoteOctets,
		RemoteTimestamp: newStatsTimestamp(r.RemoteTime), ReportsSent: uint64(r.SenderReports),
	}
}
