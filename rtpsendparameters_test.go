package webrtc

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
)

// lastReturned are parameters as GetParameters returns them.
func lastReturned(t testing.TB, kind RTPCodecType, encodings ...RTPEncodingParameters) RTPSendParameters {
	codecs := map[RTPCodecType][]string{
		RTPCodecTypeAudio: {"111 audio/opus 48000/2 minptime=10;useinbandfec=1"},
		RTPCodecTypeVideo: {"96 video/VP8 90000", "97 video/rtx 90000 apt=96", "98 video/H264 90000 packetization-mode=1;profile-level-id=42001f"},
	}
	sendEncodings, err := newSendEncodings(kind, encodings, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := RTPSendParameters{
		RTPParameters: RTPParameters{
			HeaderExtensions: []RTPHeaderExtensionParameter{{URI: uriMID, ID: 1}},
			Codecs:           codecsOf(t, codecs[kind]...),
			RTCP:             RTCPParameters{CNAME: "cname", ReducedSize: true},
		},
		Encodings:     sendEncodings,
		TransactionID: "1",
	}
	p.Codecs[0].RTCPFeedback = []RTCPFeedback{{"nack", ""}}
	return p
}

// webrtc-pc section 5.2.2, setParameters.
func TestSetParametersMisuse(t *testing.T) {
	implemented := codecsOf(t, "96 video/VP8 90000", "45 video/AV1 90000")
	for _, test := range []struct {
		rule   string
		change func(p *RTPSendParameters)
		want   error // nil: allowed
	}{
		{"nothing", func(p *RTPSendParameters) {}, nil},
		{"what may change", func(p *RTPSendParameters) {
			p.Encodings[0].Active, p.Encodings[1].MaxBitrate, p.Encodings[1].Priority = ptr(false), ptr(uint32(1e6)), PriorityTypeHigh
		}, nil},
		{"encodings.length is different: fewer", func(p *RTPSendParameters) { p.Encodings = p.Encodings[:1] }, ErrInvalidModification},
		{"encodings.length is different: more", func(p *RTPSendParameters) { p.Encodings = append(p.Encodings, RTPEncodingParameters{}) }, ErrInvalidModification},
		{"encodings.length is different: none", func(p *RTPSendParameters) { p.Encodings = nil }, ErrInvalidModification},
		{"encodings have been re-ordered", func(p *RTPSendParameters) { slices.Reverse(p.Encodings) }, ErrInvalidModification},
		{"read-only: rid", func(p *RTPSendParameters) { p.Encodings[0].RID = "x" }, ErrInvalidModification},
		{"read-only: rid removed", func(p *RTPSendParameters) { p.Encodings[0].RID = "" }, ErrInvalidModification},
		{"read-only: SSRC", func(p *RTPSendParameters) { p.Encodings[0].SSRC = 1 }, ErrInvalidModification},
		{"read-only: SSRC of RTX", func(p *RTPSendParameters) { p.Encodings[0].RTX.SSRC = 1 }, ErrInvalidModification},
		{"read-only: payload type", func(p *RTPSendParameters) { p.Encodings[0].PayloadType = 96 }, ErrInvalidModification},
		{"read-only: transactionId", func(p *RTPSendParameters) { p.TransactionID = "2" }, ErrInvalidModification},
		{"read-only: headerExtensions", func(p *RTPSendParameters) { p.HeaderExtensions[0].ID = 2 }, ErrInvalidModification},
		{"read-only: headerExtensions removed", func(p *RTPSendParameters) { p.HeaderExtensions = nil }, ErrInvalidModification},
		{"read-only: cname", func(p *RTPSendParameters) { p.RTCP.CNAME = "x" }, ErrInvalidModification},
		{"read-only: reducedSize", func(p *RTPSendParameters) { p.RTCP.ReducedSize = false }, ErrInvalidModification},
		{"read-only: codecs, their order", func(p *RTPSendParameters) { slices.Reverse(p.Codecs) }, ErrInvalidModification},
		{"read-only: codecs removed", func(p *RTPSendParameters) { p.Codecs = nil }, ErrInvalidModification},
		{"read-only: payloadType", func(p *RTPSendParameters) { p.Codecs[0].PayloadType = 100 }, ErrInvalidModification},
		{"read-only: mimeType", func(p *RTPSendParameters) { p.Codecs[0].MimeType = "video/vp8" }, ErrInvalidModification},
		{"read-only: clockRate", func(p *RTPSendParameters) { p.Codecs[0].ClockRate = 1 }, ErrInvalidModification},
		{"read-only: channels", func(p *RTPSendParameters) { p.Codecs[0].Channels = 1 }, ErrInvalidModification},
		{"read-only: sdpFmtpLine", func(p *RTPSendParameters) { p.Codecs[0].SDPFmtpLine = "a=1" }, ErrInvalidModification},
		{"read-only: feedback", func(p *RTPSendParameters) { p.Codecs[0].RTCPFeedback = nil }, ErrInvalidModification},
		{"a codec of codecs", func(p *RTPSendParameters) { p.Encodings[0].Codec = codecPointer(t, "0 video/vp8 90000") }, nil},
		{"a codec of codecs, ignoring asymmetrical parameters", func(p *RTPSendParameters) {
			p.Encodings[0].Codec = codecPointer(t, "0 video/H264 90000 packetization-mode=1;profile-level-id=420034")
		}, nil},
		{"a codec not found in choosableCodecs", func(p *RTPSendParameters) { p.Encodings[1].Codec = codecPointer(t, "0 video/AV1 90000") }, ErrInvalidModification},
		{"scaleResolutionDownBy is less than 1.0", func(p *RTPSendParameters) { p.Encodings[1].ScaleResolutionDownBy = ptr(0.5) }, ErrRange},
		{"maxFramerate is 0", func(p *RTPSendParameters) { p.Encodings[1].MaxFramerate = ptr(0.0) }, nil},
		{"maxFramerate is less than 0", func(p *RTPSendParameters) { p.Encodings[1].MaxFramerate = ptr(-0.1) }, ErrRange},
		{"a double is finite (Web IDL section 3.2.7)", func(p *RTPSendParameters) { p.Encodings[1].ScaleResolutionDownBy = ptr(math.Inf(1)) }, ErrType},
		{"a double is finite (Web IDL section 3.2.7)", func(p *RTPSendParameters) { p.Encodings[1].MaxFramerate = ptr(math.NaN()) }, ErrType},
		{"priority (Web IDL section 3.2.18)", func(p *RTPSendParameters) { p.Encodings[1].Priority = -1 }, ErrUnknownType},
		{"the argument is converted before anything else", func(p *RTPSendParameters) {
			p.TransactionID, p.Encodings[0].Priority = "2", 9
		}, ErrType},
	} {
		last := lastReturned(t, RTPCodecTypeVideo, withRID("h", "f")...)
		p := last.clone()
		test.change(&p)
		if _, err := p.validateChange(&last, RTPCodecTypeVideo, implemented); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.rule, err, test.want)
		}
	}
}

