package webrtc

// PeerConnectionStats are the numbers of a connection (webrtc-stats section 8.15,
// RTCPeerConnectionStats).
type PeerConnectionStats struct {
	// Timestamp is when the numbers were taken.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypePeerConnection.
	Type StatsType `json:"type"`
	// ID is PeerConnection.ID.
	ID string `json:"id"`

	// DataChannelsOpened counts the data channels that became open.
	DataChannelsOpened uint32 `json:"dataChannelsOpened"`
	// DataChannelsClosed counts those that were open and are not any more.
	DataChannelsClosed uint32 `json:"dataChannelsClosed"`
	// DataChannelsRequested counts the channels that CreateDataChannel returned.
	// W3C has it no longer.
	DataChannelsRequested uint32 `json:"dataChannelsRequested"`
	// DataChannelsAccepted counts the channels that OnDataChannel brought. W3C has
	// it no longer.
	DataChannelsAccepted uint32 `json:"dataChannelsAccepted"`
}

func (PeerConnectionStats) statsMarker()         {}
func (s PeerConnectionStats) entryID() string    { return s.ID }
func (PeerConnectionStats) references() []string { return nil }

func (pc *PeerConnection) connectionStats(now StatsTimestamp) PeerConnectionStats {
	n := pc.sctp.channelCounts
	return PeerConnectionStats{
		Timestamp: now, Type: StatsTypePeerConnection, ID: pc.id,
		DataChannelsOpened: n.opened, DataChannelsClosed: n.closed,
		DataChannelsRequested: n.requested, DataChannelsAccepted: n.accepted,
	}
}
