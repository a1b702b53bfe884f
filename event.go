package webrtc

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// eventHandler is the slot behind an OnX method, and the listeners beside it.
// Both are looked up when the event is delivered, not when it is queued, so one
// that was set in an earlier callback is found. The zero value has none.
type eventHandler[T any] struct {
	handler   atomic.Pointer[func(T)]
	mu        sync.Mutex // of writers to listeners
	listeners atomic.Pointer[[]*func(T)]
}

// set replaces the handler; nil removes it.
func (h *eventHandler[T]) set(f func(T)) {
	if f == nil {
		h.handler.Store(nil)
		return
	}
	h.handler.Store(&f)
}

// add appends a listener and returns what takes it away.
func (h *eventHandler[T]) add(f func(T)) (remove func()) {
	listener := &f
	h.change(func(all []*func(T)) []*func(T) { return append(all, listener) })
	return func() {
		h.change(func(all []*func(T)) []*func(T) {
			return slices.DeleteFunc(all, func(l *func(T)) bool { return l == listener })
		})
	}
}

// change replaces the list of listeners by a changed copy: a delivery under way
// keeps the one it has.
func (h *eventHandler[T]) change(f func([]*func(T)) []*func(T)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := f(slices.Clone(h.all()))
	h.listeners.Store(&changed)
}

func (h *eventHandler[T]) all() []*func(T) {
	if all := h.listeners.Load(); all != nil {
		return *all
	}
	return nil
}

// heard reports whether anybody would hear the event now.
func (h *eventHandler[T]) heard() bool { return h.handler.Load() != nil || len(h.all()) > 0 }

// call runs the handler and then the listeners, in the order of their addition,
// on the caller's goroutine.
func (h *eventHandler[T]) call(value T) {
	if f := h.handler.Load(); f != nil {
		(*f)(value)
	}
	for _, f := range h.all() {
		(*f)(value)
	}
}

// emit queues the event behind this turn's snapshots. On the loop only.
func (h *eventHandler[T]) emit(l *loop.Loop, value T) {
	l.Emit(func() { h.call(value) })
}

// listen is add for a listener whose type is to be checked.
func (h *eventHandler[T]) listen(listener any) (remove func(), ok bool) {
	f, ok := listener.(func(T))
	if !ok || f == nil {
		return nil, false
	}
	return h.add(f), true
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

func (h *signalHandler) listen(listener any) (remove func(), ok bool) {
	f, ok := listener.(func())
	if !ok || f == nil {
		return nil, false
	}
	return h.add(func(struct{}) { f() }), true
}

// openEvent is the slot behind OnOpen, whose handlers get goroutines of their
// own unless there is an executor. It is the one event that a late handler still
// hears, because programs set it after the channel may have opened.
type openEvent struct {
	signalHandler
	mu      sync.Mutex
	unheard bool // delivered while there was nobody
}

// set replaces the handler, and starts it at once if the event has passed
// unheard.
func (e *openEvent) set(l *loop.Loop, f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.signalHandler.set(f)
	if e.unheard && f != nil {
		e.unheard = false
		if l.HasExecutor() {
			l.Deliver(f)
			return
		}
		go f()
	}
}

// missed ends the wait for a late handler.
func (e *openEvent) missed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unheard = false
}

// deliver starts the handlers in their order, or notes that nobody heard.
func (e *openEvent) deliver(l *loop.Loop) {
	for _, f := range e.take() {
		start(l, f)
	}
}

// take returns the handlers. They run without the lock: one may call OnOpen.
func (e *openEvent) take() []func(struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unheard = !e.heard()
	var all []func(struct{})
	if f := e.handler.Load(); f != nil {
		all = append(all, *f)
	}
	for _, f := range e.all() {
		all = append(all, *f)
	}
	return all
}

// start runs f on a goroutine of its own, and returns once that runs; with an
// executor, which the caller is on, it calls f.
func start(l *loop.Loop, f func(struct{})) {
	if l.HasExecutor() {
		f(struct{}{})
		return
	}
	started := make(chan struct{})
	go func() { close(started); f(struct{}{}) }()
	<-started
}
