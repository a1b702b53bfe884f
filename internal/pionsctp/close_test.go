package pionsctp

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func (x *pair) ended(r *recorder) error {
	x.t.Helper()
	x.until("the end", time.Second, func() bool { ended, _ := r.result(); return ended })
	if lines := r.lines(); lines[len(lines)-1] != "end 0" {
		x.t.Errorf("Closed was not the last call: %q", lines)
	}
	_, err := r.result()
	return err
}

// RFC 9260 section 9.1.
func TestAbortEndsBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 10 * time.Millisecond})
		x.openBoth(0, StreamParams{})
		must(t, x.a.Send(0, binaryPPID, make([]byte, 300<<10)))
		begin := time.Now()
		x.a.Close(true)
		if took := time.Since(begin); took != 0 {
			t.Errorf("Close took %v", took)
		}
		x.a.mu.Lock()
		if x.a.active != 0 {
			t.Errorf("%d goroutines of ours after Close", x.a.active)
		}
		x.a.mu.Unlock()
		if err := x.ended(x.ra); err != nil {
			t.Errorf("the closing end: %v", err)
		}
		var abort *AbortError
		if err := x.ended(x.rb); !errors.As(err, &abort) || abort.Code != 12 {
			t.Errorf("the other end: %v", err)
		}
		x.b.Close(true)
	})
}

// RFC 9260 section 9.2: SHUTDOWN lets what is queued arrive.
func TestShutdownDeliversWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 10 * time.Millisecond})
		x.openBoth(0, StreamParams{})
		for range 10 {
			must(t, x.a.Send(0, binaryPPID, make([]byte, 50<<10)))
		}
		x.a.Close(false)
		if n := len(x.rb.got()); n != 10 {
			t.Errorf("%d messages arrived", n)
		}
		for _, r := range []*recorder{x.ra, x.rb} {
			if err := x.ended(r); err != nil {
				t.Error(err)
			}
		}
		x.close()
	})
}

func TestShutdownToASilentPeerEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{})
		x.ab.set(func([]byte) bool { return false })
		begin := time.Now()
		x.a.Close(false)
		if took := time.Since(begin); took > 6*time.Second {
			t.Errorf("Close took %v", took)
		}
		x.close()
	})
}

func TestCloseWhileHandshaking(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 15 * time.Millisecond, 25 * time.Millisecond, 35 * time.Millisecond, 40 * time.Millisecond, time.Second} {
		for _, abort := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				x := newPair(t, path{delay: 10 * time.Millisecond})
				x.a.Start()
				x.b.Start()
				time.Sleep(after)
				x.a.Close(abort)
				if err := x.ended(x.ra); err != nil {
					t.Errorf("after %v: %v", after, err)
				}
				x.b.Close(true)
			})
		}
	}
}

func TestSilentPeerFailsTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newPair(t, path{})
		begin := time.Now()
		x.a.Start()
		x.until("the end", time.Minute, func() bool { ended, _ := x.ra.result(); return ended })
		if took := time.Since(begin).Round(time.Second); took != 24*time.Second {
			t.Errorf("gave up after %v, want 1 s, 2 s and seven times 3 s", took)
		}
		if err := x.ended(x.ra); !errors.Is(err, ErrHandshake) {
			t.Error(err)
		}
		x.a.Close(true)
	})
}

// pion/sctp leaves a peer that falls silent to ICE.
func TestSilentPeerIsNotReportedAfterTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: time.Millisecond})
		x.openBoth(0, StreamParams{})
		silent := func([]byte) bool { return false }
		x.ab.set(silent)
		x.ba.set(silent)
		must(t, x.a.Send(0, binaryPPID, []byte("back")))
		time.Sleep(10 * time.Minute)
		if ended, err := x.ra.result(); ended {
			t.Fatalf("ended: %v", err)
		}
		x.ab.set(nil)
		x.ba.set(nil)
		// The back-off of its timer is capped.
		x.until("the message", 4*time.Second, func() bool { return len(x.rb.got()) == 1 })
		x.close()
	})
}

func TestCloseDoesNotWaitForABlockedHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: time.Millisecond})
		x.openBoth(0, StreamParams{})
		x.openBoth(1, StreamParams{})
		gate := make(chan struct{})
		x.rb.onMessage = func(uint16, uint32, []byte) { <-gate }
		for range 40 {
			must(t, x.a.Send(0, binaryPPID, make([]byte, 100<<10)))
			must(t, x.a.Send(1, binaryPPID, make([]byte, 100<<10)))
		}
		time.Sleep(time.Second)
		begin := time.Now()
		x.b.Close(true)
		if took := time.Since(begin); took != 0 {
			t.Errorf("Close took %v", took)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if ended, _ := x.rb.result(); ended {
			t.Error("Closed came while a handler was running")
		}
		close(gate)
		if err := x.ended(x.rb); err != nil {
			t.Error(err)
		}
		if n := len(x.rb.got()); n != 2 {
			t.Errorf("%d messages handed over, want the 2 that blocked", n)
		}
		x.close()
	})
}

func TestCloseInsideEveryCallback(t *testing.T) {
	for _, event := range []string{"established", "message", "low", "reset", "closed", "end"} {
		for _, abort := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				x := newPair(t, path{delay: time.Millisecond})
				x.ra.on = func(e string, _ uint16) {
					if e == event {
						x.a.Close(abort)
					}
				}
				x.a.Start()
				x.b.Start()
				time.Sleep(time.Second)
				_ = x.a.Open(0, StreamParams{})
				_ = x.a.Send(0, binaryPPID, []byte{1})
				_ = x.b.Open(0, StreamParams{})
				_ = x.b.Send(0, binaryPPID, []byte{1})
				time.Sleep(time.Second)
				x.b.Reset(0)
				time.Sleep(time.Second)
				x.a.Reset(0)
				time.Sleep(time.Second)
				x.b.Close(true)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if n := x.ra.count(event + " 0"); n != 1 {
					t.Errorf("%s was told %d times: %q", event, n, x.ra.lines())
				}
				if ended, _ := x.ra.result(); !ended {
					t.Errorf("%s: not ended", event)
				}
				if slices.Contains(x.ra.lines(), "AFTER CLOSED") {
					t.Errorf("%s: calls after Closed: %q", event, x.ra.lines())
				}
			})
		}
	}
}

func TestCloseIsIdempotentAndConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: time.Millisecond})
		x.openBoth(0, StreamParams{})
		var calls sync.WaitGroup
		for i := range 8 {
			calls.Go(func() { x.a.Close(i%2 == 0) })
		}
		calls.Wait()
		x.a.Close(true)
		if n := x.ra.count("end 0"); n != 1 {
			x.ended(x.ra)
		}
		x.a.Start()
		x.b.Close(true)

		idle := New(Config{Write: func([]byte, bool) error { return nil }, Handler: &recorder{}})
		idle.Close(true)
		idle.Start()
		idle.HandlePacket([]byte{1})
		idle.Close(false)
	})
}

func TestClosedWriterEndsTheAssociation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newPair(t, path{delay: time.Millisecond})
		var gone atomic.Bool
		write := x.ab.write
		x.a = New(Config{Handler: x.ra, Write: func(p []byte, more bool) error {
			if gone.Load() {
				return net.ErrClosed
			}
			_ = write(p, more)
			return errors.New("would block") // a loss, as far as SCTP can tell
		}})
		x.ba.deliver = x.a.HandlePacket
		x.a.Start()
		x.b.Start()
		time.Sleep(time.Second)
		must(t, x.a.Open(0, StreamParams{}))
		gone.Store(true)
		must(t, x.a.Send(0, binaryPPID, []byte{1}))
		if err := x.ended(x.ra); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		x.close()
	})
}

// RFC 8260 section 2.2.1: I-DATA that was not negotiated is a protocol violation.
func TestViolationAbortsAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: time.Millisecond})
		const chunkIData = 64
		x.a.HandlePacket(packet(chunk(chunkIData, 3, make([]byte, 24))))
		if err := x.ended(x.ra); !errors.Is(err, ErrProtocolViolation) || !strings.Contains(err.Error(), "I-DATA") {
			t.Errorf("the aborting end: %v", err)
		}
		var abort *AbortError
		if err := x.ended(x.rb); !errors.As(err, &abort) || abort.Code != 13 {
			t.Errorf("the other end: %v", err)
		}
		x.close()
	})
}

