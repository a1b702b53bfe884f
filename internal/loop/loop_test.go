package loop

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func nothing(time.Time) {}

func TestPostedFunctionsRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		var got []int
		for i := range 1000 {
			if !l.Post(func(time.Time) { got = append(got, i) }) {
				t.Fatal("Post was refused")
			}
		}
		if err := l.Do(func(time.Time) { got = append(got, 1000) }); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v != i {
				t.Fatalf("function %d ran as number %d", v, i)
			}
		}
		if len(got) != 1001 {
			t.Fatalf("%d functions ran, want 1001", len(got))
		}
		l.Close(nil)
	})
}

func TestNothingStartsBeforeTheFirstPost(t *testing.T) {
	before := runtime.NumGoroutine()
	l := New(Config{})
	if n := runtime.NumGoroutine(); n != before {
		t.Fatalf("New started %d goroutines", n-before)
	}
	select {
	case <-l.Done():
		t.Fatal("done before Close")
	default:
	}
	l.Close(nil)
	<-l.Done()
}

func TestTryPostIsRefusedAtThePacketLimitAndPostIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{PacketLimit: 3})
		defer l.Close(nil)
		block := make(chan struct{})
		l.Post(func(time.Time) { <-block })
		synctest.Wait()
		var got []string
		note := func(s string) func(time.Time) { return func(time.Time) { got = append(got, s) } }
		for i := range 5 {
			if ok, want := l.TryPost(note(fmt.Sprint("packet ", i))), i < 3; ok != want {
				t.Errorf("TryPost %d returned %v", i, ok)
			}
			if !l.Post(note(fmt.Sprint("call ", i))) {
				t.Errorf("Post %d was refused", i)
			}
		}
		close(block)
		l.Do(nothing)
		want := []string{"packet 0", "call 0", "packet 1", "call 1", "packet 2", "call 2", "call 3", "call 4"}
		if !slices.Equal(got, want) {
			t.Errorf("ran %q, want %q", got, want)
		}
		if !l.TryPost(nothing) {
			t.Error("TryPost is still refused after the queue was run")
		}
	})
}

// member is a scripted Member.
type member struct {
	deadline time.Time
	advance  func(now time.Time)
	settle   func(now time.Time) bool
}

func (m *member) Deadline() time.Time { return m.deadline }
func (m *member) Advance(now time.Time) {
	if m.advance != nil {
		m.advance(now)
	}
}
func (m *member) Settle(now time.Time) bool { return m.settle != nil && m.settle(now) }

func TestMembersAreAdvancedExactlyWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		start := time.Now()
		var at []time.Duration
		script := []time.Duration{5 * time.Millisecond, 5 * time.Millisecond, 7 * time.Millisecond, time.Hour}
		m := &member{}
		m.deadline = start.Add(script[0])
		m.advance = func(now time.Time) {
			at = append(at, now.Sub(start))
			m.deadline = time.Time{}
			if len(at) < len(script) {
				m.deadline = start.Add(script[len(at)])
			}
		}
		l.Do(func(time.Time) { l.Join(m); l.Join(m) })
		pass(2 * time.Hour)
		if !slices.Equal(at, script) {
			t.Errorf("advanced at %v, want %v", at, script)
		}
	})
}

func TestADeadlineMayMoveInBothDirections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		start := time.Now()
		var at []time.Duration
		m := &member{}
		m.advance = func(now time.Time) { at = append(at, now.Sub(start)); m.deadline = time.Time{} }
		set := func(d time.Duration) {
			l.Do(func(time.Time) { m.deadline = start.Add(d) })
		}
		l.Do(func(time.Time) { l.Join(m) })
		set(time.Minute)
		set(time.Second)
		pass(2 * time.Second)
		set(3 * time.Second)
		set(time.Minute)
		pass(10 * time.Second)
		l.Do(func(time.Time) { m.deadline = time.Time{} })
		pass(time.Hour)
		if want := []time.Duration{time.Second}; !slices.Equal(at, want) {
			t.Errorf("advanced at %v, want %v", at, want)
		}
	})
}

func TestNoTurnHappensWithoutWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		turns := 0
		m := &member{settle: func(time.Time) bool { turns++; return false }}
		l.Do(func(now time.Time) { l.Join(m); m.deadline = now.Add(time.Minute) })
		l.Do(func(time.Time) { m.deadline = time.Time{} })
		pass(2 * time.Hour)
		if turns != 2 {
			t.Errorf("%d turns, want the 2 of Do: a deadline that was withdrawn wakes nobody", turns)
		}
	})
}

func TestEverybodyIsSettledUntilNobodyMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		// first moves three things to second, one a round; each needs second's Settle.
		pending, received, rounds := 0, 0, 0
		second := &member{settle: func(time.Time) bool { rounds++; received = 3 - pending; return false }}
		first := &member{settle: func(time.Time) bool {
			if pending == 0 {
				return false
			}
			pending--
			return true
		}}
		l.Do(func(time.Time) { l.Join(second); l.Join(first) })
		rounds = 0
		l.Do(func(time.Time) { pending = 3 })
		if received != 3 {
			t.Errorf("second saw %d of 3 outputs before Do returned", received)
		}
		if rounds != 4 {
			t.Errorf("settled %d rounds, want 4", rounds)
		}
	})
}

func TestSettleThatMakesAnotherMemberDueAdvancesItInTheSameTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		advanced := false
		late := &member{}
		late.advance = func(time.Time) { advanced = true; late.deadline = time.Time{} }
		poke := &member{settle: func(now time.Time) bool {
			if advanced {
				return false
			}
			late.deadline = now
			return true
		}}
		l.Do(func(time.Time) { l.Join(late); l.Join(poke) })
		if !advanced {
			t.Error("Do returned before the due member was advanced")
		}
	})
}

func TestARestlessMemberNeitherHangsTheLoopNorTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		turns := 0
		m := &member{settle: func(time.Time) bool { turns++; return true }}
		l.Do(func(now time.Time) { l.Join(m); m.deadline = now })
		time.Sleep(100*time.Millisecond + time.Microsecond)
		if err := l.Do(func(time.Time) {}); err != nil {
			t.Error(err)
		}
		var n int
		l.Close(func(time.Time) { n = turns })
		if limit := 103 * settleRounds; n > limit {
			t.Errorf("settled %d times in 100 ms, want at most %d", n, limit)
		}
	})
}

func TestMembersMayLeaveAndJoinWhileTheyAreCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		calls := map[string]int{}
		var a, b, c *member
		a = &member{settle: func(time.Time) bool { calls["a"]++; l.Leave(a); l.Leave(b); l.Join(c); return false }}
		b = &member{settle: func(time.Time) bool { calls["b"]++; return false }}
		c = &member{settle: func(time.Time) bool { calls["c"]++; return false }}
		l.Do(func(time.Time) { l.Join(a); l.Join(b) })
		l.Do(nothing)
		if calls["a"] != 1 || calls["b"] != 0 || calls["c"] != 2 {
			t.Errorf("calls %v, want a once, b never, c twice", calls)
		}
		l.Do(func(time.Time) { l.Leave(c); l.Leave(c) })
		if calls["c"] != 2 {
			t.Error("a member that left was settled")
		}
	})
}

