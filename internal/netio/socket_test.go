package netio

import (
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestHandlerGetsWholeBatchesWithOneTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		var got []string
		var kept *Buffer
		c := newMemConn()
		s := NewSocket(c, func(now time.Time, ds []Datagram) {
			times = append(times, now)
			for _, d := range ds {
				got = append(got, string(d.Buffer.Bytes()))
			}
			if kept == nil {
				kept, ds[1].Buffer = ds[1].Buffer, nil
			}
		})
		bs := []*Buffer{buffer("a"), buffer("b"), buffer("c")}
		start := time.Now()
		c.read <- []Datagram{{Buffer: bs[0], Addr: dest(1)}, {Buffer: bs[1], Addr: dest(2)}, {Buffer: bs[2], Addr: dest(1)}}
		synctest.Wait()
		time.Sleep(time.Second)
		last := buffer("d")
		c.read <- []Datagram{{Buffer: last, Addr: dest(1)}}
		synctest.Wait()

		if want := []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
			t.Errorf("handled %q, want %q", got, want)
		}
		if want := []time.Time{start, start.Add(time.Second)}; !slices.EqualFunc(times, want, time.Time.Equal) {
			t.Errorf("times %v, want %v", times, want)
		}
		if kept.free.Load() {
			t.Error("the buffer that the handler kept was released")
		}
		kept.Release()
		checkReleased(t, append(bs, last))
		s.Close()
		st := s.Stats()
		if st.DatagramsReceived != 4 || st.BytesReceived != 4 {
			t.Errorf("stats %+v", st)
		}
		if s.Err() != nil {
			t.Errorf("Err after Close: %v", s.Err())
		}
	})
}

func TestHandlerMaySend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		ready := make(chan struct{})
		var s *Socket
		s = NewSocket(c, func(_ time.Time, ds []Datagram) {
			<-ready
			b := ds[0].Buffer
			ds[0].Buffer = nil
			s.Send(b, ds[0].Addr, false)
		})
		close(ready)
		c.read <- []Datagram{{Buffer: buffer("echo"), Addr: dest(1)}}
		synctest.Wait()
		if got := c.payloads(); !slices.Equal(got, []string{"echo"}) {
			t.Errorf("sent %q", got)
		}
		s.Close()
	})
}

func TestDeadSocketTellsWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, want := range []error{errors.New("the card is gone"), net.ErrClosed} {
			c := newMemConn()
			s := NewSocket(c, discard)
			if s.Err() != nil {
				t.Errorf("Err of a live socket: %v", s.Err())
			}
			c.fail <- want
			<-s.Done()
			if !errors.Is(s.Err(), want) {
				t.Errorf("Err is %v, want %v", s.Err(), want)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close of a dead socket: %v", err)
			}
		}
	})
}
