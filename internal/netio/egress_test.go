package netio

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func discard(time.Time, []Datagram) {}

// numbered makes n buffers with the payloads "<prefix>0", "<prefix>1", ...
func numbered(prefix string, n int) []*Buffer {
	bs := make([]*Buffer, n)
	for i := range bs {
		bs[i] = buffer(fmt.Sprintf("%s%d", prefix, i))
	}
	return bs
}

func names(prefix string, from, to int) string {
	var s []string
	for i := from; i < to; i++ {
		s = append(s, fmt.Sprintf("%s%d", prefix, i))
	}
	return strings.Join(s, " ")
}

// checkReleased fails when a buffer is still somebody's.
func checkReleased(t *testing.T, bs []*Buffer) {
	t.Helper()
	for i, b := range bs {
		if !b.free.Load() {
			t.Fatalf("buffer %d was not released", i)
		}
	}
}

// holdWriter makes a sender the writer, inside WriteBatch until the returned
// function is called.
func holdWriter(s *Socket, c *memConn) (release func()) {
	c.entry, c.hold = make(chan struct{}), make(chan struct{})
	go s.Send(buffer("first"), dest(0), false)
	<-c.entry
	return func() {
		close(c.hold)
		synctest.Wait()
	}
}

func TestSendOnAnIdleSocketGoesOutBeforeItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		defer s.Close()
		for i := range 3 {
			s.Send(buffer(fmt.Sprint(i)), dest(1), false)
			if got := c.writes(); len(got) != i+1 {
				t.Fatalf("after %d sends the network saw %q", i+1, got)
			}
			if s.egress.flushing {
				t.Fatal("a flusher was started for nothing")
			}
		}
	})
}

func TestSendersDoNotWaitForTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		release := holdWriter(s, c)
		bs := numbered("x", 200)
		for i, b := range bs { // returns although WriteBatch does not
			s.Send(b, dest(1), i%2 == 0)
		}
		s.Flush()
		if got := s.Stats().Queued; got != 200 {
			t.Errorf("%d queued, want 200", got)
		}
		release()
		want := []string{"first", names("x", 0, 64), names("x", 64, 128), names("x", 128, 192), names("x", 192, 200)}
		if got := c.writes(); !slices.Equal(got, want) {
			t.Errorf("the backlog left as\n%q, want\n%q", got, want)
		}
		if s.egress.flushing || s.egress.writing {
			t.Error("the flusher outlived its work")
		}
		checkReleased(t, bs)
		s.Close()
	})
}

// What is queued under the caller's lock makes no system call there; Flush makes it, once, and what was
// queued first leaves first.
func TestWhatIsQueuedLeavesWithFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		bs := numbered("x", 6)
		s.QueueAll(bs[:3], dest(1))
		s.QueueAll(bs[3:], dest(1))
		synctest.Wait()
		if got := c.writes(); len(got) != 0 || s.Stats().Queued != 6 {
			t.Errorf("before Flush the network saw %q", got)
		}
		s.Flush()
		if got, want := c.writes(), []string{names("x", 0, 6)}; !slices.Equal(got, want) {
			t.Errorf("the network saw %q, want %q", got, want)
		}
		checkReleased(t, bs)
		late := numbered("y", 2)
		s.QueueAll(late, dest(1)) // Close sends what nobody has flushed
		s.Close()
		if got := c.writes(); len(got) != 2 {
			t.Errorf("the network saw %q", got)
		}
		checkReleased(t, late)
		refused := numbered("z", 1)
		s.QueueAll(refused, dest(1))
		checkReleased(t, refused)
	})
}

func TestBurstLeavesWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		defer s.Close()
		bs := numbered("x", 10)
		for _, b := range bs {
			s.Send(b, dest(1), true)
		}
		synctest.Wait()
		if got := strings.Join(c.payloads(), " "); got != names("x", 0, 10) {
			t.Errorf("sent %q", got)
		}
		if s.egress.flushing {
			t.Error("the flusher outlived its work")
		}
		checkReleased(t, bs)
	})
}

// The flusher is held back, as a busy machine does it, to see that the end of
// a burst does not need it.
func TestEndOfBurstTakesTheBurstWithIt(t *testing.T) {
	for name, end := range map[string]func(s *Socket){
		"Send":  func(s *Socket) { s.Send(buffer("end"), dest(1), false) },
		"Flush": func(s *Socket) { s.Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newMemConn()
				s := NewSocket(c, discard)
				s.egress.mu.Lock()
				s.egress.flushing = true // it exists, but has not run yet
				s.egress.mu.Unlock()
				for _, b := range numbered("x", 10) {
					s.Send(b, dest(1), true)
				}
				end(s)
				got := c.writes()
				if len(got) != 1 || !strings.HasPrefix(got[0], names("x", 0, 10)) {
					t.Errorf("the burst left as %q, want one write", got)
				}
				s.egress.runFlusher()
				s.Close()
			})
		})
	}
}