// webrtc-pc section 5.2.2: "If sender.[[LastReturnedParameters]] is null, return a
// promise rejected with a newly created InvalidStateError."
func TestSetParametersNeedsGetParameters(t *testing.T) {
	p := lastReturned(t, RTPCodecTypeVideo)
	if _, err := p.validateChange(nil, RTPCodecTypeVideo, nil); !errors.Is(err, ErrInvalidState) {
		t.Errorf("got %v", err)
	}
}

// webrtc-pc section 5.2.2: "If choosableCodecs is an empty list, set
// choosableCodecs to the list of implemented send codecs for transceiver's kind."
func TestBeforeNegotiationEveryImplementedCodecCanBeChosen(t *testing.T) {
	last := lastReturned(t, RTPCodecTypeVideo)
	last.Codecs = nil
	p := last.clone()
	p.Encodings[0].Codec = codecPointer(t, "0 video/AV1 90000")
	if _, err := p.validateChange(&last, RTPCodecTypeVideo, codecsOf(t, "45 video/AV1 90000")); err != nil {
		t.Error(err)
	}
	if _, err := p.validateChange(&last, RTPCodecTypeVideo, codecsOf(t, "96 video/VP8 90000")); !errors.Is(err, ErrInvalidModification) {
		t.Errorf("got %v", err)
	}
}

// webrtc-pc section 5.2.2, setParameters.
func TestSetParametersCompletesEncodings(t *testing.T) {
	last := lastReturned(t, RTPCodecTypeVideo)
	p := last.clone()
	p.Encodings[0] = RTPEncodingParameters{MaxBitrate: ptr(uint32(1000))}
	got, err := p.validateChange(&last, RTPCodecTypeVideo, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []RTPEncodingParameters{{Active: ptr(true), MaxBitrate: ptr(uint32(1000)), ScaleResolutionDownBy: ptr(1.0), Priority: PriorityTypeLow}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got[0])
	}
	*p.Encodings[0].MaxBitrate = 1
	if *got[0].MaxBitrate != 1000 || p.Encodings[0].Active != nil {
		t.Error("the result shares memory with the argument")
	}

	last = lastReturned(t, RTPCodecTypeAudio)
	p = last.clone()
	p.Encodings[0].ScaleResolutionDownBy, p.Encodings[0].MaxFramerate = ptr(0.5), ptr(-1.0)
	got, err = p.validateChange(&last, RTPCodecTypeAudio, nil)
	if err != nil || got[0].ScaleResolutionDownBy != nil || got[0].MaxFramerate != nil {
		t.Errorf("audio: got %+v, %v", got, err)
	}
}

func TestCopiesOfParametersShareNothing(t *testing.T) {
	last := lastReturned(t, RTPCodecTypeVideo, RTPEncodingParameters{MaxFramerate: ptr(5.0), Codec: nil})
	last.Encodings[0].Codec = codecPointer(t, "0 video/VP8 90000")
	p := last.clone()
	if !reflect.DeepEqual(p, last) {
		t.Fatalf("got %+v\nwant %+v", p, last)
	}
	p.HeaderExtensions[0].ID = 9
	p.Codecs[0].MimeType = "changed"
	p.Codecs[0].RTCPFeedback[0].Type = "changed"
	p.Encodings[0].Codec.MimeType = "changed"
	*p.Encodings[0].Active, *p.Encodings[0].MaxFramerate, *p.Encodings[0].ScaleResolutionDownBy = false, 1, 9
	e := last.Encodings[0]
	if last.HeaderExtensions[0].ID != 1 || last.Codecs[0].MimeType != MimeTypeVP8 || last.Codecs[0].RTCPFeedback[0].Type != "nack" ||
		e.Codec.MimeType != MimeTypeVP8 || !*e.Active || *e.MaxFramerate != 5 || *e.ScaleResolutionDownBy != 1 {
		t.Errorf("the original changed: %+v", last)
	}
}
