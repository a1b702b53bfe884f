package webrtc

import (
	"reflect"
	"slices"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

func TestNamesOfKindsAndDirections(t *testing.T) {
	for kind, want := range map[RTPCodecType]string{
		RTPCodecTypeUnknown: "unknown", RTPCodecTypeAudio: "audio", RTPCodecTypeVideo: "video", 3: "unknown", -1: "unknown",
	} {
		if got := kind.String(); got != want {
			t.Errorf("%d: got %q, want %q", int(kind), got, want)
		}
	}
	if NewRTPCodecType("Video") != RTPCodecTypeVideo || NewRTPCodecType("audio") != RTPCodecTypeAudio || NewRTPCodecType("text") != RTPCodecTypeUnknown {
		t.Error("NewRTPCodecType")
	}
	// webrtc-pc section 5.1.3
	for direction, want := range map[RTPTransceiverDirection]string{
		RTPTransceiverDirectionUnknown: "unknown", RTPTransceiverDirectionSendrecv: "sendrecv", RTPTransceiverDirectionSendonly: "sendonly",
		RTPTransceiverDirectionRecvonly: "recvonly", RTPTransceiverDirectionInactive: "inactive", RTPTransceiverDirectionStopped: "stopped", 9: "unknown",
	} {
		if got := direction.String(); got != want {
			t.Errorf("%d: got %q, want %q", int(direction), got, want)
		}
		if want != "unknown" && NewRTPTransceiverDirection(want) != direction {
			t.Errorf("NewRTPTransceiverDirection(%q)", want)
		}
	}
	if NewRTPTransceiverDirection("Sendrecv") != RTPTransceiverDirectionUnknown {
		t.Error("NewRTPTransceiverDirection took another case")
	}
}

func TestKindsAndDirectionsSurviveSignaling(t *testing.T) {
	for _, kind := range []RTPCodecType{RTPCodecTypeUnknown, RTPCodecTypeAudio, RTPCodecTypeVideo} {
		if got := newRTPCodecType(kind.mediaKind()); got != kind {
			t.Errorf("%v became %v", kind, got)
		}
	}
	for d := RTPTransceiverDirectionSendrecv; d <= RTPTransceiverDirectionStopped; d++ {
		if got := newRTPTransceiverDirection(d.jsepDirection()); got != d {
			t.Errorf("%v became %v", d, got)
		}
		if got, want := d.Revers().jsepDirection(), d.jsepDirection().Reverse(); got != want {
			t.Errorf("%v reversed: got %v, want %v", d, got, want)
		}
	}
	if RTPTransceiverDirectionUnknown.jsepDirection() != jsep.Sendrecv || RTPTransceiverDirectionUnknown.Revers() != RTPTransceiverDirectionUnknown {
		t.Error("unknown direction")
	}
}

func TestCodecsSurviveSignaling(t *testing.T) {
	m := defaultEngine(t)
	for _, kind := range []RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo} {
		codecs := m.codecs(kind)
		if got := newRTPCodecs(jsepCodecs(codecs), kind); !reflect.DeepEqual(got, codecs) {
			t.Errorf("got %v\nwant %v", got, codecs)
		}
	}
	want := jsep.Codec{
		Kind: jsep.Video, Name: "H264", ClockRate: 90000, Fmtp: "packetization-mode=1", PayloadType: 102,
		Feedback: []jsep.Feedback{{Type: "nack", Parameter: "pli"}},
	}
	codec := codecOf(t, "102 video/H264 90000 packetization-mode=1")
	codec.RTCPFeedback = []RTCPFeedback{{"nack", "pli"}}
	if got := codec.jsepCodec(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// RFC 4855 section 3: the case of names does not matter, so that programs see
// the constants' whatever the peer wrote.
func TestCodecsOfAPeerHaveTheMimeTypesOfTheConstants(t *testing.T) {
	for _, test := range []struct {
		kind       RTPCodecType
		name, want string
	}{
		{RTPCodecTypeVideo, "vp8", MimeTypeVP8},
		{RTPCodecTypeVideo, "h264", MimeTypeH264},
		{RTPCodecTypeAudio, "OPUS", MimeTypeOpus},
		{RTPCodecTypeVideo, "RTX", MimeTypeRTX},
		{RTPCodecTypeAudio, "rtx", "audio/rtx"},
		{RTPCodecTypeAudio, "L16", "audio/L16"},
	} {
		if got := newRTPCodecParameters(jsep.Codec{Name: test.name}, test.kind).MimeType; got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestNegotiatedHeaderExtensionsKeepTheirIDs(t *testing.T) {
	got := newRTPHeaderExtensions([]jsep.Extension{{URI: "urn:a", ID: 3, Direction: jsep.Sendonly}, {URI: "urn:b", ID: 200, Encrypted: true}})
	if want := []RTPHeaderExtensionParameter{{URI: "urn:a", ID: 3}, {URI: "urn:b", ID: 200, Encrypted: true}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// webrtc-pc section 5.4.2, codec dictionary match.
func TestCodecDictionaryMatch(t *testing.T) {
	const (
		no       = iota
		levels   // only with ignoreAsymmetricalParameters
		yes      // always
		h264base = "0 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"
	)
	for _, test := range []struct {
		rule          string
		first, second string
		want          int
	}{
		{"the same", "0 video/VP8 90000", "0 video/VP8 90000", yes},
		{"payload types are not of RTCRtpCodec", "1 video/VP8 90000", "0 video/VP8 90000", yes},
		{"mimeType is an ASCII case-insensitive match", "0 video/VP8 90000", "0 Video/vp8 90000", yes},
		{"mimeType", "0 video/VP8 90000", "0 video/VP9 90000", no},
		{"mimeType, the kind", "0 video/rtx 90000", "0 audio/rtx 90000", no},
		{"clockRate", "0 audio/telephone-event 8000", "0 audio/telephone-event 48000", no},
		{"channels", "0 audio/opus 48000/2", "0 audio/opus 48000/1", no},
		{"channels, either is missing", "0 audio/opus 48000/2", "0 audio/opus 48000", no},
		{"channels, 0 is the absent 1 (RFC 8866 section 6.6)", "0 audio/PCMU 8000/1", "0 audio/PCMU 8000", yes},
		{"sdpFmtpLine, either is missing", "0 video/VP9 90000 profile-id=0", "0 video/VP9 90000", no},
		{"not in key-value format", "0 audio/telephone-event 8000 0-15", "0 audio/telephone-event 8000 0-15", yes},
		{"the order of parameters", h264base, "0 video/H264 90000 profile-level-id=42001f;packetization-mode=1;level-asymmetry-allowed=1", yes},
		{"symmetrical: profile-id of VP9", "0 video/VP9 90000 profile-id=0", "0 video/VP9 90000 profile-id=2", no},
		{"symmetrical: packetization-mode", h264base, "0 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f", no},
		{"symmetrical: profile of H264", h264base, "0 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f", no},
		{"asymmetrical: level of H264", h264base, "0 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=420034", levels},
		{"asymmetrical: level-id of H265", "0 video/H265 90000 level-id=93", "0 video/H265 90000 level-id=180", levels},
		{"asymmetrical: level-idx of AV1", "0 video/AV1 90000 level-idx=5;profile=0", "0 video/AV1 90000 level-idx=8;profile=0", levels},
		{"asymmetrical: Opus declares", "0 audio/opus 48000/2 minptime=10", "0 audio/opus 48000/2 minptime=20", levels},
	} {
		first, second := codecOf(t, test.first), codecOf(t, test.second)
		for _, ignore := range []bool{false, true} {
			want := test.want == yes || test.want == levels && ignore
			if got := first.matches(second.RTPCodecCapability, ignore); got != want {
				t.Errorf("%s: ignoreAsymmetricalParameters %v: got %v", test.rule, ignore, got)
			}
			if got := second.matches(first.RTPCodecCapability, ignore); got != want {
				t.Errorf("%s: the other way round, ignoreAsymmetricalParameters %v: got %v", test.rule, ignore, got)
			}
		}
	}
}
