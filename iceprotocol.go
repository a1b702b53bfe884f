package webrtc

import (
	"fmt"
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// ICEProtocol is the transport protocol of a candidate (webrtc-pc section
// 4.8.1.7, RTCIceProtocol).
type ICEProtocol int

const (
	// ICEProtocolUnknown is the zero value.
	ICEProtocolUnknown ICEProtocol = iota
	// ICEProtocolUDP is UDP (RFC 8445).
	ICEProtocolUDP
	// ICEProtocolTCP is TCP (RFC 6544).
	ICEProtocolTCP
)

var iceProtocolText = enumText{
	ICEProtocolUDP: "udp",
	ICEProtocolTCP: "tcp",
}

// NewICEProtocol returns the protocol with the given name, in any case of
// letters, or an error that matches ErrUnknownType.
func NewICEProtocol(raw string) (ICEProtocol, error) {
	v, ok := iceProtocolText.value(strings.ToLower(raw))
	if !ok {
		return ICEProtocolUnknown, fmt.Errorf("%w ICE protocol %q", ErrUnknownType, raw)
	}
	return ICEProtocol(v), nil
}

// String returns W3C's name of the value, or "unknown".
func (p ICEProtocol) String() string {
	return iceProtocolText.name(int(p))
}

// newICEProtocol returns the public form of t.
func newICEProtocol(t ice.Transport) ICEProtocol {
	switch t {
	case ice.UDP:
		return ICEProtocolUDP
	case ice.TCP:
		return ICEProtocolTCP
	default:
		return ICEProtocolUnknown
	}
}

// toICE returns package ice's form of p.
func (p ICEProtocol) toICE() (ice.Transport, error) {
	switch p {
	case ICEProtocolUDP:
		return ice.UDP, nil
	case ICEProtocolTCP:
		return ice.TCP, nil
	default:
		return 0, fmt.Errorf("%w ICE protocol %d", ErrUnknownType, int(p))
	}
}
