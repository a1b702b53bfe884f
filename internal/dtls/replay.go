package dtls

const (
	windowWords = 16
	// windowSize is how far behind the newest record an older one may be and still be taken. RFC 6347 section 4.1.2.6 asks
	// for at least 32 and prefers 64; a burst over two paths reorders more than that.
	windowSize = (windowWords - 1) * 64
)

// replayWindow remembers which of the last sequence numbers of an epoch were taken (RFC 6347 section 4.1.2.6). It is a ring of
// words: moving on clears the words that come into use instead of shifting all.
type replayWindow struct {
	newest uint64 // the highest number taken
	any    bool   // whether one was taken at all
	bits   [windowWords]uint64
}

// fresh reports whether seq may be taken: it is new, or inside the window and not taken before. Only a record that then
// authenticates is marked.
func (w *replayWindow) fresh(seq uint64) bool {
	if !w.any || seq > w.newest {
		return true
	}
	if w.newest-seq >= windowSize {
		return false
	}
	return w.bits[seq/64%windowWords]&(1<<(seq%64)) == 0
}

// mark records that seq was taken. fresh(seq) must have been true.
func (w *replayWindow) mark(seq uint64) {
	if !w.any || seq > w.newest {
		from, to := w.newest/64, seq/64
		if !w.any {
			from = to
		}
		for i := from + 1; i <= to && i <= from+windowWords; i++ {
			w.bits[i%windowWords] = 0
		}
		w.newest, w.any = seq, true
	}
	w.bits[seq/64%windowWords] |= 1 << (seq % 64)
}
