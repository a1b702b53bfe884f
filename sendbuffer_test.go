package webrtc

import (
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

// fakeEngine holds the bytes of one stream. It calls back as the real one does:
// when the amount falls from above the threshold to it.
type fakeEngine struct {
	amount, low uint64
	called      bool
	arming      func() // runs when a threshold is about to be set
}

func (*fakeEngine) Open(uint16, streamParams) error { return nil }
func (e *fakeEngine) Send(_ uint16, _ uint32, b []byte) error {
	e.amount += uint64(len(b))
	return nil
}
func (e *fakeEngine) BufferedAmount(uint16) uint64 { return e.amount }
func (e *fakeEngine) SetBufferedAmountLowThreshold(_ uint16, n uint64) {
	if f := e.arming; f != nil {
		e.arming = nil
		f()
	}
	e.low = n
}

func (e *fakeEngine) drainTo(n uint64) {
	e.called = e.called || e.amount > e.low && n <= e.low
	e.amount = n
}

func newFakeBuffer() (b *sendBuffer, e *fakeEngine, told *int) {
	e, told = &fakeEngine{}, new(int)
	b = &sendBuffer{engine: func() sendEngine { return e }, tell: func() { *told++ }, sent: new(messageCount)}
	return b, e, told
}

// fill queues n bytes.
func fill(t *testing.T, b *sendBuffer, n int) {
	t.Helper()
	must(t, b.send(sctp.PPIDBinary, make([]byte, n)))
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// The engine calls for one threshold at a time, and not for one that the amount
// has passed before it was set: nobody may wait for that call.
func TestWhatDrainsWhileAThresholdIsSetIsNoticed(t *testing.T) {
	t.Run("a sender begins to wait", func(t *testing.T) {
		b, e, told := newFakeBuffer()
		fill(t, b, 2<<20)
		e.arming = func() { e.drainTo(100) }
		_, waiting := b.room()
		if !isClosed(waiting) {
			t.Fatal("the sender waits for a call that does not come")
		}
		// The application's threshold is armed again for what is left.
		if e.drainTo(0); e.called {
			b.drained()
		}
		if *told != 1 {
			t.Errorf("bufferedamountlow %d times, want once", *told)
		}
	})
	t.Run("the application's threshold was reached first", func(t *testing.T) {
		b, e, told := newFakeBuffer()
		b.setThreshold(800 << 10)
		fill(t, b, 2<<20)
		_, waiting := b.room()
		e.drainTo(700 << 10)
		if !e.called {
			t.Fatal("the threshold of the application comes first")
		}
		e.arming = func() { e.drainTo(400 << 10) }
		b.drained()
		if !isClosed(waiting) || *told != 1 {
			t.Errorf("woken %v, told %d times", isClosed(waiting), *told)
		}
	})
	t.Run("a threshold is set", func(t *testing.T) {
		b, e, told := newFakeBuffer()
		fill(t, b, 1000)
		e.arming = func() { e.drainTo(10) }
		b.setThreshold(500)
		if *told != 1 {
			t.Errorf("told %d times", *told)
		}
	})
	t.Run("before send has returned", func(t *testing.T) {
		b, e, told := newFakeBuffer()
		e.arming = func() { e.drainTo(0) }
		fill(t, b, 1000)
		if *told != 1 {
			t.Errorf("told %d times", *told)
		}
	})
}

// W3C: bufferedAmount counts the application's bytes alone.
func TestPlaceholdersOfEmptyMessagesAreNotCounted(t *testing.T) {
	b, e, _ := newFakeBuffer()
	must(t, b.send(sctp.PPIDControl, make([]byte, 20)))
	for range 100_000 { // must not take a time that grows with the square
		must(t, b.send(sctp.PPIDBinary, nil))
	}
	fill(t, b, 500)
	for _, step := range []struct{ engine, want uint64 }{
		{100_520, 500}, {100_510, 500}, {100_500, 500}, {50_500, 500}, {500, 500}, {200, 200}, {0, 0},
	} {
		e.drainTo(step.engine)
		if got := b.amount(); got != step.want {
			t.Errorf("%d bytes in the engine count as %d, want %d", step.engine, got, step.want)
		}
	}
}
