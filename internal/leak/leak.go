// Package leak fails tests that leave goroutines behind. For tests only.
package leak

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines may take to end: those of a closed connection
// are told to, but nobody waits for the scheduler to run them.
const patience = 5 * time.Second

// Main runs the tests of a package, and exits 1, printing the stacks, when
// goroutines are left that were not there before. Call it in TestMain.
func Main(m *testing.M) {
	before := snapshot()
	code := m.Run()
	if code == 0 {
		if left := wait(before, patience); len(left) > 0 {
			fmt.Fprintln(os.Stderr, report(left))
			code = 1
		}
	}
	os.Exit(code)
}

// Check fails t at its end when goroutines are left that were not there when
// Check was called. Not for tests that run in parallel with others.
func Check(t testing.TB) {
	t.Helper()
	before := snapshot()
	t.Cleanup(func() {
		if left := wait(before, patience); len(left) > 0 {
			t.Error(report(left))
		}
	})
}

// snapshot maps the header's identity of every goroutine ("goroutine 7") to its
// stack, the caller's and those of the testing machinery left out.
func snapshot() map[string]string {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	stacks := make(map[string]string)
	for i, stack := range bytes.Split(buf, []byte("\n\n")) {
		s := string(stack)
		if i == 0 || ours(s) {
			continue
		}
		id, _, _ := strings.Cut(s, " [")
		stacks[id] = s
	}
	return stacks
}

// ours reports whether a stack belongs to the runtime or to package testing.
func ours(stack string) bool {
	_, frames, _ := strings.Cut(stack, "\n")
	for _, prefix := range []string{
		"os/signal.", "runtime.ensureSigM", "runtime.ReadTrace", "runtime/trace.",
	} {
		if strings.HasPrefix(frames, prefix) || strings.Contains(frames, "\n"+prefix) {
			return true
		}
	}
	// The goroutine of a test that waits for its subtests or to be resumed, of
	// the fuzzing engine and of a benchmark.
	return strings.Contains(stack, "created by testing.") || strings.Contains(stack, "created by internal/fuzz.") ||
		strings.Contains(stack, "\ntesting.(*M).Run(")
}

// wait polls until only goroutines of before are left, and returns the others.
func wait(before map[string]string, patience time.Duration) map[string]string {
	deadline := time.Now().Add(patience)
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, 50*time.Millisecond) {
		left := snapshot()
		for id := range before {
			delete(left, id)
		}
		if len(left) == 0 || !time.Now().Before(deadline) {
			return left
		}
		time.Sleep(pause)
	}
}

func report(left map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "leak: %d goroutines are left:", len(left))
	for _, stack := range left {
		b.WriteString("\n\n")
		b.WriteString(stack)
	}
	return b.String()
}
