package jsep

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew); got\n%s", path, got)
	}
}

func report(a *Applied) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v -> %v\n", a.From, a.To)
	for _, s := range a.Sections {
		fmt.Fprintf(&b, "%s\n", describeSection(s))
	}
	return b.String()
}

// The offers of browsers and other stacks: what is read in them, and the answer.
func TestOffersAreAnsweredAsTheGoldenFilesSay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.offer.sdp")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d offers, %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".offer.sdp")
		t.Run(name, func(t *testing.T) {
			s := newSession()
			text := fixture(t, name+".offer.sdp")
			a, err := s.SetRemote(Offer, text)
			if err != nil {
				t.Fatal(err)
			}
			got := report(a)
			if d, _ := s.PendingRemote(); d.SDP != text {
				t.Error("the remote description is not what was applied")
			}
			answer, err := s.CreateAnswer(input())
			if err != nil {
				t.Fatal(err)
			}
			b, err := s.SetLocal(Answer, answer)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".golden", got+report(b)+answer)
		})
	}
}

// The answers of browsers and other stacks to our offer.
func TestAnswersAreAppliedAsTheGoldenFilesSay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.answer.sdp")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d answers, %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".sdp")
		t.Run(name, func(t *testing.T) {
			s := newSession()
			sdp := offer(t, s, input())
			golden(t, "offer.golden", sdp)
			a, err := s.SetRemote(Answer, fixture(t, name+".sdp"))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".golden", report(a))
		})
	}
}
