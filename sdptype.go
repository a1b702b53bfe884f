package webrtc

import (
	"encoding/json"
	"strings"
)

// SDPType says what a SessionDescription is meant to be (webrtc-pc section
// 4.6.1, RTCSdpType; RFC 9429 section 4.1.8).
type SDPType int

const (
	// SDPTypeUnknown is the zero value. SetLocalDescription takes it as "what
	// fits the signaling state".
	SDPTypeUnknown SDPType = iota
	// SDPTypeOffer is an offer.
	SDPTypeOffer
	// SDPTypePranswer is a provisional answer, which does not end the exchange.
	SDPTypePranswer
	// SDPTypeAnswer is the final answer, which ends the exchange.
	SDPTypeAnswer
	// SDPTypeRollback cancels the exchange that is going on. Its SDP is empty.
	SDPTypeRollback
)

var sdpTypeText = enumText{
	SDPTypeOffer:    "offer",
	SDPTypePranswer: "pranswer",
	SDPTypeAnswer:   "answer",
	SDPTypeRollback: "rollback",
}

// NewSDPType returns the type with the given name, or SDPTypeUnknown.
func NewSDPType(raw string) SDPType {
	return SDPType(sdpTypeText.valueOrUnknown(raw))
}

// String returns W3C's name of the value, or "unknown".
func (t SDPType) String() string {
	return sdpTypeText.name(int(t))
}

// MarshalJSON encodes the value as a string.
func (t SDPType) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.String())
}

// UnmarshalJSON decodes a string, in any case of letters. One that names no
// type is a TypeError.
func (t *SDPType) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	v, err := sdpTypeText.parse("type of description", strings.ToLower(text))
	if err != nil {
		return err
	}
	*t = SDPType(v)
	return nil
}
