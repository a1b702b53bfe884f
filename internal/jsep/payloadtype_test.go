package jsep

import (
	"fmt"
	"testing"
)

func assign(t testing.TB, p *PayloadTypes, codecs string) string {
	t.Helper()
	return show(must(p.Assign(list(t, codecs))))
}

func TestNewCodecsGetTheNumbersTheyAskFor(t *testing.T) {
	for _, c := range []struct{ what, codecs, want string }{
		{"as registered", "111 opus/48000/2 | 9 G722/8000 | 0 PCMU/8000 | 35 H261/90000 | 127 VP8/90000", "111 opus/48000/2 | 9 G722/8000 | 0 PCMU/8000 | 35 H261/90000 | 127 VP8/90000"},
		{"RFC 3551 section 6: static numbers", "0 PCMA/8000 | 0 PCMU/8000 | 0 g722/8000 | 0 CN/8000", "8 PCMA/8000 | 0 PCMU/8000 | 9 g722/8000 | 13 CN/8000"},
		{"RFC 3551 section 3: dynamic numbers for the rest", "0 VP8/90000 | 0 VP9/90000", "96 VP8/90000 | 97 VP9/90000"},
		{"whoever asks comes before who does not", "0 VP8/90000 | 96 VP9/90000", "97 VP8/90000 | 96 VP9/90000"},
		{"a collision in the list", "96 VP8/90000 | 96 VP9/90000 | 96 AV1/90000", "96 VP8/90000 | 97 VP9/90000 | 98 AV1/90000"},
		{"RFC 5761 section 4: not 64 to 95", "64 VP8/90000 | 95 VP9/90000 | 63 AV1/90000", "96 VP8/90000 | 97 VP9/90000 | 63 AV1/90000"},
		{"another codec's static number", "8 VP8/90000 | 34 VP9/90000", "96 VP8/90000 | 97 VP9/90000"},
		{"rtx and red follow", "0 opus/48000/2 | 96 VP8/90000 | 97 rtx/90000 apt=96;rtx-time=9 | 96 VP9/90000 | 99 red/90000 | 100 rtx/90000 apt=99",
			"98 opus/48000/2 | 96 VP8/90000 | 97 rtx/90000 apt=96;rtx-time=9 | 101 VP9/90000 | 99 red/90000 | 100 rtx/90000 apt=99"},
		{"red's list follows", "95 opus/48000/2 | 63 red/48000/2 95/95", "96 opus/48000/2 | 63 red/48000/2 96/96"},
		{"rtx and red of nothing", "96 VP8/90000 | 97 rtx/90000 apt=98 | 99 rtx/90000 apt=x | 63 red/48000/2 5/5", "96 VP8/90000"},
		{"RFC 4588 section 8.1: rtx without apt becomes one a codec", "0 VP8/90000 | 0 rtx/90000 | 0 VP9/90000 | 0 red/90000 | 0 ulpfec/90000",
			"96 VP8/90000 | 100 rtx/90000 apt=96 | 97 VP9/90000 | 101 rtx/90000 apt=97 | 99 red/90000 | 98 ulpfec/90000"},
		{"but not where there is one", "96 VP8/90000 | 97 rtx/90000 apt=96;rtx-time=9 | 98 VP9/90000 | 0 rtx/90000", "96 VP8/90000 | 97 rtx/90000 apt=96;rtx-time=9 | 98 VP9/90000 | 99 rtx/90000 apt=98"},
		{"of its clock rate", "0 opus/48000/2 | 0 VP8/90000 | 0 rtx/90000", "96 opus/48000/2 | 97 VP8/90000 | 98 rtx/90000 apt=97"},
		{"a codec that comes twice", "96 VP8/90000 | 97 VP8/90000 | 96 VP8/90000", "96 VP8/90000 | 97 VP8/90000 | 98 VP8/90000"},
		{"variants of one codec", "96 opus/48000/2 | 97 opus/48000/2 stereo=1", "96 opus/48000/2 | 97 opus/48000/2 stereo=1"},
	} {
		var p PayloadTypes
		for range 2 { // the second time they are known
			if got := assign(t, &p, c.codecs); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
			}
		}
	}
}

