package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheConformancePageNamesTestsThatExist(t *testing.T) {
	dir := root(t)
	page, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(conformancePage)))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := testsBelow(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "| done |") {
		t.Error("no row says done: has the form of the page changed?")
	}
	for _, v := range checkConformance(string(page), tests) {
		t.Error(v)
	}
}

func TestConformanceRowsNeedANamedTestThatExists(t *testing.T) {
	tests := map[string]bool{"TestThere": true, "FuzzThere": true}
	page := strings.Join([]string{
		"Tests are named in the text too: TestThere.",
		"| section | what | test | status |",
		"|---|---|---|---|",
		"| 1 | shown | TestThere, FuzzThere | done |",
		"| 2 | not tested | | partial: no test |",
		"| 3 | misspelt | TestTheer | partial |",
		"| 4 | nothing shows it | | done |",
		"| 5 | nothing shows it | | done: first repetition after 400 ms |",
		"And in the text, TestGone.",
	}, "\n")
	want := []string{
		"docs/conformance.md:6: there is no test TestTheer",
		"docs/conformance.md:7: a row says done and names no test",
		"docs/conformance.md:8: a row says done and names no test",
		"docs/conformance.md:9: there is no test TestGone",
	}
	if got := checkConformance(page, tests); !slices.Equal(got, want) {
		t.Errorf("violations %q, want %q", got, want)
	}
}

func TestTestsOfNestedModulesAreFound(t *testing.T) {
	tests, err := testsBelow(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"TestTestsOfNestedModulesAreFound", "TestPeersConnectAndChannelsOpenFromBothSides", "FuzzSetRemote"} {
		if !tests[name] {
			t.Errorf("%s was not found", name)
		}
	}
}
