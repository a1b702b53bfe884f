package webrtc

// SignalingState is where a connection stands in the exchange of offer and answer
// (webrtc-pc section 4.3.1, RTCSignalingState; JSEP, RFC 9429 section 3.2).
type SignalingState int32

const (
	// SignalingStateUnknown is the zero value.
	SignalingStateUnknown SignalingState = iota
	// SignalingStateStable means that no exchange is going on: both descriptions
	// are in force, or there are none yet.
	SignalingStateStable
	// SignalingStateHaveLocalOffer means that a local offer has been applied.
	SignalingStateHaveLocalOffer
	// SignalingStateHaveRemoteOffer means that a remote offer has been applied.
	SignalingStateHaveRemoteOffer
	// SignalingStateHaveLocalPranswer means that a remote offer and a local
	// provisional answer have been applied.
	SignalingStateHaveLocalPranswer
	// SignalingStateHaveRemotePranswer means that a local offer and a remote
	// provisional answer have been applied.
	SignalingStateHaveRemotePranswer
	// SignalingStateClosed means that the connection is closed. Nothing leaves
	// this state.
	SignalingStateClosed
)

var signalingStateText = enumText{
	SignalingStateStable:             "stable",
	SignalingStateHaveLocalOffer:     "have-local-offer",
	SignalingStateHaveRemoteOffer:    "have-remote-offer",
	SignalingStateHaveLocalPranswer:  "have-local-pranswer",
	SignalingStateHaveRemotePranswer: "have-remote-pranswer",
	SignalingStateClosed:             "closed",
}

// String returns W3C's name of the value, or "unknown".
func (s SignalingState) String() string {
	return signalingStateText.name(int(s))
}
