package webrtc

import "encoding/json"

// SDPSemantics says which form of SDP is spoken. There is one form now: Unified
// Plan (RFC 9429).
type SDPSemantics int

const (
	// SDPSemanticsUnifiedPlan is one m-line for each transceiver.
	SDPSemanticsUnifiedPlan SDPSemantics = iota
	// SDPSemanticsPlanB is the form that browsers spoke before. NewPeerConnection
	// refuses it with a NotSupportedError.
	SDPSemanticsPlanB
	// SDPSemanticsUnifiedPlanWithFallback means SDPSemanticsUnifiedPlan: there is
	// nothing to fall back to.
	SDPSemanticsUnifiedPlanWithFallback
)

var sdpSemanticsText = enumText{
	SDPSemanticsUnifiedPlan:             "unified-plan",
	SDPSemanticsPlanB:                   "plan-b",
	SDPSemanticsUnifiedPlanWithFallback: "unified-plan-with-fallback",
}

// String returns W3C's name of the value, or "unknown".
func (s SDPSemantics) String() string {
	return sdpSemanticsText.name(int(s))
}

// MarshalJSON encodes the value as a string.
func (s SDPSemantics) MarshalJSON() ([]byte, error) {
	return json.Marshal(s.String())
}

// UnmarshalJSON decodes a string; one that names no value is a TypeError.
func (s *SDPSemantics) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	v, err := sdpSemanticsText.parse("sdpSemantics", text)
	if err != nil {
		return err
	}
	*s = SDPSemantics(v)
	return nil
}
