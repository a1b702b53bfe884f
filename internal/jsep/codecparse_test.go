package jsep

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// attributes splits "rtpmap:96 VP8/90000" into key and value.
func attributes(lines ...string) []sdp.Attribute {
	out := make([]sdp.Attribute, len(lines))
	for i, l := range lines {
		out[i].Key, out[i].Value, _ = strings.Cut(l, ":")
	}
	return out
}

// section reads formats and attribute lines; one string with line breaks is as good as many.
func section(t testing.TB, formats string, lines ...string) []Codec {
	t.Helper()
	return must(ParseMediaCodecs(strings.Fields(formats), attributes(lines...)))
}

// show writes codecs in one line: "96 VP8/90000 {nack,nack pli} | 97 rtx/90000 apt=96".
func show(codecs []Codec) string {
	var out []string
	for _, c := range codecs {
		s := fmt.Sprintf("%d %s/%d", c.PayloadType, c.Name, c.ClockRate)
		if c.Channels > 1 {
			s += fmt.Sprintf("/%d", c.Channels)
		}
		if c.Fmtp != "" {
			s += " " + c.Fmtp
		}
		var fbs []string
		for _, fb := range c.Feedback {
			fbs = append(fbs, strings.TrimSpace(fb.Type+" "+fb.Parameter))
		}
		if fbs != nil {
			s += " {" + strings.Join(fbs, ",") + "}"
		}
		out = append(out, s)
	}
	return strings.Join(out, " | ")
}

func want(t testing.TB, what string, got []Codec, want string) {
	t.Helper()
	if s := show(got); s != want {
		t.Errorf("%s:\n got %s\nwant %s", what, s, want)
	}
}

func TestMediaSectionsAreRead(t *testing.T) {
	for _, c := range []struct{ what, formats, lines, want string }{
		{"RFC 8866 section 6.6 and 6.15, RFC 4585 section 4.2", "96",
			"rtpmap:96 VP8/90000\nfmtp:96 max-fr=30;max-fs=3600\nrtcp-fb:96 nack\nrtcp-fb:96 ccm fir\nrtcp-fb:96 trr-int  100",
			"96 VP8/90000 max-fr=30;max-fs=3600 {nack,ccm fir,trr-int 100}"},
		{"the m-line gives the order", "97 96", "rtpmap:96 VP8/90000\nrtpmap:97 VP9/90000", "97 VP9/90000 | 96 VP8/90000"},
		{"RFC 3551 section 6: static payload types", "0 8 9 13 18", "",
			"0 PCMU/8000 | 8 PCMA/8000 | 9 G722/8000 | 13 CN/8000 | 18 G729/8000"},
		{"a=rtpmap overrules the static meaning", "0", "rtpmap:0 opus/48000/2", "0 opus/48000/2"},
		{"a format that nothing explains is left out", "96 97 2", "rtpmap:96 VP8/90000", "96 VP8/90000"},
		{"formats that come twice", "96 96", "rtpmap:96 VP8/90000", "96 VP8/90000"},
		{"lines that come twice: the first counts", "96", "rtpmap:96 VP8/90000\nrtpmap:96 VP9/90000\nfmtp:96 a=1\nfmtp:96 b=2\nrtcp-fb:96 nack\nrtcp-fb:96 NACK", "96 VP8/90000 a=1 {nack}"},
		{"lines of other formats", "96", "rtpmap:96 VP8/90000\nrtpmap:97 VP9\nfmtp:98 x\nrtcp-fb:99", "96 VP8/90000"},
		{"RFC 4585 section 4.2: the wildcard concerns all formats", "96 97", "rtcp-fb:* nack\nrtpmap:96 VP8/90000\nrtcp-fb:97 nack\nrtcp-fb:97 ccm fir\nrtpmap:97 H264/90000\nrtcp-fb:* nack pli",
			"96 VP8/90000 {nack,nack pli} | 97 H264/90000 {nack,ccm fir,nack pli}"},
		{"telephone-event for several clock rates", "110 126", "rtpmap:110 telephone-event/48000\nrtpmap:126 telephone-event/8000\nfmtp:126 0-15", "110 telephone-event/48000 | 126 telephone-event/8000 0-15"},
		{"RFC 2198 section 5", "111 63", "rtpmap:111 opus/48000/2\nrtpmap:63 red/48000/2\nfmtp:63 111/111", "111 opus/48000/2 | 63 red/48000/2 111/111"},
		{"RFC 4588 section 8.1: rtx belongs to a format", "96 97 0 98", "rtpmap:96 VP8/90000\nrtpmap:97 RTX/90000\nfmtp:97 rtx-time=1; APT=96\nrtpmap:98 rtx/8000\nfmtp:98 apt=0",
			"96 VP8/90000 | 97 RTX/90000 rtx-time=1; APT=96 | 0 PCMU/8000 | 98 rtx/8000 apt=0"},
		{"rtx of nothing", "96 97 98 99 100 101 102 103", "rtpmap:96 VP8/90000\n" +
			"rtpmap:97 rtx/90000\nfmtp:97 apt=77\n" + // not a format of the m-line
			"rtpmap:98 rtx/90000\n" + // no apt
			"rtpmap:99 rtx/90000\nfmtp:99 apt=x\n" +
			"rtpmap:100 rtx/90000\nfmtp:100 apt=100\n" + // itself
			"rtpmap:103 rtx/8000\nfmtp:103 apt=8\n" + // static, but not a format of the m-line
			"rtpmap:101 rtx/90000\nfmtp:101 apt=102", // not explained
			"96 VP8/90000"},
		{"Firefox says that G722 is mono", "9", "rtpmap:9 G722/8000/1", "9 G722/8000"},
		{"other attributes", "96", "rtpmap:96 VP8/90000\nsendrecv\nptime:20\nmid:0", "96 VP8/90000"},
	} {
		var lines []string
		if c.lines != "" {
			lines = strings.Split(c.lines, "\n")
		}
		want(t, c.what, section(t, c.formats, lines...), c.want)
	}
}

