package webrtc

import "encoding/json"

// RTCPMuxPolicy says whether RTCP may have a transport of its own (webrtc-pc
// section 4.2.5, RTCRtcpMuxPolicy). The zero value means require.
type RTCPMuxPolicy int

const (
	// RTCPMuxPolicyUnknown is the zero value.
	RTCPMuxPolicyUnknown RTCPMuxPolicy = iota
	// RTCPMuxPolicyNegotiate gathers for RTP and RTCP. RFC 9429 section 4.1.1
	// allows an implementation to refuse it; NewPeerConnection does, with a
	// NotSupportedError.
	RTCPMuxPolicyNegotiate
	// RTCPMuxPolicyRequire multiplexes RTP and RTCP always (RFC 5761).
	RTCPMuxPolicyRequire
)

var rtcpMuxPolicyText = enumText{
	RTCPMuxPolicyNegotiate: "negotiate",
	RTCPMuxPolicyRequire:   "require",
}

// String returns W3C's name of the value, or "unknown".
func (p RTCPMuxPolicy) String() string {
	return rtcpMuxPolicyText.name(int(p))
}

// MarshalJSON encodes the value as a string.
func (p RTCPMuxPolicy) MarshalJSON() ([]byte, error) {
	return json.Marshal(p.String())
}

// UnmarshalJSON decodes a string; one that names no value is a TypeError.
func (p *RTCPMuxPolicy) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if text == unknownText {
		*p = RTCPMuxPolicyUnknown
		return nil
	}
	v, err := rtcpMuxPolicyText.parse("rtcpMuxPolicy", text)
	if err != nil {
		return err
	}
	*p = RTCPMuxPolicy(v)
	return nil
}
