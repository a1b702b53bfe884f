package srtp

import "fmt"

// Profile is a protection profile of use_srtp, by its number in IANA's registry of DTLS-SRTP Protection Profiles (RFC 5764 section
// 4.1.2, RFC 7714 section 14.2). The numbers are those of internal/dtls.SRTPProfile.
type Profile uint16

// The profiles. This package's own transforms serve the first four; the others, which WebRTC endpoints do not negotiate, go through
// pion/srtp.
const (
	AES128_CM_SHA1_80 Profile = 0x0001
	AES128_CM_SHA1_32 Profile = 0x0002
	AEAD_AES_128_GCM  Profile = 0x0007
	AEAD_AES_256_GCM  Profile = 0x0008

	AES256_CM_SHA1_80 Profile = 0x0003 // numbers of drafts that never became a registration
	AES256_CM_SHA1_32 Profile = 0x0004
	NULL_SHA1_80      Profile = 0x0005 // authenticated, not encrypted: for debugging with a packet analyser
	NULL_SHA1_32      Profile = 0x0006
)

// shape is what a profile fixes, lengths in bytes.
type shape struct {
	name         string
	key, salt    int
	rtpTag       int
	rtcpTag      int
	authKey      int  // of HMAC-SHA1; zero for an AEAD
	tagLast      bool // in SRTCP the tag comes after the index (RFC 3711 section 3.4), not before it (RFC 7714 section 9.2)
	accelerated  bool
	confidential bool
}

// cm describes AES counter mode with HMAC-SHA1. The tag of RTCP has 80 bits in each of them (RFC 5764 section 4.1.2).
func cm(name string, key, rtpTag int) shape {
	return shape{name: name, key: key, salt: 14, rtpTag: rtpTag, rtcpTag: 10, authKey: 20, tagLast: true, confidential: true}
}

func gcm(name string, key int) shape {
	return shape{name: name, key: key, salt: 12, rtpTag: 16, rtcpTag: 16, accelerated: true, confidential: true}
}

var shapes = func() map[Profile]shape {
	m := map[Profile]shape{
		AES128_CM_SHA1_80: cm("SRTP_AES128_CM_HMAC_SHA1_80", 16, 10),
		AES128_CM_SHA1_32: cm("SRTP_AES128_CM_HMAC_SHA1_32", 16, 4),
		AES256_CM_SHA1_80: cm("SRTP_AES256_CM_HMAC_SHA1_80", 32, 10),
		AES256_CM_SHA1_32: cm("SRTP_AES256_CM_HMAC_SHA1_32", 32, 4),
		NULL_SHA1_80:      cm("SRTP_NULL_HMAC_SHA1_80", 16, 10),
		NULL_SHA1_32:      cm("SRTP_NULL_HMAC_SHA1_32", 16, 4),
		AEAD_AES_128_GCM:  gcm("SRTP_AEAD_AES_128_GCM", 16),
		AEAD_AES_256_GCM:  gcm("SRTP_AEAD_AES_256_GCM", 32),
	}
	for _, p := range []Profile{AES128_CM_SHA1_80, AES128_CM_SHA1_32} {
		s := m[p]
		s.accelerated = true
		m[p] = s
	}
	for _, p := range []Profile{NULL_SHA1_80, NULL_SHA1_32} {
		s := m[p]
		s.confidential = false
		m[p] = s
	}
	return m
}()

// String returns the name in IANA's registry.
func (p Profile) String() string {
	if s, ok := shapes[p]; ok {
		return s.name
	}
	return fmt.Sprintf("Profile(%#04x)", uint16(p))
}

// Supported reports whether this package knows the profile.
func (p Profile) Supported() bool {
	_, ok := shapes[p]
	return ok
}

// KeyLen is the length of a master key in bytes; 0 for an unknown profile, as the other lengths.
func (p Profile) KeyLen() int { return shapes[p].key }

// SaltLen is the length of a master salt in bytes.
func (p Profile) SaltLen() int { return shapes[p].salt }

// KeyingMaterialLen is how many bytes KeysFromExporter needs.
func (p Profile) KeyingMaterialLen() int { return 2 * (p.KeyLen() + p.SaltLen()) }

// RTPOverhead is how many bytes an SRTP packet is longer than its RTP packet. Cryptex may add 4 (see Options.Cryptex).
func (p Profile) RTPOverhead() int { return shapes[p].rtpTag }

// RTCPOverhead is how many bytes an SRTCP packet is longer than its compound packet.
func (p Profile) RTCPOverhead() int {
	if !p.Supported() {
		return 0
	}
	return shapes[p].rtcpTag + indexLen
}
