package receive

import "time"

// mustOpen is the least that is advertised while nothing can be taken, in bytes:
// unfinished messages must be able to go on.
const mustOpen = 64 << 10

// window counts what is held and decides what the peer may send.
//
// The limit grows from what INIT said up to max: when the application takes at
// least half a window within two round trips, the window may be what holds the
// peer back, so it doubles. It also grows when nothing can be taken because
// messages are unfinished: with interleaving, or where one is larger than the
// window, they would never be finished otherwise.
type window struct {
	limit, max int
	held       int // bytes of all that is held, with overheads
	readable   int // of these, what can be taken
	last       int // what was advertised last
	rtt        time.Duration

	taken int       // bytes since epoch
	epoch time.Time // zero: none
}

func newWindow(initial, most int) window {
	return window{limit: initial, max: most, last: initial}
}

// admits reports whether n bytes may be kept. What fills the gap after the
// cumulative TSN may go beyond the limit.
func (w *window) admits(n int, next bool) bool {
	if w.readable == 0 && w.held+n > w.limit/2 && w.limit < w.max {
		w.limit = min(2*w.limit, w.max)
	}
	if w.held+n <= w.limit {
		return true
	}
	// The peer may use what was advertised, and what is next in order cannot wait:
	// other messages depend on it.
	return (next || w.readable == 0) && w.held+n <= 2*w.max
}

// shut reports that the peer was told of a window of 0, which is still closed. Then what
// lies beyond all that has arrived is dropped (RFC 9260 section 6.2).
func (w *window) shut() bool { return w.last == 0 && w.size() == 0 }

// stuck reports that all that is held is unfinished and there is no room to finish
// any of it.
func (w *window) stuck() bool { return w.readable == 0 && w.held > w.max }

func (w *window) add(n int)   { w.held += n }
func (w *window) drop(n int)  { w.held -= n }
func (w *window) ready(n int) { w.held, w.readable = w.held+n, w.readable+n }

// take counts n bytes that the application took.
func (w *window) take(now time.Time, n int) {
	w.held -= n
	w.readable -= n
	if w.rtt <= 0 || w.limit >= w.max {
		return
	}
	if w.epoch.IsZero() || now.Sub(w.epoch) > 2*w.rtt {
		w.epoch, w.taken = now, 0
	}
	w.taken += n
	if w.taken >= w.limit/2 {
		w.limit = min(2*w.limit, w.max)
		w.epoch, w.taken = now, 0
	}
}

// size is what the peer may still send.
func (w *window) size() int {
	open := w.limit - w.held
	if w.readable == 0 && w.held < 2*w.max-mustOpen {
		open = max(open, mustOpen)
	}
	return max(open, 0)
}

// advertise is size, which is told to the peer.
func (w *window) advertise() uint32 {
	w.last = w.size()
	return uint32(w.last)
}

// reopened reports that the peer believes the window to be less than half of what
// it could be and is to learn that it has grown by a quarter: without that word a
// sender that has stopped would wait for its retransmission timer.
func (w *window) reopened() bool {
	return w.last < w.limit/2 && w.size()-w.last >= w.limit/4
}
