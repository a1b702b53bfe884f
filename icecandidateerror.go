package webrtc

// ICECandidateError says that a STUN or TURN server gave no candidate
// (webrtc-pc section 4.8.3, RTCPeerConnectionIceErrorEvent). Gathering goes on.
type ICECandidateError struct {
	// Address is the local address from which the server was asked; nil when it
	// is not known or must not be shown.
	Address *string
	// Port is the port at Address; nil when Address is nil.
	Port *uint16
	// URL is the server's URL as it stands in the Configuration.
	URL string
	// ErrorCode is the STUN error code that the server sent (RFC 8489 section
	// 14.8), or 701 when the server could not be reached.
	ErrorCode int
	// ErrorText is the server's reason, or what this end knows.
	ErrorText string
}
