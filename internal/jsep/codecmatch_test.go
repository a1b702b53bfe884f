package jsep

import (
	"strings"
	"testing"
)

// codec reads "VP8/90000 apt=96": an rtpmap without its number, and an fmtp.
func codec(t testing.TB, text string) Codec {
	t.Helper()
	mapping, fmtp, _ := strings.Cut(text, " ")
	var f format
	if err := f.readMap(mapping); err != nil {
		t.Fatal(err)
	}
	f.codec.Fmtp = fmtp
	return f.codec
}

func TestCodecsMatchAsTheirRFCsSay(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
		why  string
	}{
		{"VP8/90000", "vp8/90000", true, "RFC 4855 section 3: names in any case"},
		{"VP8/90000 max-fs=12288;max-fr=60", "VP8/90000", true, "RFC 7741 section 6.2.2: limits are declared"},
		{"VP8/90000", "VP8/8000", false, "another clock rate"},
		{"VP8/90000", "VP9/90000", false, "another codec"},

		{"opus/48000/2 stereo=1;useinbandfec=1", "opus/48000/2 stereo=0;useinbandfec=0;maxplaybackrate=16000", true, "RFC 7587 section 7.1: declared"},
		{"opus/48000/2", "OPUS/48000/2", true, "names in any case"},
		{"opus/48000/2", "opus/48000", false, "RFC 7587 section 7: the number of channels MUST be 2"},
		{"opus/48000/2", "opus/24000/2", false, "RFC 7587 section 7: the clock rate MUST be 48000"},

		{"PCMU/8000", "pcmu/8000/1", true, "RFC 8866 section 6.6: no channels are one channel"},
		{"PCMU/8000", "PCMU/16000", false, "another clock rate"},
		{"G722/8000", "G722/8000/1", true, "as Firefox writes it"},
		{"G722/8000", "G722/16000", false, "RFC 3551 section 4.5.2: the clock rate is 8000"},

		{"telephone-event/8000 0-15", "telephone-event/8000 0-11,16", true, "RFC 4733 section 2.4.1: declared"},
		{"telephone-event/8000", "telephone-event/48000", false, "a format for each clock rate"},
		{"CN/8000", "cn/8000", true, "RFC 3389 section 5"},

		{"H264/90000 profile-level-id=42e01f;packetization-mode=1", "H264/90000 packetization-mode=1;profile-level-id=42E034", true, "RFC 6184 section 8.2.2: levels need not agree"},
		{"H264/90000 profile-level-id=42e01f", "H264/90000 profile-level-id=4d801f", true, "Table 5: both are constrained baseline"},
		{"H264/90000 profile-level-id=42e01f", "H264/90000 profile-level-id=42001f", false, "constrained baseline and baseline"},
		{"H264/90000 profile-level-id=42001f", "H264/90000 profile-level-id=4d001f", false, "baseline and main"},
		{"H264/90000 profile-level-id=64001f", "H264/90000 profile-level-id=640c1f", false, "high and constrained high"},
		{"H264/90000 profile-level-id=42001f", "H264/90000", true, "RFC 6184 section 8.1: Baseline is inferred"},
		{"H264/90000 profile-level-id=42e01f", "H264/90000", false, "RFC 6184 section 8.1: not the constrained one"},
		{"H264/90000 packetization-mode=1", "H264/90000", false, "RFC 6184 section 8.1: mode 0 is inferred, and used symmetrically"},
		{"H264/90000 packetization-mode=0", "H264/90000", true, "RFC 6184 section 8.1: mode 0 is inferred"},
		{"H264/90000 profile-level-id=42e01", "H264/90000 profile-level-id=42e01", false, "not a profile-level-id"},
		{"H264/90000 packetization-mode=x", "H264/90000 packetization-mode=x", false, "not a mode"},

		{"H265/90000", "H265/90000 profile-id=1;tier-flag=0;level-id=93;tx-mode=srst", true, "RFC 7798 section 7.1: what is inferred"},
		{"H265/90000 level-id=180", "H265/90000 level-id=60", true, "RFC 7798 section 7.2.2: levels need not agree"},
		{"H265/90000 profile-id=1", "H265/90000 profile-id=2", false, "RFC 7798 section 7.2.2: symmetric"},
		{"H265/90000", "H265/90000 tier-flag=1", false, "RFC 7798 section 7.2.2: symmetric"},
		{"H265/90000", "H265/90000 profile-space=1", false, "RFC 7798 section 7.2.2: symmetric"},
		{"H265/90000", "H265/90000 tx-mode=MRST", false, "RFC 7798 section 7.2.2: symmetric"},

		{"VP9/90000", "VP9/90000 profile-id=0;max-fr=60", true, "RFC 9628 section 6: 0 is inferred"},
		{"VP9/90000 profile-id=2", "VP9/90000", false, "RFC 9628 section 6: symmetric"},

		{"AV1/90000", "AV1/90000 profile=0;level-idx=5;tier=0", true, "AV1 RTP specification section 7.2.1: what is inferred"},
		{"AV1/90000 level-idx=5", "AV1/90000 level-idx=19;tier=1", true, "AV1 RTP specification section 7.2.3: declared"},
		{"AV1/90000 profile=1", "AV1/90000", false, "each profile is a format of its own"},

		{"iLBC/8000 mode=20", "iLBC/8000 mode=30", false, "not known: parameters must not contradict"},
		{"iLBC/8000 mode=20", "iLBC/8000", true, "not known: nothing contradicts"},
		{"iLBC/8000 mode=20;x=1", "ilbc/8000 y=2;MODE=20", true, "not known: nothing contradicts"},
		{"flexfec-03/90000 repair-window=10000000", "flexfec-03/90000 repair-window=200", true, "RFC 8627 section 5.1: declared"},
		{"ulpfec/90000", "ulpfec/90000", true, "RFC 5109 section 14"},
		{"rtx/90000 apt=96", "rtx/90000 apt=100", true, "NegotiateCodecs compares what they protect"},
		{"rtx/90000 apt=96", "rtx/48000 apt=96", false, "RFC 4588 section 8.1: the clock rate of what they protect"},
		{"red/48000/2 111/111", "red/48000/2 96/96", true, "NegotiateCodecs compares what they carry"},
		{"red/48000/2", "red/90000", false, "another clock rate"},
	} {
		a, b := codec(t, c.a), codec(t, c.b)
		if MatchCodec(a, b) != c.want || MatchCodec(b, a) != c.want {
			t.Errorf("%s and %s: want %v (%s)", c.a, c.b, c.want, c.why)
		}
	}
}

