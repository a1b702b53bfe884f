package webrtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

func defaultEngine(t testing.TB) *MediaEngine {
	t.Helper()
	m := &MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	return m
}

// protectedEngine has the codecs of error correction too.
func protectedEngine(t testing.TB) *MediaEngine {
	t.Helper()
	m := defaultEngine(t)
	must(t, m.RegisterErrorCorrectionCodecs())
	return m
}

// codecOf makes a codec from text such as "96 video/VP8 90000", "111 audio/opus
// 48000/2 minptime=10".
func codecOf(t testing.TB, text string) RTPCodecParameters {
	t.Helper()
	fields := strings.SplitN(text, " ", 4)
	var c RTPCodecParameters
	if _, err := fmt.Sscan(fields[0], &c.PayloadType); err != nil {
		t.Fatal(err)
	}
	c.MimeType = fields[1]
	rate, channels, _ := strings.Cut(fields[2], "/")
	if _, err := fmt.Sscan(rate, &c.ClockRate); err != nil {
		t.Fatal(err)
	}
	if channels != "" {
		if _, err := fmt.Sscan(channels, &c.Channels); err != nil {
			t.Fatal(err)
		}
	}
	if len(fields) == 4 {
		c.SDPFmtpLine = fields[3]
	}
	return c
}

func codecsOf(t testing.TB, texts ...string) []RTPCodecParameters {
	t.Helper()
	var out []RTPCodecParameters
	for _, text := range texts {
		out = append(out, codecOf(t, text))
	}
	return out
}

// textOf is the reverse of codecOf.
func textOf(c RTPCodecParameters) string {
	text := fmt.Sprintf("%d %s %d", c.PayloadType, c.MimeType, c.ClockRate)
	if c.Channels != 0 {
		text += fmt.Sprintf("/%d", c.Channels)
	}
	return strings.TrimSpace(text + " " + c.SDPFmtpLine)
}

func textsOf(codecs []RTPCodecParameters) []string {
	out := []string{}
	for _, c := range codecs {
		out = append(out, textOf(c))
	}
	return out
}

