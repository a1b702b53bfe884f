package webrtc

// ICEGatherOptions say what an ICEGatherer gathers (ORTC section 2.4.1,
// RTCIceGatherOptions).
type ICEGatherOptions struct {
	// ICEServers are the STUN and TURN servers to ask.
	ICEServers []ICEServer
	// ICEGatherPolicy limits the candidates; all are allowed by default.
	ICEGatherPolicy ICETransportPolicy
	// ICECandidatePoolSize is how many transports to gather for in advance. It
	// has no effect yet.
	ICECandidatePoolSize uint8
}
