package leak

import (
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// failing records what Check reports instead of failing the test.
type failing struct {
	testing.TB
	cleanup []func()
	errors  []string
}

func (f *failing) Helper()           {}
func (f *failing) Cleanup(fn func()) { f.cleanup = append(f.cleanup, fn) }
func (f *failing) Error(args ...any) { f.errors = append(f.errors, args[0].(string)) }
func (f *failing) end() {
	for _, fn := range f.cleanup {
		fn()
	}
}

func waitForever(stop chan struct{}) { <-stop }

func TestCheckPassesWhenEverythingHasEnded(t *testing.T) {
	f := &failing{}
	Check(f)
	done := make(chan struct{})
	go close(done)
	<-done
	f.end()
	if len(f.errors) != 0 {
		t.Fatalf("reported %q", f.errors)
	}
}

func TestWaitNamesTheGoroutineThatIsLeft(t *testing.T) {
	before := snapshot()
	stop := make(chan struct{})
	go waitForever(stop)
	left := wait(before, 20*time.Millisecond)
	if len(left) != 1 || !strings.Contains(report(left), "waitForever") {
		t.Fatalf("want one goroutine in waitForever, got %v", left)
	}
	close(stop)
	if left := wait(before, patience); len(left) != 0 {
		t.Fatalf("still there: %v", left)
	}
}

func TestGoroutinesFromBeforeAreNotCounted(t *testing.T) {
	stop := make(chan struct{})
	go waitForever(stop)
	f := &failing{}
	Check(f)
	f.end()
	close(stop)
	if len(f.errors) != 0 {
		t.Fatalf("reported %q", f.errors)
	}
}

func TestALateGoroutineIsWaitedFor(t *testing.T) {
	f := &failing{}
	Check(f)
	stop := make(chan struct{})
	go waitForever(stop)
	time.AfterFunc(30*time.Millisecond, func() { close(stop) })
	f.end()
	if len(f.errors) != 0 {
		t.Fatalf("reported %q", f.errors)
	}
}
