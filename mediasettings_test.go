package webrtc

import (
	"fmt"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/srtp"
	"github.com/pion/rtp"
)

// Each profile of RFC 5764 and RFC 7714 that is set is negotiated, and carries media.
func TestSRTPProfilesAreNegotiated(t *testing.T) {
	for _, profile := range []SRTPProtectionProfile{
		SRTP_AEAD_AES_256_GCM, SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AES128_CM_HMAC_SHA1_32,
	} {
		t.Run(fmt.Sprint(profile), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				track := vp8Track(t, "video")
				_, remote := r.mediaPair(track)
				must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2}, Payload: []byte{0x10, 1}}))
				_, _, err := remote.ReadRTP()
				must(t, err)
				if got := r.a.dtls.rtp.out.keys.Load().Profile(); got != srtp.Profile(profile) {
					t.Errorf("negotiated %v", got)
				}
			}, withEngines(func(a, b *SettingEngine) {
				a.SetSRTPProtectionProfiles(profile, 99) // 99 is none
				b.SetSRTPProtectionProfiles()            // the default, but for the weakest
				if profile == SRTP_AES128_CM_HMAC_SHA1_32 {
					b.SetSRTPProtectionProfiles(SRTP_AEAD_AES_256_GCM, profile)
				}
			}))
		})
	}
}

func TestMediaSettingsStayInTheirBounds(t *testing.T) {
	var e SettingEngine
	if o := e.rtp.srtpOptions(); o != (srtp.Options{}) || e.receiveMTU() != 2048 {
		t.Errorf("defaults %+v, %d", o, e.receiveMTU())
	}
	for given, want := range map[uint]int{0: 0, 1: 64, 640: 640, 1 << 30: 1 << 15} {
		e.SetSRTPReplayProtectionWindow(given)
		e.SetSRTCPReplayProtectionWindow(given)
		if o := e.rtp.srtpOptions(); o.ReplayWindow != want || o.RTCPReplayWindow != want {
			t.Errorf("window %d: %+v", given, o)
		}
	}
	e.DisableSRTPReplayProtection(true)
	e.DisableSRTCPReplayProtection(true)
	if o := e.rtp.srtpOptions(); o.ReplayWindow != 1<<15 || o.RTCPReplayWindow != 1<<15 {
		t.Errorf("without replay protection %+v", o)
	}
	e.DisableSRTPReplayProtection(false)
	e.SetReceiveMTU(1 << 20)
	if o := e.rtp.srtpOptions(); o.ReplayWindow != 0 || e.receiveMTU() != 2048 {
		t.Errorf("%+v, MTU %d", o, e.receiveMTU())
	}
	e.SetReceiveMTU(100)
	e.SetHandleUndeclaredSSRCWithoutAnswer(true)
	if e.receiveMTU() != 100 {
		t.Errorf("MTU %d", e.receiveMTU())
	}
}

// A packet that is late beyond the default window arrives with the widest one.
func TestALatePacketArrivesWithTheWidestWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		for _, seq := range []uint16{5000, 8000, 5001} {
			must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{0x10, 1}}))
			p, _, err := remote.ReadRTP()
			must(t, err)
			if p.SequenceNumber != seq {
				t.Errorf("packet %d, want %d", p.SequenceNumber, seq)
			}
			time.Sleep(time.Millisecond)
		}
	}, withEngines(func(a, b *SettingEngine) {
		a.DisableSRTPReplayProtection(true)
		b.DisableSRTPReplayProtection(true)
	}))
}
