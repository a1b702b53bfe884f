package webrtc

import (
	"errors"
	"slices"
	"testing"
)

// webrtc-pc section 5.4.2, setCodecPreferences.
func TestCodecPreferences(t *testing.T) {
	m := protectedEngine(t)
	for _, test := range []struct {
		rule        string
		kind        RTPCodecType
		codecs      []string
		want        []string
		preferences error
	}{
		{rule: "an empty list means the default", kind: RTPCodecTypeVideo, want: []string{}},
		{
			rule: "the order is kept, payload types are those of the engine", kind: RTPCodecTypeVideo,
			codecs: []string{"0 video/VP9 90000 profile-id=0", "0 video/VP8 90000"},
			want:   []string{"98 video/VP9 90000 profile-id=0", "96 video/VP8 90000"},
		},
		{
			rule: "duplicates are removed, the first stays", kind: RTPCodecTypeVideo,
			codecs: []string{"0 video/VP8 90000", "0 video/AV1 90000", "0 video/vp8 90000", "120 video/VP8 90000"},
			want:   []string{"96 video/VP8 90000", "45 video/AV1 90000"},
		},
		{
			rule: "the one RTX of the capabilities", kind: RTPCodecTypeVideo,
			codecs: []string{"0 video/rtx 90000", "0 video/VP8 90000", "0 video/rtx 90000"},
			want:   []string{"0 video/rtx 90000", "96 video/VP8 90000"},
		},
		{
			rule: "RTX for each codec, as pion's lists have it", kind: RTPCodecTypeVideo,
			codecs: []string{"97 video/rtx 90000 apt=96", "96 video/VP8 90000", "98 video/VP9 90000 profile-id=0", "99 video/rtx 90000 apt=98"},
			want:   []string{"97 video/rtx 90000 apt=96", "96 video/VP8 90000", "98 video/VP9 90000 profile-id=0", "99 video/rtx 90000 apt=98"},
		},
		{
			rule: "RTX of a codec that is not in the list is dropped", kind: RTPCodecTypeVideo,
			codecs: []string{"96 video/VP8 90000", "99 video/rtx 90000 apt=98", "97 video/rtx 90000 apt=96"},
			want:   []string{"96 video/VP8 90000", "97 video/rtx 90000 apt=96"},
		},
		{
			rule: "payload types that the program chose stay", kind: RTPCodecTypeVideo,
			codecs: []string{"122 video/VP8 90000", "123 video/rtx 90000 apt=122"},
			want:   []string{"122 video/VP8 90000", "123 video/rtx 90000 apt=122"},
		},
		{
			rule: "channels of 1 may be left out", kind: RTPCodecTypeAudio,
			codecs: []string{"0 audio/PCMU 8000/1", "0 audio/PCMA 8000"},
			want:   []string{"0 audio/PCMU 8000/1", "8 audio/PCMA 8000"},
		},
		{
			rule: "telephone-event is not in the list of what cannot be alone", kind: RTPCodecTypeAudio,
			codecs: []string{"0 audio/telephone-event 8000 0-15"}, want: []string{"126 audio/telephone-event 8000 0-15"},
		},
		{rule: "a codec that is not in the capabilities", kind: RTPCodecTypeVideo, codecs: []string{"0 video/VP8 90000", "0 video/theora 90000"}, preferences: ErrInvalidModification},
		{rule: "other kind", kind: RTPCodecTypeAudio, codecs: []string{"0 video/VP8 90000"}, preferences: ErrInvalidModification},
		{rule: "other clock rate", kind: RTPCodecTypeVideo, codecs: []string{"0 video/VP8 9000"}, preferences: ErrInvalidModification},
		{rule: "other parameters", kind: RTPCodecTypeAudio, codecs: []string{"0 audio/opus 48000/2 minptime=20;useinbandfec=1"}, preferences: ErrInvalidModification},
		{rule: "no parameters", kind: RTPCodecTypeAudio, codecs: []string{"0 audio/opus 48000/2"}, preferences: ErrInvalidModification},
		{rule: "the whole line must match here, the level too", kind: RTPCodecTypeVideo, codecs: []string{"0 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=420034"}, preferences: ErrInvalidModification},
		{rule: "only RTX", kind: RTPCodecTypeVideo, codecs: []string{"0 video/rtx 90000"}, preferences: ErrInvalidModification},
		{rule: "only RTX, with apt", kind: RTPCodecTypeVideo, codecs: []string{"97 video/rtx 90000 apt=96"}, preferences: ErrInvalidModification},
		{rule: "only RED and FEC", kind: RTPCodecTypeVideo, codecs: []string{"0 video/red 90000", "0 video/ulpfec 90000", "0 video/flexfec-03 90000 repair-window=10000000"}, preferences: ErrInvalidModification},
		{rule: "RFC 5761 section 4", kind: RTPCodecTypeVideo, codecs: []string{"72 video/VP8 90000"}, preferences: ErrRange},
	} {
		got, err := preferredCodecs(codecsOf(t, test.codecs...), m.codecs(test.kind))
		if !errors.Is(err, test.preferences) {
			t.Errorf("%s: got %v, want %v", test.rule, err, test.preferences)
		} else if err == nil && !slices.Equal(textsOf(got), test.want) {
			t.Errorf("%s: got %v, want %v", test.rule, textsOf(got), test.want)
		}
	}
}

// What a getter returned can be set again.
func TestCapabilitiesAreValidPreferences(t *testing.T) {
	m := protectedEngine(t)
	for _, kind := range []RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo} {
		var codecs []RTPCodecParameters
		for _, c := range m.sendCapabilities(kind).Codecs {
			codecs = append(codecs, RTPCodecParameters{RTPCodecCapability: c})
		}
		if got, err := preferredCodecs(codecs, m.codecs(kind)); err != nil || len(got) != len(codecs) {
			t.Errorf("%v: %d of %d, %v", kind, len(got), len(codecs), err)
		}
		if got, err := preferredCodecs(m.codecs(kind), m.codecs(kind)); err != nil || !slices.Equal(textsOf(got), textsOf(m.codecs(kind))) {
			t.Errorf("%v: %v, %v", kind, got, err)
		}
	}
}

// RTCRtpCodec has no feedback, so none given means all; a list narrows it.
func TestPreferencesNarrowFeedback(t *testing.T) {
	m := protectedEngine(t)
	for _, test := range []struct{ given, want []RTCPFeedback }{
		{nil, videoFeedback},
		{[]RTCPFeedback{}, []RTCPFeedback{}},
		{[]RTCPFeedback{{"nack", "pli"}, {"ack", ""}}, []RTCPFeedback{{"nack", "pli"}}},
	} {
		codec := codecOf(t, "96 video/VP8 90000")
		codec.RTCPFeedback = test.given
		got, err := preferredCodecs([]RTPCodecParameters{codec}, m.codecs(RTPCodecTypeVideo))
		if err != nil || !slices.Equal(got[0].RTCPFeedback, test.want) {
			t.Errorf("%v: got %v, %v", test.given, got, err)
		}
		if len(test.given) > 1 && test.given[1].Type != "ack" {
			t.Error("the argument was changed")
		}
	}
}
