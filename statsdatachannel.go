package webrtc

// DataChannelStats are the numbers of a data channel (webrtc-stats section 8.16,
// RTCDataChannelStats). The report has those that are not closed, and the last 64
// of the closed ones.
type DataChannelStats struct {
	// Timestamp is when the numbers were taken.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeDataChannel.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// Label is DataChannel.Label.
	Label string `json:"label"`
	// Protocol is DataChannel.Protocol.
	Protocol string `json:"protocol"`
	// DataChannelIdentifier is DataChannel.ID: nil until one is assigned.
	DataChannelIdentifier *uint16 `json:"dataChannelIdentifier,omitempty"`
	// TransportID refers to the transport that carries the channel; "" while there
	// is none. W3C has it no longer.
	TransportID string `json:"transportId,omitempty"`
	// State is DataChannel.ReadyState.
	State DataChannelState `json:"state"`
	// MessagesSent counts the messages that Send has taken, modulo 2^32 as W3C's
	// type has it.
	MessagesSent uint32 `json:"messagesSent"`
	// BytesSent are the application's bytes of MessagesSent.
	BytesSent uint64 `json:"bytesSent"`
	// MessagesReceived counts the messages that were given to OnMessage, whether
	// there was a handler or not, or can be read from a detached channel, modulo
	// 2^32.
	MessagesReceived uint32 `json:"messagesReceived"`
	// BytesReceived are the application's bytes of MessagesReceived.
	BytesReceived uint64 `json:"bytesReceived"`
}

func (DataChannelStats) statsMarker()           {}
func (s DataChannelStats) entryID() string      { return s.ID }
func (s DataChannelStats) references() []string { return statsRefs(s.TransportID) }

// collectChannels adds the data channels. On the loop.
func (t *SCTPTransport) collectChannels(c *statsCollector) {
	transport := t.dtls.ice.statsID
	if _, ok := c.report[transport]; !ok {
		transport = ""
	}
	add := func(channel channelRecord, state DataChannelState) {
		s := DataChannelStats{
			Timestamp: c.now, Type: StatsTypeDataChannel, ID: channel.statsID,
			Label: channel.label, Protocol: channel.protocol, DataChannelIdentifier: cloneUint16(channel.id),
			TransportID: transport, State: state,
		}
		messages, bytes := channel.traffic.sent.get()
		s.MessagesSent, s.BytesSent = uint32(messages), bytes
		messages, bytes = channel.traffic.received.get()
		s.MessagesReceived, s.BytesReceived = uint32(messages), bytes
		c.add(s)
	}
	for _, channel := range t.closedChannels {
		add(channel, DataChannelStateClosed)
	}
	for _, d := range t.connecting {
		add(d.forStats(), d.published.latest().state)
	}
	for _, d := range t.channels {
		add(d.forStats(), d.published.latest().state)
	}
}

func (d *DataChannel) forStats() channelRecord {
	return channelRecord{
		statsID: d.statsID, label: d.params.Label, protocol: d.params.Protocol,
		id: d.published.latest().id, traffic: d.traffic,
	}
}
