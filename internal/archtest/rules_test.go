package archtest

import (
	"fmt"
	"strings"
	"testing"
)

// fixture is a file and how often it breaks the rule under test.
type fixture struct {
	path, text string
	broken     int
}

func checkFixtures(t *testing.T, check func(*source) []violation, fixtures []fixture) {
	t.Helper()
	failures := 0
	for _, f := range fixtures {
		s, err := parse(f.path, []byte(f.text))
		if err != nil {
			t.Fatalf("%s: %v", f.path, err)
		}
		got := check(s)
		failures += len(got)
		if len(got) != f.broken {
			t.Errorf("%s with\n%s\nbreaks the rule %d times, want %d: %v", f.path, f.text, len(got), f.broken, got)
		}
		for _, v := range got {
			if !strings.HasPrefix(v.where, f.path) || v.text == "" {
				t.Errorf("the violation does not name its place: %v", v)
			}
		}
	}
	if failures == 0 {
		t.Error("no fixture breaks the rule")
	}
}

// importing is a file of a package x with the given imports.
func importing(paths ...string) string {
	var b strings.Builder
	b.WriteString("package x\n\n")
	for _, p := range paths {
		fmt.Fprintf(&b, "import _ %q\n", p)
	}
	return b.String()
}

const ours = modulePath + "/internal/"

func TestMachinesMustNotImportIO(t *testing.T) {
	checkFixtures(t, machineImports, []fixture{
		{"internal/ice/a.go", importing("net", "os", "sync", "context"), 4},
		{"internal/jsep/a.go", importing("net/http", "os/exec", "syscall"), 3},
		{"internal/sctp/deep/a.go", importing("sync"), 1},
		{"internal/turn/a_windows.go", "//go:build never\n\npackage x\n\nimport \"os\"\n", 1},
		{"internal/ice/a.go", "package x\n\nimport n \"net\"\n", 1},
		{"internal/ice/a.go", importing("net/netip", "net/url", "sync/atomic", "time", "crypto/rand", "network"), 0},
		{"internal/ice/a_test.go", importing("net", "os", "sync", "context"), 0},
		{"internal/loop/a.go", importing("sync", "net"), 0},
		{"internal/icebox/a.go", importing("sync"), 0},
		{"a.go", importing("net", "os", "sync", "context"), 0},
	})
}

func TestMachinesMustNotStartGoroutines(t *testing.T) {
	const text = "package x\n\nfunc f() {\n\tgo f()\n\t_ = func() { go func() {}() }\n}\n"
	checkFixtures(t, machineGoroutines, []fixture{
		{"internal/rtpsession/a.go", text, 2},
		{"internal/mux/a_test.go", text, 0},
		{"internal/pionsctp/a.go", text, 0},
	})
}

func TestMachinesMustNotReadTheClock(t *testing.T) {
	var all strings.Builder
	all.WriteString("package x\n\nimport \"time\"\n\nvar (\n")
	for i, name := range clock {
		fmt.Fprintf(&all, "\tv%d = time.%s\n", i, name)
	}
	all.WriteString(")\n")
	checkFixtures(t, machineClock, []fixture{
		{"internal/ice/a.go", all.String(), len(clock)},
		{"internal/ice/a.go", "package x\n\nimport t \"time\"\n\nvar n = t.Now()\n", 1},
		{"internal/ice/a.go", "package x\n\nimport . \"time\"\n\nvar n = Now()\n", 1},
		{"internal/ice/a.go", "package x\n\nimport \"time\"\n\nvar d = 5 * time.Second\nvar at = time.Unix(0, 0).Add(d)\n", 0},
		{"internal/ice/a.go", "package x\n\ntype clock struct{}\n\nfunc (clock) Now() {}\n\nvar time clock\n\nfunc f() { time.Now() }\n", 0},
		{"internal/ice/a_test.go", all.String(), 0},
		{"internal/dtls/a.go", all.String(), 0},
	})
}

