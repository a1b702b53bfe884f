package jsep

import (
	"strings"
	"testing"
)

// list reads "96 VP8/90000 max-fr=30 {nack,ccm fir} | 97 rtx/90000 apt=96", as show writes it.
func list(t testing.TB, text string) []Codec {
	t.Helper()
	var out []Codec
	for _, s := range strings.Split(text, " | ") {
		s, fbs, _ := strings.Cut(strings.TrimSuffix(s, "}"), " {")
		number, rest, _ := strings.Cut(s, " ")
		c := codec(t, rest)
		var ok bool
		if c.PayloadType, ok = parsePayloadType(number); !ok {
			t.Fatalf("%q begins with no payload type", s)
		}
		for _, fb := range strings.Split(fbs, ",") {
			if kind, parameter, _ := strings.Cut(fb, " "); fb != "" {
				c.Feedback = append(c.Feedback, Feedback{kind, parameter})
			}
		}
		out = append(out, c)
	}
	return out
}

func TestAnswersHoldWhatBothSidesHave(t *testing.T) {
	for _, c := range []struct{ what, local, remote, want string }{
		{"RFC 9429 section 5.3.1: the offer's order and numbers", "96 VP8/90000 | 98 VP9/90000 | 45 AV1/90000", "120 AV1/90000 | 45 vp8/90000 | 30 H261/90000",
			"120 AV1/90000 | 45 vp8/90000"},
		{"RFC 7587 section 7.1: what is declared is ours", "111 opus/48000/2 minptime=10;useinbandfec=1", "109 opus/48000/2 stereo=1", "109 opus/48000/2 minptime=10;useinbandfec=1"},
		{"nothing to declare", "98 VP9/90000", "98 VP9/90000 profile-id=0;max-fr=60", "98 VP9/90000"},
		{"RFC 4585 section 4.2: the feedback of both", "96 VP8/90000 {goog-remb,ccm fir,nack,nack pli}", "96 VP8/90000 {nack,NACK PLI,transport-cc}", "96 VP8/90000 {nack,NACK PLI}"},
		{"RFC 6184 section 8.2.2: a lower level", "102 H264/90000 packetization-mode=1;profile-level-id=42e01f", "96 H264/90000 profile-level-id=42e00d;packetization-mode=1", "96 H264/90000 packetization-mode=1;profile-level-id=42e00d"},
		{"RFC 7798 section 7.2.2: a lower level", "102 H265/90000 level-id=180;profile-id=1", "96 H265/90000 level-id=93", "96 H265/90000 level-id=93;profile-id=1"},
		{"each H264 configuration finds its own",
			"102 H264/90000 profile-level-id=42001f;packetization-mode=1 | 104 H264/90000 profile-level-id=42001f;packetization-mode=0 | 106 H264/90000 profile-level-id=42e01f;packetization-mode=1",
			"96 H264/90000 profile-level-id=42c01f;packetization-mode=1 | 97 H264/90000 profile-level-id=420014 | 98 H264/90000 profile-level-id=640c1f;packetization-mode=1",
			"96 H264/90000 profile-level-id=42e01f;packetization-mode=1 | 97 H264/90000 profile-level-id=420014;packetization-mode=0"},
		{"what is equal finds itself before what only matches", "96 opus/48000/2 | 97 opus/48000/2 stereo=1", "100 opus/48000/2 stereo=1 | 101 opus/48000/2", "100 opus/48000/2 stereo=1 | 101 opus/48000/2"},
		{"one format of ours answers one of theirs", "96 VP8/90000", "100 VP8/90000 | 101 VP8/90000", "100 VP8/90000"},

		{"RFC 4588 section 8.6: rtx follows its codec's number", "96 VP8/90000 | 97 rtx/90000 apt=96 | 98 VP9/90000 | 99 rtx/90000 apt=98;rtx-time=500",
			"100 rtx/90000 apt=99 | 99 VP9/90000 | 96 VP8/90000 | 97 rtx/90000 apt=96;rtx-time=200", "100 rtx/90000 apt=99;rtx-time=500 | 99 VP9/90000 | 96 VP8/90000 | 97 rtx/90000 apt=96"},
		{"rtx of a codec that we do not retransmit", "96 VP8/90000 | 98 VP9/90000 | 99 rtx/90000 apt=98", "96 VP8/90000 | 97 rtx/90000 apt=96", "96 VP8/90000"},
		{"rtx of a codec that is not answered", "96 VP8/90000 | 97 rtx/90000 apt=96", "96 VP9/90000 | 97 rtx/90000 apt=96 | 98 VP8/90000", "98 VP8/90000"},
		{"rtx without apt is for all", "0 VP8/90000 | 0 VP9/90000 | 0 rtx/90000", "96 VP8/90000 | 97 rtx/90000 apt=96 | 98 VP9/90000 | 99 rtx/90000 apt=98 | 100 FOO/90000 | 101 rtx/90000 apt=100",
			"96 VP8/90000 | 97 rtx/90000 apt=96 | 98 VP9/90000 | 99 rtx/90000 apt=98"},
		{"rtx of red", "96 VP8/90000 | 116 red/90000 | 117 rtx/90000 apt=116", "122 red/90000 | 119 rtx/90000 apt=122 | 120 VP8/90000", "122 red/90000 | 119 rtx/90000 apt=122 | 120 VP8/90000"},
		{"two rtx of one codec", "96 VP8/90000 | 97 rtx/90000 apt=96", "96 VP8/90000 | 97 rtx/90000 apt=96 | 98 rtx/90000 apt=96", "96 VP8/90000 | 97 rtx/90000 apt=96"},

		{"rtx of rtx", "96 VP8/90000 | 97 rtx/90000 apt=96 | 98 rtx/90000 apt=97", "96 VP8/90000 | 97 rtx/90000 apt=96 | 98 rtx/90000 apt=97", "96 VP8/90000 | 97 rtx/90000 apt=96"},

		{"RFC 2198 section 5: red carries what it carries at the peer", "111 opus/48000/2 | 63 red/48000/2 111/111", "109 opus/48000/2 | 64 red/48000/2 | 62 red/48000/2 109/109", "109 opus/48000/2 | 62 red/48000/2 109/109"},
		{"red of another codec", "111 opus/48000/2 | 0 PCMU/8000 | 63 red/48000/2 111/111", "111 opus/48000/2 | 0 PCMU/8000 | 63 red/48000/2 0/0", "111 opus/48000/2 | 0 PCMU/8000"},
		{"red of a codec that is not answered", "0 PCMU/8000 | 63 red/48000/2", "0 PCMU/8000 | 111 opus/48000/2 | 63 red/48000/2 111/111", "0 PCMU/8000"},
		{"red with a second block that is not answered", "111 opus/48000/2 | 63 red/48000/2", "111 opus/48000/2 | 63 red/48000/2 111/5", "111 opus/48000/2"},

		{"telephone-event by clock rate", "111 opus/48000/2 | 110 telephone-event/48000 | 126 telephone-event/8000 0-15", "101 telephone-event/8000 | 100 telephone-event/16000 | 109 opus/48000/2", "101 telephone-event/8000 0-15 | 109 opus/48000/2"},
		{"never resiliency alone", "96 VP8/90000 | 97 rtx/90000 apt=96 | 98 red/90000 | 99 ulpfec/90000 | 100 flexfec-03/90000", "96 VP9/90000 | 97 rtx/90000 apt=96 | 98 red/90000 | 99 ulpfec/90000 | 100 flexfec-03/90000", ""},
		{"never telephone events alone", "0 PCMU/8000 | 101 telephone-event/8000 | 13 CN/8000", "8 PCMA/8000 | 101 telephone-event/8000 | 13 CN/8000", ""},
		{"RFC 5761 section 4: 64 to 95 look like RTCP", "96 VP8/90000 | 98 VP9/90000", "95 VP8/90000 | 63 VP9/90000", "63 VP9/90000"},
		{"flexfec-03", "96 VP8/90000 | 97 flexfec-03/90000 repair-window=10000000", "96 VP8/90000 | 35 flexfec-03/90000 repair-window=200", "96 VP8/90000 | 35 flexfec-03/90000 repair-window=10000000"},
	} {
		want(t, c.what, NegotiateCodecs(list(t, c.local), list(t, c.remote)), c.want)
	}
	if got := NegotiateCodecs(nil, list(t, "96 VP8/90000")); got != nil {
		t.Error("nothing answers something")
	}
}

