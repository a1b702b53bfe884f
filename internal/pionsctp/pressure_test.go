package pionsctp

import (
	"testing"
	"testing/synctest"
	"time"
)

// RFC 9260 section 6.2: unread bytes shrink the advertised window. A blocked handler
// stops the sender; the receiving heap holds the window and what is in hand.
func TestBlockedHandlerStopsTheSenderAndLetsEverythingThroughLater(t *testing.T) {
	for _, size := range []int{1 << 10, 64 << 10, DefaultMaxMessageSize} {
		synctest.Test(t, func(t *testing.T) {
			x := connect(t, path{delay: 10 * time.Millisecond})
			x.openBoth(0, StreamParams{})
			gate := make(chan struct{})
			x.rb.onMessage = func(uint16, uint32, []byte) { <-gate }
			total := 3 * DefaultReceiveBuffer
			for range total / size {
				must(t, x.a.Send(0, binaryPPID, make([]byte, size)))
			}
			time.Sleep(30 * time.Second)
			synctest.Wait()
			held := total - int(x.a.BufferedAmount(0))
			if held < DefaultReceiveBuffer*3/4 || held > DefaultReceiveBuffer+size+DefaultMTU {
				t.Errorf("%d KiB messages: the blocked end took %d bytes, window %d", size>>10, held, DefaultReceiveBuffer)
			}
			if got := len(x.rb.got()); got != 1 {
				t.Errorf("%d messages handed over", got)
			}
			close(gate)
			begin := time.Now()
			x.until("everything", time.Minute, func() bool { return len(x.rb.got()) == total/size })
			t.Logf("%d KiB messages: the rest took %v", size>>10, time.Since(begin))
			x.close()
		})
	}
}

// Messages that readers of many streams have in hand are bounded as well.
func TestMessagesInHandAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: time.Millisecond})
		gate := make(chan struct{})
		x.rb.onMessage = func(uint16, uint32, []byte) { <-gate }
		const streams, size = 64, 256 << 10
		for id := range uint16(streams) {
			must(t, x.a.Open(id, StreamParams{}))
			must(t, x.a.Send(id, binaryPPID, make([]byte, size)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if inHand := len(x.rb.got()) * size; inHand != DefaultReceiveBuffer {
			t.Errorf("%d bytes in hand, want %d", inHand, DefaultReceiveBuffer)
		}
		close(gate)
		x.until("everything", time.Minute, func() bool { return len(x.rb.got()) == streams })
		x.close()
	})
}

// A handler may wait for what the other direction brings: acknowledgements pass
// while it blocks.
func TestBlockedHandlerMaySendAndWaitForTheBufferToDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 10 * time.Millisecond})
		x.openBoth(0, StreamParams{})
		low := make(chan struct{}, 100)
		x.rb.on = func(event string, _ uint16) {
			if event == "low" {
				low <- struct{}{}
			}
		}
		x.rb.onMessage = func(id uint16, ppid uint32, data []byte) {
			must(t, x.b.Send(id, ppid, data))
			<-low
		}
		const count = 20
		for range count {
			must(t, x.a.Send(0, binaryPPID, make([]byte, 200<<10)))
		}
		x.until("the echoes", time.Minute, func() bool { return len(x.ra.got()) == count && x.rb.count("message 0") == count })
		x.close()
	})
}

// A slow handler sets the pace; the sender's window closes again and again.
func TestSlowHandlerSetsThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 10 * time.Millisecond})
		x.openBoth(0, StreamParams{})
		x.rb.onMessage = func(uint16, uint32, []byte) { time.Sleep(10 * time.Millisecond) }
		const count, size = 1000, 16 << 10
		for range count {
			must(t, x.a.Send(0, binaryPPID, make([]byte, size)))
		}
		begin := time.Now()
		x.until("everything", 5*time.Minute, func() bool { return len(x.rb.got()) == count })
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%v for messages that take the handler 10s", took)
		}
		t.Logf("took %v", time.Since(begin))
		x.close()
	})
}

// Tiny messages hardly shrink the window, and must not fill the heap either.
func TestBlockedHandlerBoundsTinyMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 10 * time.Millisecond, loss: 0.005, seed: 2})
		x.openBoth(0, StreamParams{})
		gate := make(chan struct{})
		x.rb.onMessage = func(uint16, uint32, []byte) { <-gate }
		const count = 3 * maxSmall
		for i := range uint32(count) {
			must(t, x.a.Send(0, binaryPPID, payload(i, 10)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if taken := count - int(x.a.BufferedAmount(0)/10); taken > maxSmall+100 {
			t.Errorf("the blocked end took %d messages, want %d", taken, maxSmall)
		}
		close(gate)
		x.until("everything", time.Minute, func() bool { return len(x.rb.got()) == count })
		for i, m := range x.rb.got() {
			if number(m) != uint32(i) {
				t.Fatalf("message %d in place of %d", number(m), i)
			}
		}
		x.close()
	})
}
