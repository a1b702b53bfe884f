// Package congestion decides how much may be under way and how fast it leaves:
// CUBIC (RFC 9438) or NewReno (RFC 9260 section 7.2) with HyStart++ (RFC 9406),
// and a pacer. It counts bytes and asks for nothing else; who was lost is the
// business of the retransmission queue.
//
// All of it is plain values with one owner.
package congestion

import "time"

// Algorithm is how the window grows in congestion avoidance, and what is left of
// it after a loss.
type Algorithm uint8

const (
	CUBIC   Algorithm = iota // RFC 9438
	NewReno                  // RFC 9260 sections 7.2.1 to 7.2.4
)

// String names the algorithm.
func (a Algorithm) String() string {
	if a == NewReno {
		return "NewReno"
	}
	return "CUBIC"
}

// initialPackets is the window at start and after nothing else is known, in
// packets. RFC 9260 section 7.2.1 starts with about 4,380 bytes, as TCP did; TCP
// has since moved to ten segments (RFC 6928), and so have we.
const initialPackets = 10

// Controller owns the congestion window of one path. The zero value is of no
// use: New makes one.
type Controller struct {
	algorithm Algorithm
	mss       int     // bytes of the chunks that fit one packet: PMDCS
	window    float64 // bytes; a fraction matters in slow growth
	threshold float64 // bytes: ssthresh; below it is slow start
	partial   float64 // bytes: partial_bytes_acked (RFC 9260 section 7.2.2)
	cubic     cubic
	start     hystart
	before    saved
}

// saved is what Undo goes back to.
type saved struct {
	window, threshold float64
	cubic             cubic
	valid             bool
}

// unbounded is the threshold before any loss (RFC 9260 section 7.2.1: "arbitrarily
// high").
const unbounded = float64(1 << 40)

// New makes a Controller for packets that carry mss bytes of chunks.
func New(a Algorithm, mss int) Controller {
	c := Controller{algorithm: a, mss: mss, threshold: unbounded}
	c.window = float64(initialPackets * mss)
	return c
}

// Window is how many bytes may be under way.
func (c *Controller) Window() int { return int(c.window) }

// Threshold is ssthresh in bytes.
func (c *Controller) Threshold() int { return int(c.threshold) }

// SlowStart reports whether the window grows by what is acknowledged.
func (c *Controller) SlowStart() bool { return c.window < c.threshold }

// SetMSS tells that packets carry another number of bytes from now on. The window,
// in bytes, stays (RFC 8899 section 3, item 7).
func (c *Controller) SetMSS(mss int) { c.mss = mss }

// Ack is what one SACK says.
type Ack struct {
	Bytes int // newly delivered
	// Sent counts what has been sent so far, Delivered is the same number at the
	// time when the newest delivered was sent: with them rounds are told apart.
	Sent, Delivered uint64
	RTT             time.Duration // of the newest that was sent once; 0: no sample
	SRTT            time.Duration // smoothed; 0: unknown
	// Utilised tells that it was the window, or the pacer, that held back what could
	// have been sent. A window that nobody fills does not grow (RFC 9260 section
	// 7.2.1, RFC 9438 section 5.8).
	Utilised bool
	// Recovering tells that losses are being repaired: no growth (RFC 9260 section
	// 7.2.4).
	Recovering bool
}

// Ack grows the window.
func (c *Controller) Ack(now time.Duration, a Ack) {
	if c.SlowStart() {
		c.start.ack(a)
	}
	if a.Recovering || a.Bytes <= 0 {
		return
	}
	if !a.Utilised {
		c.cubic.idle(now)
		return
	}
	bytes := float64(a.Bytes)
	if c.SlowStart() {
		// RFC 9406 section 4.2: with pacing L is infinite, so all of it counts.
		grown := c.window + bytes/c.start.divisor()
		if c.start.ended() {
			c.threshold = c.window
			return
		}
		if grown < c.threshold {
			c.window = grown
			return
		}
		bytes = (grown - c.threshold)
		c.window = c.threshold
	}
	if c.algorithm == NewReno {
		c.renoAvoid(bytes)
		return
	}
	c.window = c.cubic.avoid(now, a.SRTT, c.window, bytes, float64(c.mss))
}

// renoAvoid is congestion avoidance of RFC 9260 section 7.2.2: one packet more for
// each window that was acknowledged.
func (c *Controller) renoAvoid(bytes float64) {
	c.partial += bytes
	if c.partial >= c.window {
		c.partial -= c.window
		c.window += float64(c.mss)
	}
}

// Loss is one congestion event: the first loss of a recovery, not each.
func (c *Controller) Loss(now time.Duration) {
	c.save()
	c.start.leave()
	c.partial = 0
	if c.algorithm == NewReno {
		// RFC 9260 section 7.2.3: max(cwnd / 2, 4 * PMDCS).
		c.threshold = max(c.window/2, float64(4*c.mss))
	} else {
		c.threshold = max(c.cubic.reduce(c.window), float64(2*c.mss))
	}
	c.window = c.threshold
	c.cubic.begin(now, c.window, float64(c.mss))
}

// Timeout is the expiry of T3-rtx: back to one packet (RFC 9260 section 7.2.3, RFC
// 9438 section 4.8). repeated tells that nothing was acknowledged since the
// timeout before, which has already lowered the threshold.
func (c *Controller) Timeout(repeated bool) {
	c.start.leave()
	c.partial = 0
	if !repeated {
		c.save()
		if c.algorithm == NewReno {
			c.threshold = max(c.window/2, float64(4*c.mss))
		} else {
			c.threshold = max(c.cubic.reduce(c.window), float64(2*c.mss))
		}
	}
	c.window = float64(c.mss)
	c.cubic.forget()
}

func (c *Controller) save() {
	c.before = saved{window: c.window, threshold: c.threshold, cubic: c.cubic, valid: true}
}

// Undo takes the last Loss or Timeout back, once: it was none (RFC 9438 section
// 4.9).
func (c *Controller) Undo() {
	if !c.before.valid {
		return
	}
	c.window = max(c.window, c.before.window)
	c.threshold = c.before.threshold
	c.cubic = c.before.cubic
	c.before = saved{}
}

// Rate is how fast packets may leave, in bytes a second: the window in less than
// a round trip, so that pacing spreads bursts and limits nothing else. Twice in
// slow start, for the window doubles in a round trip. 0: without limit, as no
// round trip was measured.
func (c *Controller) Rate(srtt time.Duration) float64 {
	if srtt <= 0 {
		return 0
	}
	gain := 1.25
	if c.SlowStart() {
		gain = 2
	}
	return gain * c.window / srtt.Seconds()
}