func TestDefaultCodecsAreThoseOfBrowsersInPionsOrder(t *testing.T) {
	if got, all := defaultEngine(t).codecs(RTPCodecTypeVideo), protectedEngine(t).codecs(RTPCodecTypeVideo); len(all)-len(got) != 4 {
		t.Errorf("%d codecs, %d with error correction", len(got), len(all))
	}
	m := protectedEngine(t)
	for kind, want := range map[RTPCodecType][]string{
		RTPCodecTypeAudio: {
			"111 audio/opus 48000/2 minptime=10;useinbandfec=1",
			"9 audio/G722 8000", "0 audio/PCMU 8000", "8 audio/PCMA 8000",
			"110 audio/telephone-event 48000 0-15", "126 audio/telephone-event 8000 0-15",
		},
		RTPCodecTypeVideo: {
			"96 video/VP8 90000", "97 video/rtx 90000 apt=96",
			"102 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f", "103 video/rtx 90000 apt=102",
			"104 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f", "105 video/rtx 90000 apt=104",
			"106 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "107 video/rtx 90000 apt=106",
			"108 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f", "109 video/rtx 90000 apt=108",
			"127 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f", "125 video/rtx 90000 apt=127",
			"39 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f", "40 video/rtx 90000 apt=39",
			"116 video/H265 90000", "117 video/rtx 90000 apt=116",
			"45 video/AV1 90000", "46 video/rtx 90000 apt=45",
			"98 video/VP9 90000 profile-id=0", "99 video/rtx 90000 apt=98",
			"100 video/VP9 90000 profile-id=2", "101 video/rtx 90000 apt=100",
			"112 video/H264 90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f", "113 video/rtx 90000 apt=112",
			"114 video/red 90000", "115 video/rtx 90000 apt=114",
			"118 video/ulpfec 90000", "49 video/flexfec-03 90000 repair-window=10000000",
		},
	} {
		if got := textsOf(m.codecs(kind)); !slices.Equal(got, want) {
			t.Errorf("%v: got\n%s\nwant\n%s", kind, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// RFC 9143 section 9.1: in a BUNDLE group a payload type has one meaning. RFC
// 5761 section 4: 64 to 95 are not used beside RTCP.
func TestDefaultPayloadTypesDiffer(t *testing.T) {
	m := protectedEngine(t)
	seen := map[PayloadType]string{}
	for _, c := range append(m.codecs(RTPCodecTypeAudio), m.codecs(RTPCodecTypeVideo)...) {
		if other, ok := seen[c.PayloadType]; ok {
			t.Errorf("%s has the number of %s", textOf(c), other)
		}
		seen[c.PayloadType] = textOf(c)
		if err := c.PayloadType.validate(); err != nil {
			t.Errorf("%s: %v", textOf(c), err)
		}
	}
}

func TestOnlyMediaCodecsHaveFeedbackByDefault(t *testing.T) {
	m := protectedEngine(t)
	for _, c := range m.codecs(RTPCodecTypeVideo) {
		if got, want := len(c.RTCPFeedback) != 0, !c.jsepCodec().IsResiliency(); got != want {
			t.Errorf("%s has feedback %v", textOf(c), c.RTCPFeedback)
		}
	}
}

func TestZeroMediaEngineIsReadyAndHasNoCodecs(t *testing.T) {
	var m MediaEngine
	if got := append(m.codecs(RTPCodecTypeAudio), m.codecs(RTPCodecTypeVideo)...); got != nil {
		t.Errorf("got %v", got)
	}
	vp8 := codecOf(t, "96 video/VP8 90000")
	if err := m.RegisterCodec(vp8, RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	if got := textsOf(m.codecs(RTPCodecTypeVideo)); !slices.Equal(got, []string{textOf(vp8)}) {
		t.Errorf("got %v", got)
	}
	if m.codecs(RTPCodecTypeUnknown) != nil || m.extensions(RTPCodecTypeUnknown) != nil {
		t.Error("an unknown kind has codecs or extensions")
	}
}

func TestRegisterCodecKeepsPayloadTypesApart(t *testing.T) {
	const rtx = "97 video/rtx 90000 apt=96"
	for _, test := range []struct {
		what          string
		first, second string
		kind          RTPCodecType
		codecs        int // 0: an error
	}{
		{"the same twice", "96 video/VP8 90000", "96 video/VP8 90000", RTPCodecTypeVideo, 1},
		{"the case of names does not matter", "96 video/VP8 90000", "96 VIDEO/vp8 90000", RTPCodecTypeVideo, 1},
		{"what each end may choose does not matter (RFC 7587 section 7.1)", "111 audio/opus 48000/2 minptime=10", "111 audio/opus 48000/2", RTPCodecTypeAudio, 1},
		{"other codec", "96 video/VP8 90000", "96 video/VP9 90000", RTPCodecTypeVideo, 0},
		{"other profile (RFC 9628 section 6)", "96 video/VP9 90000 profile-id=0", "96 video/VP9 90000 profile-id=2", RTPCodecTypeVideo, 0},
		{"other clock rate", "96 audio/telephone-event 8000", "96 audio/telephone-event 48000", RTPCodecTypeAudio, 0},
		{"other channels", "96 audio/L16 48000/2", "96 audio/L16 48000", RTPCodecTypeAudio, 0},
		{"RTX of another codec", "97 video/rtx 90000 apt=98", rtx, RTPCodecTypeVideo, 0},
		{"one codec under two numbers", "96 video/VP8 90000", "98 video/VP8 90000", RTPCodecTypeVideo, 2},
		{"PCMU owns 0 (RFC 3551 section 6)", "0 audio/PCMU 8000", "0 audio/PCMU 16000", RTPCodecTypeAudio, 0},
		{"0 asks for a number", "0 video/VP8 90000", "0 video/VP9 90000", RTPCodecTypeVideo, 2},
		{"0 asks for a number, the same twice", "0 video/VP8 90000", "0 video/VP8 90000", RTPCodecTypeVideo, 1},
	} {
		var m MediaEngine
		if err := m.RegisterCodec(codecOf(t, test.first), test.kind); err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		err := m.RegisterCodec(codecOf(t, test.second), test.kind)
		media, _ := m.of(test.kind)
		if test.codecs != 0 {
			if err != nil || len(media.codecs) != test.codecs {
				t.Errorf("%s: %d codecs, %v, want %d", test.what, len(media.codecs), err, test.codecs)
			}
			continue
		}
		if !errors.Is(err, ErrCodecAlreadyRegistered) || !errors.Is(err, ErrInvalidAccess) || len(media.codecs) != 1 {
			t.Errorf("%s: got %v with %d codecs, want ErrCodecAlreadyRegistered", test.what, err, len(media.codecs))
		}
	}
}

func TestRegisterCodecRefusesWhatCannotStandInSDP(t *testing.T) {
	for _, test := range []struct {
		what  string
		codec RTPCodecParameters
		kind  RTPCodecType
		want  error
	}{
		{"unknown kind", codecOf(t, "96 video/VP8 90000"), RTPCodecTypeUnknown, ErrType},
		{"unknown kind", codecOf(t, "96 video/VP8 90000"), 7, ErrUnknownType},
		{"kind of another MIME type", codecOf(t, "96 video/VP8 90000"), RTPCodecTypeAudio, ErrType},
		{"no kind in the MIME type", codecOf(t, "96 VP8 90000"), RTPCodecTypeVideo, ErrType},
		{"no name", codecOf(t, "96 video/ 90000"), RTPCodecTypeVideo, ErrType},
		{"name that is no token", codecOf(t, "96 video/V/8 90000"), RTPCodecTypeVideo, ErrType},
		{"line break in a name", RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: "video/V\r\na=x", ClockRate: 90000}}, RTPCodecTypeVideo, ErrType},
		{"no clock rate", codecOf(t, "96 video/VP8 0"), RTPCodecTypeVideo, ErrType},
		{"line break in fmtp", codecOf(t, "96 video/VP8 90000 a\na=b"), RTPCodecTypeVideo, ErrType},
		{"line break in feedback", RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: MimeTypeVP8, ClockRate: 90000, RTCPFeedback: []RTCPFeedback{{"nack", "\n"}}}}, RTPCodecTypeVideo, ErrType},
		{"feedback without a type", RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: MimeTypeVP8, ClockRate: 90000, RTCPFeedback: []RTCPFeedback{{"", "pli"}}}}, RTPCodecTypeVideo, ErrType},
		{"RFC 3550 section 5.1: seven bits", codecOf(t, "128 video/VP8 90000"), RTPCodecTypeVideo, ErrRange},
		{"RFC 5761 section 4: RTCP", codecOf(t, "64 video/VP8 90000"), RTPCodecTypeVideo, ErrRange},
		{"RFC 5761 section 4: RTCP", codecOf(t, "95 video/VP8 90000"), RTPCodecTypeVideo, ErrRange},
	} {
		var m MediaEngine
		if err := m.RegisterCodec(test.codec, test.kind); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.what, err, test.want)
		} else if !strings.HasPrefix(err.Error(), "webrtc: register codec: ") {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	var m MediaEngine
	for _, text := range []string{"0 video/VP8 90000", "63 video/VP8 90000", "96 video/X-my.codec+2 90000", "127 video/VP8 90000"} {
		if err := m.RegisterCodec(codecOf(t, text), RTPCodecTypeVideo); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestDefaultsLeaveWhatTheProgramRegistered(t *testing.T) {
	var m MediaEngine
	mine := codecsOf(t, "111 audio/opus 48000/2 stereo=1", "102 video/H264 90000 packetization-mode=1;profile-level-id=640032")
	for i, kind := range []RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo} {
		if err := m.RegisterCodec(mine[i], kind); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time changes nothing
		if err := m.RegisterDefaultCodecs(); err != nil {
			t.Fatal(err)
		}
	}
	for i, kind := range []RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo} {
		codecs := m.codecs(kind)
		if textOf(codecs[0]) != textOf(mine[i]) {
			t.Errorf("first %v codec: %s", kind, textOf(codecs[0]))
		}
		if want := len(defaultEngine(t).codecs(kind)); len(codecs) != want {
			t.Errorf("%d %v codecs, want %d", len(codecs), kind, want)
		}
	}
	var clash MediaEngine
	if err := clash.RegisterCodec(codecOf(t, "96 video/AV1 90000"), RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	if err := clash.RegisterDefaultCodecs(); !errors.Is(err, ErrCodecAlreadyRegistered) {
		t.Errorf("got %v", err)
	}
}

// RFC 4588 section 8.1: apt names the codec of the original packets.
func TestRTXWithoutItsCodecIsLeftOut(t *testing.T) {
	var m MediaEngine
	for _, text := range []string{"97 video/rtx 90000 apt=96", "99 video/rtx 90000 rtx-time=3000; apt=98", "98 video/VP9 90000", "101 video/rtx 90000 apt=x", "103 video/rtx 90000 apt=97"} {
		if err := m.RegisterCodec(codecOf(t, text), RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := textsOf(m.codecs(RTPCodecTypeVideo)), []string{"99 video/rtx 90000 rtx-time=3000; apt=98", "98 video/VP9 90000"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRegisterFeedbackAddsToMediaCodecsOnce(t *testing.T) {
	m := defaultEngine(t)
	before := m.clone()
	for _, feedback := range []RTCPFeedback{{"transport-cc", ""}, {"Transport-CC", ""}, {"nack", "PLI"}, {"x\n", ""}, {"nack", "a\r\nb"}} {
		m.RegisterFeedback(feedback, RTPCodecTypeVideo)
	}
	m.RegisterFeedback(RTCPFeedback{"transport-cc", ""}, RTPCodecTypeUnknown)
	for _, c := range m.codecs(RTPCodecTypeVideo) {
		want := append(slices.Clone(videoFeedback), RTCPFeedback{"transport-cc", ""})
		if c.jsepCodec().IsResiliency() {
			want = nil
		}
		if !slices.Equal(c.RTCPFeedback, want) {
			t.Errorf("%s: got %v, want %v", textOf(c), c.RTCPFeedback, want)
		}
	}
	for _, c := range append(m.codecs(RTPCodecTypeAudio), before.codecs(RTPCodecTypeVideo)...) {
		if slices.Contains(c.RTCPFeedback, RTCPFeedback{"transport-cc", ""}) {
			t.Errorf("%s of another kind or an older copy has it too", textOf(c))
		}
	}
}

func TestMediaEngineSharesNothingWithTheProgram(t *testing.T) {
	feedback := []RTCPFeedback{{"nack", ""}}
	codec := codecOf(t, "96 video/VP8 90000")
	codec.RTCPFeedback = feedback
	var m MediaEngine
	if err := m.RegisterCodec(codec, RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: "urn:a"}, RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	kept := m.clone()
	feedback[0].Type = "changed"
	m.codecs(RTPCodecTypeVideo)[0].RTCPFeedback[0].Type = "changed"
	if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: "urn:a"}, RTPCodecTypeVideo, RTPTransceiverDirectionSendonly); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []*MediaEngine{&m, kept} {
		if got := engine.codecs(RTPCodecTypeVideo)[0].RTCPFeedback[0].Type; got != "nack" {
			t.Errorf("feedback is %q", got)
		}
	}
	if e := kept.extensions(RTPCodecTypeVideo); e[len(e)-1].Direction != jsep.Sendrecv {
		t.Errorf("the copy changed: %v", e)
	}
}

func TestHeaderExtensionsHaveTheDirectionsTheyWereRegisteredWith(t *testing.T) {
	for _, test := range []struct {
		directions []RTPTransceiverDirection
		want       jsep.Direction
	}{
		{nil, jsep.Sendrecv},
		{[]RTPTransceiverDirection{RTPTransceiverDirectionSendonly}, jsep.Sendonly},
		{[]RTPTransceiverDirection{RTPTransceiverDirectionRecvonly}, jsep.Recvonly},
		{[]RTPTransceiverDirection{RTPTransceiverDirectionRecvonly, RTPTransceiverDirectionSendonly}, jsep.Sendrecv},
	} {
		var m MediaEngine
		for range 2 {
			if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: "urn:a"}, RTPCodecTypeAudio, test.directions...); err != nil {
				t.Fatal(err)
			}
		}
		want := []jsep.Extension{{URI: uriMID, ID: 4}, {URI: "urn:a", Direction: test.want}}
		if got := m.extensions(RTPCodecTypeAudio); !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", test.directions, got, want)
		}
	}
}

