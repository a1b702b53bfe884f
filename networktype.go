package webrtc

import "fmt"

// NetworkType is an address family together with a transport protocol.
type NetworkType int

const (
	// NetworkTypeUnknown is the zero value.
	NetworkTypeUnknown NetworkType = iota
	// NetworkTypeUDP4 is UDP over IPv4.
	NetworkTypeUDP4
	// NetworkTypeUDP6 is UDP over IPv6.
	NetworkTypeUDP6
	// NetworkTypeTCP4 is TCP over IPv4.
	NetworkTypeTCP4
	// NetworkTypeTCP6 is TCP over IPv6.
	NetworkTypeTCP6
)

var networkTypeText = enumText{
	NetworkTypeUDP4: "udp4",
	NetworkTypeUDP6: "udp6",
	NetworkTypeTCP4: "tcp4",
	NetworkTypeTCP6: "tcp6",
}

// NewNetworkType returns the type with the given name, or an error that
// matches ErrUnknownType.
func NewNetworkType(raw string) (NetworkType, error) {
	v, ok := networkTypeText.value(raw)
	if !ok {
		return NetworkTypeUnknown, fmt.Errorf("%w network type %q", ErrUnknownType, raw)
	}
	return NetworkType(v), nil
}

// String returns the name that package net uses for the value, or "unknown".
func (t NetworkType) String() string {
	return networkTypeText.name(int(t))
}

// Protocol returns "udp", "tcp" or "unknown".
func (t NetworkType) Protocol() string {
	switch t {
	case NetworkTypeUDP4, NetworkTypeUDP6:
		return "udp"
	case NetworkTypeTCP4, NetworkTypeTCP6:
		return "tcp"
	default:
		return unknownText
	}
}
