package webrtc

import "encoding/json"

// ICETransportPolicy says which local candidates ICE may use (webrtc-pc section
// 4.2.3, RTCIceTransportPolicy).
type ICETransportPolicy int

const (
	// ICETransportPolicyAll is the default: every candidate.
	ICETransportPolicyAll ICETransportPolicy = iota
	// ICETransportPolicyRelay allows relayed candidates only, so that the other end
	// learns no address of this host.
	ICETransportPolicyRelay
	// ICETransportPolicyNoHost allows every candidate but host candidates. W3C has no
	// such value.
	ICETransportPolicyNoHost
)

var iceTransportPolicyText = enumText{
	ICETransportPolicyAll:    "all",
	ICETransportPolicyRelay:  "relay",
	ICETransportPolicyNoHost: "nohost",
}

// NewICETransportPolicy returns the policy with the given name, or
// ICETransportPolicyAll.
func NewICETransportPolicy(raw string) ICETransportPolicy {
	return ICETransportPolicy(iceTransportPolicyText.valueOrUnknown(raw))
}

// String returns W3C's name of the value, or "unknown".
func (p ICETransportPolicy) String() string {
	return iceTransportPolicyText.name(int(p))
}

// MarshalJSON encodes the value as a string.
func (p ICETransportPolicy) MarshalJSON() ([]byte, error) {
	return json.Marshal(p.String())
}

// UnmarshalJSON decodes a string; one that names no value is a TypeError.
func (p *ICETransportPolicy) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	v, err := iceTransportPolicyText.parse("iceTransportPolicy", text)
	if err != nil {
		return err
	}
	*p = ICETransportPolicy(v)
	return nil
}

// ICEGatherPolicy is ORTC's name of ICETransportPolicy.
type ICEGatherPolicy = ICETransportPolicy
