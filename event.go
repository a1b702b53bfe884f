package webrtc

import (
	"sync/atomic"

	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// eventHandler is the slot behind an OnX method. The handler is looked up when
// the event is delivered, not when it is queued, so a handler that was set in
// an earlier callback is found. The zero value has no handler.
type eventHandler[T any] struct {
	handler atomic.Pointer[func(T)]
}

// set replaces the handler; nil removes it.
func (h *eventHandler[T]) set(f func(T)) {
	if f == nil {
		h.handler.Store(nil)
		return
	}
	h.handler.Store(&f)
}

// call runs the handler, if there is one, on the caller's goroutine.
func (h *eventHandler[T]) call(value T) {
	if f := h.handler.Load(); f != nil {
		(*f)(value)
	}
}

// emit queues the event behind this turn's snapshots. On the loop only.
func (h *eventHandler[T]) emit(l *loop.Loop, value T) {
	l.Emit(func() { h.call(value) })
}

// signalHandler is an eventHandler for events that carry nothing.
type signalHandler struct{ eventHandler[struct{}] }

func (h *signalHandler) set(f func()) {
	if f == nil {
		h.eventHandler.set(nil)
		return
	}
	h.eventHandler.set(func(struct{}) { f() })
}

func (h *signalHandler) emit(l *loop.Loop) { h.eventHandler.emit(l, struct{}{}) }
