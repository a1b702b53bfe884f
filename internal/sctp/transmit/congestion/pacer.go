package congestion

import "time"

// burst is how long a pause of the sender may be made up for at once, and so how
// long the bursts are that leave together: what 5 ms at the rate bring, and never
// less than minBurst packets. Longer bursts cost fewer system calls and more room
// in the queues of the path.
const (
	burst    = 5 * time.Millisecond
	minBurst = 10
	// quantum is the least that is worth waking up for.
	quantum = time.Millisecond
)

// Pacer is a bucket of bytes that fills at a rate. It limits bursts to what RFC
// 9260 section 6.1 D asks for (Max.Burst), in units of time. The zero value is full.
type Pacer struct {
	debt float64       // bytes sent ahead of the rate, at since
	at   time.Duration // when debt was true
}

// Full reports whether nothing may leave at now.
func (p *Pacer) Full(now time.Duration, rate float64, mss int) bool {
	p.settle(now, rate)
	return rate > 0 && p.debt >= depth(rate, mss)
}

// Spend notes that n bytes left. now is the time of the last call of Full.
func (p *Pacer) Spend(n int) { p.debt += float64(n) }

// Next is when a Full pacer lets a quantum leave again; later than the last call of
// Full.
func (p *Pacer) Next(rate float64, mss int) time.Duration {
	if rate <= 0 {
		return p.at + 1
	}
	over := p.debt - depth(rate, mss) + max(float64(mss), rate*quantum.Seconds())
	return p.at + max(time.Duration(over/rate*float64(time.Second)), 1)
}

func (p *Pacer) settle(now time.Duration, rate float64) {
	if rate <= 0 {
		p.debt = 0
	} else {
		p.debt = max(0, p.debt-(now-p.at).Seconds()*rate)
	}
	p.at = now
}

// depth is how many bytes may leave at once.
func depth(rate float64, mss int) float64 {
	return max(float64(minBurst*mss), rate*burst.Seconds())
}
