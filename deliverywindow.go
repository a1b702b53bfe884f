package webrtc

import "sync"

const (
	// maxUndelivered bounds the bytes of messages that wait for OnMessage on
	// one association. Beyond it the SCTP receive window closes.
	maxUndelivered = 1 << 20
	// messageOverhead is counted for each message on top of its bytes, so that
	// a flood of empty messages is bounded too.
	messageOverhead = 256
)

// deliveryWindow bounds what has been read from the association but not yet
// handled by the application. Safe for concurrent use.
type deliveryWindow struct {
	mu     sync.Mutex
	room   sync.Cond
	limit  int
	used   int
	closed bool
}

func newDeliveryWindow(limit int) *deliveryWindow {
	w := &deliveryWindow{limit: limit}
	w.room.L = &w.mu
	return w
}

// acquire waits until a message of n bytes fits; one message always fits in an
// empty window. It returns false once the window is closed.
func (w *deliveryWindow) acquire(n int) bool {
	n += messageOverhead
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && w.used > 0 && w.used+n > w.limit {
		w.room.Wait()
	}
	if w.closed {
		return false
	}
	w.used += n
	return true
}

// release gives back what acquire took.
func (w *deliveryWindow) release(n int) {
	w.mu.Lock()
	w.used -= n + messageOverhead
	w.mu.Unlock()
	w.room.Broadcast()
}

// close ends all waits.
func (w *deliveryWindow) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.room.Broadcast()
}
