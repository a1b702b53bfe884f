package webrtc

// ICEConnectionState sums up the states of a connection's ICE transports (webrtc-pc
// section 4.3.4, RTCIceConnectionState).
type ICEConnectionState int

const (
	// ICEConnectionStateUnknown is the zero value.
	ICEConnectionStateUnknown ICEConnectionState = iota
	// ICEConnectionStateNew means that no transport has begun to check, or that there
	// is none.
	ICEConnectionStateNew
	// ICEConnectionStateChecking means that pairs are being checked and none works
	// yet.
	ICEConnectionStateChecking
	// ICEConnectionStateConnected means that every transport has a working pair.
	ICEConnectionStateConnected
	// ICEConnectionStateCompleted means that every transport has settled on its
	// pair and no further checks will be made.
	ICEConnectionStateCompleted
	// ICEConnectionStateDisconnected means that a selected pair has gone silent.
	// It may come back by itself.
	ICEConnectionStateDisconnected
	// ICEConnectionStateFailed means that a transport found no working pair, or lost
	// its pair for good.
	ICEConnectionStateFailed
	// ICEConnectionStateClosed means that the connection is closed.
	ICEConnectionStateClosed
)

var iceConnectionStateText = enumText{
	ICEConnectionStateNew:          "new",
	ICEConnectionStateChecking:     "checking",
	ICEConnectionStateConnected:    "connected",
	ICEConnectionStateCompleted:    "completed",
	ICEConnectionStateDisconnected: "disconnected",
	ICEConnectionStateFailed:       "failed",
	ICEConnectionStateClosed:       "closed",
}

// NewICEConnectionState returns the state with the given name, or
// ICEConnectionStateUnknown.
func NewICEConnectionState(raw string) ICEConnectionState {
	return ICEConnectionState(iceConnectionStateText.valueOrUnknown(raw))
}

// String returns W3C's name of the value, or "unknown".
func (s ICEConnectionState) String() string {
	return iceConnectionStateText.name(int(s))
}