// RFC 9143 section 15 and RFC 8852: BUNDLE needs MID, simulcast the two others.
func TestExtensionsOfBundleAndSimulcastAreThereOnce(t *testing.T) {
	var m MediaEngine
	if got, want := m.extensions(RTPCodecTypeVideo), []jsep.Extension{{URI: uriMID, ID: 9}, {URI: uriRID, ID: 10}, {URI: uriRepairedRID, ID: 11}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, uri := range []string{uriRepairedRID, uriRID, uriMID} {
		if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uri}, RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.extensions(RTPCodecTypeVideo); len(got) != 3 || got[0].URI != uriRepairedRID {
		t.Errorf("got %v", got)
	}
}

func TestRegisterHeaderExtensionRefusesMisuse(t *testing.T) {
	var m MediaEngine
	for _, direction := range []RTPTransceiverDirection{
		RTPTransceiverDirectionUnknown, RTPTransceiverDirectionSendrecv, RTPTransceiverDirectionInactive, RTPTransceiverDirectionStopped,
	} {
		err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: "urn:a"}, RTPCodecTypeAudio, RTPTransceiverDirectionSendonly, direction)
		if !errors.Is(err, ErrRegisterHeaderExtensionInvalidDirection) || !errors.Is(err, ErrType) {
			t.Errorf("%v: got %v", direction, err)
		}
	}
	for _, uri := range []string{"", "urn:a b", "urn:a\r\n", "urn:é"} {
		if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uri}, RTPCodecTypeAudio); !errors.Is(err, ErrType) {
			t.Errorf("%q: got %v", uri, err)
		}
	}
	if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: "urn:a"}, RTPCodecTypeUnknown); !errors.Is(err, ErrUnknownType) {
		t.Errorf("unknown kind: got %v", err)
	}
	if got := m.extensions(RTPCodecTypeAudio); len(got) != 1 {
		t.Errorf("a refused extension was kept: %v", got)
	}
}

