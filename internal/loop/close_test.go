package loop

import (
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// variants runs a test with the loop's own callback goroutine, with an executor
// that runs callbacks at once and with one that runs them elsewhere.
func variants(t *testing.T, test func(t *testing.T, l *Loop)) {
	for name, executor := range map[string]func(func()){
		"own goroutine":         nil,
		"synchronous executor":  func(f func()) { f() },
		"asynchronous executor": func(f func()) { go f() },
		"late executor":         func(f func()) { time.AfterFunc(time.Millisecond, f) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, New(Config{Executor: executor})) })
		})
	}
}

func TestCallbacksRunOneAtATimeInOrder(t *testing.T) {
	variants(t, func(t *testing.T, l *Loop) {
		var got []int
		inside := 0
		for i := range 100 {
			l.Deliver(func() {
				inside++
				time.Sleep(time.Millisecond) // gives a second callback the chance to overlap
				if inside != 1 {
					t.Errorf("%d callbacks at once", inside)
				}
				got = append(got, i)
				inside--
			})
		}
		pass(time.Second)
		if len(got) != 100 || !slices.IsSorted(got) {
			t.Errorf("delivered %v", got)
		}
		l.Close(nil)
	})
}

func TestDoMayBeCalledInACallback(t *testing.T) {
	variants(t, func(t *testing.T, l *Loop) {
		var nested error = errors.New("did not run")
		l.Do(func(time.Time) {
			l.Emit(func() { nested = l.Do(nothing) })
		})
		pass(time.Second)
		if nested != nil {
			t.Errorf("Do in a callback: %v", nested)
		}
		l.Close(nil)
	})
}

func TestCloseMayBeCalledInACallback(t *testing.T) {
	variants(t, func(t *testing.T, l *Loop) {
		finals, after, later := 0, error(nil), false
		l.Post(func(time.Time) {
			l.Emit(func() {
				l.Close(func(time.Time) { finals++; l.Emit(func() { later = true }) })
				l.Close(func(time.Time) { finals++ })
				after = l.Do(nothing)
			})
			l.Emit(func() { later = true })
		})
		<-l.Done()
		pass(time.Second)
		if finals != 1 {
			t.Errorf("final ran %d times", finals)
		}
		if !errors.Is(after, net.ErrClosed) {
			t.Errorf("Do after Close in the callback: %v, want net.ErrClosed", after)
		}
		if later {
			t.Error("a queued callback started after Close")
		}
	})
}

func TestCloseRunsWhatWasPostedBeforeThenFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		var got []int
		settledLast := false
		m := &member{settle: func(time.Time) bool { settledLast = len(got) == 1001; return false }}
		l.Do(func(time.Time) { l.Join(m) })
		for i := range 1000 {
			l.Post(func(time.Time) { got = append(got, i) })
		}
		l.Close(func(time.Time) { got = append(got, 1000) })
		if len(got) != 1001 || !slices.IsSorted(got) {
			t.Errorf("%d functions ran, want 1000 and final, in order", len(got))
		}
		if !settledLast {
			t.Error("the last turn was not settled")
		}
		if l.Post(nothing) || l.TryPost(nothing) || l.Deliver(func() {}) {
			t.Error("something was accepted after Close")
		}
		if !l.Closed() {
			t.Error("Closed is false after Close")
		}
	})
}

func TestPostingFailsFromTheBeginningOfCloseOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		block := make(chan struct{})
		ranInside := true
		l.Post(func(time.Time) {
			<-block
			ranInside = l.Post(nothing) // a function that the loop runs while it closes
		})
		go l.Close(nil)
		synctest.Wait()
		if !l.Closed() || l.Post(nothing) || l.TryPost(nothing) {
			t.Error("accepted while closing")
		}
		if err := l.Do(nothing); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Do while closing: %v", err)
		}
		select {
		case <-l.Done():
			t.Error("done while a posted function runs")
		default:
		}
		close(block)
		<-l.Done()
		if ranInside {
			t.Error("a function posted another while the loop was closing")
		}
	})
}

