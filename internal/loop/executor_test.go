package loop

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// heldExecutor keeps what it is given until run is called.
type heldExecutor struct{ held []func() }

func (e *heldExecutor) execute(f func()) { e.held = append(e.held, f) }

// run runs one held piece, once the loop is idle.
func (e *heldExecutor) run() bool {
	synctest.Wait()
	if len(e.held) == 0 {
		return false
	}
	f := e.held[0]
	e.held = e.held[1:]
	f()
	return true
}

func withHeldExecutor(t *testing.T, test func(l *Loop, e *heldExecutor, log *[]string)) {
	synctest.Test(t, func(t *testing.T) {
		var e heldExecutor
		var log []string
		l := New(Config{Executor: e.execute})
		defer l.Close(nil)
		test(l, &e, &log)
	})
}

func TestTheExecutorGetsATurnsChangesAndEventsAsOnePiece(t *testing.T) {
	withHeldExecutor(t, func(l *Loop, e *heldExecutor, log *[]string) {
		note := func(s string) func() { return func() { *log = append(*log, s) } }
		for range 2 {
			_ = l.Ask(func(time.Time) {
				l.Emit(note("event 1"))
				l.Publish(note("change 1"))
				l.Emit(note("event 2"))
				l.Publish(note("change 2"))
			})
		}
		l.Deliver(note("message"))
		turn := []string{"change 1", "change 2", "event 1", "event 2"}
		for i, want := range [][]string{turn, turn, {"message"}} {
			if *log = nil; !e.run() || !slices.Equal(*log, want) {
				t.Errorf("piece %d ran %q, want %q", i, *log, want)
			}
		}
	})
}

func TestDoAppliesChangesOnceAndAheadOfEvents(t *testing.T) {
	withHeldExecutor(t, func(l *Loop, e *heldExecutor, log *[]string) {
		note := func(s string) func() { return func() { *log = append(*log, s) } }
		turn := func(name string) func(time.Time) {
			return func(time.Time) { l.Publish(note("change " + name)); l.Emit(note("event " + name)) }
		}
		_ = l.Ask(turn("1"))
		if len(*log) != 0 {
			t.Errorf("Ask applied %q", *log)
		}
		_ = l.Do(turn("2"))
		if want := []string{"change 1", "change 2"}; !slices.Equal(*log, want) {
			t.Errorf("Do applied %q, want %q", *log, want)
		}
		for e.run() {
		}
		if want := []string{"change 1", "change 2", "event 1", "event 2"}; !slices.Equal(*log, want) {
			t.Errorf("ran %q, want %q", *log, want)
		}
	})
}

func TestCloseAppliesChangesAndDropsEvents(t *testing.T) {
	withHeldExecutor(t, func(l *Loop, e *heldExecutor, log *[]string) {
		note := func(s string) func() { return func() { *log = append(*log, s) } }
		_ = l.Ask(func(time.Time) { l.Publish(note("change 1")); l.Emit(note("event 1")) })
		l.Close(func(time.Time) { l.Publish(note("change 2")); l.Emit(note("event 2")) })
		for e.run() {
		}
		if want := []string{"change 1", "change 2"}; !slices.Equal(*log, want) {
			t.Errorf("ran %q, want %q", *log, want)
		}
	})
}

func TestCloseAppliesWhatEarlierTurnsLeft(t *testing.T) {
	withHeldExecutor(t, func(l *Loop, _ *heldExecutor, log *[]string) {
		_ = l.Ask(func(time.Time) { l.Publish(func() { *log = append(*log, "change") }) })
		if l.Close(nil); !slices.Equal(*log, []string{"change"}) {
			t.Errorf("applied %q", *log)
		}
	})
}

func TestCloseInAPieceDropsTheRestOfIt(t *testing.T) {
	withHeldExecutor(t, func(l *Loop, e *heldExecutor, log *[]string) {
		_ = l.Ask(func(time.Time) {
			l.Emit(func() { l.Close(nil) })
			l.Emit(func() { t.Error("an event came after Close") })
		})
		for e.run() {
		}
	})
}

func TestWithoutAnExecutorChangesAreAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		_ = l.Do(func(time.Time) {
			changed := false
			if l.Publish(func() { changed = true }); !changed {
				t.Error("the change waited")
			}
		})
	})
}
