package webrtc

// ICETransportState is the state of one ICETransport (webrtc-pc section 5.6.6,
// RTCIceTransportState).
type ICETransportState int

const (
	// ICETransportStateUnknown is the zero value.
	ICETransportStateUnknown ICETransportState = iota
	// ICETransportStateNew means that candidates are being gathered or awaited and
	// no checks are made.
	ICETransportStateNew
	// ICETransportStateChecking means that pairs are being checked and none works
	// yet.
	ICETransportStateChecking
	// ICETransportStateConnected means that there is a working pair, and that a
	// better one may still be found.
	ICETransportStateConnected
	// ICETransportStateCompleted means that the pair is settled: both ends have
	// sent all their candidates and the checks are over.
	ICETransportStateCompleted
	// ICETransportStateFailed means that no pair works, or that consent was lost for
	// good. Only an ICE restart leaves this state.
	ICETransportStateFailed
	// ICETransportStateDisconnected means that the selected pair has gone silent.
	// It may come back by itself.
	ICETransportStateDisconnected
	// ICETransportStateClosed means that the transport is stopped.
	ICETransportStateClosed
)

var iceTransportStateText = enumText{
	ICETransportStateNew:          "new",
	ICETransportStateChecking:     "checking",
	ICETransportStateConnected:    "connected",
	ICETransportStateCompleted:    "completed",
	ICETransportStateFailed:       "failed",
	ICETransportStateDisconnected: "disconnected",
	ICETransportStateClosed:       "closed",
}

// String returns W3C's name of the value, or "unknown".
func (s ICETransportState) String() string {
	return iceTransportStateText.name(int(s))
}

// MarshalText encodes the value by its name.
func (s ICETransportState) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

// UnmarshalText decodes a name; one that is not known gives ICETransportStateUnknown.
func (s *ICETransportState) UnmarshalText(b []byte) error {
	*s = ICETransportState(iceTransportStateText.valueOrUnknown(string(b)))
	return nil
}
