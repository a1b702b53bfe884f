package bandwidth

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// checkInvariants fails when the estimator's state is one that no input may
// lead to.
func checkInvariants(t *testing.T, e *Estimator) {
	t.Helper()
	s := e.Stats()
	switch {
	case s.Target < e.min || s.Target > e.max:
		t.Fatalf("target %v is out of %v..%v", s.Target, e.min, e.max)
	case s.DelayBased < 0 || s.DelayBased > unlimited || s.LossBased < 0 || s.Acked < 0:
		t.Fatalf("rates: %+v", s)
	case s.RTT < 0 || s.RTT > rttMost:
		t.Fatalf("round-trip time %v", s.RTT)
	case !(s.Loss >= 0 && s.Loss <= 1):
		t.Fatalf("loss %v", s.Loss)
	case !(s.Threshold == 0 || s.Threshold >= thresholdMin && s.Threshold <= thresholdMax):
		t.Fatalf("threshold %v", s.Threshold)
	case s.InFlight < 0 || len(e.history.ring) > historyMost:
		t.Fatalf("%d bytes in flight, a ring of %d", s.InFlight, len(e.history.ring))
	case s.QueueDelay < 0 || e.queue.standing < 0:
		t.Fatalf("queue delay %v, standing %v", s.QueueDelay, e.queue.standing)
	case math.IsNaN(e.trend.sum) || math.IsInf(e.trend.sum, 0) || math.IsNaN(e.detect.last):
		t.Fatalf("the filter has %v, %v", e.trend.sum, e.detect.last)
	}
	if d := e.Deadline(); !d.IsZero() && d.Before(e.epoch) {
		t.Fatalf("deadline %v", d)
	}
}

// FuzzEstimator feeds operations of any kind, order and value: forged sequence
// numbers, arrival times that go back or jump by years, gaps, repetitions.
func FuzzEstimator(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 1, 10, 20, 30})
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 5))
		ops := make([]byte, 600)
		for i := range ops {
			ops[i] = byte(rng.Uint32())
		}
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		now := simEpoch
		e := NewEstimator(now, Config{})
		seq := uint16(65530)
		next := func() int64 {
			if len(ops) < 4 {
				ops = nil
				return 0
			}
			v := int64(int32(binary.LittleEndian.Uint32(ops)))
			ops = ops[4:]
			return v
		}
		for len(ops) > 0 {
			op := ops[0]
			ops = ops[1:]
			v := next()
			switch op % 12 {
			case 0, 1, 2:
				for range v & 15 {
					seq++
					e.Sent(now, SentPacket{Seq: seq, Size: int(v >> 8), Kind: Kind(v), Probe: ProbeID(v % 5)})
					now = now.Add(time.Millisecond)
				}
			case 3:
				seq += uint16(v)
				e.Sent(now, SentPacket{Seq: seq, Size: int(v), Probe: ProbeID(v)})
			case 4, 5, 6:
				var results []PacketResult
				arrival := time.Duration(v) << (op % 40)
				for i := range v & 31 {
					results = append(results, PacketResult{Seq: seq - uint16(v&31) + uint16(i), Received: (v>>i)&1 == 0, Arrival: arrival})
					arrival += time.Duration(v>>16) * time.Microsecond
				}
				e.HandleFeedback(now, results)
			case 7:
				e.HandleLoss(now, int(v), int(v>>3))
				e.HandleRTT(now, time.Duration(v)*time.Microsecond)
			case 8:
				e.HandleREMB(now, Bitrate(v)<<(op%30))
			case 9:
				e.SetLimits(now, Bitrate(v), Bitrate(v>>4))
				e.SetDemand(now, Bitrate(v))
			case 10:
				e.HandleRouteChange(now)
			case 11:
				now = now.Add(time.Duration(v) * time.Microsecond)
				e.Advance(now)
			}
			for range 3 {
				e.NextProbe()
			}
			e.NextEvent()
			checkInvariants(t, e)
		}
	})
}

