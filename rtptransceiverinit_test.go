package webrtc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func withRID(rids ...string) []RTPEncodingParameters {
	var out []RTPEncodingParameters
	for _, rid := range rids {
		out = append(out, RTPEncodingParameters{RTPCodingParameters: RTPCodingParameters{RID: rid}})
	}
	return out
}

func withScale(factors ...float64) []RTPEncodingParameters {
	var out []RTPEncodingParameters
	for _, factor := range factors {
		e := RTPEncodingParameters{}
		if factor != 0 {
			e.ScaleResolutionDownBy = &factor
		}
		out = append(out, e)
	}
	return out
}

func codecPointer(t testing.TB, text string) *RTPCodecCapability {
	c := codecOf(t, text).RTPCodecCapability
	return &c
}

// webrtc-pc section 5.1.2, addTransceiver sendEncodings validation steps.
func TestSendEncodingsMisuse(t *testing.T) {
	m := defaultEngine(t)
	for _, test := range []struct {
		rule      string
		kind      RTPCodecType
		encodings []RTPEncodingParameters
		want      error // nil: allowed
	}{
		{"none", RTPCodecTypeVideo, nil, nil},
		{"rid of each allowed kind of character", RTPCodecTypeVideo, withRID("aZ09-_", "b"), nil},
		{"rid as long as its header extension can be", RTPCodecTypeVideo, withRID(strings.Repeat("a", 255), "b"), nil},
		{"rid does not conform to RFC 8851 section 10", RTPCodecTypeVideo, withRID("a b"), ErrType},
		{"rid does not conform to RFC 8851 section 10", RTPCodecTypeVideo, withRID("a", "b;c"), ErrType},
		{"rid does not conform to RFC 8851 section 10", RTPCodecTypeVideo, withRID("é"), ErrType},
		{"rid does not fit its header extension (RFC 8285 section 4.3)", RTPCodecTypeVideo, withRID(strings.Repeat("a", 256)), ErrType},
		{"some but not all encodings have a rid", RTPCodecTypeVideo, withRID("a", ""), ErrType},
		{"some but not all encodings have a rid", RTPCodecTypeVideo, withRID("", "b"), ErrType},
		{"rid is the same as that of another encoding", RTPCodecTypeVideo, withRID("a", "b", "a"), ErrType},
		{"the case of a rid matters", RTPCodecTypeVideo, withRID("a", "A"), nil},
		{"audio is checked as well", RTPCodecTypeAudio, withRID("a", "a"), ErrType},
		{"a read-only parameter other than rid", RTPCodecTypeVideo, []RTPEncodingParameters{{RTPCodingParameters: RTPCodingParameters{PayloadType: 96}}}, ErrInvalidAccess},
		{"SSRCs may be chosen", RTPCodecTypeVideo, []RTPEncodingParameters{{RTPCodingParameters: RTPCodingParameters{SSRC: 1, RTX: RTPRtxParameters{SSRC: 2}, FEC: RTPFecParameters{SSRC: 3}}}}, nil},
		{"SSRCs differ (RFC 3550 section 3)", RTPCodecTypeVideo, []RTPEncodingParameters{{RTPCodingParameters: RTPCodingParameters{SSRC: 1, RTX: RTPRtxParameters{SSRC: 1}}}}, ErrInvalidAccess},
		{"SSRCs differ (RFC 3550 section 3)", RTPCodecTypeVideo, []RTPEncodingParameters{{RTPCodingParameters: RTPCodingParameters{SSRC: 1}}, {RTPCodingParameters: RTPCodingParameters{FEC: RTPFecParameters{SSRC: 1}}}}, ErrInvalidAccess},
		{"codec of the capabilities", RTPCodecTypeVideo, []RTPEncodingParameters{{Codec: codecPointer(t, "0 video/VP8 90000")}}, nil},
		{"codec that is not in the capabilities", RTPCodecTypeVideo, []RTPEncodingParameters{{Codec: codecPointer(t, "0 video/theora 90000")}}, ErrOperation},
		{"codec of another kind", RTPCodecTypeAudio, []RTPEncodingParameters{{Codec: codecPointer(t, "0 video/VP8 90000")}}, ErrOperation},
		{"the whole line of the codec must match", RTPCodecTypeVideo, []RTPEncodingParameters{{Codec: codecPointer(t, "0 video/VP9 90000 profile-id=1")}}, ErrOperation},
		{"the whole line of the codec must match, the level too", RTPCodecTypeVideo, []RTPEncodingParameters{{Codec: codecPointer(t, "0 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=420034")}}, ErrOperation},
		{"scaleResolutionDownBy of 1", RTPCodecTypeVideo, withScale(1), nil},
		{"scaleResolutionDownBy is less than 1", RTPCodecTypeVideo, withScale(2, 0.99), ErrRange},
		{"scaleResolutionDownBy is negative", RTPCodecTypeVideo, withScale(-2), ErrRange},
		{"audio: scaleResolutionDownBy is removed before it is checked", RTPCodecTypeAudio, withScale(0.5), nil},
		{"maxFramerate is greater than 0", RTPCodecTypeVideo, []RTPEncodingParameters{{MaxFramerate: ptr(0.1)}}, nil},
		{"maxFramerate is 0", RTPCodecTypeVideo, []RTPEncodingParameters{{MaxFramerate: ptr(0.0)}}, ErrRange},
		{"maxFramerate is negative", RTPCodecTypeVideo, []RTPEncodingParameters{{MaxFramerate: ptr(-1.0)}}, ErrRange},
		{"audio: maxFramerate is removed before it is checked", RTPCodecTypeAudio, []RTPEncodingParameters{{MaxFramerate: ptr(-1.0)}}, nil},
		{"a double is finite (Web IDL section 3.2.7)", RTPCodecTypeVideo, withScale(math.NaN()), ErrType},
		{"a double is finite (Web IDL section 3.2.7)", RTPCodecTypeAudio, []RTPEncodingParameters{{MaxFramerate: ptr(math.Inf(1))}}, ErrType},
		{"priority (Web IDL section 3.2.18)", RTPCodecTypeVideo, []RTPEncodingParameters{{Priority: 5}}, ErrUnknownType},
		{"a bitrate of 0 is allowed (section 5.2.7)", RTPCodecTypeVideo, []RTPEncodingParameters{{MaxBitrate: ptr(uint32(0))}}, nil},
		{"TypeError comes before RangeError", RTPCodecTypeVideo, append(withRID("a"), withScale(0.5)...), ErrType},
	} {
		_, err := newSendEncodings(test.kind, test.encodings, m.codecs(test.kind))
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.rule, err, test.want)
		}
	}
}

