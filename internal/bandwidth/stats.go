package bandwidth

import "time"

// Stats is what an estimator knows, for statistics and logs.
type Stats struct {
	Target     Bitrate // availableOutgoingBitrate of W3C's candidate-pair statistics
	DelayBased Bitrate // A_hat
	LossBased  Bitrate // As_hat; 0 when losses do not limit
	Remote     Bitrate // REMB; 0 when there was none
	Acked      Bitrate // R_hat, what arrives; 0 when not known

	RTT        time.Duration // smoothed; 0 when not known
	QueueDelay time.Duration // the latest delay above the least one seen
	Loss       float64       // smoothed, 0 to 1

	Usage              Usage
	Threshold          float64 // of the detector, in ms
	ApplicationLimited bool
	LossOnly           bool // receiver reports are all that comes
	Silent             bool // feedback stays away, the target was reduced
	InFlight           int  // bytes that no feedback has spoken of

	Counters
}

// Stats is the state at the latest input.
func (e *Estimator) Stats() Stats {
	s := Stats{
		Target: e.target, DelayBased: e.rates.rate, Remote: e.remb, Acked: e.acked.rate(),
		RTT: e.rtt, Loss: e.losses.smoothed, Usage: e.detect.usage, Threshold: e.detect.threshold,
		ApplicationLimited: e.limit.active, LossOnly: e.mode() == lossMode, Silent: e.silence.cut,
		InFlight: int(e.history.bytes), Counters: e.packets,
	}
	if e.losses.limit < unlimited {
		s.LossBased = e.losses.limit
	}
	if e.queue.known {
		s.QueueDelay = e.queue.above(e.queue.last)
	}
	if e.mode() == lossMode {
		s.DelayBased, s.LossBased = 0, e.reports.rate
	}
	return s
}
