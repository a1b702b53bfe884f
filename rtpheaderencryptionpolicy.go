package webrtc

import (
	"encoding/json"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/passerelle-rtc/webrtc/internal/srtp"
)

// RTPHeaderEncryptionPolicy says whether the header extensions and contributing
// sources of RTP packets are encrypted as a whole, by what RFC 9335 calls Cryptex
// (W3C webrtc-extensions, RTCRtpHeaderEncryptionPolicy). The zero value means
// negotiate.
type RTPHeaderEncryptionPolicy int

const (
	// RTPHeaderEncryptionPolicyUnknown is the zero value.
	RTPHeaderEncryptionPolicyUnknown RTPHeaderEncryptionPolicy = iota
	// RTPHeaderEncryptionPolicyDisable neither offers nor answers it. W3C does not
	// have it.
	RTPHeaderEncryptionPolicyDisable
	// RTPHeaderEncryptionPolicyNegotiate encrypts them where the peer takes that, and
	// else sends them in the clear.
	RTPHeaderEncryptionPolicyNegotiate
	// RTPHeaderEncryptionPolicyRequire refuses a remote description with an audio or
	// video section without it, with an InvalidAccessError, and packets that have
	// header extensions or contributing sources in the clear.
	RTPHeaderEncryptionPolicyRequire
)

var rtpHeaderEncryptionPolicyText = enumText{
	RTPHeaderEncryptionPolicyDisable:   "disable",
	RTPHeaderEncryptionPolicyNegotiate: "negotiate",
	RTPHeaderEncryptionPolicyRequire:   "require",
}

// String returns W3C's name of the value, or "unknown".
func (p RTPHeaderEncryptionPolicy) String() string {
	return rtpHeaderEncryptionPolicyText.name(int(p))
}

// MarshalJSON encodes the value as a string.
func (p RTPHeaderEncryptionPolicy) MarshalJSON() ([]byte, error) {
	return json.Marshal(p.String())
}

// UnmarshalJSON decodes a string; one that names no value is a TypeError.
func (p *RTPHeaderEncryptionPolicy) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if text == unknownText {
		*p = RTPHeaderEncryptionPolicyUnknown
		return nil
	}
	v, err := rtpHeaderEncryptionPolicyText.parse("rtpHeaderEncryptionPolicy", text)
	if err != nil {
		return err
	}
	*p = RTPHeaderEncryptionPolicy(v)
	return nil
}

func (p RTPHeaderEncryptionPolicy) jsepPolicy() jsep.CryptexPolicy {
	switch p {
	case RTPHeaderEncryptionPolicyDisable:
		return jsep.CryptexOff
	case RTPHeaderEncryptionPolicyRequire:
		return jsep.CryptexRequire
	}
	return jsep.CryptexNegotiate
}

// inbound is what becomes of the header extensions that the peer sends. It may begin
// before its description tells that it will.
func (p RTPHeaderEncryptionPolicy) inbound() srtp.Cryptex {
	switch p {
	case RTPHeaderEncryptionPolicyDisable:
		return srtp.CryptexOff
	case RTPHeaderEncryptionPolicyRequire:
		return srtp.CryptexRequired
	}
	return srtp.CryptexOn
}
