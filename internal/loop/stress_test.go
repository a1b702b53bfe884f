package loop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func goexit() { runtime.Goexit() }

// model checks what a loop does under many producers. ran, emitted and version
// belong to the loop, delivered to the callbacks.
type model struct {
	t         *testing.T
	loop      *Loop
	ran       map[int]int // producer: functions that ran
	emitted   int
	version   int64
	published atomic.Int64
	delivered atomic.Int64 // events delivered, in the order of Emit
	direct    []int        // producer: its last direct callback
	callbacks atomic.Int32 // running now
	final     atomic.Bool
}

func (m *model) Deadline() time.Time       { return time.Time{} }
func (m *model) Advance(time.Time)         { m.t.Error("Advance without a deadline") }
func (m *model) Settle(now time.Time) bool { m.published.Store(m.version); return false }

// step is what one posted function does: the producer's n-th.
func (m *model) step(producer, n int) func(time.Time) {
	return func(time.Time) {
		if m.final.Load() {
			m.t.Error("a function ran after final")
		}
		if m.ran[producer] != n {
			m.t.Errorf("producer %d: function %d ran as number %d", producer, n, m.ran[producer])
		}
		m.ran[producer]++
		m.version++
		m.emitted++
		event, version := int64(m.emitted), m.version
		m.loop.Emit(func() {
			if m.callbacks.Add(1) != 1 {
				m.t.Error("two callbacks at once")
			}
			defer m.callbacks.Add(-1)
			if got := m.published.Load(); got < version {
				m.t.Errorf("event of version %d sees snapshot %d", version, got)
			}
			if got := m.delivered.Add(1); got != event {
				m.t.Errorf("event %d was delivered as number %d", event, got)
			}
			if event%64 == 0 {
				if err := m.loop.Do(nothing); err != nil && !errors.Is(err, net.ErrClosed) {
					m.t.Error(err)
				}
			}
		})
	}
}

// produce posts until the loop is closed and returns how many were accepted.
func (m *model) produce(producer int, rng *rand.Rand, limit int) int {
	n := 0
	for n < limit {
		ok := false
		switch rng.IntN(4) {
		case 0:
			ran := false
			step := m.step(producer, n)
			err := m.loop.Do(func(now time.Time) { step(now); ran = true })
			if ok = err == nil; ok != ran {
				m.t.Errorf("Do returned %v although ran is %v", err, ran)
			}
		case 1:
			mine := n
			m.loop.Deliver(func() {
				if m.direct[producer] > mine {
					m.t.Errorf("producer %d: callback %d after %d", producer, mine, m.direct[producer])
				}
				m.direct[producer] = mine
			})
			fallthrough
		case 2:
			ok = m.loop.Post(m.step(producer, n))
		case 3:
			if ok = m.loop.TryPost(m.step(producer, n)); !ok && !m.loop.Closed() {
				runtime.Gosched()
				continue // refused for the limit: not counted
			}
		}
		if !ok {
			return n
		}
		n++
	}
	return n
}

func stress(t *testing.T, seed uint64, cfg Config, limit int, closeAfter time.Duration) {
	const producers = 8
	m := &model{t: t, loop: New(cfg), ran: map[int]int{}, direct: make([]int, producers)}
	m.loop.Do(func(time.Time) { m.loop.Join(m) })
	var wg sync.WaitGroup
	accepted := make([]int, producers)
	for p := range producers {
		wg.Go(func() { accepted[p] = m.produce(p, rand.New(rand.NewPCG(seed, uint64(p))), limit) })
	}
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() {
			if closeAfter == 0 {
				wg.Wait()
			} else {
				for m.delivered.Load() < int64(closeAfter) && !m.loop.Closed() {
					runtime.Gosched()
				}
			}
			m.loop.Close(func(time.Time) { m.final.Store(true) })
			if !m.final.Load() {
				t.Error("Close returned before final ran")
			}
		})
	}
	wg.Wait()
	closers.Wait()
	for p, n := range accepted {
		if m.ran[p] != n {
			t.Errorf("producer %d: %d functions were accepted, %d ran", p, n, m.ran[p])
		}
	}
	if after := m.delivered.Load(); after > int64(m.emitted) {
		t.Errorf("%d events delivered, %d emitted", after, m.emitted)
	}
}

func TestOrderHoldsUnderManyProducers(t *testing.T) {
	for seed := range uint64(6) {
		cfg := Config{PacketLimit: 16}
		if seed%2 == 1 {
			cfg.Executor = func(f func()) { go f() }
		}
		t.Run(fmt.Sprint("whole ", seed), func(t *testing.T) { stress(t, seed, cfg, 500, 0) })
		// closeAfter counts delivered events here.
		t.Run(fmt.Sprint("closed early ", seed), func(t *testing.T) { stress(t, seed, cfg, 1<<30, 200) })
	}
}

func TestEverythingIsDeliveredWhenNobodyCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		const producers, each = 8, 500
		delivered := 0
		for range producers {
			go func() {
				for i := range each {
					l.Post(func(time.Time) { l.Emit(func() { delivered++ }) })
					l.Deliver(func() { delivered++ })
					if i%50 == 0 {
						time.Sleep(time.Millisecond)
					}
				}
			}()
		}
		pass(time.Second)
		if delivered != 2*producers*each {
			t.Errorf("delivered %d, want %d", delivered, 2*producers*each)
		}
		l.Close(nil)
	})
}
