package webrtc

// PriorityType is how important a data channel is beside the others of its
// connection (W3C webrtc-priority section 3.1, RTCPriorityType).
// The zero value means low.
type PriorityType int

const (
	// PriorityTypeUnknown is the zero value.
	PriorityTypeUnknown PriorityType = iota
	// PriorityTypeVeryLow is below normal (RFC 8831 section 6.4).
	PriorityTypeVeryLow
	// PriorityTypeLow is normal, the default.
	PriorityTypeLow
	// PriorityTypeMedium is high.
	PriorityTypeMedium
	// PriorityTypeHigh is extra high.
	PriorityTypeHigh
)

var priorityTypeText = enumText{
	PriorityTypeVeryLow: "very-low",
	PriorityTypeLow:     "low",
	PriorityTypeMedium:  "medium",
	PriorityTypeHigh:    "high",
}

// String returns W3C's name of the value, or "unknown".
func (p PriorityType) String() string {
	return priorityTypeText.name(int(p))
}

// MarshalText encodes the value by its name.
func (p PriorityType) MarshalText() ([]byte, error) {
	return []byte(p.String()), nil
}

// UnmarshalText decodes a name; one that is not known is a TypeError.
func (p *PriorityType) UnmarshalText(b []byte) error {
	if string(b) == unknownText {
		*p = PriorityTypeUnknown
		return nil
	}
	v, err := priorityTypeText.parse("priority", string(b))
	if err != nil {
		return err
	}
	*p = PriorityType(v)
	return nil
}