func TestDoCallersThatWaitWhileTheLoopClosesGetTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		block := make(chan struct{})
		l.Post(func(time.Time) { <-block })
		var ran, ok atomic.Int32
		for range 20 {
			go func() {
				if l.Do(func(time.Time) { ran.Add(1) }) == nil {
					ok.Add(1)
				}
			}()
		}
		synctest.Wait()
		for range 5 {
			go l.Close(nil)
		}
		synctest.Wait()
		close(block)
		<-l.Done()
		synctest.Wait()
		if ran.Load() != 20 || ok.Load() != 20 {
			t.Errorf("%d functions ran, %d callers were told so, want 20", ran.Load(), ok.Load())
		}
	})
}

func TestCloseWaitsForNoCallback(t *testing.T) {
	variants(t, func(t *testing.T, l *Loop) {
		block, entered := make(chan struct{}), make(chan struct{})
		second := false
		l.Deliver(func() { close(entered); <-block })
		l.Deliver(func() { second = true })
		<-entered
		l.Close(nil) // would deadlock the bubble if it waited
		close(block)
		pass(time.Second)
		if second {
			t.Error("a queued callback started after Close")
		}
	})
}

func TestACallbackThatTheExecutorStillHoldsIsDroppedByClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held []func()
		l := New(Config{Executor: func(f func()) { held = append(held, f) }})
		ran := false
		l.Deliver(func() { ran = true })
		synctest.Wait()
		l.Close(nil)
		synctest.Wait()
		for _, f := range held {
			f()
		}
		if len(held) != 1 || ran {
			t.Errorf("executor was given %d callbacks; ran after Close: %v", len(held), ran)
		}
	})
}

func TestACallbackThatEndsItsGoroutineDoesNotStallTheNext(t *testing.T) {
	variants(t, func(t *testing.T, l *Loop) {
		ran := false
		l.Deliver(func() { goexit() })
		l.Deliver(func() { ran = true })
		pass(time.Second)
		if !ran {
			t.Error("the next callback did not run")
		}
		l.Close(nil)
	})
}

func TestTheCallbackGoroutineEndsWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		ran := 0
		for range 100 {
			l.Deliver(func() { ran++ })
			synctest.Wait()
			if l.callbacks.running {
				t.Fatal("the goroutine is still there with an empty queue")
			}
		}
		if ran != 100 {
			t.Errorf("%d callbacks ran, want 100", ran)
		}
		l.Close(nil)
	})
}

func TestCloseBeforeTheFirstPostRunsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		finals := 0
		l.Close(func(time.Time) { finals++ })
		if finals != 1 {
			t.Errorf("final ran %d times", finals)
		}
	})
}

func TestCloseFromManyGoroutinesAtOnceRunsOneFinal(t *testing.T) {
	l := New(Config{})
	l.Post(nothing)
	var finals, ended atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			l.Close(func(time.Time) { finals.Add(1) })
			select {
			case <-l.Done():
				ended.Add(1)
			default:
			}
		})
	}
	wg.Wait()
	if finals.Load() != 1 || ended.Load() != 50 {
		t.Errorf("final ran %d times, %d of 50 calls returned after the end", finals.Load(), ended.Load())
	}
}

func TestTheFirstOfSeveralClosesGivesFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		block := make(chan struct{})
		l.Post(func(time.Time) { <-block })
		var finals []int
		for i := range 3 {
			go l.Close(func(time.Time) { finals = append(finals, i) })
			synctest.Wait()
		}
		close(block)
		<-l.Done()
		if !slices.Equal(finals, []int{0}) {
			t.Errorf("finals of the calls %v ran, want that of the first", finals)
		}
	})
}

// In real time: a callback that watches the queue returns as soon as something
// is in it, and there is enough to queue for the moment to be noticed. A loop
// that published these events first would fail this in some runs, not in all.
func TestEventsOfTheLastTurnAreNeverDelivered(t *testing.T) {
	var delivered atomic.Int32
	for range 50 {
		l := New(Config{})
		watching, returned := make(chan struct{}), make(chan struct{})
		l.Deliver(func() {
			close(watching)
			defer close(returned)
			for queued, closed := 0, false; queued == 0 && !closed; runtime.Gosched() {
				l.callbacks.mu.Lock()
				queued, closed = l.callbacks.queue.len(), l.callbacks.closed
				l.callbacks.mu.Unlock()
			}
		})
		<-watching
		l.Close(func(time.Time) {
			for range 20_000 {
				l.Emit(func() { delivered.Add(1) })
			}
		})
		<-returned
	}
	if n := delivered.Load(); n != 0 {
		t.Errorf("%d events were delivered", n)
	}
}
