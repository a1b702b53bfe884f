package webrtc

import (
	"runtime"
	"testing"
)

// A message costs at most two allocations at each end: its copy, and its way to the handler. Its packets, of which 16 KiB
// need about twenty in both directions, cost none.
func TestAMessageCostsAFewAllocationsAndItsPacketsNone(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	apiA, apiB := loopbackAPIs(t)
	c := connect(t, apiA, apiB)
	defer c.close(t)
	arrived := make(chan struct{}, 1)
	c.atB.OnMessage(func(DataChannelMessage) { arrived <- struct{}{} })
	for _, size := range []int{100, 16 << 10} {
		message := make([]byte, size)
		send := func(n int) {
			for range n {
				must(t, c.atA.Send(message))
				<-arrived
			}
		}
		send(300) // warm up
		const n = 500
		before := mallocs()
		send(n)
		if each := float64(mallocs()-before) / n; each > 4 {
			t.Errorf("%d bytes: %.2f allocations a message", size, each)
		} else {
			t.Logf("%d bytes: %.2f allocations a message", size, each)
		}
	}
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
