package rtpsession

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// numbered is a packet of that size that tells its number everywhere.
func numbered(seq uint16, size int) []byte {
	p := make([]byte, size)
	for i := 0; i+1 < size; i += 2 {
		binary.BigEndian.PutUint16(p[i:], seq)
	}
	return p
}

func TestHistoryReturnsWhatWasSent(t *testing.T) {
	var h History
	for i := range 500 {
		h.Store(ms(float64(i)), uint16(65400+i), numbered(uint16(65400+i), 200+i))
	}
	for i := range 500 {
		got, ok := h.Get(ms(500), uint16(65400+i))
		if !ok || !bytes.Equal(got, numbered(uint16(65400+i), 200+i)) {
			t.Fatalf("packet %d: %t %x", i, ok, got)
		}
	}
	for _, seq := range []uint16{65399, 364, 30000} {
		if _, ok := h.Get(ms(500), seq); ok {
			t.Errorf("%d was never sent", seq)
		}
	}
	if s := h.Stats(); s.Packets != 500 || s.Sent != 500 || s.Unknown != 3 || s.SentSize != 500*200+499*250 {
		t.Errorf("%+v", s)
	}
	if p, ok := h.Latest(ms(500)); !ok || !bytes.Equal(p, numbered(363, 699)) {
		t.Errorf("latest is %x", p)
	}
}

// A request that was made before the last answer arrived asks for what is on its
// way: one repeat a round trip.
func TestAPacketIsSentAgainOnceARoundTrip(t *testing.T) {
	h := NewHistory(HistoryLimits{})
	h.SetRTT(50 * time.Millisecond)
	h.Store(ms(0), 7, numbered(7, 100))
	for _, c := range []struct {
		at float64
		ok bool
	}{{0, true}, {10, false}, {49, false}, {50, true}, {99, false}, {1000, true}, {2001, false}} {
		if _, ok := h.Get(ms(c.at), 7); ok != c.ok {
			t.Errorf("after %v ms: %t", c.at, ok)
		}
	}
	if s := h.Stats(); s.TooSoon != 3 || s.Unknown != 1 {
		t.Errorf("%+v", s)
	}
}

func TestHistoryKeepsItsLimits(t *testing.T) {
	t.Run("packets", func(t *testing.T) {
		h := NewHistory(HistoryLimits{Packets: 100})
		for i := range 1000 {
			h.Store(epoch, uint16(i), numbered(uint16(i), 10))
		}
		for i := range 1000 {
			if p, ok := h.Get(epoch, uint16(i)); ok != (i >= 900) || ok && !bytes.Equal(p, numbered(uint16(i), 10)) {
				t.Fatalf("packet %d: %t", i, ok)
			}
		}
	})
	t.Run("bytes", func(t *testing.T) {
		h := NewHistory(HistoryLimits{Bytes: 50_000})
		for i := range 1000 {
			h.Store(epoch, uint16(i), numbered(uint16(i), 1000))
		}
		for i := range 1000 {
			if p, ok := h.Get(epoch, uint16(i)); ok != (i >= 950) || ok && !bytes.Equal(p, numbered(uint16(i), 1000)) {
				t.Fatalf("packet %d: %t", i, ok)
			}
		}
		h.Store(epoch, 5000, make([]byte, 50_001))
		if s := h.Stats(); s.TooLarge != 1 || len(h.slab) != 50_000 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("age", func(t *testing.T) {
		h := NewHistory(HistoryLimits{Age: 100 * time.Millisecond})
		for i := range 1000 {
			h.Store(ms(float64(i)), uint16(i), numbered(uint16(i), 1000))
		}
		if s := h.Stats(); s.Packets != 101 || len(h.slab) > 1<<18 || len(h.records) != 128 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAnIdleHistoryHoldsNoMemory(t *testing.T) {
	h := NewHistory(HistoryLimits{})
	if h.Trim(epoch); h.Stats().Memory != 0 {
		t.Errorf("%+v before the first packet", h.Stats())
	}
	h.Store(ms(0), 1, numbered(1, 100))
	if h.Trim(ms(1000)); h.Stats().Packets != 1 {
		t.Errorf("%+v after a second", h.Stats())
	}
	if h.Trim(ms(2001)); h.Stats().Memory != 0 {
		t.Errorf("%+v after two", h.Stats())
	}
	if _, ok := h.Get(ms(2001), 1); ok {
		t.Error("there is still a packet")
	}
	if _, ok := h.Latest(ms(2001)); ok {
		t.Error("there is a latest packet")
	}
	h.Store(ms(3000), 2, numbered(2, 100))
	if p, ok := h.Get(ms(3000), 2); !ok || !bytes.Equal(p, numbered(2, 100)) {
		t.Error("does not begin again")
	}
}

// A history beside a plain list of packets: whatever Get returns is right, and
// what the limits allow is there.
func TestHistoryAgreesWithAPlainList(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for round := range 8 {
		limits := HistoryLimits{Packets: 1 + r.IntN(300), Bytes: 3000 + r.IntN(200_000), Age: time.Duration(1+r.IntN(500)) * time.Millisecond}
		h := NewHistory(limits)
		h.SetRTT(1)
		type stored struct {
			at   time.Time
			size int
		}
		all := map[uint16]stored{}
		now, seq := epoch, uint16(r.Uint32())
		for range 3000 {
			now = now.Add(time.Duration(r.IntN(5)) * time.Millisecond)
			seq += uint16(1 + r.IntN(2))
			size := 12 + r.IntN(1488)
			h.Store(now, seq, numbered(seq, size))
			all[seq] = stored{now, size}
			ask := seq - uint16(r.IntN(400))
			p, ok := h.Get(now.Add(2), ask)
			want, known := all[ask]
			if ok && (!known || now.Add(2).Sub(want.at) > limits.Age || !bytes.Equal(p, numbered(ask, want.size))) {
				t.Fatalf("round %d: %d is %x", round, ask, p)
			}
			if !ok && ask == seq {
				t.Fatalf("round %d: the newest is gone", round)
			}
			if s := h.Stats(); s.Packets > limits.Packets || len(h.slab) > limits.Bytes {
				t.Fatalf("round %d: %+v", round, s)
			}
		}
	}
}

func TestHistoryDoesNotAllocate(t *testing.T) {
	h := NewHistory(HistoryLimits{})
	packet, now, seq := numbered(1, 1200), epoch, uint16(0)
	step := func() {
		now = now.Add(2 * time.Millisecond)
		seq++
		h.Store(now, seq, packet)
		h.Get(now, seq-5)
	}
	for range 3000 {
		step()
	}
	if a := testing.AllocsPerRun(3000, step); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkHistoryStore(b *testing.B) {
	b.ReportAllocs()
	h := NewHistory(HistoryLimits{})
	packet, now := numbered(1, 1200), epoch
	for i := range b.N {
		now = now.Add(2 * time.Millisecond)
		h.Store(now, uint16(i), packet)
	}
}
