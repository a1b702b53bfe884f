package congestion

import "time"

// Constants of RFC 9406 section 4.3.
const (
	minRTTThreshold  = 4 * time.Millisecond
	maxRTTThreshold  = 16 * time.Millisecond
	minRTTDivisor    = 8
	rttSamples       = 8 // N_RTT_SAMPLE
	growthDivisor    = 4 // CSS_GROWTH_DIVISOR
	conservativeMost = 5 // CSS_ROUNDS
)

// hystart ends slow start before it overshoots: when the round-trip time rises,
// HyStart++ (RFC 9406 section 4.2). It works in the first slow start only; after a
// loss the threshold is known.
type hystart struct {
	over         bool   // a loss came, or the end was found
	finished     bool   // avoidance begins now; consumed by ended
	conservative bool   // in Conservative Slow Start
	end          uint64 // windowEnd: the round lasts until this is delivered
	samples      int
	current      time.Duration // currentRoundMinRTT; 0: infinite
	last         time.Duration // lastRoundMinRTT; 0: infinite
	baseline     time.Duration // cssBaselineMinRtt
	rounds       int           // of Conservative Slow Start
}

func (h *hystart) ack(a Ack) {
	if h.over {
		return
	}
	if a.Delivered >= h.end {
		h.round(a.Sent)
	}
	if a.RTT > 0 {
		h.samples++
		if h.current == 0 || a.RTT < h.current {
			h.current = a.RTT
		}
	}
	if h.samples < rttSamples || h.current == 0 {
		return
	}
	switch {
	case h.conservative:
		if h.current < h.baseline {
			// It rose by chance: slow start goes on.
			h.conservative, h.baseline, h.rounds = false, 0, 0
		}
	case h.last > 0:
		threshold := min(max(h.last/minRTTDivisor, minRTTThreshold), maxRTTThreshold)
		if h.current >= h.last+threshold {
			h.conservative, h.baseline, h.rounds = true, h.current, 0
		}
	}
}

// round begins a round.
func (h *hystart) round(sent uint64) {
	if h.conservative {
		if h.rounds++; h.rounds >= conservativeMost {
			h.over, h.finished = true, true
		}
	}
	h.end = sent
	h.last, h.current, h.samples = h.current, 0, 0
}

// divisor is how much slower than slow start the window grows.
func (h *hystart) divisor() float64 {
	if h.conservative {
		return growthDivisor
	}
	return 1
}

// ended tells once that slow start is to end here.
func (h *hystart) ended() bool {
	if h.finished {
		h.finished = false
		return true
	}
	return false
}

// leave ends it for good.
func (h *hystart) leave() { h.over, h.finished, h.conservative = true, false, false }