func TestDefaultEngineHasTransportWideCongestionControl(t *testing.T) {
	m, err := newDefaultMediaEngine()
	if err != nil {
		t.Fatal(err)
	}
	for kind, id := range map[RTPCodecType]int{RTPCodecTypeAudio: 3, RTPCodecTypeVideo: 4} {
		if c := m.codecs(kind)[0]; !slices.Contains(c.RTCPFeedback, RTCPFeedback{Type: TypeRTCPFBTransportCC}) {
			t.Errorf("%s: feedback %v", textOf(c), c.RTCPFeedback)
		}
		if !slices.Contains(m.extensions(kind), jsep.Extension{URI: uriTransportCC, ID: id}) {
			t.Errorf("%v: extensions %v", kind, m.extensions(kind))
		}
	}
}

// webrtc-pc section 5.2.12: "There MUST only be a single entry in codecs for
// retransmission via RTX, with sdpFmtpLine not present."
func TestCapabilitiesHaveOneRTXWithoutParameters(t *testing.T) {
	m := defaultEngine(t)
	rtx := 0
	capabilities := m.sendCapabilities(RTPCodecTypeVideo)
	for _, c := range capabilities.Codecs {
		if c.isRTX() {
			rtx++
			if c.SDPFmtpLine != "" {
				t.Errorf("RTX with %q", c.SDPFmtpLine)
			}
		}
	}
	if rtx != 1 {
		t.Errorf("%d entries for RTX", rtx)
	}
	if first := capabilities.Codecs[0]; !first.is(MimeTypeVP8) || first.ClockRate != 90000 {
		t.Errorf("first is %+v", first)
	}
	if got := len(m.receiveCapabilities(RTPCodecTypeAudio).Codecs); got != 6 {
		t.Errorf("%d audio codecs", got)
	}
}