func TestMachinesAndAdaptersMustNotImportEachOther(t *testing.T) {
	checkFixtures(t, separation, []fixture{
		{"internal/ice/a.go", importing(ours+"turn", ours+"dtls", modulePath, ours+"loop", ours+"netio"), 5},
		{"internal/dtls/a.go", importing(ours+"srtp", ours+"mux", modulePath), 3},
		{"internal/pionsctp/a.go", importing(ours + "sctp"), 1},
		{"internal/seqnum/a.go", importing(ours + "mux"), 1},
		{"internal/ice/a.go", importing(modulePath + "/examples/quickstart"), 1},
		{"internal/sctp/a.go", importing(ours+"seqnum", "time", ours+"sctp/internal/x"), 0},
		{"internal/srtp/a.go", importing(ours+"netio", ours+"seqnum"), 0},
		{"internal/sctp/a_test.go", importing(ours+"pionsctp", ours+"leak"), 0},
		{"internal/simnet/a.go", importing(ours + "netio"), 0},
		{"pkg/media/ivfwriter/a.go", importing(modulePath, ours+"loop", ours+"dtls"), 3},
		{"pkg/media/ivfwriter/a.go", importing(ours+"mux", modulePath+"/pkg/media"), 0},
		{"internal/mux/a.go", importing(modulePath + "/pkg/media"), 1},
		{"a.go", importing(ours+"ice", ours+"dtls"), 0},
	})
}

func TestProgramsMustNotLinkTestHelpers(t *testing.T) {
	checkFixtures(t, testHelpers, []fixture{
		{"a.go", importing(ours+"simnet", ours+"leak"), 2},
		{"internal/loop/a.go", importing(ours + "leak"), 1},
		{"examples/p2p/main.go", importing(ours + "simnet"), 1},
		{"a_test.go", importing(ours+"simnet", ours+"leak"), 0},
		{"internal/simnet/a.go", importing(ours + "leak"), 0},
	})
}

func TestPionPackagesMustStayInTheirPlaces(t *testing.T) {
	const p = "github.com/pion/"
	checkFixtures(t, pionPackages, []fixture{
		{"a.go", importing(p+"dtls/v2", p+"sctp", p+"srtp/v2", p+"transport/v2"), 4},
		{"internal/ice/a.go", importing(p + "sdp/v3"), 1},
		{"internal/jsep/a.go", importing(p+"stun", p+"sdp"), 2},
		{"internal/dtls/a.go", importing(p + "dtls/v3"), 1},
		{"internal/dtls/a.go", importing(p + "transport/v2/replaydetector"), 1},
		{"internal/sctp/a.go", importing(p + "sctp"), 1},
		{"internal/loop/a.go", importing(p + "logging"), 1},
		{"internal/mux/a.go", importing(p + "rtcp"), 1},
		{"examples/sfu/a.go", importing(p + "sctp"), 1},
		{"a.go", importing(p+"rtp", p+"rtp/codecs", p+"rtcp", p+"sdp/v3", p+"stun", p+"logging", p+"interceptor/pkg/nack"), 0},
		{"internal/dtls/a.go", importing(p+"dtls/v2/pkg/protocol", p+"logging"), 0},
		{"internal/pionsctp/a.go", importing(p+"sctp", p+"logging"), 0},
		{"internal/sctp/a_test.go", importing(p + "sctp"), 0},
	})
}

func TestFilesMustStayShort(t *testing.T) {
	lines := func(n int) string { return "package x\n" + strings.Repeat("\n", n-1) }
	checkFixtures(t, fileLength, []fixture{
		{"a.go", lines(800), 1},
		{"internal/ice/a_test.go", lines(2000), 1},
		{"a.go", lines(799) + "// the 800th, without a line feed", 1},
		{"a.go", lines(799), 0},
	})
}

func TestFilesMustBeNamedAfterANoun(t *testing.T) {
	checkFixtures(t, fileNames, []fixture{
		{"util.go", "package x", 1},
		{"internal/ice/common.go", "package x", 1},
		{"internal/dtls/helpers.go", "package x", 1},
		{"examples/p2p/types.go", "package x", 1},
		{"internal/ice/candidatetypes.go", "package x", 0},
	})
}

func TestUnsafeMustStayInNetio(t *testing.T) {
	checkFixtures(t, unsafeImports, []fixture{
		{"a.go", importing("unsafe"), 1},
		{"internal/loop/a_test.go", importing("unsafe"), 1},
		{"internal/netiox/a.go", importing("unsafe"), 1},
		{"internal/netio/a.go", importing("unsafe"), 0},
	})
}

func TestCgoMustNotBeUsed(t *testing.T) {
	checkFixtures(t, cgo, []fixture{
		{"internal/netio/a.go", "package x\n\n// #include <stdio.h>\nimport \"C\"\n", 1},
		{"internal/netio/a.go", importing("unsafe"), 0},
	})
}

