package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// loopMember gives an object a seat in its connection's loop without adding
// methods to the object's public face. Every field may be nil.
type loopMember struct {
	deadline func() time.Time
	advance  func(now time.Time)
	settle   func(now time.Time) bool
}

func (m *loopMember) Deadline() time.Time {
	if m.deadline == nil {
		return time.Time{}
	}
	return m.deadline()
}

func (m *loopMember) Advance(now time.Time) {
	if m.advance != nil {
		m.advance(now)
	}
}

func (m *loopMember) Settle(now time.Time) bool { return m.settle != nil && m.settle(now) }

// catchUp returns when the turn under way is published. A wait that a turn ends
// needs it with an executor, which applies the turn's changes later, or is itself
// what waits.
func catchUp(l *loop.Loop) {
	if l.HasExecutor() {
		_ = l.Do(func(time.Time) {})
	}
}

// doOn runs f on l, waits until its results are published, and returns its
// error; op names the call where the loop has ended.
func doOn(l *loop.Loop, op string, f func(now time.Time) error) error {
	var err error
	if l.Do(func(now time.Time) { err = f(now) }) != nil {
		return closedError(op)
	}
	return err
}
