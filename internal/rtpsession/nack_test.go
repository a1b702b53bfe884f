package rtpsession

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func ms(n float64) time.Time { return epoch.Add(time.Duration(n * float64(time.Millisecond))) }

// asks drains the generator.
func asks(g *NackGenerator) []uint16 {
	var all []uint16
	for {
		batch, ok := g.NextNack()
		if !ok {
			return all
		}
		all = append(all, batch...)
	}
}

func TestAGapIsAskedForByPacketsOrByTime(t *testing.T) {
	t.Run("after three later packets", func(t *testing.T) {
		g := NewNackGenerator()
		for _, seq := range []uint16{65533, 65535, 0} {
			g.Received(ms(0), seq, false)
		}
		if got := asks(g); got != nil {
			t.Fatalf("asked for %d after two", got)
		}
		g.Received(ms(0), 1, false)
		if got := asks(g); !slices.Equal(got, []uint16{65534}) {
			t.Fatalf("asked for %d", got)
		}
	})
	t.Run("after 10 ms", func(t *testing.T) {
		g := NewNackGenerator()
		g.Received(ms(0), 1, false)
		g.Received(ms(5), 4, false)
		if d := g.Deadline(); !d.Equal(ms(15)) {
			t.Fatalf("deadline %v", d.Sub(epoch))
		}
		g.Advance(ms(14))
		if got := asks(g); got != nil {
			t.Fatalf("asked for %d", got)
		}
		g.Advance(ms(15))
		if got := asks(g); !slices.Equal(got, []uint16{2, 3}) {
			t.Fatalf("asked for %d", got)
		}
	})
	t.Run("never when it was reordered", func(t *testing.T) {
		g := NewNackGenerator()
		for i, seq := range []uint16{1, 3, 2, 5, 6, 4, 7} {
			g.Received(ms(float64(i)), seq, false)
		}
		g.Advance(ms(100))
		if got := asks(g); got != nil || g.Missing() != 0 || !g.Deadline().IsZero() || g.Stats().Late != 2 {
			t.Fatalf("asked for %d, %+v", got, g.Stats())
		}
	})
}

func TestRequestsRepeatAfterTheRoundTripWithBackOff(t *testing.T) {
	g := NewNackGenerator()
	g.SetRTT(40 * time.Millisecond)
	g.Received(ms(0), 1, false)
	g.Received(ms(0), 3, false)
	var at []float64
	for range 100 {
		d := g.Deadline()
		if d.IsZero() {
			break
		}
		g.Advance(d)
		if got := asks(g); got != nil {
			at = append(at, float64(d.Sub(epoch))/1e6)
		}
	}
	want := []float64{10, 50, 100, 162.5, 240.625}
	if len(at) != nackTries || !slices.Equal(at[:5], want) {
		t.Errorf("asked at %v ms", at)
	}
	if s := g.Stats(); g.Missing() != 0 || s.GivenUp != 1 || s.Requested != 10 {
		t.Errorf("%+v", s)
	}
	// With a long round trip, time ends it.
	g = NewNackGenerator()
	g.SetRTT(600 * time.Millisecond)
	g.Received(ms(0), 1, false)
	g.Received(ms(0), 3, false)
	tries := 0
	for d := g.Deadline(); !d.IsZero() && tries < 20; d = g.Deadline() {
		g.Advance(d)
		tries += len(asks(g))
	}
	if tries != 3 || g.Missing() != 0 {
		t.Errorf("asked %d times", tries)
	}
}

func TestARecoveredPacketIsNotAskedForAgain(t *testing.T) {
	g := NewNackGenerator()
	for _, seq := range []uint16{1, 3, 4, 5, 7} {
		g.Received(ms(0), seq, false)
	}
	if got := asks(g); !slices.Equal(got, []uint16{2}) {
		t.Fatalf("asked for %d", got)
	}
	g.Received(ms(30), 2, true)
	g.Received(ms(31), 2, true)
	g.Advance(ms(500))
	if got := asks(g); !slices.Equal(got, []uint16{6}) {
		t.Fatalf("asked for %d", got)
	}
	if s := g.Stats(); s.Recovered != 1 {
		t.Errorf("%+v", s)
	}
	g.Forget(7)
	if g.Missing() != 0 || !g.Deadline().IsZero() {
		t.Error("asks for what came before a key frame")
	}
}