func TestTestsMustNotSleepOutsideABubble(t *testing.T) {
	const text = "package x\n\nimport \"time\"\n\nfunc f() { time.Sleep(time.Second) }\n"
	checkFixtures(t, sleepingTests, []fixture{
		{"a_test.go", text, 1},
		{"internal/ice/a_test.go", strings.Replace(text, "package x\n", "package x\n\nimport \"testing\"\n", 1), 1},
		{"a_test.go", strings.Replace(text, "package x\n", "package x\n\nimport \"testing/synctest\"\n", 1), 0},
		{"internal/leak/leak.go", text, 0},
		{"a_test.go", "package x\n\nimport \"time\"\n\nvar d = time.Second\n", 0},
	})
}

func TestAFileOfHelpersMaySleepBesideABubble(t *testing.T) {
	const sleeps = "package x\n\nimport \"time\"\n\n"
	const helper, test = sleeps + "func f() { time.Sleep(1) }\n", sleeps + "func TestF() { time.Sleep(1) }\n"
	for _, c := range []struct {
		name, dir, text string
		broken          int
	}{
		{"a helper beside a bubble", "a", helper, 0},
		{"a test beside a bubble", "a", test, 1},
		{"a helper in another package", "b", helper, 1},
		{"a test that calls inBubble", "a", test + "func TestG() { inBubble(nil, nil) }\n", 0},
		{"a test that calls inBubble where there is none", "b", test + "func TestG() { inBubble(nil, nil) }\n", 1},
	} {
		s, err := parse(c.dir+"/helper_test.go", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		bubble, err := parse("a/bubble_test.go", []byte(importing("testing/synctest")))
		if err != nil {
			t.Fatal(err)
		}
		markBubbles([]*source{s, bubble})
		if got := sleepingTests(s); len(got) != c.broken {
			t.Errorf("%s: %v, want %d violations", c.name, got, c.broken)
		}
	}
}

func TestEveryRuleIsNamedOnce(t *testing.T) {
	if len(rules) != 11 {
		t.Errorf("%d rules; each has a test of its own above", len(rules))
	}
}

func TestGoModMustRequireOnlyWhatWasAgreed(t *testing.T) {
	for _, c := range []struct {
		name, gomod string
		broken      []string // what the violations name
	}{
		{"agreed", "module x\n\ngo 1.25.0\n\nrequire (\n\tgithub.com/pion/stun v0.6.1\n\tgolang.org/x/sys v0.1.0 // indirect\n)\n\nrequire github.com/pion/rtp v1.0.0\n", nil},
		{"direct", "module x\n\nrequire github.com/evil/dep v1.0.0\n", []string{"go.mod:3: github.com/evil/dep"}},
		{"in a block", "require (\n\tgithub.com/pion/stun v0.6.1\n\tgithub.com/pion/ice/v2 v2.0.0\n)\n", []string{"go.mod:3: github.com/pion/ice/v2"}},
		{"indirect", "require (\n\tgithub.com/google/uuid v1.3.0 // indirect\n)\n", []string{"go.mod:2: github.com/google/uuid"}},
		{"another major version", "require github.com/pion/dtls/v3 v3.0.0\n", []string{"github.com/pion/dtls/v3"}},
		{"quoted", "require \"github.com/evil/dep\" v1.0.0\n", []string{"github.com/evil/dep"}},
		{"a comment", "// require github.com/evil/dep v1.0.0\n", nil},
		{"exclude", "exclude github.com/evil/dep v1.0.0\n", nil},
		{"replace", "replace github.com/pion/stun => ../stun\n", []string{"go.mod:1: the module builds differently"}},
		{"replace in a block", "replace (\n\tgithub.com/pion/stun => ../stun\n)\n", []string{"go.mod:2: the module builds differently"}},
	} {
		got := checkRequires(c.gomod)
		if len(got) != len(c.broken) {
			t.Errorf("%s: %v, want %q", c.name, got, c.broken)
			continue
		}
		for i, want := range c.broken {
			if s := got[i].String(); !strings.Contains(s, want) {
				t.Errorf("%s: %q does not name %q", c.name, s, want)
			}
		}
	}
	if v := checkRequires("require github.com/evil/dep v1.0.0"); len(v) != 1 || !strings.Contains(v[0].text, "ADR") {
		t.Errorf("the message does not ask for an ADR: %v", v)
	}
}
