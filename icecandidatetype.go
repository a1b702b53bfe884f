package webrtc

import (
	"fmt"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// ICECandidateType says how a candidate was found (RFC 8445 section 5.1.1;
// webrtc-pc section 4.8.1.9, RTCIceCandidateType).
type ICECandidateType int

const (
	// ICECandidateTypeUnknown is the zero value.
	ICECandidateTypeUnknown ICECandidateType = iota
	// ICECandidateTypeHost is an address of an interface of the host.
	ICECandidateTypeHost
	// ICECandidateTypeSrflx is the address that a STUN server saw.
	ICECandidateTypeSrflx
	// ICECandidateTypePrflx is an address that a connectivity check brought to
	// light.
	ICECandidateTypePrflx
	// ICECandidateTypeRelay is an address of a TURN server.
	ICECandidateTypeRelay
)

var iceCandidateTypeText = enumText{
	ICECandidateTypeHost:  "host",
	ICECandidateTypeSrflx: "srflx",
	ICECandidateTypePrflx: "prflx",
	ICECandidateTypeRelay: "relay",
}

// NewICECandidateType returns the type with the given name, or an error that
// matches ErrUnknownType.
func NewICECandidateType(raw string) (ICECandidateType, error) {
	v, ok := iceCandidateTypeText.value(raw)
	if !ok {
		return ICECandidateTypeUnknown, fmt.Errorf("%w ICE candidate type %q", ErrUnknownType, raw)
	}
	return ICECandidateType(v), nil
}

// String returns W3C's name of the value, or "unknown".
func (t ICECandidateType) String() string {
	return iceCandidateTypeText.name(int(t))
}

// MarshalText encodes the value by its name.
func (t ICECandidateType) MarshalText() ([]byte, error) {
	return []byte(t.String()), nil
}

// UnmarshalText decodes a name; one that is not known is an error.
func (t *ICECandidateType) UnmarshalText(b []byte) error {
	v, err := NewICECandidateType(string(b))
	if err != nil {
		return err
	}
	*t = v
	return nil
}

// newICECandidateType returns the public form of t.
func newICECandidateType(t ice.CandidateType) ICECandidateType {
	switch t {
	case ice.Host:
		return ICECandidateTypeHost
	case ice.ServerReflexive:
		return ICECandidateTypeSrflx
	case ice.PeerReflexive:
		return ICECandidateTypePrflx
	case ice.Relay:
		return ICECandidateTypeRelay
	default:
		return ICECandidateTypeUnknown
	}
}

// toICE returns package ice's form of t.
func (t ICECandidateType) toICE() (ice.CandidateType, error) {
	switch t {
	case ICECandidateTypeHost:
		return ice.Host, nil
	case ICECandidateTypeSrflx:
		return ice.ServerReflexive, nil
	case ICECandidateTypePrflx:
		return ice.PeerReflexive, nil
	case ICECandidateTypeRelay:
		return ice.Relay, nil
	default:
		return 0, fmt.Errorf("%w ICE candidate type %d", ErrUnknownType, int(t))
	}
}