// describe renders what is left of encodings.
func describe(encodings []RTPEncodingParameters) string {
	out := ""
	for _, e := range encodings {
		out += e.RID
		if e.ScaleResolutionDownBy != nil {
			out += fmt.Sprintf("/%v", *e.ScaleResolutionDownBy)
		}
		if e.MaxFramerate != nil {
			out += fmt.Sprintf("@%v", *e.MaxFramerate)
		}
		out += " "
	}
	return strings.TrimSpace(out)
}

// webrtc-pc section 5.1.2, addTransceiver, and section 5.2, create an
// RTCRtpSender.
func TestSendEncodingsAreCompleted(t *testing.T) {
	for _, test := range []struct {
		rule      string
		kind      RTPCodecType
		encodings []RTPEncodingParameters
		want      string
	}{
		{"video without encodings has one, unscaled", RTPCodecTypeVideo, nil, "/1"},
		{"the rid of a single encoding is removed", RTPCodecTypeVideo, withRID("a"), "/1"},
		{"smaller to larger resolutions", RTPCodecTypeVideo, withRID("q", "h", "f"), "q/4 h/2 f/1"},
		{"without factors 1.0 where one is given", RTPCodecTypeVideo, withScale(0, 3, 0), "0/1 1/3 2/1"},
		{"rids are made up where none is given", RTPCodecTypeVideo, withRID("", ""), "0/2 1/1"},
		{"audio has neither factor nor frame rate", RTPCodecTypeAudio, []RTPEncodingParameters{{ScaleResolutionDownBy: ptr(2.0), MaxFramerate: ptr(5.0)}}, ""},
		{"audio has one encoding", RTPCodecTypeAudio, withRID("a", "b"), ""},
		{"the frame rate stays", RTPCodecTypeVideo, []RTPEncodingParameters{{MaxFramerate: ptr(5.0)}}, "/1@5"},
	} {
		before, _ := json.Marshal(test.encodings)
		got, err := newSendEncodings(test.kind, test.encodings, nil)
		if err != nil || describe(got) != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.rule, describe(got), err, test.want)
		}
		if after, _ := json.Marshal(test.encodings); string(after) != string(before) {
			t.Errorf("%s: the argument was changed", test.rule)
		}
		for _, e := range got {
			if e.Active == nil || !*e.Active || e.Priority != PriorityTypeLow {
				t.Errorf("%s: not W3C's defaults: %+v", test.rule, e)
			}
		}
		if test.kind == RTPCodecTypeAudio && len(got) != 1 {
			t.Errorf("%s: %d encodings", test.rule, len(got))
		}
	}
}

func TestSendEncodingsAreTrimmedFromTheTail(t *testing.T) {
	var rids []string
	for i := range maxVideoEncodings + 3 {
		rids = append(rids, fmt.Sprintf("r%d", i))
	}
	got, err := newSendEncodings(RTPCodecTypeVideo, withRID(rids...), nil)
	if err != nil || len(got) != maxVideoEncodings || got[0].RID != "r0" || *got[0].ScaleResolutionDownBy != 1<<(maxVideoEncodings-1) || *got[len(got)-1].ScaleResolutionDownBy != 1 {
		t.Errorf("got %s, %v", describe(got), err)
	}
}

