package webrtc

import (
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// RTPHeaderExtensionCapability names a header extension of RTP packets (webrtc-pc
// section 5.2.13).
type RTPHeaderExtensionCapability struct {
	// URI identifies the extension (RFC 8285 section 5).
	URI string
}

// RTPHeaderExtensionParameter is a negotiated header extension (webrtc-pc section
// 5.2.9).
type RTPHeaderExtensionParameter struct {
	// URI identifies the extension.
	URI string
	// ID stands for the URI in packets: 1 to 14, or to 255 where both ends take
	// two-byte headers (RFC 8285 section 4).
	ID int
	// Encrypted says that the element is encrypted (RFC 6904).
	Encrypted bool
}

// validate checks that the URI can stand in SDP. The error is a TypeError
// without Op.
func (c RTPHeaderExtensionCapability) validate() error {
	if c.URI == "" || strings.IndexFunc(c.URI, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
		return errorf(KindTypeError, "", "%s is not the URI of a header extension", quoteShort(c.URI))
	}
	return nil
}

// newRTPHeaderExtensions converts what signaling negotiated.
func newRTPHeaderExtensions(extensions []jsep.Extension) []RTPHeaderExtensionParameter {
	var out []RTPHeaderExtensionParameter
	for _, e := range extensions {
		out = append(out, RTPHeaderExtensionParameter{URI: e.URI, ID: e.ID, Encrypted: e.Encrypted})
	}
	return out
}
