package sctp

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/receive"
)

func bothClosed(r *rig) func() bool {
	return func() bool {
		_, a := r.a.closed()
		_, b := r.b.closed()
		return a && b
	}
}

// RFC 9260 section 9.2: SHUTDOWN waits until all data is acknowledged, and ends both
// sides in order.
func TestShutdownDeliversWhatIsQueued(t *testing.T) {
	for _, loss := range []float64{0, 0.1} {
		r := connected(t, path{delay: delay, loss: loss}, 4)
		r.open(0, reliable)
		for i := range 20 {
			r.message(r.a, 0, numbered(i, 10_000))
			r.message(r.b, 0, numbered(i, 1000))
		}
		r.a.Shutdown(r.now)
		r.until("the end", time.Minute, bothClosed(r))
		if len(r.b.got) != 20 {
			t.Errorf("%d messages arrived", len(r.b.got))
		}
		for _, e := range []*end{r.a, r.b} {
			if c, _ := e.closed(); c.Err != nil && loss == 0 {
				t.Errorf("%s: %v", e.name, c.Err)
			}
		}
	}
}

// RFC 9260 section 9.2: both ends may send SHUTDOWN; lost ones are repeated (T2).
func TestShutdownSurvivesLossAndCollision(t *testing.T) {
	for _, lost := range []chunk.Type{chunk.TypeShutdown, chunk.TypeShutdownAck, chunk.TypeShutdownComplete} {
		for _, both := range []bool{false, true} {
			r := connected(t, path{delay: delay}, 1)
			r.a.filter, r.b.filter = dropFirst(lost, 1), dropFirst(lost, 1)
			r.a.Shutdown(r.now)
			if both {
				r.b.Shutdown(r.now)
			}
			r.until("the end", time.Minute, bothClosed(r))
			for _, e := range []*end{r.a, r.b} {
				if c, _ := e.closed(); c.Err != nil {
					t.Errorf("%v lost: %s: %v", lost, e.name, c.Err)
				}
			}
		}
	}
}

// RFC 9260 section 9.2, T5-shutdown-guard: a peer that does not answer is aborted.
func TestShutdownToASilentPeerEnds(t *testing.T) {
	r := connected(t, path{delay: delay}, 1)
	r.b.filter = func([]byte) bool { return false }
	begin := r.now
	r.a.Shutdown(r.now)
	r.until("the end", time.Minute, func() bool { _, ok := r.a.closed(); return ok })
	if c, _ := r.a.closed(); !errors.Is(c.Err, ErrTimeout) || r.now.Sub(begin) != 5*rtoMax {
		t.Errorf("%v after %v", c.Err, r.now.Sub(begin))
	}
}

// RFC 9260 section 9.1: ABORT ends both sides at once, and carries its cause.
func TestAbortTellsItsReason(t *testing.T) {
	r := connected(t, path{delay: delay}, 1)
	r.a.Abort("enough")
	r.until("the end", time.Second, bothClosed(r))
	var e *AbortError
	if c, _ := r.b.closed(); !errors.As(c.Err, &e) || e.Code != chunk.CauseUserAbort || e.Reason != "enough" {
		t.Errorf("%v", c.Err)
	}
	if c, _ := r.a.closed(); c.Err != nil {
		t.Error(c.Err)
	}
	if err := r.a.Send(r.now, 0, PPIDBinary, []byte{1}); !errors.Is(err, ErrNotEstablished) {
		t.Error(err)
	}
}

