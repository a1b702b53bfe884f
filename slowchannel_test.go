package webrtc

import (
	"fmt"
	"io"
	"testing"
	"time"
)

// A detached channel that nobody reads holds up no other: its messages fill its own
// queue, then its share of the association's receive window, while those of the others
// go through it. When it is read again, nothing is missing.
func TestAChannelThatNobodyReadsHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		accepted := make(chan *DataChannel, 2)
		r.b.OnDataChannel(func(d *DataChannel) { d.OnOpen(func() { accepted <- d }) })
		slow, err := r.a.CreateDataChannel("slow", nil)
		must(t, err)
		quick, err := r.a.CreateDataChannel("quick", nil)
		must(t, err)
		isOpen := []<-chan struct{}{opened(slow), opened(quick)}
		negotiate(t, r.a, r.b)
		for _, open := range isOpen {
			wait(t, "open", open, time.Minute)
		}
		readers := make(map[string]ReadWriteCloser)
		for range 2 {
			d := wait(t, "accepted", accepted, time.Minute)
			detached, err := d.Detach()
			must(t, err)
			readers[d.Label()] = detached
		}
		toSlow, err := slow.Detach()
		must(t, err)
		toQuick, err := quick.Detach()
		must(t, err)

		// More than the queue of the channel holds, less than the window.
		const size = 16 << 10
		const count = 2*maxUndelivered/size - 4
		for i := range count {
			_, err := toSlow.Write(slowMessage(i, size))
			must(t, err)
		}
		time.Sleep(10 * time.Second)
		if n := slow.BufferedAmount(); n != 0 {
			t.Errorf("%d bytes were not even sent", n)
		}
		b := make([]byte, size)
		for i := range 200 {
			start := time.Now()
			_, err := toQuick.Write(slowMessage(i, 1000))
			must(t, err)
			n, err := readers["quick"].Read(b)
			must(t, err)
			if string(b[:n]) != string(slowMessage(i, 1000)) {
				t.Fatalf("message %d of the quick channel: %d bytes", i, n)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("message %d of the quick channel took %v", i, took)
			}
		}
		for i := range count {
			n, err := io.ReadAtLeast(readers["slow"], b, size)
			must(t, err)
			if string(b[:n]) != string(slowMessage(i, size)) {
				t.Fatalf("message %d of the slow channel differs", i)
			}
		}
	}, withEngines(func(a, b *SettingEngine) { a.DetachDataChannels(); b.DetachDataChannels() }))
}

// slowMessage is a message that can be recognised.
func slowMessage(i, size int) []byte {
	m := make([]byte, size)
	copy(m, fmt.Sprint(i, " "))
	return m
}

// OnMessage handlers of a connection run one at a time, in the order of the events (DESIGN
// section 2.3): a handler that blocks holds up those of other channels, as it does in a
// browser. Their messages are received meanwhile, up to what may wait to be handled, and
// none is missing afterwards; detached channels do not wait for handlers.
func TestABlockedHandlerHoldsUpOnlyHandlers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		slow, atB := r.openPair("slow", nil)
		accepted := make(chan *DataChannel, 1)
		r.b.OnDataChannel(func(d *DataChannel) { accepted <- d })
		other, err := r.a.CreateDataChannel("other", nil)
		must(t, err)
		wait(t, "open", opened(other), time.Minute)
		otherAtB := wait(t, "accepted", accepted, time.Minute)
		entered, leave := make(chan struct{}), make(chan struct{})
		atB.OnMessage(func(DataChannelMessage) { close(entered); <-leave })
		heard := make(chan string, 100)
		otherAtB.OnMessage(func(m DataChannelMessage) { heard <- string(m.Data) })
		must(t, slow.SendText("block"))
		wait(t, "the handler", entered, time.Minute)
		for i := range cap(heard) {
			must(t, other.SendText(fmt.Sprint(i)))
		}
		time.Sleep(time.Second)
		select {
		case m := <-heard:
			t.Errorf("%q was handled while another handler ran", m)
		default:
		}
		if n := other.BufferedAmount(); n != 0 {
			t.Errorf("%d bytes were not sent", n)
		}
		lane := r.b.SCTP().engine.Load().(*sctpLane)
		lane.mu.Lock()
		n := lane.machine.Stats().ReceiveBuffered
		lane.mu.Unlock()
		if n != 0 {
			t.Errorf("%d bytes were not received by the library", n)
		}
		close(leave)
		for i := range cap(heard) {
			if got := wait(t, "message", heard, time.Minute); got != fmt.Sprint(i) {
				t.Errorf("got %q, want %d", got, i)
			}
		}
	})
}
