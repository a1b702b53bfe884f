package receive

import (
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// deliver has n whole messages of a stream arrive.
func deliver(t *testing.T, b *Buffer, n, size int) {
	t.Helper()
	payload := make([]byte, size)
	for range n {
		next := b.CumulativeTSN() + 1
		d := chunk.Data{TSN: next, Stream: 1, Flags: both | chunk.FlagUnordered, Payload: payload}
		if _, err := b.HandleData(&d); err != nil {
			t.Fatal(err)
		}
		b.EndPacket(start)
	}
}

func takeMany(t *testing.T, b *Buffer, n int) {
	t.Helper()
	for range n {
		if _, ok := b.Take(start, 1); !ok {
			t.Fatal("nothing to take")
		}
	}
}

// A message that was taken is the application's alone, though others still wait behind it.
func TestWhatWasTakenIsNotKept(t *testing.T) {
	b := New(Config{InitialTSN: 1, Window: 16 << 20})
	before := live()
	deliver(t, b, 4, 1<<20)
	deliver(t, b, 1, 1)
	takeMany(t, b, 4)
	if grown := int64(live()) - int64(before); grown > 1<<19 {
		t.Errorf("%d bytes are held for a message of one byte", grown)
	}
	takeMany(t, b, 1)
}

// The queue of a stream's messages is the same memory again and again, whether it runs empty or not.
func TestQueueingAllocatesThePayloadAlone(t *testing.T) {
	for name, behind := range map[string]int{"runs empty": 0, "never empty": 3} {
		t.Run(name, func(t *testing.T) {
			b := New(Config{InitialTSN: 1})
			deliver(t, b, behind, 10)
			round := func() {
				deliver(t, b, 10, 10)
				if _, ok := b.NextReadable(); !ok && behind == 0 {
					t.Fatal("nothing is readable")
				}
				takeMany(t, b, 10)
			}
			for range 5 {
				round()
			}
			if n := testing.AllocsPerRun(100, round); n > 11 { // one is the payload that is sent
				t.Errorf("%v allocations for 10 messages", n)
			}
		})
	}
}

// What a stream needed for very many small messages is not kept for the next one.
func TestIdleQueuesAreSmall(t *testing.T) {
	b := New(Config{InitialTSN: 1})
	deliver(t, b, 4*maxIdleSize, 1)
	takeMany(t, b, 4*maxIdleSize)
	for _, a := range b.idle {
		if n := cap(a.ready.list); n > maxIdleSize {
			t.Errorf("room for %d messages is kept", n)
		}
	}
}
