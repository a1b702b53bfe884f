package webrtc

import (
	"slices"
	"sync"

	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// trackEvent is what OnTrack is told.
type trackEvent struct {
	track    *TrackRemote
	receiver *RTPReceiver
}

// trackHandler is the slot behind OnTrack, whose handlers get goroutines of their
// own, as those of OnOpen do. It keeps what nobody heard for a late handler: a
// program that sets it behind SetRemoteDescription, as many written for pion do,
// would otherwise race with the event.
type trackHandler struct {
	eventHandler[trackEvent]
	mu      sync.Mutex
	unheard []trackEvent // delivered while there was nobody; a track once
}

// set replaces the handler, and calls it for what has passed unheard.
func (h *trackHandler) set(l *loop.Loop, f func(*TrackRemote, *RTPReceiver)) {
	if f == nil {
		h.eventHandler.set(nil)
		return
	}
	h.mu.Lock()
	h.eventHandler.set(startTrack(f))
	late := h.unheard
	h.unheard = nil
	h.mu.Unlock()
	for _, e := range late {
		l.Deliver(func() {
			if !e.track.identity().ended {
				startTrack(f)(e)
			}
		})
	}
}

func (h *trackHandler) emit(l *loop.Loop, e trackEvent) {
	l.Emit(func() {
		if h.noted(e) {
			return
		}
		h.call(e)
	})
}

// noted keeps an event that nobody would hear.
func (h *trackHandler) noted(e trackEvent) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heard() {
		return false
	}
	if !slices.Contains(h.unheard, e) {
		h.unheard = append(h.unheard, e)
	}
	return true
}

// forget drops what was noted of a track that the peer does not send any more. On
// the loop.
func (h *trackHandler) forget(l *loop.Loop, track *TrackRemote) {
	l.Emit(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.unheard = slices.DeleteFunc(h.unheard, func(e trackEvent) bool { return e.track == track })
	})
}

func (h *trackHandler) listen(listener any) (remove func(), ok bool) {
	f, ok := listener.(func(*TrackRemote, *RTPReceiver))
	if !ok || f == nil {
		return nil, false
	}
	return h.add(startTrack(f)), true
}

func startTrack(f func(*TrackRemote, *RTPReceiver)) func(trackEvent) {
	return func(e trackEvent) { start(e.receiver.owner.loop, func(struct{}) { f(e.track, e.receiver) }) }
}
