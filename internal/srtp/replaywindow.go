package srtp

// replayWindow remembers which of the last indexes were taken (RFC 3711 section 3.3.2). It is a ring of words: moving on clears
// the words that come into use instead of shifting all.
type replayWindow struct {
	newest uint64 // the highest index taken
	bits   []uint64
}

const wordBits = 64

// newReplayWindow makes a window that reaches at least size indexes back.
func newReplayWindow(size int) replayWindow {
	return replayWindow{bits: make([]uint64, (size+wordBits-1)/wordBits+1)}
}

// size is how far behind the newest index another may be.
func (w *replayWindow) size() uint64 { return uint64(len(w.bits)-1) * wordBits }

// start sets the first index. Every older one counts as not taken yet.
func (w *replayWindow) start(index uint64) {
	w.newest = index
	w.set(index)
}

// resume sets the newest index of a window whose bits were lost: all that it reaches counts as taken.
func (w *replayWindow) resume(newest uint64) {
	w.newest = newest
	for i := range w.bits {
		w.bits[i] = ^uint64(0)
	}
	w.bits[newest/wordBits%uint64(len(w.bits))] = 2<<(newest%wordBits) - 1
}

// fresh reports whether index may be taken: it is new, or inside the window and was not taken. Only what then authenticates is marked.
func (w *replayWindow) fresh(index uint64) bool {
	if index > w.newest {
		return true
	}
	return w.newest-index < w.size() && w.bits[index/wordBits%uint64(len(w.bits))]&(1<<(index%wordBits)) == 0
}

// mark records that index was taken; fresh(index) must have been true.
func (w *replayWindow) mark(index uint64) {
	if index > w.newest {
		n := uint64(len(w.bits))
		from, to := w.newest/wordBits, index/wordBits
		for i := from + 1; i <= to && i <= from+n; i++ {
			w.bits[i%n] = 0
		}
		w.newest = index
	}
	w.set(index)
}

func (w *replayWindow) set(index uint64) {
	w.bits[index/wordBits%uint64(len(w.bits))] |= 1 << (index % wordBits)
}