func TestTooManyMissingAsksForAKeyframe(t *testing.T) {
	g := NewNackGenerator()
	g.Received(ms(0), 0, false)
	g.Received(ms(0), 1001, false)
	if g.KeyframeNeeded() || g.Missing() != 1000 {
		t.Fatalf("%d missing", g.Missing())
	}
	g.Advance(ms(10))
	first, _ := g.NextNack()
	if len(first) != nackBatch || len(asks(g)) != 750 {
		t.Errorf("first message has %d", len(first))
	}
	g.Received(ms(11), 1003, false)
	if !g.KeyframeNeeded() || g.KeyframeNeeded() || g.Missing() != 0 || !g.Deadline().IsZero() {
		t.Errorf("%d missing", g.Missing())
	}
	g.Received(ms(12), 1005, false)
	if g.Missing() != 1 {
		t.Error("does not go on")
	}
}

// RFC 3550 appendix A.1: a jump is a new start when the next packet follows it.
func TestAJumpOfTheSequenceNumberIsNoLoss(t *testing.T) {
	g := NewNackGenerator()
	g.Received(ms(0), 9, true) // of a packet from before we listened
	for _, seq := range []uint16{100, 102, 30000, 103} {
		g.Received(ms(0), seq, false)
	}
	if g.Missing() != 1 {
		t.Fatalf("%d missing after a stray", g.Missing())
	}
	for _, seq := range []uint16{30000, 30001, 30003} {
		g.Received(ms(1), seq, false)
	}
	g.Advance(ms(20))
	if got := asks(g); !slices.Equal(got, []uint16{30002}) || g.KeyframeNeeded() {
		t.Errorf("asked for %d", got)
	}
}

func TestEveryLostPacketIsAskedForAndNoOther(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	g := NewNackGenerator()
	lost, wanted := map[uint16]bool{}, map[uint16]bool{}
	for i := range 20_000 {
		now, seq := ms(float64(i)), uint16(65000+i)
		if i > 0 && r.IntN(20) == 0 {
			lost[seq] = true
		} else {
			g.Received(now, seq, false)
		}
		if d := g.Deadline(); !d.IsZero() && !d.After(now) {
			g.Advance(now)
		}
		for _, n := range asks(g) {
			if !lost[n] {
				t.Fatalf("asked for %d, which had come", n)
			}
			wanted[n] = true
			if r.IntN(2) == 0 {
				g.Received(now, n, true)
				delete(lost, n)
			}
		}
		if g.unasked < 0 || g.unasked > len(g.list) {
			t.Fatalf("%d unasked of %d", g.unasked, len(g.list))
		}
	}
	if len(wanted) < 900 {
		t.Errorf("asked for %d", len(wanted))
	}
}

func TestNackPairsAreWhatPionReads(t *testing.T) {
	for i, seqs := range [][]uint16{
		{1}, {1, 2, 17}, {1, 18}, {65535, 0, 15, 16}, {10, 10, 11}, {5, 6, 7, 100, 1000, 1001},
	} {
		packet := binary.BigEndian.AppendUint32(nil, 0x81cd0000)
		packet = append(packet, 0, 0, 0, 1, 0, 0, 0, 2)
		packet = AppendNackPairs(packet, seqs)
		binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)/4-1))
		var nack rtcp.TransportLayerNack
		if err := nack.Unmarshal(packet); err != nil {
			t.Fatal(err)
		}
		var got []uint16
		for _, p := range nack.Nacks {
			got = append(got, p.PacketList()...)
		}
		// The mask has the 16 numbers after the first.
		if i == 1 && len(nack.Nacks) != 1 || i == 2 && len(nack.Nacks) != 2 {
			t.Errorf("%d are %d pairs", seqs, len(nack.Nacks))
		}
		if !slices.Equal(got, slices.Compact(slices.Clone(seqs))) {
			t.Errorf("%d became %d", seqs, got)
		}
	}
}

func TestNackDoesNotAllocate(t *testing.T) {
	g := NewNackGenerator()
	buffer := make([]byte, 0, 1200)
	seq, now := uint16(0), epoch
	step := func() {
		seq++
		now = now.Add(time.Millisecond)
		if seq%20 != 0 {
			g.Received(now, seq, false)
		}
		if d := g.Deadline(); !d.IsZero() && !d.After(now) {
			g.Advance(now)
		}
		if batch, ok := g.NextNack(); ok {
			AppendNackPairs(buffer, batch)
		}
	}
	for range 5000 {
		step()
	}
	if a := testing.AllocsPerRun(5000, step); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkNackUnderLoss(b *testing.B) {
	b.ReportAllocs()
	g := NewNackGenerator()
	now := epoch
	for i := range b.N {
		now = now.Add(time.Millisecond)
		if i%20 != 0 {
			g.Received(now, uint16(i), false)
		}
		if d := g.Deadline(); !d.IsZero() && !d.After(now) {
			g.Advance(now)
		}
		for _, ok := g.NextNack(); ok; _, ok = g.NextNack() {
		}
	}
}
