package jsep

import (
	"fmt"
	"strings"
	"testing"
)

const (
	uriMID = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriAL  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriTWC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// extensions reads "1 a|2/recvonly b".
func extensions(t testing.TB, text string) []Extension {
	t.Helper()
	var out []Extension
	for _, s := range strings.Split(text, "|") {
		e, ok := parseExtension(s)
		if !ok {
			t.Fatalf("%q is no extension", s)
		}
		out = append(out, e)
	}
	return out
}

func showExtensions(es []Extension) string {
	var out []string
	for _, e := range es {
		out = append(out, e.Attribute().Value)
	}
	return strings.Join(out, "|")
}

// RFC 8285 section 8, RFC 6904 section 4.
func TestExtmapIsRead(t *testing.T) {
	got := must(ParseExtensions(attributes(
		"extmap:1 "+uriMID, "extmap:2/recvonly "+uriAL+" vad=on", "extmap:3/sendrecv a", "mid:0", "extmap-allow-mixed",
		"extmap:4 "+encryptURI+" "+uriAL, "extmap:4096 b", "extmap:255 c",
		"extmap:1 d", "extmap:9 "+uriMID, // twice: the first counts
		"extmap:0 e", "extmap:256 f", "extmap:4352 g", "extmap:4095 h"))) // no valid IDs
	want := "1 " + uriMID + "|2/recvonly " + uriAL + "|3 a|4 " + encryptURI + " " + uriAL + "|4096 b|255 c"
	if s := showExtensions(got); s != want {
		t.Errorf("got %s\nwant %s", s, want)
	}
	if a := got[1].Attribute(); a.Key != "extmap" {
		t.Error(a)
	}
	for _, bad := range []string{"", "1", "1 ", "x " + uriMID, "-1 a", "1/both a", "1/stopped a", "1/ a", "1 " + encryptURI, "99999999999999999999 a"} {
		es, err := ParseExtensions(attributes("extmap:" + bad))
		wantKind(t, err, SDPSyntax, "extmap")
		if es != nil {
			t.Errorf("%q: extensions beside an error", bad)
		}
	}
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("extmap:%d x%d", i+1, i))
	}
	if es := must(ParseExtensions(attributes(many...))); len(es) != maxExtensions {
		t.Errorf("%d are kept", len(es))
	}
}

func TestExtensionsThatBothHaveAreAnswered(t *testing.T) {
	for _, c := range []struct {
		what, local, remote string
		mixed               bool
		want                string
	}{
		{"RFC 8285 section 7: the offer's IDs", "1 a|2 b|3 c", "7 c|5 x|3 a", false, "7 c|3 a"},
		{"RFC 8285 section 7: the directions of both", "1 a|2 b|3/sendonly c|4/sendonly d|5/recvonly e", "1/recvonly a|2/sendonly b|3/sendonly c|4 d|5/sendonly e", false,
			"1/sendonly a|2/recvonly b|4/sendonly d|5/recvonly e"},
		{"an inactive one is left out", "1/recvonly a|2 b", "1/recvonly a|2/inactive b", false, ""},
		{"a URI that comes twice", "1 a", "3 a|4 a", false, "3 a"},
		{"RFC 8285 section 4.2: one-byte headers have 14", "1 a|2 b|3 c|4 d", "14 a|15 b|16 c|255 d", false, "14 a"},
		{"RFC 8285 section 4.3: two-byte headers have 255", "1 a|2 b|3 c|4 d", "14 a|15 b|16 c|255 d", true, "14 a|16 c|255 d"},
		{"RFC 8285 section 6: more than fit", "1 a|2 b|3 c", "4096 a|1 x|4097 b|2 c|4351 y", false, "3 a|4 b|2 c"},
		{"RFC 6904 section 4: encrypted or not", "1 a|2 " + encryptURI + " b", "1 " + encryptURI + " a|2 a|3 b|4 " + encryptURI + " b", false, "2 a|4 " + encryptURI + " b"},
	} {
		if got := showExtensions(NegotiateExtensions(extensions(t, c.local), extensions(t, c.remote), c.mixed)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
	// When the offer has used up the numbers, what it could not number stays without.
	remote := "4096 a"
	for i := 1; i <= 14; i++ {
		remote += fmt.Sprintf("|%d x%d", i, i)
	}
	if got := NegotiateExtensions(extensions(t, "1 a"), extensions(t, remote), false); got != nil {
		t.Error(got)
	}
	if got := showExtensions(NegotiateExtensions(extensions(t, "1 a"), extensions(t, remote), true)); got != "16 a" {
		t.Error(got)
	}
}

// RFC 8285 section 5: in a session an ID stands for one extension.
func TestAnExtensionKeepsItsIDThroughoutABundle(t *testing.T) {
	var x ExtensionIDs
	if err := x.Learn(extensions(t, "7 "+uriTWC+"|3 "+uriMID+"|4096 z")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, want := showExtensions(x.Assign(extensions(t, "1 "+uriAL+"|3 a|0 b|4/sendonly "+uriMID+"|0 "+uriTWC+"|0 b|0 z"), false)),
			"1 "+uriAL+"|14 a|13 b|3/sendonly "+uriMID+"|7 "+uriTWC+"|12 z"; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	err := x.Learn(extensions(t, "7 other|3 "+uriMID+"|9 new"))
	wantKind(t, err, InvalidAccess, "extension ID 7")
	var y ExtensionIDs
	y.Inherit(x)
	if got := showExtensions(y.Assign(extensions(t, "9 q|7 r|0 new|0 "+uriTWC), false)); got != "11 q|10 r|9 new|7 "+uriTWC {
		t.Error(got)
	}
}

// RFC 8285 section 4.2: one-byte headers cannot carry what two-byte ones did.
func TestAnIDThatHeadersCannotCarryIsReplaced(t *testing.T) {
	var x ExtensionIDs
	if err := x.Learn(extensions(t, "20 a")); err != nil {
		t.Fatal(err)
	}
	if got := showExtensions(x.Assign(extensions(t, "0 a"), true)); got != "20 a" {
		t.Error(got)
	}
	if got := showExtensions(x.Assign(extensions(t, "20 a"), false)); got != "14 a" {
		t.Error(got)
	}
}

func TestIDsRunOut(t *testing.T) {
	var many []Extension
	for i := range 300 {
		many = append(many, Extension{URI: fmt.Sprint("x", i)})
	}
	if got := (&ExtensionIDs{}).Assign(many, false); len(got) != 14 || got[0].ID != 14 || got[13].ID != 1 {
		t.Errorf("%d fit one-byte headers", len(got))
	}
	got := (&ExtensionIDs{}).Assign(many, true)
	if len(got) != 254 || got[14].ID != 16 || got[253].ID != 255 {
		t.Errorf("%d fit two-byte headers", len(got))
	}
}
