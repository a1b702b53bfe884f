package pionsctp

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// RFC 8831 section 6.7: one side resets its outgoing stream; when the other sees
// that, it resets its own; then the channel is closed.
func TestResetBothWaysClosesTheStreamAfterItsLastMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 50 * time.Millisecond})
		x.openBoth(6, StreamParams{})
		must(t, x.a.Send(6, binaryPPID, []byte("first")))
		must(t, x.a.Send(6, binaryPPID, make([]byte, 50<<10)))
		x.a.Reset(6)
		x.until("the reset", 5*time.Second, func() bool { return x.rb.count("reset 6") == 1 })
		if n := x.ra.count("closed 6") + x.rb.count("closed 6"); n != 0 {
			t.Fatal("closed with one direction reset")
		}
		must(t, x.b.Send(6, binaryPPID, []byte("still open this way")))
		x.until("the answer", time.Second, func() bool { return len(x.ra.got()) == 1 })
		x.b.Reset(6)
		x.until("closed", time.Second, func() bool {
			return x.ra.count("closed 6") == 1 && x.rb.count("closed 6") == 1
		})
		want := []string{"established 0", "message 6", "message 6", "reset 6", "closed 6"}
		if got := x.rb.lines(); !slices.Equal(got, want) {
			t.Errorf("the one reset was told %q, want %q", got, want)
		}
		want = []string{"established 0", "message 6", "reset 6", "closed 6"}
		if got := slices.DeleteFunc(x.ra.lines(), func(s string) bool { return s == "low 6" }); !slices.Equal(got, want) {
			t.Errorf("the resetting one was told %q, want %q", got, want)
		}
		if s := x.a.Stats(); s.Streams != 0 {
			t.Errorf("%d streams left", s.Streams)
		}
		x.close()
	})
}

// RFC 6525 section 5.1.1: the identifier is free when the reset is acknowledged, not
// when it is sent.
func TestStreamIsNotClosedBeforeItsResetIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 10 * time.Millisecond})
		x.openBoth(6, StreamParams{})
		must(t, x.a.Send(6, binaryPPID, []byte{1}))
		must(t, x.b.Send(6, binaryPPID, []byte{1}))
		x.until("messages", time.Second, func() bool { return len(x.ra.got()) == 1 && len(x.rb.got()) == 1 })
		x.b.Reset(6)
		x.until("the peer's reset", time.Second, func() bool { return x.ra.count("reset 6") == 1 })
		// From now on nothing of b that answers a reset arrives.
		x.ba.set(func(p []byte) bool { return p[12] != chunkReconfig })
		x.a.Reset(6)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if x.rb.count("closed 6") != 1 {
			t.Error("b, whose reset was acknowledged, is not closed")
		}
		if x.ra.count("closed 6") != 0 {
			t.Error("a closed the stream without an acknowledgement")
		}
		x.ba.set(nil)
		x.until("closed", 10*time.Second, func() bool { return x.ra.count("closed 6") == 1 })
		x.close()
	})
}

func TestIdentifierIsReusedTwoHundredTimes(t *testing.T) {
	for _, c := range []struct {
		name string
		path path
	}{{"clean", path{delay: 5 * time.Millisecond}}, {"rough", path{delay: 20 * time.Millisecond, jitter: 20 * time.Millisecond, loss: 0.1, seed: 12}}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { reuse(t, c.path, 200) })
		})
	}
}

// reuse opens, uses and closes one identifier, the two ends closing first in turn.
func reuse(t *testing.T, p path, times int) {
	x := connect(t, p)
	const id = 8
	ends := [2]struct {
		a *Association
		r *recorder
	}{{x.a, x.ra}, {x.b, x.rb}}
	for i := range times {
		first, second := ends[i%2], ends[1-i%2]
		must(t, first.a.Open(id, StreamParams{}))
		must(t, first.a.Send(id, binaryPPID, payload(uint32(i), 2000)))
		x.until(fmt.Sprintf("message %d", i), time.Minute, func() bool { return len(second.r.got()) == i+1 })
		must(t, second.a.Open(id, StreamParams{}))
		must(t, second.a.Send(id, binaryPPID, payload(uint32(i), 100)))
		x.until(fmt.Sprintf("answer %d", i), time.Minute, func() bool { return len(first.r.got()) == i+1 })
		first.a.Reset(id)
		x.until("the reset", time.Minute, func() bool { return second.r.count("reset 8") == i+1 })
		second.a.Reset(id)
		x.until("closed", time.Minute, func() bool {
			return first.r.count("closed 8") == i+1 && second.r.count("closed 8") == i+1
		})
	}
	for _, e := range ends {
		for i, m := range e.r.got() {
			if int(number(m)) != i {
				t.Fatalf("message %d in place of %d", number(m), i)
			}
		}
	}
	x.close()
}

