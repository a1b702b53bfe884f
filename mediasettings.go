package webrtc

import (
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/dtls"
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/srtp"
)

// mediaSettings are those of a SettingEngine about RTP.
type mediaSettings struct {
	srtpProfiles            []SRTPProtectionProfile // nil: the default
	srtpWindow, srtcpWindow int                     // packets; 0: the default
	mtu                     int                     // 0: the default
}

// SRTPProtectionProfile is the way in which DTLS lets media be protected, by its
// number in the registry of RFC 5764 section 4.1.2.
type SRTPProtectionProfile uint16

// The profiles that are supported, by the names of IANA's registry of DTLS-SRTP
// protection profiles (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
const (
	SRTP_AES128_CM_HMAC_SHA1_80 SRTPProtectionProfile = SRTPProtectionProfile(dtls.AES128_CM_SHA1_80)
	SRTP_AES128_CM_HMAC_SHA1_32 SRTPProtectionProfile = SRTPProtectionProfile(dtls.AES128_CM_SHA1_32)
	SRTP_AEAD_AES_128_GCM       SRTPProtectionProfile = SRTPProtectionProfile(dtls.AEAD_AES_128_GCM)
	SRTP_AEAD_AES_256_GCM       SRTPProtectionProfile = SRTPProtectionProfile(dtls.AEAD_AES_256_GCM)
)

// String returns the name in IANA's registry.
func (p SRTPProtectionProfile) String() string { return srtp.Profile(p).String() }

// SetSRTPProtectionProfiles sets the profiles that are offered, or chosen from, in
// the order of preference. Without a call, or with none, they are AEAD_AES_256_GCM,
// AEAD_AES_128_GCM and AES128_CM_HMAC_SHA1_80, which every WebRTC endpoint has
// (RFC 8827 section 6.5). Values other than the constants are passed over.
func (e *SettingEngine) SetSRTPProtectionProfiles(profiles ...SRTPProtectionProfile) {
	e.rtp.srtpProfiles = nil
	for _, p := range profiles {
		switch p {
		case SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AES128_CM_HMAC_SHA1_32, SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM:
			if !slices.Contains(e.rtp.srtpProfiles, p) {
				e.rtp.srtpProfiles = append(e.rtp.srtpProfiles, p)
			}
		}
	}
}

// maxReplayWindow is the most that sequence numbers of RTP can tell apart.
const maxReplayWindow = 1 << 15

// SetSRTPReplayProtectionWindow sets how many packets behind the newest an RTP
// packet may be and still be taken: from 64, the least that RFC 3711 section 3.3.2
// allows, to 32768, rounded up to a multiple of 64. 0 is the default, 1024.
func (e *SettingEngine) SetSRTPReplayProtectionWindow(n uint) { e.rtp.srtpWindow = replayWindow(n) }

// SetSRTCPReplayProtectionWindow is the same for RTCP. 0 is the default, 256.
func (e *SettingEngine) SetSRTCPReplayProtectionWindow(n uint) { e.rtp.srtcpWindow = replayWindow(n) }

// DisableSRTPReplayProtection takes every RTP packet, however late, as far as
// sequence numbers allow: the window is the largest. What comes twice is still
// taken once, which RFC 3711 section 3.3.2 demands. False restores the default.
func (e *SettingEngine) DisableSRTPReplayProtection(isDisabled bool) {
	e.rtp.srtpWindow = widestWindow(isDisabled)
}

// DisableSRTCPReplayProtection is the same for RTCP.
func (e *SettingEngine) DisableSRTCPReplayProtection(isDisabled bool) {
	e.rtp.srtcpWindow = widestWindow(isDisabled)
}

func widestWindow(widest bool) int {
	if widest {
		return maxReplayWindow
	}
	return 0
}

func replayWindow(n uint) int {
	if n == 0 {
		return 0
	}
	return int(min(max(n, 64), maxReplayWindow))
}

// SetReceiveMTU sets the size in bytes of the buffers that [TrackRemote.ReadRTP] and
// the methods that return parsed RTCP packets make for each packet. 0 is the
// default, 2048, and the most: larger datagrams are not received.
func (e *SettingEngine) SetReceiveMTU(receiveMTU uint) {
	e.rtp.mtu = int(min(receiveMTU, netio.MaxDatagram))
}

// SetHandleUndeclaredSSRCWithoutAnswer has no effect: packets that no description
// explains wait for one, some of them, whether or not an answer was set.
func (e *SettingEngine) SetHandleUndeclaredSSRCWithoutAnswer(bool) {}

// receiveMTU is the size of a buffer for one packet.
func (e *SettingEngine) receiveMTU() int {
	if e.rtp.mtu == 0 {
		return netio.MaxDatagram
	}
	return e.rtp.mtu
}

// profiles are those to negotiate.
func (s *mediaSettings) profiles() []dtls.SRTPProfile {
	if len(s.srtpProfiles) == 0 {
		return []dtls.SRTPProfile{dtls.AEAD_AES_256_GCM, dtls.AEAD_AES_128_GCM, dtls.AES128_CM_SHA1_80}
	}
	var profiles []dtls.SRTPProfile
	for _, p := range s.srtpProfiles {
		profiles = append(profiles, dtls.SRTPProfile(p))
	}
	return profiles
}

func (s *mediaSettings) srtpOptions() srtp.Options {
	return srtp.Options{ReplayWindow: s.srtpWindow, RTCPReplayWindow: s.srtcpWindow}
}
