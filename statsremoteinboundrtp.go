package webrtc

// RemoteInboundRTPStreamStats are what the peer says of a stream that this end
// sends (webrtc-stats section 8.6, RTCRemoteInboundRtpStreamStats): its newest
// report block.
type RemoteInboundRTPStreamStats struct {
	// Timestamp is when the report came.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeRemoteInboundRTP.
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
	// LocalID refers to the stream as it leaves: OutboundRTPStreamStats.
	LocalID string `json:"localId"`

	// PacketsReceived is how many packets have come to the peer: from the first that
	// was sent to the highest that it names, without those that it lost.
	PacketsReceived uint64 `json:"packetsReceived"`
	// PacketsLost is the peer's count (RFC 3550 section 6.4.1).
	PacketsLost int64 `json:"packetsLost"`
	// Jitter is the peer's, in seconds.
	Jitter float64 `json:"jitter"`
	// FractionLost is how much of what was sent between its last two reports the peer
	// lost, from 0 to 1.
	FractionLost float64 `json:"fractionLost"`
	// RoundTripTime is the newest, in seconds; nil until a report has answered one
	// of ours (RFC 3550 section 6.4.1).
	RoundTripTime *float64 `json:"roundTripTime,omitempty"`
	// TotalRoundTripTime is the sum of all, in seconds.
	TotalRoundTripTime float64 `json:"totalRoundTripTime"`
	// RoundTripTimeMeasurements counts them.
	RoundTripTimeMeasurements uint64 `json:"roundTripTimeMeasurements"`
}

func (RemoteInboundRTPStreamStats) statsMarker()      {}
func (s RemoteInboundRTPStreamStats) entryID() string { return s.ID }
func (s RemoteInboundRTPStreamStats) references() []string {
	return statsRefs(s.TransportID, s.CodecID, s.LocalID)
}

// remoteStats is what the newest report block says of a stream.
func (n *outboundNumbers) remoteStats(local *OutboundRTPStreamStats) RemoteInboundRTPStreamStats {
	r := &n.remote
	s := RemoteInboundRTPStreamStats{
		Timestamp: newStatsTimestamp(r.At), Type: StatsTypeRemoteInboundRTP, ID: local.ID + "-R",
		SSRC: local.SSRC, Kind: local.Kind, TransportID: local.TransportID, CodecID: local.CodecID, LocalID: local.ID,
		PacketsReceived: r.Packets, PacketsLost: r.PacketsLost, Jitter: r.Jitter.Seconds(), FractionLost: r.FractionLost,
		TotalRoundTripTime: r.TotalRTT.Seconds(), RoundTripTimeMeasurements: r.RTTs,
	}
	if r.RTTs > 0 {
		seconds := r.RTT.Seconds()
		s.RoundTripTime = &seconds
	}
	return s
}
