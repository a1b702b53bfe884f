package srtp

// inboundStream is what is kept of one SSRC of the peer's: the highest index and the window behind it. There is none before a packet
// of that SSRC has authenticated.
type inboundStream struct {
	ssrc   uint32
	window replayWindow
	kept   bool // signalled: not in the list

	newer, older *inboundStream // neighbours in the list
}

// maxRetired bounds what is remembered of evicted streams.
const maxRetired = 4096

// retirement is what is left of an evicted stream.
type retirement struct {
	newest uint64
	slot   int // in order
}

// streamTable holds the streams of one direction, for RTP or for RTCP.
//
// Only who has the keys can add to it, so its bound is against a peer that makes SSRCs without end, by intent or over the days of a
// long session, and not against forgers. Streams that signalling has named (keep) are as many as signalling allows and are never evicted.
// Of the others the least recently used one goes when there are too many: the peer has most likely left it. Its highest index is
// remembered, so that a stream which comes back goes on where it was, its rollover counter with it, and nothing that was recorded can be replayed.
// That memory is bounded too (maxRetired); a peer that exceeds it has only opened its own streams to replay.
type streamTable struct {
	max        int // of the list
	windowSize int

	streams map[uint32]*inboundStream
	kept    map[uint32]struct{}

	newest, oldest *inboundStream // the list, by use
	listed         int

	retired map[uint32]retirement
	order   []uint32 // a ring of the retired, oldest at next once it is full
	next    int
}

func newStreamTable(maxStreams, windowSize int) streamTable {
	return streamTable{
		max: maxStreams, windowSize: windowSize,
		streams: map[uint32]*inboundStream{}, kept: map[uint32]struct{}{}, retired: map[uint32]retirement{},
	}
}

// touch notes that a packet of the stream has authenticated.
func (t *streamTable) touch(s *inboundStream) {
	if !s.kept && s != t.newest {
		t.unlink(s)
		t.link(s)
	}
}

// add makes the stream of an SSRC whose packet of that index has authenticated.
func (t *streamTable) add(ssrc uint32, index uint64) {
	s := t.fresh()
	s.ssrc = ssrc
	if r, ok := t.retired[ssrc]; ok {
		delete(t.retired, ssrc)
		s.window.resume(r.newest)
		s.window.mark(index)
	} else {
		s.window.start(index)
	}
	t.streams[ssrc] = s
	if _, s.kept = t.kept[ssrc]; !s.kept {
		t.link(s)
	}
}

// fresh returns an empty stream, at the price of the oldest when there is no room.
func (t *streamTable) fresh() *inboundStream {
	if t.listed < t.max {
		return &inboundStream{window: newReplayWindow(t.windowSize)}
	}
	s := t.evict()
	clear(s.window.bits)
	return s
}

// evict takes the least recently used stream out, and remembers its newest index.
func (t *streamTable) evict() *inboundStream {
	s := t.oldest
	t.unlink(s)
	delete(t.streams, s.ssrc)
	t.retire(s.ssrc, s.window.newest)
	return s
}

// retire remembers the newest index of a stream.
func (t *streamTable) retire(ssrc uint32, newest uint64) {
	slot := t.next
	if len(t.order) < maxRetired {
		t.order = append(t.order, ssrc)
	} else {
		if old := t.order[slot]; t.retired[old].slot == slot {
			delete(t.retired, old)
		}
		t.order[slot] = ssrc
	}
	t.next = (slot + 1) % maxRetired
	t.retired[ssrc] = retirement{newest: newest, slot: slot}
}

// keep names a stream that is never evicted, whether or not it exists yet.
func (t *streamTable) keep(ssrc uint32) {
	t.kept[ssrc] = struct{}{}
	if s := t.streams[ssrc]; s != nil && !s.kept {
		t.unlink(s)
		s.kept = true
	}
}

// release takes keep back: the stream is as one that was just used, at the price of the oldest when there is no room.
func (t *streamTable) release(ssrc uint32) {
	delete(t.kept, ssrc)
	s := t.streams[ssrc]
	if s == nil || !s.kept {
		return
	}
	s.kept = false
	if t.listed >= t.max {
		t.evict()
	}
	t.link(s)
}

func (t *streamTable) link(s *inboundStream) {
	s.older, s.newer = t.newest, nil
	if t.newest != nil {
		t.newest.newer = s
	} else {
		t.oldest = s
	}
	t.newest = s
	t.listed++
}

func (t *streamTable) unlink(s *inboundStream) {
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		t.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		t.oldest = s.newer
	}
	s.newer, s.older = nil, nil
	t.listed--
}