func TestSendEncodingsKeepWhatTheProgramChose(t *testing.T) {
	given := []RTPEncodingParameters{{
		RTPCodingParameters: RTPCodingParameters{SSRC: 7}, Active: ptr(false), MaxBitrate: ptr(uint32(5)), Priority: PriorityTypeHigh,
		Codec: codecPointer(t, "0 video/VP8 90000"),
	}}
	got, err := newSendEncodings(RTPCodecTypeVideo, given, codecsOf(t, "96 video/VP8 90000"))
	if err != nil {
		t.Fatal(err)
	}
	*given[0].Active, *given[0].MaxBitrate, given[0].Codec.MimeType = true, 6, "changed"
	if e := got[0]; e.SSRC != 7 || *e.Active || *e.MaxBitrate != 5 || e.Priority != PriorityTypeHigh || e.Codec.MimeType != MimeTypeVP8 {
		t.Errorf("got %+v", e)
	}
}

// webrtc-pc section 5.1.2, addTransceiver, and section 5.1.3.
func TestTransceiverInit(t *testing.T) {
	for _, test := range []struct {
		rule string
		kind RTPCodecType
		init RTPTransceiverInit
		want error
	}{
		{"the zero value", RTPCodecTypeAudio, RTPTransceiverInit{}, nil},
		{"kind is neither audio nor video", RTPCodecTypeUnknown, RTPTransceiverInit{}, ErrType},
		{"every direction", RTPCodecTypeAudio, RTPTransceiverInit{Direction: RTPTransceiverDirectionInactive}, nil},
		{"stopped cannot be set (section 5.4.1)", RTPCodecTypeAudio, RTPTransceiverInit{Direction: RTPTransceiverDirectionStopped}, ErrType},
		{"direction (Web IDL section 3.2.18)", RTPCodecTypeAudio, RTPTransceiverInit{Direction: 6}, ErrUnknownType},
		{"direction (Web IDL section 3.2.18)", RTPCodecTypeAudio, RTPTransceiverInit{Direction: -1}, ErrUnknownType},
		{"sendEncodings", RTPCodecTypeVideo, RTPTransceiverInit{SendEncodings: withScale(0.5)}, ErrRange},
		{"stream id at its limit (RFC 8830 section 2)", RTPCodecTypeVideo, RTPTransceiverInit{StreamIDs: []string{strings.Repeat("a", 64)}}, nil},
		{"stream id too long (RFC 8830 section 2)", RTPCodecTypeVideo, RTPTransceiverInit{StreamIDs: []string{strings.Repeat("a", 65)}}, ErrType},
		{"stream id is no token", RTPCodecTypeVideo, RTPTransceiverInit{StreamIDs: []string{"a b"}}, ErrType},
		{"stream id with a line break", RTPCodecTypeVideo, RTPTransceiverInit{StreamIDs: []string{"a\r\nb"}}, ErrType},
		{"stream id is empty", RTPCodecTypeVideo, RTPTransceiverInit{StreamIDs: []string{""}}, ErrType},
		{"stream id that means no stream (RFC 8830 section 2)", RTPCodecTypeVideo, RTPTransceiverInit{StreamIDs: []string{"-"}}, ErrType},
	} {
		if _, err := test.init.validated(test.kind, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.rule, err, test.want)
		}
	}
	got, err := RTPTransceiverInit{StreamIDs: []string{"a", "b", "a"}}.validated(RTPCodecTypeVideo, nil)
	if err != nil || got.Direction != RTPTransceiverDirectionSendrecv || !slices.Equal(got.StreamIDs, []string{"a", "b"}) || describe(got.SendEncodings) != "/1" {
		t.Errorf("defaults: %+v, %v", got, err)
	}
}

// The ORTC example of pion sends these over its signaling channel.
func TestEncodingParametersReadBackTheirJSON(t *testing.T) {
	const text = `{"rid":"h","ssrc":1,"payloadType":96,"rtx":{"ssrc":2},"fec":{"ssrc":0},"active":false,"maxBitrate":3,"maxFramerate":0,"scaleResolutionDownBy":2.5,"priority":"high"}`
	var e RTPEncodingParameters
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(e); err != nil || string(b) != text {
		t.Errorf("got %s, %v\nwant %s", b, err, text)
	}
	const coding = `{"rid":"","ssrc":1,"payloadType":0,"rtx":{"ssrc":0},"fec":{"ssrc":0}}`
	for _, v := range []any{
		RTPEncodingParameters{RTPCodingParameters: RTPCodingParameters{SSRC: 1}},
		RTPReceiveParameters{Encodings: []RTPDecodingParameters{{RTPCodingParameters{SSRC: 1}}}}.Encodings[0],
	} {
		if b, err := json.Marshal(v); err != nil || string(b) != coding {
			t.Errorf("%T: got %s, %v", v, b, err)
		}
	}
}