// webrtc-pc sections 5.2.2 and 5.3.2, getCapabilities.
func TestCapabilitiesHaveTheExtensionsOfTheirDirection(t *testing.T) {
	var m MediaEngine
	for uri, directions := range map[string][]RTPTransceiverDirection{
		"urn:send": {RTPTransceiverDirectionSendonly}, "urn:receive": {RTPTransceiverDirectionRecvonly}, "urn:both": nil,
	} {
		if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uri}, RTPCodecTypeAudio, directions...); err != nil {
			t.Fatal(err)
		}
	}
	for want, capabilities := range map[string]*RTPCapabilities{
		"urn:send": m.sendCapabilities(RTPCodecTypeAudio), "urn:receive": m.receiveCapabilities(RTPCodecTypeAudio),
	} {
		got := map[string]bool{}
		for _, e := range capabilities.HeaderExtensions {
			got[e.URI] = true
		}
		if len(got) != 3 || !got[want] || !got["urn:both"] || !got[uriMID] {
			t.Errorf("%s: got %v", want, got)
		}
		if capabilities.Codecs == nil || len(capabilities.Codecs) != 0 {
			t.Errorf("codecs %v", capabilities.Codecs)
		}
	}
	if m.sendCapabilities(RTPCodecTypeUnknown) != nil || m.receiveCapabilities(9) != nil {
		t.Error("an unknown kind has capabilities")
	}
}