func TestAbortErrorsSayWhatThePeerSaid(t *testing.T) {
	for _, c := range []struct {
		value []byte
		code  uint16
		text  string
	}{
		{nil, 0, "pionsctp: aborted by the peer"},
		{[]byte{0, 2, 0, 4}, 2, "pionsctp: aborted by the peer: error cause 2"},
		{append([]byte{0, 12, 0, 8}, "bye!"...), 12, `pionsctp: aborted by the peer: "bye!"`},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := connect(t, path{delay: time.Millisecond})
			x.a.HandlePacket(packet(chunk(chunkAbort, 0, c.value)))
			var abort *AbortError
			if err := x.ended(x.ra); !errors.As(err, &abort) || abort.Code != c.code || err.Error() != c.text {
				t.Errorf("%v, want %s", err, c.text)
			}
			x.close()
		})
	}
}

func TestIdleAssociationKeepsFourGoroutinesAndOneAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		x := connect(t, path{delay: time.Millisecond})
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := goroutines() - before; got != 2*4 {
			t.Errorf("%d goroutines for two idle associations", got)
		}
		x.openBoth(0, StreamParams{})
		must(t, x.a.Send(0, binaryPPID, make([]byte, 100<<10)))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := goroutines() - before; got != 2*5 {
			t.Errorf("%d goroutines with a stream", got)
		}
		x.a.Reset(0)
		x.b.Reset(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := goroutines() - before; got != 2*4 {
			t.Errorf("%d goroutines after the stream was closed", got)
		}
		x.close()
		if got := goroutines() - before; got != 0 {
			t.Errorf("%d goroutines left", got)
		}
	})
}

// goroutines counts those of associations, ours and pion/sctp's.
func goroutines() int {
	buffer := make([]byte, 1<<20)
	n := 0
	for _, stack := range strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		if strings.Contains(stack, "sctp.(*Association)") {
			n++
		}
	}
	return n
}

// chunk and packet build packets as a peer could send them.
func chunk(kind, flags byte, value []byte) []byte {
	b := []byte{kind, flags, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(4+len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func packet(chunks ...[]byte) []byte {
	b := []byte{0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0}
	for _, c := range chunks {
		b = append(b, c...)
	}
	return checksum(b)
}

func checksum(b []byte) []byte {
	clear(b[8:12])
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, castagnoli))
	return b
}

// HandlePacket is called on the reader of DTLS: it takes what fits and drops the rest.
func TestPacketsThatNobodyTakesAreDropped(t *testing.T) {
	a := New(Config{Write: func([]byte, bool) error { return nil }, Handler: &recorder{}})
	for range maxQueue + 500 {
		a.HandlePacket(make([]byte, 1200))
	}
	a.HandlePacket(make([]byte, maxPacket+1))
	a.HandlePacket(nil)
	if got := a.Stats().PacketsDropped; got != 500 {
		t.Errorf("%d dropped, want 500", got)
	}
	a.Close(true)
	a.HandlePacket(make([]byte, 1200))
}

func TestStatsFollowTheTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 25 * time.Millisecond})
		x.openBoth(0, StreamParams{})
		must(t, x.a.Send(0, binaryPPID, make([]byte, 100<<10)))
		x.until("the message", time.Minute, func() bool { return x.a.BufferedAmount(0) == 0 })
		a, b := x.a.Stats(), x.b.Stats()
		if a.RTT < 50*time.Millisecond || a.RTT > 100*time.Millisecond {
			t.Errorf("RTT %v of a path of 50ms", a.RTT)
		}
		if a.BytesSent < 100<<10 || b.BytesReceived != a.BytesSent {
			t.Errorf("sent %d, received %d", a.BytesSent, b.BytesReceived)
		}
		if a.MTU != DefaultMTU || a.Streams != 1 || a.CongestionWindow == 0 || a.PeerWindow == 0 {
			t.Errorf("%+v", a)
		}
		x.close()
	})
}
