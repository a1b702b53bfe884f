package sctp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// Two runs of the same traffic, with loss, in both directions so that SACKs go along,
// send the same packets byte for byte, whether they are copied or built in the
// messages' memory, and deliver what was sent.
func TestPacketsInPlaceAreThoseThatAreCopied(t *testing.T) {
	sacks := 0
	for seed := range uint64(4) {
		copied, lent := conversation(t, seed, true), conversation(t, seed, false)
		for i, e := range []*end{copied.a, copied.b} {
			other := []*end{lent.a, lent.b}[i]
			if len(e.sent) != len(other.sent) {
				t.Fatalf("seed %d: %s sent %d packets, in place %d", seed, e.name, len(e.sent), len(other.sent))
			}
			for n, p := range e.sent {
				if !bytes.Equal(p, other.sent[n]) {
					t.Fatalf("seed %d: packet %d of %s:\n% x, in place\n% x", seed, n, e.name, p, other.sent[n])
				}
				if len(p) > 1000 && contains(p, chunk.TypeSACK) {
					sacks++
				}
			}
		}
	}
	if sacks == 0 {
		t.Error("no SACK went along with data")
	}
}

// conversation sends random messages both ways and checks what arrives.
func conversation(t *testing.T, seed uint64, copying bool) *rig {
	wide := seed%2 == 1
	r := newRig(t, path{delay: 10 * time.Millisecond, jitter: 5 * time.Millisecond, loss: 0.03, duplicate: 0.01}, seed, func(c *Config) {
		c.NoInterleaving, c.ZeroChecksum = !wide, seed&2 == 0
	})
	r.copying, r.a.keep, r.b.keep = copying, true, true
	r.a.Connect(r.now)
	r.until("the handshake", time.Minute, established(r))
	r.open(1, reliable)
	r.open(2, transmit.StreamParams{Unordered: true, MaxRetransmits: -1, Lifetime: -1})
	random := rand.New(rand.NewPCG(seed, 3))
	want := map[*end]map[string]int{r.a: {}, r.b: {}}
	const count = 20
	for range count {
		for _, e := range []*end{r.a, r.b} {
			payload := make([]byte, 1+random.IntN(40_000))
			for i := range payload {
				payload[i] = byte(random.Uint32())
			}
			want[r.other(e)][string(payload)]++
			r.message(e, StreamID(1+random.IntN(2)), payload)
			clear(payload)
		}
		r.run(time.Duration(random.IntN(15))*time.Millisecond, func() bool { return false })
	}
	r.until("all messages", 10*time.Minute, func() bool { return len(r.a.got) == count && len(r.b.got) == count })
	r.until("the end of acknowledgements", time.Minute, func() bool { return r.a.out.Empty() && r.b.out.Empty() })
	for _, e := range []*end{r.a, r.b} {
		for _, m := range e.got {
			if want[e][string(m.Payload)]--; want[e][string(m.Payload)] < 0 {
				t.Fatalf("seed %d, copying %t: %s got a message of %d bytes that nobody sent", seed, copying, e.name, len(m.Payload))
			}
		}
	}
	return r
}

// What is done between two packets does not touch the one that is lent but puts its
// memory right before it is read again.
func TestAnythingMayHappenWhileAPacketIsLent(t *testing.T) {
	for name, input := range map[string]func(r *rig){
		"nothing":     func(*rig) {},
		"Send":        func(r *rig) { _ = r.a.Send(r.now, 1, PPIDBinary, make([]byte, 5000)) },
		"HandleSACK":  func(r *rig) { r.a.HandlePacket(r.now, r.b.ackFirst(r.a)) },
		"Advance":     func(r *rig) { r.now = r.now.Add(5 * time.Second); r.a.Advance(r.now) },
		"Reset":       func(r *rig) { r.a.Reset(r.now, 1) },
		"NextPacket":  func(r *rig) { r.keepOf(r.a.NextPacket(r.now, nil)) },
		"LendPacket":  func(r *rig) { r.keepOf(r.a.LendPacket(r.now)) },
		"Abort":       func(r *rig) { r.a.Abort("") },
		"Stats":       func(r *rig) { r.a.Stats() },
		"NextEvent":   func(r *rig) { r.a.NextEvent() },
		"BufferedNow": func(r *rig) { r.a.BufferedAmount(1) },
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t, path{delay: 10 * time.Millisecond}, 1)
			r.open(1, reliable)
			message := make([]byte, 20_000)
			for i := range message {
				message[i] = byte(i * i >> 7)
			}
			if err := r.a.Send(r.now, 1, PPIDBinary, message); err != nil {
				t.Fatal(err)
			}
			p, ok := r.a.LendPacket(r.now)
			if !ok || !r.a.out.Lent() {
				t.Fatal("no packet was lent")
			}
			r.send(r.a, p)
			input(r)
			if err := r.a.CheckInvariants(); err != nil {
				t.Fatal(err)
			}
			if r.a.State() == StateClosed {
				return
			}
			r.until("the message", time.Minute, func() bool { return len(r.b.got) > 0 })
			if !bytes.Equal(r.b.got[0].Payload, message) {
				t.Error("another message arrived")
			}
		})
	}
}

// keepOf puts a packet of a on its way.
func (r *rig) keepOf(p []byte, ok bool) {
	if ok {
		r.send(r.a, p)
	}
}

// ackFirst is a packet that acknowledges the first chunk of other.
func (e *end) ackFirst(other *end) []byte {
	p := chunk.AppendHeader(nil, chunk.Header{SourcePort: 5000, DestinationPort: 5000, Tag: other.localTag})
	return chunk.AppendSACK(p, other.localTSN, 1<<20, nil, nil)
}
