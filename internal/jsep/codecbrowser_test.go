package jsep

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// capture is a captured offer and a browser's answer to it, by m-section.
type capture struct{ offer, answer map[string][]string }

// captures reads testdata/codecs-*.txt. "self" has in answer what the browser itself offers.
func captures(t testing.TB, browser string) map[string]capture {
	text := string(must(os.ReadFile("testdata/codecs-" + browser + ".txt")))
	out := map[string]capture{}
	for _, one := range strings.Split(text, "== ")[1:] {
		name, rest, _ := strings.Cut(one, "\n")
		offer, answer, ok := strings.Cut(rest, "--\n")
		if !ok {
			offer, answer = "", rest
		}
		out[name] = capture{sectionsOf(offer), sectionsOf(answer)}
	}
	return out
}

func sectionsOf(text string) map[string][]string {
	out := map[string][]string{}
	for _, s := range strings.Split(text, "m=")[1:] {
		kind, _, _ := strings.Cut(s, " ")
		out[kind] = strings.Split(strings.TrimSpace(s), "\n")
	}
	return out
}

// attributesOf returns what a capture's m-section offers or answers, nothing when it is rejected.
func attributesOf(lines []string) (formats []string, attributes []sdp.Attribute) {
	mline := strings.Fields(lines[0]) // audio 9 UDP/TLS/RTP/SAVPF 111 63
	if mline[1] == "0" {
		return nil, nil
	}
	for _, l := range lines[1:] {
		key, value, _ := strings.Cut(strings.TrimPrefix(l, "a="), ":")
		attributes = append(attributes, sdp.Attribute{Key: key, Value: value})
	}
	return mline[3:], attributes
}

// differences are the answers that this package gives otherwise, and why.
var differences = map[string]string{
	// RFC 6184 section 8.1: nothing means Baseline at level 1. Chromium takes it for 42e01f, for old peers of its own.
	"chromium h264-default video": "96 H264/90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42000a",
	"chromium h264-nofmtp video":  "96 H264/90000 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42000a",
	// RFC 4588 section 8.1: rtx-time is the time that the writer keeps packets. Chromium repeats the peer's.
	"chromium h264-rtx video": "96 h264/90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e00d | 97 rtx/90000 apt=96",
	// Chromium adds to red what the peer did not say.
	"chromium red-plain audio": "63 red/48000/2 | 111 opus/48000/2 minptime=10;useinbandfec=1",
	// Firefox compares no profiles of VP9 and AV1, and answers with one that was not offered.
	"firefox vp9-only3 video": "",
	"firefox av1-p1 video":    "",
}

// Chromium 156 and Firefox 153 made these answers; with their codecs this package answers alike.
func TestAnswersAreThoseOfBrowsers(t *testing.T) {
	open := maps.Clone(differences)
	for browser, least := range map[string]int{"chromium": 23, "firefox": 18} {
		all, compared := captures(t, browser), 0
		for name, c := range all {
			for kind, lines := range c.offer {
				formats, attributes := attributesOf(lines)
				remote := must(ParseMediaCodecs(formats, attributes))
				formats, attributes = attributesOf(all["self"].answer[kind])
				local := must(ParseMediaCodecs(formats, attributes))
				formats, attributes = attributesOf(c.answer[kind])
				theirs := must(ParseMediaCodecs(formats, attributes))
				ours, id := NegotiateCodecs(local, remote), browser+" "+name+" "+kind
				compared++
				if s, ok := open[id]; ok {
					if delete(open, id); show(ours) != s {
						t.Errorf("%s: %s\n   want %s", id, show(ours), s)
					}
				} else if !slices.EqualFunc(ours, theirs, sameLines) {
					t.Errorf("%s:\n    ours %s\n  theirs %s", id, show(ours), show(theirs))
				}
			}
		}
		if compared < least {
			t.Errorf("%d sections of %s were compared", compared, browser)
		}
	}
	if len(open) > 0 {
		t.Errorf("not seen: %v", open)
	}
}

// sameLines reports whether two codecs say the same under the same number, in whatever order of parameters and feedback.
func sameLines(a, b Codec) bool {
	has := func(fbs []Feedback) func(Feedback) bool {
		return func(fb Feedback) bool { return !slices.ContainsFunc(fbs, fb.is) }
	}
	return a.PayloadType == b.PayloadType && sameEncoding(a, b) && equalParameters(a.Fmtp, b.Fmtp) &&
		!slices.ContainsFunc(a.Feedback, has(b.Feedback)) && !slices.ContainsFunc(b.Feedback, has(a.Feedback))
}

// The extensions too: their URIs and IDs. Neither browser looks at the directions in a=extmap.
func TestExtensionsAreAnsweredAsByBrowsers(t *testing.T) {
	for _, browser := range []string{"chromium", "firefox"} {
		all, compared := captures(t, browser), 0
		for name, c := range all {
			for kind, lines := range c.offer {
				read := func(lines []string) []Extension {
					_, attributes := attributesOf(lines)
					return must(ParseExtensions(attributes))
				}
				ours := NegotiateExtensions(read(all["self"].answer[kind]), read(lines), true)
				theirs := read(c.answer[kind])
				if len(theirs) == 0 {
					continue
				}
				compared++
				for _, es := range [][]Extension{ours, theirs} {
					slices.SortFunc(es, func(a, b Extension) int { return a.ID - b.ID })
					for i := range es {
						es[i].Direction = Sendrecv
					}
				}
				if !slices.Equal(ours, theirs) {
					t.Errorf("%s %s %s:\n  ours %v\ntheirs %v", browser, name, kind, ours, theirs)
				}
			}
		}
		if compared < 4 {
			t.Errorf("%d sections of %s were compared", compared, browser)
		}
	}
}
