package sctp

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// RFC 9260 sections 6.6 and 6.9: ordered messages of any size arrive whole, once and
// in order, whatever the path does.
func TestMessagesArriveOnceAndInOrder(t *testing.T) {
	for name, p := range map[string]path{
		"clean":    {delay: 10 * time.Millisecond},
		"lossy":    {delay: 20 * time.Millisecond, loss: 0.05},
		"rough":    {delay: 20 * time.Millisecond, jitter: 30 * time.Millisecond, loss: 0.03, duplicate: 0.05},
		"at once":  {},
		"far away": {delay: 300 * time.Millisecond, loss: 0.01},
	} {
		for _, wide := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, interleaving %t", name, wide), func(t *testing.T) {
				r := connected(t, p, 1, func(c *Config) { c.NoInterleaving = !wide })
				if s := r.a.Stats(); s.Interleaving != wide || !s.ZeroChecksum {
					t.Fatalf("%+v", s)
				}
				sizes := []int{1, 2, 100, 1100, 1131, 1132, 1133, 5000, 16 << 10, 64 << 10, 256 << 10, 3, 1 << 20, 7}
				const streams = 4
				for id := range StreamID(streams) {
					r.open(id, reliable)
				}
				for i, n := range sizes {
					for id := range StreamID(streams) {
						r.message(r.a, id, numbered(i*streams+int(id), n))
						r.message(r.b, id, numbered(i*streams+int(id), n))
					}
				}
				want := len(sizes) * streams
				r.until("all messages", 10*time.Minute, func() bool { return len(r.a.got) == want && len(r.b.got) == want })
				for _, e := range []*end{r.a, r.b} {
					var next [streams]int
					for _, m := range e.got {
						i := next[m.Stream]
						if !bytes.Equal(m.Payload, numbered(i*streams+int(m.Stream), sizes[i])) || m.PPID != PPIDBinary {
							t.Fatalf("stream %d: message %d of %d bytes is not what was sent", m.Stream, i, len(m.Payload))
						}
						next[m.Stream]++
					}
				}
				r.until("the end of acknowledgements", time.Minute, func() bool { return r.a.out.Empty() && r.b.out.Empty() })
			})
		}
	}
}

// RFC 3758, RFC 8260 section 2.3: what is given up holds nothing up.
func TestPartialReliabilityGoesOn(t *testing.T) {
	for _, wide := range []bool{false, true} {
		for _, unordered := range []bool{false, true} {
			t.Run(fmt.Sprintf("interleaving %t, unordered %t", wide, unordered), func(t *testing.T) {
				r := connected(t, path{delay: 10 * time.Millisecond, loss: 0.2}, 3, func(c *Config) { c.NoInterleaving = !wide })
				r.open(1, transmit.StreamParams{Unordered: unordered, Lifetime: -1})
				r.open(2, reliable)
				const count = 300
				for i := range count {
					r.message(r.a, 1, numbered(i, 3000))
					r.message(r.a, 2, numbered(i, 10))
					r.run(5*time.Millisecond, func() bool { return false })
				}
				r.until("the reliable stream", time.Minute, func() bool {
					n := 0
					for _, m := range r.b.got {
						if m.Stream == 2 {
							n++
						}
					}
					return n == count
				})
				r.until("all to be settled", 10*time.Minute, func() bool { return r.a.out.Empty() })
				r.path.loss = 0
				r.message(r.a, 1, numbered(count, 3000))
				r.until("the last message", time.Minute, func() bool {
					last := r.b.got[len(r.b.got)-1]
					return last.Stream == 1 && bytes.Equal(last.Payload, numbered(count, 3000))
				})
				n, previous := 0, -1
				for _, m := range r.b.got {
					if m.Stream != 1 {
						continue
					}
					n++
					i := int(m.Payload[0]) | int(m.Payload[1])<<8
					if !unordered && i <= previous {
						t.Errorf("message %d after %d", i, previous)
					}
					if !bytes.Equal(m.Payload, numbered(i, 3000)) {
						t.Errorf("message %d is damaged", i)
					}
					previous = i
				}
				if n < count/4 || n > count*3/4 {
					t.Errorf("%d of %d messages arrived, each of three packets, a fifth lost", n, count)
				}
				if held := r.b.in.Held(); held != 0 {
					t.Errorf("%d bytes of what was given up are still held", held)
				}
			})
		}
	}
}