func TestKindsMustAgreeWhereBothAreKnown(t *testing.T) {
	a := codec(t, "rtx/90000")
	b := a
	a.Kind, b.Kind = Audio, Video
	if MatchCodec(a, b) {
		t.Error("audio matches video")
	}
	if b.Kind = 0; !MatchCodec(a, b) || !MatchCodec(b, a) {
		t.Error("a codec whose kind is not known does not match")
	}
}

// webrtc-pc "codec dictionary match": with asymmetrical parameters, and without regard to order.
func TestSameCodecsDeclareTheSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"opus/48000/2 minptime=10;useinbandfec=1", "opus/48000/2 useinbandfec=1; minptime=10", true},
		{"opus/48000/2 minptime=10;useinbandfec=1", "opus/48000/2 minptime=10", false},
		{"opus/48000/2 stereo=1", "opus/48000/2 stereo=0", false},
		{"H264/90000 profile-level-id=42e01f", "H264/90000 profile-level-id=42E01F", true},
		{"H264/90000 profile-level-id=42e01f", "H264/90000 profile-level-id=42e034", false},
		{"VP9/90000 profile-id=0", "VP9/90000", false},
		{"rtx/90000 apt=96", "rtx/90000", true},
		{"VP8/90000", "VP9/90000", false},
	} {
		if got := SameCodec(codec(t, c.a), codec(t, c.b)); got != c.want {
			t.Errorf("%s and %s: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestResiliencyIsNoMedia(t *testing.T) {
	for _, name := range []string{"rtx", "RTX", "red", "ulpfec", "flexfec", "flexfec-03", "telephone-event", "CN"} {
		if !(Codec{Name: name}).IsResiliency() {
			t.Errorf("%s passes for media", name)
		}
	}
	for _, name := range []string{"VP8", "opus", "PCMU", ""} {
		if (Codec{Name: name}).IsResiliency() {
			t.Errorf("%s does not pass for media", name)
		}
	}
}