// RFC 9260 section 6.2: "If an endpoint receives a DATA chunk with no user data ... it
// MUST send an ABORT chunk with a No User Data error cause". RFC 8260 section 2.2.1:
// the chunk that was not negotiated aborts too.
func TestDataThatBreaksTheProtocolAborts(t *testing.T) {
	for name, c := range map[string]struct {
		narrow bool
		data   func(tsn chunk.TSN) []byte
		code   chunk.CauseCode
	}{
		"no user data": {true, func(tsn chunk.TSN) []byte { return chunk.AppendData(nil, &chunk.Data{TSN: tsn, Flags: 3}) }, chunk.CauseNoUserData},
		"DATA instead of I-DATA": {false, func(tsn chunk.TSN) []byte {
			return chunk.AppendData(nil, &chunk.Data{TSN: tsn, Flags: 3, Payload: []byte{1}})
		}, chunk.CauseProtocolViolation},
		"I-DATA instead of DATA": {true, func(tsn chunk.TSN) []byte {
			return chunk.AppendIData(nil, &chunk.IData{TSN: tsn, Flags: 3, Payload: []byte{1}})
		}, chunk.CauseProtocolViolation},
		"acknowledges what was not sent": {true, func(chunk.TSN) []byte { return nil }, chunk.CauseProtocolViolation},
	} {
		r := connected(t, path{delay: delay}, 1, func(cfg *Config) { cfg.NoInterleaving = c.narrow })
		p := chunk.AppendHeader(nil, chunk.Header{SourcePort: 5000, DestinationPort: 5000, Tag: r.a.localTag})
		if chunks := c.data(r.a.remoteTSN); chunks != nil {
			p = append(p, chunks...)
		} else {
			p = chunk.AppendSACK(p, r.a.localTSN+10, 1<<16, nil, nil)
		}
		r.a.HandlePacket(r.now, p)
		r.until("the end", time.Second, bothClosed(r))
		var e *AbortError
		if c2, _ := r.b.closed(); !errors.As(c2.Err, &e) || e.Code != c.code {
			t.Errorf("%s: %v, want %v", name, c2.Err, c.code)
		}
		if c2, _ := r.a.closed(); !errors.Is(c2.Err, ErrProtocol) {
			t.Errorf("%s: %v", name, c2.Err)
		}
	}
}

// RFC 9260 section 8.3: an idle path is tried by HEARTBEAT, whose answer measures it;
// section 8.1: a silent peer ends the association, where that is wanted.
func TestHeartbeatsWatchAnIdlePath(t *testing.T) {
	r := connected(t, path{delay: delay}, 1, func(c *Config) { c.MaxRetransmits = 3 })
	r.a.keep = true
	r.run(2*time.Minute, func() bool { return false })
	beats := 0
	for _, p := range r.a.sent {
		if contains(p, chunk.TypeHeartbeat) {
			beats++
		}
	}
	if beats < 2 || beats > 4 {
		t.Errorf("%d heartbeats in two minutes", beats)
	}
	if r.a.heartbeat.missed != 0 || r.a.smoothedRTT() != 2*delay {
		t.Errorf("%d missed, round trip %v", r.a.heartbeat.missed, r.a.smoothedRTT())
	}
	r.b.filter = func([]byte) bool { return false }
	r.until("the end", 10*time.Minute, func() bool { _, ok := r.a.closed(); return ok })
	if c, _ := r.a.closed(); !errors.Is(c.Err, ErrTimeout) {
		t.Error(c.Err)
	}
}

// RFC 6525 sections 5.1 and 5.2, RFC 8831 section 6.7: a stream whose directions are
// both reset is closed on both ends, after all its messages, and can be used anew, with
// numbers from 0, whatever is lost.
func TestResetStreamsCanBeUsedAgain(t *testing.T) {
	for _, p := range []path{{delay: delay}, {delay: delay, jitter: delay, loss: 0.1, duplicate: 0.1}} {
		for _, wide := range []bool{false, true} {
			r := connected(t, p, 7, func(c *Config) { c.NoInterleaving = !wide })
			for round := range 10 {
				r.open(5, reliable)
				for i := range 3 {
					r.message(r.a, 5, numbered(100*round+i, 3000))
				}
				r.a.Reset(r.now, 5)
				if err := r.a.Open(5, reliable); !errors.Is(err, ErrStreamInUse) {
					t.Fatalf("Open while resetting: %v", err)
				}
				r.until("the peer's reset", time.Minute, func() bool { n := len(r.b.got); return n > 0 && r.b.got[n-1].Reset })
				r.b.Reset(r.now, 5)
				r.until("the end of the stream", time.Minute, func() bool {
					return r.a.has(StreamClosed{5}) && r.b.has(StreamClosed{5})
				})
				if len(r.b.got) != 4 {
					t.Fatalf("round %d: %d messages", round, len(r.b.got))
				}
				for i, m := range r.b.got[:3] {
					if !bytes.Equal(m.Payload, numbered(100*round+i, 3000)) {
						t.Fatalf("round %d: message %d", round, i)
					}
				}
				r.a.events, r.b.events, r.a.got, r.b.got = nil, nil, nil, nil
				if r.a.Stats().Streams != 0 || r.b.Stats().Streams != 0 {
					t.Errorf("%d and %d streams remain", r.a.Stats().Streams, r.b.Stats().Streams)
				}
			}
		}
	}
}

