package webrtc

import (
	"sync/atomic"
	"time"
)

// armedDeadline is the deadline of something with a lane of its own that the loop
// knows. The lane asks earlier after its deadline has moved, without its lock; the
// loop reads the deadline through arm.
type armedDeadline struct {
	known atomic.Int64 // ns of the Unix epoch; 0: none, or about to be read
}

// arm reads the deadline, zero if there is none, which is then the one that the
// loop knows. What moves it after it was read, but before it is known here, has to
// post: so none is known while it is read. On the loop.
func (a *armedDeadline) arm(deadline func() time.Time) time.Time {
	a.known.Store(0)
	at := deadline()
	if !at.IsZero() {
		a.known.Store(at.UnixNano())
	}
	return at
}

// earlier reports whether the loop has to be made to look, by a post, because at is
// earlier than what it knows. Any goroutine.
func (a *armedDeadline) earlier(at time.Time) bool {
	if at.IsZero() {
		return false
	}
	if known := a.known.Load(); known != 0 && known <= at.UnixNano() {
		return false
	}
	a.known.Store(at.UnixNano())
	return true
}
