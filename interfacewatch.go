package webrtc

import (
	"slices"
	"sync"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// interfaceWatch tells the gatherers on a network that the host's interfaces have
// changed. It watches while there is a gatherer that wants to know.
type interfaceWatch struct {
	network netio.Network

	mu        sync.Mutex
	listeners []*ICEGatherer
	stop      func() // nil: not watching
}

// add makes g hear of changes. On g's loop; what it starts does not block.
func (w *interfaceWatch) add(g *ICEGatherer) error {
	watcher, ok := w.network.(netio.InterfaceWatcher)
	if !ok {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.listeners, g) {
		return nil
	}
	if w.stop == nil {
		stop, err := watcher.WatchInterfaces(w.changed)
		if err != nil {
			return err
		}
		w.stop = stop
	}
	w.listeners = append(w.listeners, g)
	return nil
}

// remove ends that, and the watching with the last gatherer. It may wait for the
// watcher's goroutine, so it is not called on a loop.
func (w *interfaceWatch) remove(g *ICEGatherer) {
	w.mu.Lock()
	i := slices.Index(w.listeners, g)
	if i < 0 {
		w.mu.Unlock()
		return
	}
	w.listeners = slices.Delete(w.listeners, i, i+1)
	var stop func()
	if len(w.listeners) == 0 {
		stop, w.stop = w.stop, nil
	}
	w.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// changed runs on the watcher's goroutine.
func (w *interfaceWatch) changed() {
	w.mu.Lock()
	listeners := slices.Clone(w.listeners)
	w.mu.Unlock()
	for _, g := range listeners {
		g.loop.Post(g.interfacesChanged)
	}
}
