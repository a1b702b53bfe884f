package webrtc

// DataChannelState is the state of one DataChannel (webrtc-pc section 6.2,
// RTCDataChannelState).
type DataChannelState int

const (
	// DataChannelStateUnknown is the zero value.
	DataChannelStateUnknown DataChannelState = iota
	// DataChannelStateConnecting means that the channel cannot carry messages
	// yet.
	DataChannelStateConnecting
	// DataChannelStateOpen means that messages can be sent and received.
	DataChannelStateOpen
	// DataChannelStateClosing means that the channel is being shut down; what was
	// queued before is still sent.
	DataChannelStateClosing
	// DataChannelStateClosed means that the channel has ended or could not be made.
	DataChannelStateClosed
)

var dataChannelStateText = enumText{
	DataChannelStateConnecting: "connecting",
	DataChannelStateOpen:       "open",
	DataChannelStateClosing:    "closing",
	DataChannelStateClosed:     "closed",
}

// String returns W3C's name of the value, or "unknown".
func (s DataChannelState) String() string {
	return dataChannelStateText.name(int(s))
}

// MarshalText encodes the value by its name.
func (s DataChannelState) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

// UnmarshalText decodes a name; one that is not known gives DataChannelStateUnknown.
func (s *DataChannelState) UnmarshalText(b []byte) error {
	*s = DataChannelState(dataChannelStateText.valueOrUnknown(string(b)))
	return nil
}