// DESIGN section 2.4: an event carries its value; getters are never older than
// the event being handled.
func TestEventsComeAfterTheirTurnsSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		state, published := 0, atomic.Int64{}
		m := &member{settle: func(time.Time) bool { published.Store(int64(state)); return false }}
		l.Do(func(time.Time) { l.Join(m) })
		var seen []int64
		for i := 1; i <= 500; i++ {
			l.Post(func(time.Time) {
				state = i
				l.Emit(func() {
					if got := published.Load(); got < int64(i) {
						t.Errorf("event %d saw snapshot %d", i, got)
					}
					seen = append(seen, int64(i))
				})
				runtime.Gosched()
			})
		}
		l.Do(nothing)
		synctest.Wait()
		if len(seen) != 500 || !slices.IsSorted(seen) {
			t.Errorf("delivered %d events, in order: %v", len(seen), slices.IsSorted(seen))
		}
		l.Close(nil)
	})
}

func TestEventsEmittedWhileSettlingAreDeliveredInTheSameTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		var got []string
		once := false
		m := &member{settle: func(time.Time) bool {
			if !once {
				once = true
				l.Emit(func() { got = append(got, "settle") })
			}
			return false
		}}
		l.Do(func(time.Time) { l.Join(m); l.Emit(func() { got = append(got, "call") }) })
		// The turn's events are queued when Do returns: a Deliver comes after them.
		l.Deliver(func() { got = append(got, "deliver") })
		synctest.Wait()
		if want := []string{"call", "settle", "deliver"}; !slices.Equal(got, want) {
			t.Errorf("delivered %q, want %q", got, want)
		}
	})
}

func TestDoReturnsOnlyAfterItsTurnIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		defer l.Close(nil)
		state, published := int64(0), atomic.Int64{}
		m := &member{settle: func(time.Time) bool { published.Store(state); return false }}
		l.Do(func(time.Time) { l.Join(m) })
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					var mine int64
					l.Do(func(time.Time) { state++; mine = state })
					if got := published.Load(); got < mine {
						t.Errorf("Do returned with snapshot %d, before %d", got, mine)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestTheClockOfTheConfigIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const skew = 1000 * time.Hour
		l := New(Config{Now: func() time.Time { return time.Now().Add(skew) }})
		defer l.Close(nil)
		start := time.Now()
		var at time.Time
		m := &member{}
		m.advance = func(now time.Time) { at = now; m.deadline = time.Time{} }
		l.Do(func(now time.Time) {
			if want := start.Add(skew); !now.Equal(want) {
				t.Errorf("now is %v, want %v", now, want)
			}
			m.deadline = now.Add(time.Second)
			l.Join(m)
		})
		pass(time.Second)
		synctest.Wait()
		if got := at.Sub(start) - skew; got != time.Second {
			t.Errorf("advanced after %v, want 1s", got)
		}
	})
}

func TestAFunctionThatEndsTheGoroutineClosesTheLoop(t *testing.T) {
	l := New(Config{})
	if err := l.Do(func(time.Time) { runtime.Goexit() }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Do returned %v, want net.ErrClosed", err)
	}
	if !l.Closed() || l.Post(nothing) {
		t.Error("the loop is still open")
	}
	l.Close(nil)
}

func TestPostAndDeliverDoNotAllocate(t *testing.T) {
	l := New(Config{})
	defer l.Close(nil)
	ran := make(chan struct{}, 1)
	post := func(time.Time) { ran <- struct{}{} }
	deliver := func() { ran <- struct{}{} }
	emit := func(time.Time) { l.Emit(deliver) }
	for name, f := range map[string]func(){
		"Post":    func() { l.Post(post); <-ran },
		"TryPost": func() { l.TryPost(post); <-ran },
		"Deliver": func() { l.Deliver(deliver); <-ran },
		"Emit":    func() { l.Post(emit); <-ran },
	} {
		if n := testing.AllocsPerRun(1000, f); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkPost(b *testing.B) {
	l := New(Config{})
	defer l.Close(nil)
	b.ReportAllocs()
	for b.Loop() {
		l.Post(nothing)
	}
}

func BenchmarkDo(b *testing.B) {
	l := New(Config{})
	defer l.Close(nil)
	b.ReportAllocs()
	for b.Loop() {
		l.Do(nothing)
	}
}
