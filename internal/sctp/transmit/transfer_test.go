package transmit

import (
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// Everything arrives, whatever the path does, on every stream in order: with and
// without interleaving.
func TestEverythingArrivesOverARoughPath(t *testing.T) {
	seeds := uint64(30)
	if raceEnabled {
		seeds = 6
	}
	for seed := range seeds {
		interleaving := seed%2 == 1
		cfg := Config{InitialTSN: testTSN, PeerWindow: 1 << 18, MTU: 600 + int(seed)*7, Interleaving: interleaving, Scheduler: Scheduler(seed / 2 % 2), Congestion: Congestion(seed / 4 % 2)}
		data := pipe{delay: 20 * time.Millisecond, loss: float64(seed%5) * 0.04, jitter: time.Duration(seed%3) * 7 * time.Millisecond, duplicate: 0.02}
		ack := pipe{delay: 20 * time.Millisecond, loss: float64(seed%4) * 0.05}
		f := newFlow(t, cfg, data, ack, seed)
		f.keep, f.invariants = true, true
		sizes := []int{1, 3, 100, 1000, 5000, 40000}
		sent := map[chunk.StreamID]int{}
		for id := range chunk.StreamID(5) {
			f.q.Open(id, reliable)
		}
		for i := range 150 {
			id := chunk.StreamID(i % 5)
			b := make([]byte, sizes[(i*7+int(seed))%len(sizes)])
			for j := range b {
				b[j] = byte(j * (i + 1))
			}
			f.q.Send(f.time(), id, chunk.PPID(i), b)
			sent[id]++
		}
		f.pump()
		f.w.run(10*time.Minute, f.q.Empty)
		if !f.q.Empty() {
			t.Fatalf("seed %d: not all is acknowledged: %d buffered, %d under way, stats %+v", seed, f.q.waiting(), f.q.Outstanding(), f.q.Stats())
		}
		f.q.Advance(f.time().Add(restAfter))
		if due := f.q.Deadline(); !due.IsZero() || f.q.slab.kept != 0 {
			t.Errorf("seed %d: nothing is left, and something is due or kept: %d bytes", seed, f.q.slab.kept)
		}
		list, err := f.p.messages(interleaving)
		must(t, err)
		next := map[chunk.StreamID]uint32{}
		for _, m := range list {
			if m.number != next[m.stream] {
				t.Fatalf("seed %d: stream %d: number %d, want %d", seed, m.stream, m.number, next[m.stream])
			}
			next[m.stream]++
			i := int(m.ppid)
			if len(m.payload) != sizes[(i*7+int(seed))%len(sizes)] || int(m.stream) != i%5 {
				t.Fatalf("seed %d: message %d on stream %d has %d bytes", seed, i, m.stream, len(m.payload))
			}
			for j, v := range m.payload {
				if v != byte(j*(i+1)) {
					t.Fatalf("seed %d: message %d: byte %d is wrong", seed, i, j)
				}
			}
		}
		if len(list) != 150 {
			t.Fatalf("seed %d: %d messages", seed, len(list))
		}
	}
}

// bulk sends without end for a while over 100 Mb/s and reports bit/s of payload.
func bulk(t testing.TB, c Congestion, rtt time.Duration, loss float64, length time.Duration) (float64, *flow) {
	const rate = 100e6
	f := newFlow(t, Config{InitialTSN: testTSN, PeerWindow: 64 << 20, MTU: 1160, MaxMTU: 1400, Congestion: c},
		pipe{delay: rtt / 2, bandwidth: rate, queue: 200 * time.Millisecond, loss: loss, overhead: 65},
		pipe{delay: rtt / 2, bandwidth: rate, queue: 200 * time.Millisecond, loss: loss, overhead: 65}, 1)
	f.q.Open(1, reliable)
	message := make([]byte, 16<<10)
	f.saturate(1<<20, message)
	f.w.run(length, nil)
	return float64(f.p.bytes) * 8 / length.Seconds(), f
}

// The path is filled where nothing is lost, and losses cost what they cost TCP: about
// 1.2 packets in a round trip by the square root of the loss (Mathis et al.), and more
// with CUBIC.
func TestBulkFillsThePath(t *testing.T) {
	if raceEnabled {
		t.Skip("slow, and of one goroutine")
	}
	for _, c := range []struct {
		congestion Congestion
		rtt        time.Duration
		loss       float64
		least      float64 // Mb/s
	}{
		{CUBIC, 20, 0, 80},
		{NewReno, 20, 0, 80},
		{CUBIC, 20, 0.001, 20},
		{CUBIC, 20, 0.01, 5},
		{CUBIC, 100, 0, 55},
		{CUBIC, 100, 0.01, 0.9},
		{CUBIC, 20, 0.05, 2},
	} {
		goodput, f := bulk(t, c.congestion, c.rtt*time.Millisecond, c.loss, 5*time.Second)
		if goodput < c.least*1e6 {
			t.Errorf("%v, %d ms, %v %% lost: %.2f Mb/s, want %v; %+v", c.congestion, c.rtt, 100*c.loss, goodput/1e6, c.least, f.q.Stats())
		}
		if f.q.MTU() != 1400 {
			t.Errorf("%v, %d ms, %v %% lost: packets of %d bytes", c.congestion, c.rtt, 100*c.loss, f.q.MTU())
		}
	}
}
