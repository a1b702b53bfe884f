package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTheConformancePageHasEveryMemberOfW3C(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(conformancePage)))
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join("testdata", "w3c-members.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w3cMembers(string(list))); n < 400 {
		t.Errorf("the list has only %d entries", n)
	}
	for _, v := range checkMembers(string(page), string(list)) {
		t.Error(v)
	}
}

func TestMembersWithoutARowAreNamed(t *testing.T) {
	list := "RTCIceRole: controlling, controlled\nalgorithm: add a track, remove a track\n"
	page := "RTCIceRole: controlled\n| RTCIceRole: controlling, leading | 5.6.7 | | | done |\n"
	want := []string{
		"docs/conformance.md: RTCIceRole: leading is not in W3C's list",
		"docs/conformance.md: no row is about RTCIceRole: controlled",
		"docs/conformance.md: no row is about algorithm: add a track, remove a track",
	}
	if got := checkMembers(page, list); !slices.Equal(got, want) {
		t.Errorf("violations %q, want %q", got, want)
	}
}
