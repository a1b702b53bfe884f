package webrtc

// PeerConnectionState is the state of a whole connection, which follows from the states
// of its ICE and DTLS transports (webrtc-pc section 4.3.3,
// RTCPeerConnectionState).
type PeerConnectionState int

const (
	// PeerConnectionStateUnknown is the zero value.
	PeerConnectionStateUnknown PeerConnectionState = iota
	// PeerConnectionStateNew means that no transport has started, or that there is
	// none.
	PeerConnectionStateNew
	// PeerConnectionStateConnecting means that ICE or DTLS is on its way.
	PeerConnectionStateConnecting
	// PeerConnectionStateConnected means that every transport is connected.
	PeerConnectionStateConnected
	// PeerConnectionStateDisconnected means that a path has gone silent. It may
	// come back by itself.
	PeerConnectionStateDisconnected
	// PeerConnectionStateFailed means that a transport has failed.
	PeerConnectionStateFailed
	// PeerConnectionStateClosed means that Close was called.
	PeerConnectionStateClosed
)

var peerConnectionStateText = enumText{
	PeerConnectionStateNew:          "new",
	PeerConnectionStateConnecting:   "connecting",
	PeerConnectionStateConnected:    "connected",
	PeerConnectionStateDisconnected: "disconnected",
	PeerConnectionStateFailed:       "failed",
	PeerConnectionStateClosed:       "closed",
}

// String returns W3C's name of the value, or "unknown".
func (s PeerConnectionState) String() string {
	return peerConnectionStateText.name(int(s))
}
