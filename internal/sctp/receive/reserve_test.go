package receive

import (
	"runtime"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// usual has the peer send, and takes, one message of about size bytes on each of the streams.
func usual(t *testing.T, b *Buffer, streams, size int) (next chunk.TSN) {
	t.Helper()
	next = b.CumulativeTSN() + 1
	half := make([]byte, size/2)
	for id := range chunk.StreamID(streams) {
		data(t, b, chunk.Data{TSN: next, Stream: id, Flags: chunk.FlagBegin, Payload: half})
		data(t, b, chunk.Data{TSN: next + 1, Stream: id, Flags: chunk.FlagEnd, Payload: half})
		next += 2
		if got := take(b); len(got) != 1 {
			t.Fatalf("%d messages", len(got))
		}
	}
	return next
}

// Room for the rest of a message that has begun is kept on the word of the one before it. The peer may
// begin one on every stream: all of them together reserve no more than the window.
func TestBegunMessagesReserveNoMoreThanTheWindow(t *testing.T) {
	const streams, size = 200, 100_000
	b := New(Config{InitialTSN: 1})
	next := usual(t, b, streams, size)
	for id := range chunk.StreamID(streams) {
		data(t, b, chunk.Data{TSN: next, Stream: id, SSN: 1, Flags: chunk.FlagBegin})
		next++
	}
	total := 0
	for _, s := range b.active {
		for _, r := range s.busy.ordered {
			total += cap(r.buf)
		}
	}
	if total > b.window.limit {
		t.Errorf("%d bytes for %d of one byte, the window is %d", total, streams, b.window.limit)
	}
	if total < size {
		t.Errorf("%d bytes: nothing is reserved", total)
	}
	b.HandleForwardTSN(&chunk.ForwardTSN{CumulativeTSN: next}) // what is given up gives its room back
	if err := b.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
	if b.reserved != 0 || b.Held() != 0 {
		t.Errorf("%d bytes reserved, %d held", b.reserved, b.Held())
	}
}

// A message that ends long before the one before it did pins no room that it does not need.
func TestAShortMessagePinsNoLongOnesRoom(t *testing.T) {
	const streams, size = 200, 100_000
	b := New(Config{InitialTSN: 1})
	next := usual(t, b, streams, size)
	before := live()
	for id := range chunk.StreamID(streams) {
		data(t, b, chunk.Data{TSN: next, Stream: id, SSN: 1, Flags: chunk.FlagBegin})
		data(t, b, chunk.Data{TSN: next + 1, Stream: id, SSN: 1, Flags: chunk.FlagEnd})
		next += 2
	}
	if grown := int64(live()) - int64(before); grown > streams*size/4 {
		t.Errorf("%d messages of two bytes take %d bytes", streams, grown)
	}
	if got := take(b); len(got) != streams {
		t.Errorf("%d messages", len(got))
	}
}

func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
