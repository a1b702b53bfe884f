package webrtc

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// RFC 8831 section 6.2: there may be a channel on each of the 65,535 streams. Those that
// are idle have no goroutine and 2 KiB at most, and a message on the last arrives.
func TestEveryStreamMayHaveAChannel(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("131,070 channels take their time")
	}
	inBubble(t, func(t *testing.T, r *rig) {
		const most = 65535
		negotiated := true
		create := func(id uint16) (atA, atB *DataChannel) {
			init := DataChannelInit{ID: &id, Negotiated: &negotiated}
			atA, err := r.a.CreateDataChannel("", &init)
			must(t, err)
			atB, err = r.b.CreateDataChannel("", &init)
			must(t, err)
			return atA, atB
		}
		first, _ := create(0)
		ready := opened(first)
		negotiate(t, r.a, r.b)
		wait(t, "open", ready, time.Minute)

		goroutines, heap := runtime.NumGoroutine(), liveHeap()
		var last [2]*DataChannel
		all := make([]*DataChannel, 0, 2*most)
		for id := 1; id < most; id++ {
			last[0], last[1] = create(uint16(id))
			all = append(all, last[0], last[1])
		}
		synctest.Wait()
		for _, d := range all {
			if d.ReadyState() != DataChannelStateOpen {
				t.Fatalf("channel %d is %v", *d.ID(), d.ReadyState())
			}
		}
		if n := runtime.NumGoroutine() - goroutines; n > 4 {
			t.Errorf("%d goroutines more", n)
		}
		if n := (liveHeap() - heap) / uint64(len(all)); n > 2048 {
			t.Errorf("%d bytes for each end of a channel", n)
		}
		got := make(chan string, 1)
		last[1].OnMessage(func(m DataChannelMessage) { got <- string(m.Data) })
		must(t, last[0].SendText("on the last"))
		if text := wait(t, "message", got, time.Second); text != "on the last" {
			t.Errorf("got %q", text)
		}
	})
}