// Both ends may reset a stream at the same time.
func TestResetsMayCross(t *testing.T) {
	r := connected(t, path{delay: delay}, 1)
	for id := range StreamID(1000) {
		r.open(id, reliable)
		r.message(r.a, id, []byte("x"))
	}
	for id := range StreamID(1000) {
		r.a.Reset(r.now, id)
		r.b.Reset(r.now, id)
	}
	r.until("all streams to close", time.Minute, func() bool { return r.a.Stats().Streams == 0 && r.b.Stats().Streams == 0 })
	messages := 0
	for _, m := range r.b.got {
		if !m.Reset {
			messages++
		}
	}
	if messages != 1000 {
		t.Errorf("%d messages", messages)
	}
}

// A reader that stops closes the window, and the sender goes on at once when it reads
// again: the update is not left to the sender's timer (RFC 9260 section 6.2).
func TestASlowReaderStopsTheSenderAndResumesAtOnce(t *testing.T) {
	r := connected(t, path{delay: delay}, 1, func(c *Config) { c.Window, c.MaxWindow = 256<<10, 256<<10 })
	r.open(0, reliable)
	r.b.hold = true
	const count = 100
	for i := range count {
		r.message(r.a, 0, numbered(i, 16<<10))
	}
	r.run(20*time.Second, func() bool { return false })
	if held := r.b.in.Held(); held > 2*256<<10 {
		t.Errorf("%d bytes held with a window of %d", held, 256<<10)
	}
	r.b.hold = false
	begin := r.now
	r.until("all messages", time.Minute, func() bool { return len(r.b.got) == count })
	if took := r.now.Sub(begin); took > 2*time.Second {
		t.Errorf("1.6 MB with a window of 256 KiB and 20 ms took %v after the reader woke up", took)
	}
}

// A stream that nobody reads does not hold up the others, as long as the window is
// open.
func TestASlowStreamDoesNotBlockOthers(t *testing.T) {
	r := connected(t, path{delay: delay}, 1)
	r.open(0, reliable)
	r.open(1, reliable)
	r.b.hold = true
	r.message(r.a, 0, numbered(0, 300<<10))
	r.run(time.Second, func() bool { return false })
	for i := range 50 {
		r.message(r.a, 1, numbered(i, 16<<10))
		r.run(100*time.Millisecond, func() bool { return false })
		var m receive.Message
		ok := false
		for id, more := r.b.NextReadable(); more; id, more = r.b.NextReadable() {
			if id == 1 {
				m, ok = r.b.Take(r.now, 1)
			}
		}
		if !ok || !bytes.Equal(m.Payload, numbered(i, 16<<10)) {
			t.Fatalf("message %d of the stream that is read: %t", i, ok)
		}
		r.drain(r.b)
	}
}

// Each of 65,535 open and idle streams takes less than 300 bytes.
func TestIdleStreamsAreCheap(t *testing.T) {
	r := connected(t, path{}, 1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for id := range MaxStreams {
		r.open(StreamID(id), reliable)
	}
	got := 0
	for id := range MaxStreams {
		if err := r.a.Send(r.now, StreamID(id), PPIDControl, []byte{2}); err != nil {
			t.Fatal(err)
		}
		got += r.exchange()
	}
	for range 1000 {
		r.now = r.now.Add(10 * time.Millisecond)
		r.a.Advance(r.now)
		r.b.Advance(r.now)
		got += r.exchange()
	}
	if got != MaxStreams {
		t.Fatalf("%d messages", got)
	}
	if err := errors.Join(r.a.CheckInvariants(), r.b.CheckInvariants()); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	// a sends and b receives: together one idle channel's two directions.
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / MaxStreams; each > 2*300 {
		t.Errorf("%d bytes for a stream's four directions", each)
	} else {
		t.Logf("%d bytes for a stream on both ends", each)
	}
	if err := r.a.Open(65535, reliable); !errors.Is(err, ErrStreamID) {
		t.Error(err)
	}
}

// exchange passes packets on at once, without the checks of the rig, which look at all
// streams, and counts the messages that b gets.
func (r *rig) exchange() (got int) {
	for moved := true; moved; {
		moved = false
		for _, e := range []*end{r.a, r.b} {
			for p, ok := e.NextPacket(r.now, nil); ok; p, ok = e.NextPacket(r.now, nil) {
				r.other(e).HandlePacket(r.now, p)
				moved = true
			}
			for id, ok := e.NextReadable(); ok; id, ok = e.NextReadable() {
				for _, ok := e.Take(r.now, id); ok; _, ok = e.Take(r.now, id) {
					got++
				}
			}
		}
	}
	return got
}
