package webrtc

import (
	"strings"
	"testing"
)

// RFC 9429 section 4.1.1: which m-sections of an initial offer are bundle-only.
func TestTheBundlePolicyReachesTheOffer(t *testing.T) {
	for _, test := range []struct {
		policy     BundlePolicy
		bundleOnly int
	}{
		{BundlePolicyBalanced, 1}, // the second audio section
		{BundlePolicyMaxCompat, 0},
		{BundlePolicyMaxBundle, 2},
	} {
		pc, err := NewPeerConnection(Configuration{BundlePolicy: test.policy})
		must(t, err)
		for _, kind := range []RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo, RTPCodecTypeAudio} {
			_, err := pc.AddTransceiverFromKind(kind)
			must(t, err)
		}
		offer, err := pc.CreateOffer(nil)
		must(t, err)
		if n := strings.Count(offer.SDP, "a=bundle-only"); n != test.bundleOnly {
			t.Errorf("%v: %d sections are bundle-only, want %d", test.policy, n, test.bundleOnly)
		}
		must(t, pc.Close())
	}
}
