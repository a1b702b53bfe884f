package webrtc

import "strings"

// The types of RTCP feedback.
const (
	// TypeRTCPFBTransportCC is transport-wide congestion control
	// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
	TypeRTCPFBTransportCC = "transport-cc"
	// TypeRTCPFBGoogREMB is the receiver's estimate of the bitrate
	// (draft-alvestrand-rmcat-remb-03).
	TypeRTCPFBGoogREMB = "goog-remb"
	// TypeRTCPFBACK acknowledges (RFC 4585 section 4.2).
	TypeRTCPFBACK = "ack"
	// TypeRTCPFBCCM is a codec control message (RFC 5104 section 7.1).
	TypeRTCPFBCCM = "ccm"
	// TypeRTCPFBNACK reports loss (RFC 4585 section 4.2).
	TypeRTCPFBNACK = "nack"
)

// RTCPFeedback is a kind of RTCP feedback that goes with a codec: one a=rtcp-fb
// line (RFC 4585 section 4.2).
type RTCPFeedback struct {
	// Type is one of the TypeRTCPFB constants.
	Type string
	// Parameter depends on Type, for instance "pli" for "nack". It may be empty.
	Parameter string
}

// isValid reports whether f can stand in a session description.
func (f RTCPFeedback) isValid() bool {
	return isSDPToken(f.Type) && isSDPText(f.Parameter)
}

// equal compares without case, as names in SDP attributes of feedback are read.
func (f RTCPFeedback) equal(other RTCPFeedback) bool {
	return strings.EqualFold(f.Type, other.Type) && strings.EqualFold(f.Parameter, other.Parameter)
}