// The peer may know that both directions are reset before we do, and use the
// identifier again at once: our acknowledgement is still on its way.
func TestPeerReusesBeforeWeKnowThatWeMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 10 * time.Millisecond})
		x.openBoth(2, StreamParams{})
		must(t, x.b.Send(2, binaryPPID, payload(1, 10)))
		must(t, x.a.Send(2, binaryPPID, payload(1, 10)))
		x.until("messages", time.Second, func() bool { return len(x.ra.got()) == 1 && len(x.rb.got()) == 1 })
		x.b.Reset(2)
		x.until("the reset", time.Second, func() bool { return x.ra.count("reset 2") == 1 })
		lost := false
		x.ba.set(func(p []byte) bool {
			if p[12] != chunkReconfig || lost {
				return true
			}
			lost = true // b's acknowledgement of a's reset
			return false
		})
		x.a.Reset(2)
		x.until("b closed", time.Second, func() bool { return x.rb.count("closed 2") == 1 })
		must(t, x.b.Open(2, StreamParams{}))
		must(t, x.b.Send(2, binaryPPID, payload(2, 10)))
		x.until("the second use", 10*time.Second, func() bool { return len(x.ra.got()) == 2 })
		if got, want := x.ra.lines(), []string{"established 0", "message 2", "reset 2", "closed 2", "message 2"}; !slices.Equal(without(got, "low 2"), want) {
			t.Errorf("a was told %q, want %q", got, want)
		}
		// The second use works both ways and closes as the first did.
		must(t, x.a.Open(2, StreamParams{}))
		for i := range uint32(5) {
			must(t, x.a.Send(2, binaryPPID, payload(2+i, 10)))
		}
		x.until("answers", 10*time.Second, func() bool { return len(x.rb.got()) == 6 })
		x.a.Reset(2)
		x.b.Reset(2)
		x.until("closed", 10*time.Second, func() bool {
			return x.ra.count("closed 2") == 2 && x.rb.count("closed 2") == 2
		})
		x.close()
	})
}

// RFC 6525 section 5.1.1: "At any given time, there MUST NOT be more than one
// request in flight."
func TestOneResetRequestIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 20 * time.Millisecond})
		const streams = 40
		for id := range uint16(streams) {
			x.openBoth(id, StreamParams{})
			must(t, x.a.Send(id, binaryPPID, []byte{1}))
		}
		x.until("messages", 10*time.Second, func() bool { return len(x.rb.got()) == streams })
		var mu sync.Mutex
		answered := make(map[uint32]bool)
		var last uint32
		begun := false
		x.ab.set(func(p []byte) bool {
			mu.Lock()
			defer mu.Unlock()
			for kind, value := range chunks(p) {
				for parameter, value := range parameters(value) {
					if kind != chunkReconfig || parameter != parameterOutgoingReset {
						continue
					}
					sequence := binary.BigEndian.Uint32(value)
					if begun && sequence != last && !answered[last] {
						t.Errorf("request %d while %d is not answered", sequence, last)
					}
					begun, last = true, sequence
				}
			}
			return true
		})
		deliver := x.ba.deliver
		x.ba.redirect(func(p []byte) {
			mu.Lock()
			defer mu.Unlock()
			for kind, value := range chunks(p) {
				for parameter, value := range parameters(value) {
					if kind == chunkReconfig && parameter == parameterResponse && binary.BigEndian.Uint32(value[4:]) != resultInProgress {
						answered[binary.BigEndian.Uint32(value)] = true
					}
				}
			}
			deliver(p)
		})
		for id := range uint16(streams) {
			x.a.Reset(id)
			synctest.Wait() // pion/sctp makes a request of each
		}
		x.until("resets", 10*time.Second, func() bool {
			for id := range streams {
				if x.rb.count(fmt.Sprintf("reset %d", id)) != 1 {
					return false
				}
			}
			return true
		})
		x.close()
	})
}