func TestAnsweredCodecsHaveTheKindThatIsKnown(t *testing.T) {
	local, remote := list(t, "96 VP8/90000"), list(t, "100 VP8/90000")
	local[0].Kind = Video
	if got := NegotiateCodecs(local, remote); got[0].Kind != Video {
		t.Errorf("the kind is %v", got[0].Kind)
	}
}

func TestNegotiationLeavesItsArgumentsAlone(t *testing.T) {
	local := list(t, "96 VP8/90000 {nack,ccm fir} | 97 rtx/90000 apt=96")
	remote := list(t, "100 VP8/90000 {goog-remb,ccm fir,nack} | 101 rtx/90000 apt=100")
	l, r := show(local), show(remote)
	got := NegotiateCodecs(local, remote)
	got[0].Feedback[0] = Feedback{"x", "y"}
	CommonCodecs(local, remote)
	PreferCodecs(local, remote)
	must((&PayloadTypes{}).Assign(remote))
	want(t, "local", local, l)
	want(t, "remote", remote, r)
}

// webrtc-pc, RTCRtpCodecParameters: sdpFmtpLine and payloadType of a sender come from the remote
// description, of a receiver from the local one.
func TestCommonCodecsSpeakAsTheirDescription(t *testing.T) {
	local := list(t, "96 VP8/90000 max-fr=60 {nack,nack pli,goog-remb} | 97 rtx/90000 apt=96 | 98 VP9/90000 | 102 H264/90000 profile-level-id=42e01f")
	remote := list(t, "102 H264/90000 profile-level-id=42e00d | 100 VP8/90000 max-fs=3600 {nack pli,nack} | 101 rtx/90000 apt=100")
	want(t, "receiver", CommonCodecs(local, remote), "96 VP8/90000 max-fr=60 {nack,nack pli} | 97 rtx/90000 apt=96 | 102 H264/90000 profile-level-id=42e01f")
	want(t, "sender", CommonCodecs(remote, local), "102 H264/90000 profile-level-id=42e00d | 100 VP8/90000 max-fs=3600 {nack pli,nack} | 101 rtx/90000 apt=100")
	want(t, "nothing in common", CommonCodecs(local, list(t, "0 PCMU/8000")), "")
}
