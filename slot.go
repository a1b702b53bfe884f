package webrtc

import (
	"sync/atomic"

	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// slot holds an object's snapshot: immutable, replaced on the loop, read by the
// getters on any goroutine. With a callback executor the getters' view lags: it
// changes on the executor, just before the events of the turn that made the
// change. The loop itself reads the newest.
type slot[T any] struct {
	seen   atomic.Pointer[T]
	newest atomic.Pointer[T]
}

// init sets the first snapshot of an object that nobody else has yet.
func (s *slot[T]) init(v *T) {
	s.newest.Store(v)
	s.seen.Store(v)
}

// Load is what getters see.
func (s *slot[T]) Load() *T { return s.seen.Load() }

// latest is the newest snapshot. On the loop.
func (s *slot[T]) latest() *T { return s.newest.Load() }

// publish replaces the snapshot. On the loop.
func (s *slot[T]) publish(l *loop.Loop, v *T) {
	s.newest.Store(v)
	l.Publish(func() { s.seen.Store(v) })
}