// TestForgedFeedbackDoesNotInflate: a receiver that lies about arrival times
// gets at most what is sent to it, and never beyond the maximum; one that speaks
// of packets that were never sent is not heard.
func TestForgedFeedbackDoesNotInflate(t *testing.T) {
	e := NewEstimator(simEpoch, Config{Max: 3 * mb})
	now := simEpoch
	rng := rand.New(rand.NewPCG(1, 2))
	var seq uint16
	for range 2000 {
		now = now.Add(10 * time.Millisecond)
		e.Sent(now, SentPacket{Seq: seq, Size: 400, Kind: Video})
		forged := []PacketResult{
			{Seq: seq + 1 + uint16(rng.IntN(30000)), Received: true, Arrival: time.Duration(rng.Int64())},
			{Seq: seq - uint16(rng.IntN(30000)), Received: true, Arrival: -time.Duration(rng.Int64())},
			{Seq: seq, Received: true, Arrival: time.Duration(rng.Int64())},
		}
		e.HandleFeedback(now, forged)
		seq++
		checkInvariants(t, e)
	}
	if e.Stats().Ignored < 2000 {
		t.Errorf("%d results ignored", e.Stats().Ignored)
	}
}

func TestRepeatedFeedbackCountsOnce(t *testing.T) {
	e := NewEstimator(simEpoch, Config{})
	var results []PacketResult
	for seq := range uint16(100) {
		e.Sent(simEpoch, SentPacket{Seq: seq, Size: 1000, Kind: Video})
		results = append(results, PacketResult{Seq: seq, Received: seq%10 > 0, Arrival: time.Duration(seq) * time.Millisecond})
	}
	for range 5 {
		e.HandleFeedback(simEpoch.Add(100*time.Millisecond), results)
	}
	if s := e.Stats(); s.Received != 90 || s.Lost != 10 || s.InFlight != 0 || s.Ignored != 4*90 {
		t.Errorf("%+v", s)
	}
}

func TestReorderingTakesALossBack(t *testing.T) {
	e := NewEstimator(simEpoch, Config{})
	for seq := range uint16(10) {
		e.Sent(simEpoch, SentPacket{Seq: seq, Size: 1000, Kind: Video})
	}
	e.HandleFeedback(simEpoch, []PacketResult{{Seq: 0, Received: true}, {Seq: 1}, {Seq: 2, Received: true}})
	if e.Stats().Lost != 1 {
		t.Fatalf("%+v", e.Stats().Counters)
	}
	e.HandleFeedback(simEpoch, []PacketResult{{Seq: 1, Received: true}, {Seq: 3, Received: true}})
	if s := e.Stats(); s.Lost != 0 || s.Received != 4 || s.InFlight != 6000 {
		t.Errorf("%+v", s)
	}
}

func TestFeedbackThatWasLostLeavesNothingInFlight(t *testing.T) {
	e := NewEstimator(simEpoch, Config{})
	for seq := range uint16(20) {
		e.Sent(simEpoch, SentPacket{Seq: seq, Size: 1000, Kind: Video})
	}
	e.HandleFeedback(simEpoch, []PacketResult{{Seq: 15, Received: true}})
	if s := e.Stats(); s.InFlight != 4000 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

// The ring of sent packets grows to what is in flight, at most to half of the
// sequence numbers, and wraps.
func TestHistoryIsBounded(t *testing.T) {
	e := NewEstimator(simEpoch, Config{})
	for i := range 300_000 {
		e.Sent(simEpoch, SentPacket{Seq: uint16(i), Size: 100, Kind: Video})
	}
	if n := len(e.history.ring); n != historyMost {
		t.Errorf("a ring of %d", n)
	}
	if s := e.Stats(); s.InFlight > historyMost*100 {
		t.Errorf("%d bytes in flight", s.InFlight)
	}
	last := 299_999
	e.HandleFeedback(simEpoch, []PacketResult{{Seq: uint16(last - 20_000), Received: true}, {Seq: uint16(last), Received: true}})
	if s := e.Stats(); s.Received != 2 || s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
}

func TestHistoryStaysSmallWhileFeedbackComes(t *testing.T) {
	s := scenario{link: 5 * mb, queue: 100 * time.Millisecond, rtt: 100 * time.Millisecond}
	if n := len(s.run(1, Config{}, 30*time.Second).est.history.ring); n > 2*historyFirst {
		t.Errorf("a ring of %d for 5 Mb/s", n)
	}
}