// webrtc-pc sections 5.2.2 and 5.3.2: getCapabilities of the connection's media
// engine, the same from the API, a sender and a receiver, and a new value each
// time.
func TestCapabilitiesAreThoseOfTheMediaEngine(t *testing.T) {
	var m MediaEngine
	must(t, m.RegisterCodec(RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111}, RTPCodecTypeAudio))
	must(t, m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: "urn:send"}, RTPCodecTypeAudio, RTPTransceiverDirectionSendonly))
	api := NewAPI(WithMediaEngine(&m))
	pc, err := api.NewPeerConnection(Configuration{})
	must(t, err)
	defer func() { must(t, pc.Close()) }()
	transceiver, err := pc.AddTransceiverFromKind(RTPCodecTypeAudio)
	must(t, err)
	for name, c := range map[string]struct {
		get        func(RTPCodecType) *RTPCapabilities
		extensions int
	}{
		"API, sender":   {api.GetSenderCapabilities, 2},
		"API, receiver": {api.GetReceiverCapabilities, 1},
		"sender":        {transceiver.Sender().GetCapabilities, 2},
		"receiver":      {transceiver.Receiver().GetCapabilities, 1},
	} {
		got := c.get(RTPCodecTypeAudio)
		if len(got.Codecs) != 1 || !got.Codecs[0].is(MimeTypeOpus) || len(got.HeaderExtensions) != c.extensions {
			t.Errorf("%s: %+v", name, got)
		}
		got.Codecs[0].MimeType = "changed"
		if c.get(RTPCodecTypeAudio).Codecs[0].MimeType != MimeTypeOpus {
			t.Errorf("%s: what is returned is shared", name)
		}
		if len(c.get(RTPCodecTypeVideo).Codecs) != 0 || c.get(RTPCodecTypeUnknown) != nil {
			t.Errorf("%s: codecs of other kinds", name)
		}
	}
	if s, r := GetSenderCapabilities(RTPCodecTypeVideo), GetReceiverCapabilities(RTPCodecTypeVideo); len(s.Codecs) == 0 || len(s.Codecs) != len(r.Codecs) {
		t.Errorf("defaults: %d and %d codecs", len(s.Codecs), len(r.Codecs))
	}
}