func TestMalformedMediaSectionsAreSyntaxErrors(t *testing.T) {
	for _, c := range []struct{ formats, line, part string }{
		{"webrtc-datachannel", "", "webrtc-datachannel"},
		{"128", "", "128"},
		{"96", "rtpmap:96", "name and a clock rate"},
		{"96", "rtpmap:96 VP8", "name and a clock rate"},
		{"96", "rtpmap:96 VP8/", "name and a clock rate"},
		{"96", "rtpmap:96 VP8/0", "name and a clock rate"},
		{"96", "rtpmap:96 VP8/4294967296", "name and a clock rate"},
		{"96", "rtpmap:96 /90000", "name and a clock rate"},
		{"96", "rtpmap:96 V P8/90000", "name and a clock rate"},
		{"96", "rtpmap:96 opus/48000/two", "channels"},
		{"96", "rtpmap:96 opus/48000/0", "channels"},
		{"96", "rtpmap:x VP8/90000", "payload type"},
		{"96", "rtpmap:* VP8/90000", "payload type"},
		{"96", "fmtp:x a=1", "payload type"},
		{"96", "rtcp-fb:x nack", "payload type"},
		{"96", "rtcp-fb:96", "feedback"},
		{"96", "rtcp-fb:* ", "feedback"},
	} {
		got, err := ParseMediaCodecs(strings.Fields(c.formats), attributes(c.line))
		if got != nil {
			t.Errorf("%s %s: codecs beside an error", c.formats, c.line)
		}
		wantKind(t, err, SDPSyntax, c.part)
	}
}

func TestCodecsAreWrittenAsTheyAreRead(t *testing.T) {
	c := Codec{Name: "opus", ClockRate: 48000, Channels: 2, Fmtp: "minptime=10", PayloadType: 111, Feedback: []Feedback{{"transport-cc", ""}, {"nack", "pli"}}}
	got := fmt.Sprint(c.Attributes())
	if want := "[rtpmap:111 opus/48000/2 fmtp:111 minptime=10 rtcp-fb:111 transport-cc rtcp-fb:111 nack pli]"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	// RFC 9429 section 5.2.1: a=rtpmap for static payload types too.
	if got := fmt.Sprint(Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}.Attributes()); got != "[rtpmap:0 PCMU/8000]" {
		t.Error(got)
	}
	read := must(ParseMediaCodecs([]string{"111"}, c.Attributes()))
	want(t, "read again", read, show([]Codec{c}))
}

func TestCodecsThatShareFeedbackCanBeExtended(t *testing.T) {
	got := section(t, "8 9", "rtcp-fb:* a", "rtcp-fb:* b", "rtcp-fb:* c")
	x := append(got[0].Feedback, Feedback{Type: "x"})
	y := append(got[1].Feedback, Feedback{Type: "y"})
	if x[3].Type != "x" || y[3].Type != "y" {
		t.Error("what is appended to one appears in the other")
	}
}

// What a peer can make us keep does not grow with the product of its lines and formats.
func TestFeedbackIsBounded(t *testing.T) {
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprintf("rtcp-fb:* x%d", i), fmt.Sprintf("rtcp-fb:0 y%d", i))
	}
	got := section(t, "0 8 9", lines...)
	for _, c := range got {
		if len(c.Feedback) != maxFeedback {
			t.Errorf("%s keeps %d", c.Name, len(c.Feedback))
		}
	}
	if &got[1].Feedback[0] != &got[2].Feedback[0] {
		t.Error("each format has its own copy of the wildcard's")
	}
	if slices.Equal(got[0].Feedback, got[1].Feedback) {
		t.Error("a format's own lines do not come first")
	}
}
