package webrtc

// SCTPTransportStats are the numbers of an SCTP association (RTCSctpTransportStats
// of W3C's webrtc-provisional-stats). The report has one once data channels have
// been negotiated.
type SCTPTransportStats struct {
	// Timestamp is when the numbers were taken.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeSCTPTransport.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// TransportID refers to the transport underneath.
	TransportID string `json:"transportId,omitempty"`
	// SmoothedRoundTripTime is in seconds; 0 until one was measured.
	SmoothedRoundTripTime float64 `json:"smoothedRoundTripTime,omitempty"`
	// CongestionWindow is in bytes; 0 until the association is established.
	CongestionWindow uint32 `json:"congestionWindow,omitempty"`
	// ReceiverWindow is how many bytes the peer still takes; nil until the
	// association is established.
	ReceiverWindow *uint32 `json:"receiverWindow,omitempty"`
	// MTU is the size in bytes that packets have at most; 0 before there is an
	// association.
	MTU uint32 `json:"mtu,omitempty"`
	// BytesSent are the bytes of SCTP packets, headers included. Pion's member.
	BytesSent uint64 `json:"bytesSent"`
	// BytesReceived are the bytes of SCTP packets, headers included. Pion's member.
	BytesReceived uint64 `json:"bytesReceived"`
}

func (SCTPTransportStats) statsMarker()           {}
func (s SCTPTransportStats) entryID() string      { return s.ID }
func (s SCTPTransportStats) references() []string { return statsRefs(s.TransportID) }

// stats is on the loop.
func (t *SCTPTransport) stats(now StatsTimestamp) SCTPTransportStats {
	s := SCTPTransportStats{
		Timestamp: now, Type: StatsTypeSCTPTransport, ID: t.statsID, TransportID: t.dtls.ice.statsID,
	}
	engine := t.engine.Load()
	if engine == nil {
		return s
	}
	n := engine.Stats()
	s.MTU, s.BytesSent, s.BytesReceived = n.mtu, n.bytesSent, n.bytesReceived
	if n.established {
		s.SmoothedRoundTripTime = n.rtt.Seconds()
		s.CongestionWindow, s.ReceiverWindow = n.congestionWindow, &n.peerWindow
	}
	return s
}
