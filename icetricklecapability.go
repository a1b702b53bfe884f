package webrtc

// ICETrickleCapability says whether the remote end takes candidates that come
// after its description (webrtc-pc section 4.4.2.1, canTrickleIceCandidates).
type ICETrickleCapability int

const (
	// ICETrickleCapabilityUnknown means that there is no remote description
	// yet (W3C's null).
	ICETrickleCapabilityUnknown ICETrickleCapability = iota
	// ICETrickleCapabilitySupported means that the remote end said that it can
	// (a=ice-options:trickle, RFC 8840).
	ICETrickleCapabilitySupported
	// ICETrickleCapabilityUnsupported means that it did not say so.
	ICETrickleCapabilityUnsupported
)

// String returns "supported", "unsupported" or "unknown".
func (t ICETrickleCapability) String() string {
	switch t {
	case ICETrickleCapabilitySupported:
		return "supported"
	case ICETrickleCapabilityUnsupported:
		return "unsupported"
	default:
		return unknownText
	}
}
