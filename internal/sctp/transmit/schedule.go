package transmit

// Scheduler chooses the stream that sends next.
type Scheduler uint8

const (
	// Weighted shares the path in proportion to the priorities of the streams that
	// have data: RFC 8260 section 3.6, with the weights of RFC 8831 section 6.4.
	Weighted Scheduler = iota
	// RoundRobin gives each stream with data a turn: one message, or one chunk with
	// interleaving (RFC 8260 sections 3.2 and 3.3).
	RoundRobin
)

// schedule is the streams that have data, in a heap: those that were served least in
// proportion to their weight come first. A stream that comes back after a rest
// begins where the others are, so it neither makes up for the rest nor pays for
// what it once had.
type schedule struct {
	kind    Scheduler
	heap    []*stream
	virtual uint64  // pass of the stream served last
	turns   uint64  // to tell equal ones apart: who has waited longer
	current *stream // its message is under way and nothing may come in between; or nil
}

// next is the stream to serve, or nil.
func (h *schedule) next() *stream {
	if h.current != nil {
		return h.current
	}
	if len(h.heap) == 0 {
		return nil
	}
	return h.heap[0]
}

// add takes in a stream that has data now.
func (h *schedule) add(s *stream) {
	s.pass = max(s.pass, h.virtual)
	h.turns++
	s.turn = h.turns
	s.index = int32(len(h.heap))
	h.heap = append(h.heap, s)
	h.up(len(h.heap) - 1)
}

// remove takes out a stream that has none any more.
func (h *schedule) remove(s *stream) {
	h.interrupt(s)
	i, last := int(s.index), len(h.heap)-1
	if i < 0 {
		return
	}
	h.swap(i, last)
	h.heap[last] = nil
	h.heap = h.heap[:last]
	s.index = -1
	if i < last {
		h.down(i)
		h.up(i)
	}
}

// interrupt notes that the message of s that was under way is given up.
func (h *schedule) interrupt(s *stream) {
	if h.current == s {
		h.current = nil
	}
}

// charge notes that s has sent a chunk of n bytes. ended: that was the end of its
// message. interleaved: others may come before its next chunk.
func (h *schedule) charge(s *stream, n int, ended, interleaved bool) {
	h.current = nil
	if !ended && !interleaved {
		h.current = s
	}
	h.virtual = max(h.virtual, s.pass)
	if h.kind == RoundRobin {
		if ended || interleaved {
			s.pass++
		}
	} else {
		s.pass += uint64(n) << 10 / uint64(s.weight)
	}
	h.turns++
	s.turn = h.turns
	if s.index >= 0 {
		h.down(int(s.index))
	}
}

func (h *schedule) less(i, j int) bool {
	a, b := h.heap[i], h.heap[j]
	if a.pass != b.pass {
		return a.pass < b.pass
	}
	return a.turn < b.turn
}

func (h *schedule) swap(i, j int) {
	h.heap[i], h.heap[j] = h.heap[j], h.heap[i]
	h.heap[i].index, h.heap[j].index = int32(i), int32(j)
}

func (h *schedule) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *schedule) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.heap); child++ {
			if h.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}
