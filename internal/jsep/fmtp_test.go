package jsep

import (
	"fmt"
	"strings"
	"testing"
)

// RFC 4855 section 3: parameters between semicolons, names in any case.
func TestFmtpParametersAreReadLeniently(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "[]",
		"apt=96":                              "[{apt 96}]",
		" Profile-Level-ID = 42E01F ; x=1;":   "[{profile-level-id 42E01F} {x 1}]",
		"0-15":                                "[{0-15 }]",
		"sprop-parameter-sets=Z0I=,aM4=; a=b": "[{sprop-parameter-sets Z0I=,aM4=} {a b}]",
		";;=5;":                               "[]",
	} {
		if got := fmt.Sprint(parseFmtp(text)); got != want {
			t.Errorf("%q reads as %s, want %s", text, got, want)
		}
	}
	if n := len(parseFmtp(strings.Repeat("a=1;", 5000))); n != maxParameters {
		t.Errorf("%d parameters were kept", n)
	}
	if v, _ := parseFmtp("a=1;A=2").get("a"); v != "1" {
		t.Errorf("of two values %s counts, not the first", v)
	}
}

func TestAParameterIsReplacedInPlace(t *testing.T) {
	for _, c := range [][4]string{
		{"", "apt", "97", "apt=97"},
		{"apt=96", "apt", "97", "apt=97"},
		{"apt=96;rtx-time=3000", "apt", "100", "apt=100;rtx-time=3000"},
		{"rtx-time=3000", "apt", "100", "rtx-time=3000;apt=100"},
		{"rtx-time=3000; ", "apt", "100", "rtx-time=3000;apt=100"},
		{"a=1; APT=96; b=2", "apt", "5", "a=1; apt=5; b=2"},
		{"xapt=1", "apt", "5", "xapt=1;apt=5"},
	} {
		if got := setParameter(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%q with %s=%s is %q, want %q", c[0], c[1], c[2], got, c[3])
		}
	}
}

func TestPayloadTypesAreNumbersUpTo127(t *testing.T) {
	for v, want := range map[string]int{"0": 0, "96": 96, "127": 127, "128": -1, "": -1, "-1": -1, "+1": -1, "096": -1, "00": -1, "1x": -1} {
		n, ok := parsePayloadType(v)
		if got := int(n); ok != (want >= 0) || (ok && got != want) {
			t.Errorf("%q reads as %d, %v", v, n, ok)
		}
	}
}

// RFC 6184 section 8.1, Table 5.
func TestH264ProfilesAreNamedByTheirConstraints(t *testing.T) {
	for id, want := range map[string]string{
		"42e01f": "constrained baseline", "42c01f": "constrained baseline", "424014": "constrained baseline", "42f00b": "constrained baseline",
		"4d801f": "constrained baseline", "4de01f": "constrained baseline", "58c01f": "constrained baseline", "58f01f": "constrained baseline",
		"42001f": "baseline", "42801f": "baseline", "42a01f": "baseline", "58801f": "baseline",
		"4d001f": "main", "4d401f": "main", "4d501f": "main",
		"58001f": "extended", "58301f": "extended",
		"64001f": "6400", "640c1f": "640c", "6e001f": "6e00", "f4001f": "f400", "4d201f": "4d20", "42011f": "4201",
	} {
		f, ok := parseH264(parseFmtp("profile-level-id=" + id))
		if !ok || f.profile() != want || f.String() != id {
			t.Errorf("%s is %s (%v, %s), want %s", id, f.profile(), ok, f, want)
		}
	}
	for _, bad := range []string{"", "42e0", "42e01f00", "42e01g", "0x42e01f"} {
		if _, ok := parseH264(parseFmtp("profile-level-id=" + bad)); ok {
			t.Errorf("%q is read as a profile-level-id", bad)
		}
	}
	// "If no profile-level-id is present, the Baseline profile, without additional constraints at Level 1, MUST be inferred."
	if f, ok := parseH264(nil); !ok || f.String() != "42000a" || f.profile() != "baseline" {
		t.Errorf("nothing means %s", f)
	}
}

// Level 1b is above 1 and below 1.1, and written in two ways (H.264 section A.3.4 and Table A-1).
func TestH264LevelsComeInOrder(t *testing.T) {
	ascending := []string{"42e00a", "42f00b", "42e00b", "42e00c", "42e00d", "42e014", "42e01f", "42e034"}
	high := []string{"64000a", "640009", "64000b", "64000c"}
	for _, ids := range [][]string{ascending, high} {
		for i := 1; i < len(ids); i++ {
			a, _ := parseH264(parseFmtp("profile-level-id=" + ids[i-1]))
			b, _ := parseH264(parseFmtp("profile-level-id=" + ids[i]))
			if a.order() >= b.order() {
				t.Errorf("%s is not below %s", a, b)
			}
		}
	}
}

// RFC 6184 section 8.2.2: the profile is local's way to write it; without asymmetry the level is the lower one.
func TestH264AnswersDoNotRaiseTheLevel(t *testing.T) {
	const asym = ";level-asymmetry-allowed=1"
	for _, c := range []struct{ local, remote, want string }{
		{"42e01f", "42e00d", "42e00d"},
		{"42e00d", "42e01f", "42e00d"},
		{"42e01f", "42e01f", "42e01f"},
		{"42e01f", "4d800d", "42e00d"},
		{"42e01f" + asym, "42e00d", "42e00d" + asym},
		{"42e01f", "42e00d" + asym, "42e01f"[:4] + "0d"},
		{"42e01f" + asym, "42e00d" + asym, "42e01f" + asym},
		{"42e01f" + asym, "42e00d;level-asymmetry-allowed=0", "42e00d" + asym},
		{"42e01f", "42f00b", "42f00b"},
		{"42f00b", "42e01f", "42f00b"},
		{"42f01f", "42e00b", "42e00b"},
		{"64001f", "640009", "640009"},
	} {
		got := answerH264("profile-level-id="+c.local, "profile-level-id="+c.remote)
		if got != "profile-level-id="+c.want {
			t.Errorf("%s answers %s with %s, want %s", c.local, c.remote, got, c.want)
		}
	}
	// What is inferred is level 1.
	if got := answerH264("packetization-mode=1;profile-level-id=42001f", "packetization-mode=1"); got != "packetization-mode=1;profile-level-id=42000a" {
		t.Errorf("an offer without profile-level-id is answered with %s", got)
	}
	if got := answerH264("", "profile-level-id=42001f"); got != "" {
		t.Errorf("level 1 is answered with %q", got)
	}
}

// RFC 7798 section 7.2.2.
func TestH265AnswersDoNotRaiseTheLevel(t *testing.T) {
	for _, c := range [][3]string{
		{"level-id=156;profile-id=1", "level-id=93", "level-id=93;profile-id=1"},
		{"level-id=93", "level-id=156", "level-id=93"},
		{"level-id=156", "", "level-id=93"},
		{"", "level-id=60", "level-id=60"},
		{"tx-mode=SRST", "level-id=180", "tx-mode=SRST"},
	} {
		if got := answerH265(c[0], c[1]); got != c[2] {
			t.Errorf("%q answers %q with %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