func TestOneBadDatagramCostsOneDatagram(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want Drops
	}{
		{"too long", syscall.EMSGSIZE, Drops{TooLong: 2}},
		{"no route", syscall.ENETUNREACH, Drops{Unreachable: 2}},
		{"forbidden", syscall.EPERM, Drops{Denied: 2}},
		{"other", errors.New("other"), Drops{Failed: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newMemConn()
				c.errs = map[string]error{"x3": tt.err, "x9": tt.err}
				s := NewSocket(c, discard)
				defer s.Close()
				release := holdWriter(s, c)
				bs := numbered("x", 10)
				for _, b := range bs {
					s.Send(b, dest(1), true)
				}
				release()
				want := "first x0 x1 x2 x4 x5 x6 x7 x8"
				if got := strings.Join(c.payloads(), " "); got != want {
					t.Errorf("sent %q, want %q", got, want)
				}
				if got := s.Stats(); got.Dropped != tt.want || got.DatagramsSent != 9 {
					t.Errorf("stats %+v, want drops %+v", got, tt.want)
				}
				checkReleased(t, bs)
				s.Send(buffer("after"), dest(1), false)
				if got := c.payloads(); got[len(got)-1] != "after" {
					t.Error("the socket is dead after an error")
				}
			})
		})
	}
}

func TestFullSocketDropsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		defer s.Close()
		release := holdWriter(s, c)
		c.room = 4 // "first" and three more
		bs := numbered("x", 70)
		for _, b := range bs {
			s.Send(b, dest(1), true)
		}
		release()
		if got, want := c.writes(), []string{"first", "x0 x1 x2", ""}; !slices.Equal(got, want) {
			t.Errorf("writes %q, want %q", got, want)
		}
		if got, want := s.Stats().Dropped, (Drops{WouldBlock: 67}); got != want {
			t.Errorf("drops %+v, want %+v", got, want)
		}
		checkReleased(t, bs)
		c.room = -1
		s.Send(buffer("after"), dest(1), false)
		if got := c.payloads(); got[len(got)-1] != "after" {
			t.Error("the socket does not send when there is room again")
		}
	})
}

func TestBacklogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		release := holdWriter(s, c)
		bs := numbered("x", flowLimit+100)
		for _, b := range bs {
			s.Send(b, dest(1), false)
		}
		st := s.Stats()
		if st.Queued != flowLimit || st.Dropped != (Drops{QueueFull: 100}) {
			t.Errorf("queued %d, drops %+v; want %d, 100 QueueFull", st.Queued, st.Dropped, flowLimit)
		}
		release()
		want := strings.Fields("first " + names("x", 0, flowLimit))
		if got := c.payloads(); !slices.Equal(got, want) {
			t.Errorf("%d datagrams left, want the first %d in order", len(got), len(want))
		}
		checkReleased(t, bs)
		s.Close()
	})
}

func TestOrderPerDestinationUnderConcurrentSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, each = 8, 3000
		c := newMemConn()
		s := NewSocket(c, discard)
		var wg sync.WaitGroup
		for n := range senders {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(n), 1))
				for i := range each {
					s.Send(buffer(fmt.Sprint(i)), dest(n), r.IntN(4) != 0)
					if r.IntN(100) == 0 {
						s.Flush()
					}
				}
			})
		}
		wg.Wait()
		s.Close()
		last := make(map[netip.AddrPort]int)
		for i, d := range c.sent {
			var seq int
			fmt.Sscan(c.data[i], &seq)
			if prev, ok := last[d.Addr]; ok && seq <= prev {
				t.Fatalf("%v: %d left after %d", d.Addr, seq, prev)
			}
			last[d.Addr] = seq
		}
		st := s.Stats()
		if got := st.DatagramsSent + st.Dropped.Total(); got != senders*each || st.Queued != 0 {
			t.Errorf("%d datagrams accounted for, want %d: %+v", got, senders*each, st)
		}
		if st.Dropped.Total() != st.Dropped.QueueFull || len(last) != senders {
			t.Errorf("unexpected drops %+v", st.Dropped)
		}
	})
}

func TestCloseSendsWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		release := holdWriter(s, c)
		bs := numbered("x", 100)
		for _, b := range bs {
			s.Send(b, dest(1), false)
		}
		closed := make(chan error, 2)
		go func() { closed <- s.Close() }()
		go func() { closed <- s.Close() }()
		synctest.Wait()
		if len(closed) != 0 {
			t.Fatal("Close returned while a sender was in WriteBatch")
		}
		late := buffer("late")
		s.Send(late, dest(1), false)
		s.Flush()
		release()
		for range 2 {
			if err := <-closed; err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close again: %v", err)
		}
		want := strings.Fields("first " + names("x", 0, 100))
		if got := c.payloads(); !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		if got, want := s.Stats().Dropped, (Drops{Closed: 1}); got != want {
			t.Errorf("drops %+v, want %+v", got, want)
		}
		checkReleased(t, append(bs, late))
	})
}

func TestCloseRacesWithSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			c := newMemConn()
			s := NewSocket(c, discard)
			bs := numbered("x", 60)
			var wg sync.WaitGroup
			for n := range 3 {
				wg.Go(func() {
					for i, b := range bs[n*20 : n*20+20] {
						s.Send(b, dest(n), i%3 != 0)
						s.Flush()
					}
				})
			}
			for range 2 {
				wg.Go(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			st := s.Stats()
			if st.Queued != 0 || st.DatagramsSent+st.Dropped.Closed != 60 {
				t.Fatalf("datagrams are missing: %+v", st)
			}
			checkReleased(t, bs)
		}
	})
}

func TestPacketConnClosedUnderTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		c.Close()
		bs := numbered("x", 3)
		for _, b := range bs {
			s.Send(b, dest(1), false)
		}
		if got, want := s.Stats().Dropped, (Drops{Closed: 3}); got != want {
			t.Errorf("drops %+v, want %+v", got, want)
		}
		checkReleased(t, bs)
		s.Close()
	})
}
