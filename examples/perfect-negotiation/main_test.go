package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCrossingOffersEndInAgreement(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-rounds", "4"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if n := strings.Count(stdout.String(), "both ends are stable"); n != 4 || !strings.Contains(stdout.String(), "have 8 transceivers") {
		t.Errorf("printed %q", stdout.String())
	}
}

func TestWrongArgumentsGiveOneLine(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-rounds", "0"}, {"extra"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, &stdout, &stderr); code != 2 || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%q: exit code %d, printed %q, want 2 and one line", args, code, stderr.String())
		}
	}
}