// RFC 9143 section 9.1.1.
func TestACodecKeepsItsNumberThroughoutABundle(t *testing.T) {
	const video = "96 VP8/90000 | 97 rtx/90000 apt=96 | 98 VP9/90000 profile-id=0 | 99 rtx/90000 apt=98 | 102 H264/90000 profile-level-id=42e01f"
	p := &PayloadTypes{}
	if err := p.Learn(list(t, "109 opus/48000/2 | 96 telephone-event/8000")); err != nil {
		t.Fatal(err)
	}
	if err := p.Learn(list(t, "120 VP8/90000 max-fs=12288 | 124 rtx/90000 apt=120 | 97 H264/90000 profile-level-id=42c034 | 121 VP9/90000")); err != nil {
		t.Fatal(err)
	}
	// Numbers that the peer gave to the same codec, whatever it declares; our own number for what is new: rtx of VP9 asks for 99.
	want := "120 VP8/90000 | 124 rtx/90000 apt=120 | 121 VP9/90000 profile-id=0 | 99 rtx/90000 apt=121 | 97 H264/90000 profile-level-id=42e01f"
	for range 3 {
		if got := assign(t, p, video); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	if got := assign(t, p, "111 opus/48000/2 minptime=10 | 96 G729/8000"); got != "109 opus/48000/2 minptime=10 | 98 G729/8000" {
		t.Error(got)
	}
}

func TestOfSeveralNumbersACodecKeepsItsOwn(t *testing.T) {
	for _, c := range []struct{ what, learned, codecs, want string }{
		{"its own", "96 VP8/90000 | 100 VP8/90000", "100 VP8/90000", "100 VP8/90000"},
		{"the first", "96 VP8/90000 | 100 VP8/90000", "0 VP8/90000", "96 VP8/90000"},
		{"of what is equal before what matches", "96 opus/48000/2 stereo=1 | 97 opus/48000/2", "0 opus/48000/2 | 0 opus/48000/2 stereo=1", "97 opus/48000/2 | 96 opus/48000/2 stereo=1"},
		{"RFC 5761 section 4: none that looks like RTCP", "72 VP8/90000", "0 VP8/90000 | 72 VP9/90000", "96 VP8/90000 | 97 VP9/90000"},
	} {
		var p PayloadTypes
		if err := p.Learn(list(t, c.learned)); err != nil {
			t.Fatal(err)
		}
		if got := assign(t, &p, c.codecs); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
}

func TestTheKindOfANumberIsLearnedLater(t *testing.T) {
	var p PayloadTypes
	c := list(t, "96 red/90000")
	for _, k := range []MediaKind{0, Audio, 0, Audio} {
		c[0].Kind = k
		if err := p.Learn(c); err != nil {
			t.Fatal(err)
		}
	}
	c[0].Kind = Video
	wantKind(t, p.Learn(c), InvalidAccess, "96")
}

func TestACollisionBetweenBundledSectionsIsReported(t *testing.T) {
	for _, c := range []struct {
		a, b string
		ok   bool
	}{
		{"96 VP8/90000", "96 VP8/90000", true},
		{"96 opus/48000/2 stereo=1", "96 opus/48000/2", true}, // browsers write it
		{"96 VP8/90000", "96 VP9/90000", false},
		{"96 opus/48000/2", "96 VP8/90000", false},
		{"96 VP8/90000 | 97 rtx/90000 apt=96", "98 VP9/90000 | 97 rtx/90000 apt=98", false},
		{"96 VP8/90000 | 97 rtx/90000 apt=96", "96 VP8/90000 | 97 rtx/90000 apt=96;rtx-time=3", true},
		{"96 opus/48000/2 | 63 red/48000/2 96/96", "0 PCMU/8000 | 63 red/48000/2 0/0", false},
		{"96 H264/90000 profile-level-id=42e01f", "96 H264/90000 profile-level-id=64001f", false},
		{"96 H264/90000 profile-level-id=42e01f", "96 H264/90000 profile-level-id=42c00d", true},
	} {
		p := &PayloadTypes{}
		if err := p.Learn(list(t, c.a)); err != nil {
			t.Fatal(err)
		}
		err := p.Learn(list(t, c.b+" | 50 FOO/8000"))
		if (err == nil) != c.ok {
			t.Errorf("%s and %s: %v", c.a, c.b, err)
		}
		if err != nil {
			wantKind(t, err, InvalidAccess, "payload type")
		}
		// The first stays, and the rest was learned.
		if got := assign(t, p, c.a); got != c.a {
			t.Errorf("%s became %s", c.a, got)
		}
		if got := assign(t, p, "0 FOO/8000"); got != "50 FOO/8000" {
			t.Errorf("FOO is at %s", got)
		}
	}
}

// RFC 3264 section 8.3.2: a number stands for one codec for as long as the session lasts.
func TestNumbersThatOnceStoodForACodecAreNotGivenToAnother(t *testing.T) {
	earlier := PayloadTypes{}
	if err := earlier.Learn(list(t, "96 VP8/90000 | 98 H264/90000")); err != nil {
		t.Fatal(err)
	}
	var p PayloadTypes
	if err := p.Learn(list(t, "98 VP9/90000")); err != nil {
		t.Fatal(err)
	}
	p.Inherit(earlier)
	if got, want := assign(t, &p, "96 AV1/90000 | 0 VP9/90000 | 0 VP8/90000"), "97 AV1/90000 | 98 VP9/90000 | 96 VP8/90000"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	copied := p
	assign(t, &copied, "0 H265/90000")
	if got := assign(t, &p, "0 H263-1998/90000"); got != "99 H263-1998/90000" {
		t.Errorf("a copy is no copy: %s", got)
	}
}

// 96 to 127, then 35 to 63: RFC 3551 section 3, RFC 5761 section 4.
func TestNumbersRunOut(t *testing.T) {
	var p PayloadTypes
	for i := range 32 + 29 {
		want := 96 + i
		if i >= 32 {
			want = 35 + i - 32
		}
		if got, want := assign(t, &p, fmt.Sprintf("0 X%d/8000", i)), fmt.Sprintf("%d X%d/8000", want, i); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	_, err := p.Assign(list(t, "0 X7/8000 | 0 Y/8000"))
	wantKind(t, err, OperationError, "no payload type is left for \"Y\"")
	if got := assign(t, &p, "0 X7/8000 | 0 PCMU/8000"); got != "103 X7/8000 | 0 PCMU/8000" {
		t.Error(got)
	}
}
