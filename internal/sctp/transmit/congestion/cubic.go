package congestion

import (
	"math"
	"time"
)

// cubicC and cubicBeta are C and beta_cubic of RFC 9438 sections 4.1 and 4.6.
const (
	cubicC    = 0.4
	cubicBeta = 0.7
	// cubicAlpha makes the window of the Reno-friendly region grow as Reno's would on
	// average (RFC 9438 section 4.3).
	cubicAlpha = 3 * (1 - cubicBeta) / (1 + cubicBeta)
)

// cubic is the state of one congestion avoidance of RFC 9438, in bytes.
type cubic struct {
	maximum float64       // W_max: the window before the last reduction; 0: none yet
	prior   float64       // cwnd_prior
	friend  float64       // W_est, what Reno would have
	k       float64       // seconds from epoch to maximum
	epoch   time.Duration // when this avoidance began
	running bool          // epoch, k and friend are set
	quiet   time.Duration // since when the window was not used; 0: it is used
}

// reduce is what is left of the window after a loss, and remembers where it was:
// with fast convergence, RFC 9438 section 4.7.
func (c *cubic) reduce(window float64) float64 {
	c.prior = window
	if window < c.maximum {
		c.maximum = window * (1 + cubicBeta) / 2
	} else {
		c.maximum = window
	}
	return window * cubicBeta
}

// begin starts an avoidance at window (RFC 9438 section 4.2).
func (c *cubic) begin(now time.Duration, window, mss float64) {
	c.epoch, c.running, c.quiet = now, true, 0
	c.friend = window
	c.k = 0
	if c.maximum > window {
		c.k = math.Cbrt((c.maximum - window) / mss / cubicC)
	} else {
		c.maximum = window
	}
}

// forget ends the avoidance: slow start comes next, and the avoidance after it
// begins with K 0 and W_max its first window (RFC 9438 section 4.8).
func (c *cubic) forget() { c.running, c.maximum = false, 0 }

// idle notes that the window is not what limits the sender. That time does not
// count (RFC 9438 section 5.8).
func (c *cubic) idle(now time.Duration) {
	if c.running && c.quiet == 0 {
		c.quiet = now
	}
}

// avoid grows the window by what acknowledged bytes let it (RFC 9438 sections 4.3 to
// 4.5).
func (c *cubic) avoid(now, srtt time.Duration, window, bytes, mss float64) float64 {
	if !c.running {
		c.begin(now, window, mss)
	}
	if c.quiet != 0 {
		c.epoch += now - c.quiet
		c.quiet = 0
	}
	alpha := cubicAlpha
	if c.friend >= c.prior {
		alpha = 1
	}
	c.friend += alpha * bytes / window * mss
	t := (now - c.epoch).Seconds()
	if c.at(t, mss) < c.friend {
		return max(window, c.friend)
	}
	target := min(max(c.at(t+srtt.Seconds(), mss), window), 1.5*window)
	return window + (target-window)*bytes/window
}

// at is W_cubic(t), in bytes.
func (c *cubic) at(t, mss float64) float64 {
	d := t - c.k
	return cubicC*d*d*d*mss + c.maximum
}
