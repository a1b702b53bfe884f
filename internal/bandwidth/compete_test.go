package bandwidth

import (
	"testing"
	"time"
)

// reno is a bulk transfer as TCP Reno does it: a window that grows by a packet
// each round trip and halves at a loss, which fills every queue.
type reno struct {
	w                *world
	window           float64 // packets
	threshold        float64
	flying           int
	number, recovery int
	received         int // bytes
	done             bool
}

const renoPacket = 1200

func (r *reno) fill() {
	for !r.done && float64(r.flying) < r.window {
		r.flying++
		r.number++
		number, arrived := r.number, false
		sent := r.w.now
		wait := max(0, r.w.link.busy-sent)
		r.w.link.send(renoPacket, func(time.Duration) {
			arrived = true
			r.received += renoPacket
		})
		// The acknowledgment, or its absence, is known after the round trip.
		r.w.at(sent+wait+r.w.link.rate.Duration(renoPacket)+r.w.link.rtt+time.Millisecond, func() { r.acknowledged(number, arrived) })
	}
}

func (r *reno) acknowledged(number int, arrived bool) {
	r.flying--
	switch {
	case !arrived && number > r.recovery:
		r.threshold = max(2, r.window/2)
		r.window, r.recovery = r.threshold, r.number
	case arrived && r.window < r.threshold:
		r.window++
	case arrived:
		r.window += 1 / r.window
	}
	r.fill()
}

// TestIsNotStarvedByTCP: a bulk transfer that fills the queue of the bottleneck
// takes more than its share of a delay-based flow, but not all, and what it
// leaves at its end is taken within 10 s.
func TestIsNotStarvedByTCP(t *testing.T) {
	for _, queue := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond} {
		link := &bottleneck{rate: 4 * mb, limit: queue, rtt: 50 * time.Millisecond}
		w := newWorld(21, link)
		f := newFlow(w, Config{})
		f.start()
		w.run(15 * time.Second)
		tcp := &reno{w: w, window: 10, threshold: 1000}
		tcp.fill()
		w.run(75 * time.Second)
		during := f.span(25*time.Second, 75*time.Second)
		tcpRate := rateOf(int64(tcp.received), 60*time.Second)
		tcp.done = true
		w.run(100 * time.Second)
		after := f.span(85*time.Second, 100*time.Second)
		t.Logf("queue %v: %v beside TCP's %v, lowest %v, waits %v; afterwards %v", queue, during.arrived, tcpRate, during.lowest, during.queue, after.target)
		if during.arrived < link.rate.scale(0.1) {
			t.Errorf("queue %v: %v beside TCP's %v", queue, during.arrived, tcpRate)
		}
		if after.target < link.rate.scale(0.7) || after.target > link.rate {
			t.Errorf("queue %v: afterwards %v", queue, after.target)
		}
	}
}
