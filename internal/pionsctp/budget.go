package pionsctp

import "sync"

// budget bounds the bytes of messages that Handlers have in hand, which no longer
// count against the receive window. A single message always fits.
type budget struct {
	limit int

	mu    sync.Mutex
	taken int
	freed chan struct{} // closed by the next give; nil when nobody waits
}

// take waits until n bytes fit; false when stop is closed first.
func (b *budget) take(n int, stop <-chan struct{}) bool {
	for {
		b.mu.Lock()
		if b.taken == 0 || b.taken+n <= b.limit {
			b.taken += n
			b.mu.Unlock()
			return true
		}
		if b.freed == nil {
			b.freed = make(chan struct{})
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-stop:
			return false
		}
	}
}

// give returns n bytes.
func (b *budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken -= n
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}