// Chromium's own offer numbers header extensions so (seen in 156), in either order; ours must agree
// where it names the same, or Chromium refuses it when it gives way in glare.
func TestOffersNumberHeaderExtensionsAsChromium(t *testing.T) {
	all := map[RTPCodecType][]string{
		RTPCodecTypeAudio: {"urn:ietf:params:rtp-hdrext:ssrc-audio-level", "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", uriTransportCC, uriMID},
		RTPCodecTypeVideo: {
			"urn:ietf:params:rtp-hdrext:toffset", "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", "urn:3gpp:video-orientation",
			uriTransportCC, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
			"http://www.webrtc.org/experiments/rtp-hdrext/video-timing", "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
			uriMID, uriRID, uriRepairedRID,
		},
	}
	for name, c := range map[string]struct {
		kinds []RTPCodecType
		want  map[RTPCodecType][]int // in the order of all
	}{
		"audio, then video": {[]RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo}, map[RTPCodecType][]int{RTPCodecTypeAudio: {1, 2, 3, 4}, RTPCodecTypeVideo: {14, 2, 13, 3, 5, 6, 7, 8, 4, 10, 11}}},
		"video, then audio": {[]RTPCodecType{RTPCodecTypeVideo, RTPCodecTypeAudio}, map[RTPCodecType][]int{RTPCodecTypeVideo: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, RTPCodecTypeAudio: {14, 2, 4, 9}}},
		"video alone":       {[]RTPCodecType{RTPCodecTypeVideo}, map[RTPCodecType][]int{RTPCodecTypeVideo: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &MediaEngine{}
			must(t, m.RegisterDefaultCodecs())
			for kind, uris := range all {
				for _, uri := range uris {
					must(t, m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uri}, kind))
				}
			}
			pc, err := NewAPI(WithMediaEngine(m)).NewPeerConnection(Configuration{})
			must(t, err)
			defer pc.Close()
			for _, kind := range c.kinds {
				_, err := pc.AddTransceiverFromKind(kind)
				must(t, err)
			}
			offer, err := pc.CreateOffer(nil)
			must(t, err)
			sections := strings.Split(offer.SDP, "\r\nm=")[1:]
			for i, kind := range c.kinds {
				for k, uri := range all[kind] {
					if line := fmt.Sprintf("\r\na=extmap:%d %s\r\n", c.want[kind][k], uri); !strings.Contains(sections[i], line) {
						t.Errorf("%v: no %q", kind, strings.TrimSpace(line))
					}
				}
			}
		})
	}
}

// Programs written for pion leave the channels out; SDP has "opus/48000/2" always
// (RFC 7587 section 7).
func TestOpusHasTwoChannelsWhereNoneAreGiven(t *testing.T) {
	var m MediaEngine
	must(t, m.RegisterCodec(RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: "audio/OPUS", ClockRate: 48000}, PayloadType: 111}, RTPCodecTypeAudio))
	if c := m.codecs(RTPCodecTypeAudio); c[0].Channels != 2 {
		t.Errorf("%v", c)
	}
	must(t, m.RegisterCodec(RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: MimeTypePCMU, ClockRate: 8000}}, RTPCodecTypeAudio))
	if c := m.codecs(RTPCodecTypeAudio); c[1].Channels != 0 {
		t.Errorf("%v", c)
	}
}