// Unread bytes of a reset stream leave pion/sctp's window; without a bound a peer
// could fill the heap by resets.
func TestResetsWaitWhileMessagesAreUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: time.Millisecond})
		gate := make(chan struct{})
		x.rb.onMessage = func(uint16, uint32, []byte) { <-gate }
		const streams, size = 200, 64 << 10
		for id := range uint16(streams) {
			must(t, x.a.Open(id, StreamParams{}))
			must(t, x.a.Send(id, binaryPPID, make([]byte, size)))
			must(t, x.a.Send(id, binaryPPID, make([]byte, size)))
			x.a.Reset(id)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		// What left a's buffers is in b's heap: at most the window, the messages in
		// hand, and maxUnread streams.
		held := 0
		for id := range uint16(streams) {
			x.a.mu.Lock()
			st := x.a.streams[id]
			x.a.mu.Unlock()
			held += 2*size - int(st.inner.BufferedAmount())
		}
		if limit := 2*DefaultReceiveBuffer + (maxUnread+1)*2*size; held > limit {
			t.Errorf("the blocked end holds %d bytes, want %d at most", held, limit)
		}
		if unread := x.b.unread.Load(); unread == 0 || unread > maxUnread {
			t.Errorf("%d streams are reset and unread", unread)
		}
		close(gate)
		x.until("all messages", 10*time.Minute, func() bool { return len(x.rb.got()) == 2*streams })
		x.until("all resets", 10*time.Minute, func() bool { return x.rb.count("reset 199") == 1 && x.rb.count("reset 0") == 1 })
		x.close()
	})
}

func TestLowThresholdIsToldOnceAFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 20 * time.Millisecond})
		x.openBoth(0, StreamParams{})
		x.a.SetBufferedAmountLowThreshold(0, 10_000)
		at := uint64(1 << 40)
		x.ra.on = func(event string, id uint16) {
			if event == "low" {
				at = x.a.BufferedAmount(id)
			}
		}
		for round := 1; round <= 3; round++ {
			must(t, x.a.Send(0, binaryPPID, make([]byte, 100_000)))
			if got := x.a.BufferedAmount(0); got != 100_000 {
				t.Fatalf("%d bytes buffered after Send", got)
			}
			x.until("the buffer to drain", time.Minute, func() bool { return x.a.BufferedAmount(0) == 0 })
			if got := x.ra.count("low 0"); got != round {
				t.Fatalf("told %d times after %d falls", got, round)
			}
			if at > 10_000 {
				t.Errorf("told with %d bytes buffered", at)
			}
		}
		must(t, x.a.Send(0, binaryPPID, make([]byte, 10_000)))
		time.Sleep(time.Second)
		if got := x.ra.count("low 0"); got != 3 {
			t.Errorf("told of an amount that was never above the threshold")
		}
		x.close()
	})
}

func without(lines []string, line string) []string {
	return slices.DeleteFunc(lines, func(l string) bool { return l == line })
}

// RFC 9260 sections 3.3.2 and 3.3.3: INIT and INIT ACK say how many streams the
// peer has each way; webrtc-pc section 6.1.3.3 takes the smaller number.
func TestStreamsOfThePeerAreNoted(t *testing.T) {
	chunk := func(kind byte, out, in uint16) []byte {
		packet := make([]byte, 32)
		packet[12] = kind
		binary.BigEndian.PutUint16(packet[24:], out)
		binary.BigEndian.PutUint16(packet[26:], in)
		return packet
	}
	for _, c := range []struct {
		packets [][]byte
		want    uint16
	}{
		{nil, 0},
		{[][]byte{chunk(1, 10, 20)}, 10},
		{[][]byte{chunk(2, 20, 10)}, 10},
		{[][]byte{chunk(0, 3, 3), chunk(2, 65535, 65535), chunk(1, 4, 4)}, 65535},
		{[][]byte{chunk(1, 10, 20)[:27]}, 0},
	} {
		var noted conn
		for _, packet := range c.packets {
			noted.noteStreams(packet)
		}
		if got := noted.negotiatedStreams(); got != c.want {
			t.Errorf("after %v: %d streams, want %d", c.packets, got, c.want)
		}
	}
}
