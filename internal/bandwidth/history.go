package bandwidth

import "time"

// Kind is what a packet carries. The order is that of the [Pacer]: a lower kind
// goes out first.
type Kind uint8

const (
	Audio Kind = iota
	Retransmission
	Video // with its forward error correction
	Padding

	kinds = 4
)

// String is the kind's name in lower case.
func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Retransmission:
		return "retransmission"
	case Video:
		return "video"
	case Padding:
		return "padding"
	}
	return "unknown"
}

// SentPacket is what the estimator has to know of a packet that was sent.
type SentPacket struct {
	// Seq is the transport-wide sequence number
	// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2).
	Seq uint16
	// Unnumbered packets have no such number, and Seq is not looked at: they count
	// for what is sent, and no feedback speaks of them.
	Unnumbered bool

	Size int // bytes, the same layers of every packet: IP packets at best
	Kind Kind
	// Probe is what the pacer gave with the packet; 0 for none.
	Probe ProbeID
}

// fate is what is known of a packet.
type fate uint8

const (
	absent   fate = iota // the slot has no packet
	inFlight             // no feedback yet
	lost                 // reported as not received, which reordering may undo
	silent               // feedback went past it without a word
	received
)

// sent is one packet of the history.
type sent struct {
	seq   int64 // unwrapped
	at    time.Duration
	size  int32
	probe ProbeID
	kind  Kind
	fate  fate
}

const (
	historyFirst = 256
	historyMost  = 1 << 15 // half of the sequence numbers: beyond, feedback is ambiguous
	// historyAge is how long a packet may wait for feedback before the ring no
	// longer grows to keep it.
	historyAge = 2 * time.Second
)

// history keeps the sent packets by sequence number, in a ring that grows to
// what is in flight, at most to 32768 packets.
type history struct {
	ring   []sent // its length is a power of two
	newest int64  // unwrapped number of the latest packet
	next   int64  // the first that no feedback has spoken of
	bytes  int64  // in flight
	any    bool
}

// reset forgets the packets and keeps the count of sequence numbers, so that
// feedback about what was sent before finds nothing.
func (h *history) reset() {
	clear(h.ring)
	h.bytes, h.next = 0, h.newest+1
}

// add takes a packet in. A number that is not ahead of the latest one replaces
// what the ring has there; the caller gives numbers in order.
func (h *history) add(now time.Duration, p SentPacket) {
	if !h.any {
		h.any = true
		h.newest = int64(p.Seq)
		h.next = h.newest
		if h.ring == nil {
			h.ring = make([]sent, historyFirst)
		}
	}
	seq := h.newest + int64(int16(p.Seq-uint16(h.newest)))
	if seq <= h.newest-int64(len(h.ring)) {
		return
	}
	h.newest = max(h.newest, seq)
	if h.next < h.newest-historyMost {
		h.next = h.newest - historyMost
	}
	old := h.at(seq)
	if old.fate == inFlight && old.seq != seq && now-old.at < historyAge && len(h.ring) < historyMost {
		h.grow()
		old = h.at(seq)
	}
	h.settle(old, absent)
	*old = sent{seq: seq, at: now, size: int32(p.Size), probe: p.Probe, kind: p.Kind, fate: inFlight}
	h.bytes += int64(p.Size)
}

// at is the slot of a number, which may hold another one.
func (h *history) at(seq int64) *sent { return &h.ring[int(seq&int64(len(h.ring)-1))] }

func (h *history) grow() {
	old := h.ring
	h.ring = make([]sent, 2*len(old))
	for i := range old {
		if old[i].fate != absent {
			*h.at(old[i].seq) = old[i]
		}
	}
}

// find returns the packet that feedback means by a sequence number: the latest
// one with it; nil when there is none.
func (h *history) find(seq uint16) *sent {
	if !h.any {
		return nil
	}
	n := h.newest - int64(uint16(h.newest)-seq)
	if p := h.at(n); p.fate != absent && p.seq == n {
		return p
	}
	return nil
}

// passed notes that feedback has spoken of a packet: those before it, of which
// none did, are no longer in flight.
func (h *history) passed(p *sent) {
	from := max(h.next, p.seq-int64(len(h.ring))+1)
	for seq := from; seq < p.seq; seq++ {
		if q := h.at(seq); q.seq == seq && q.fate == inFlight {
			h.settle(q, silent)
		}
	}
	h.next = max(h.next, p.seq+1)
}

// settle gives a packet its fate.
func (h *history) settle(p *sent, f fate) {
	if p.fate == inFlight {
		h.bytes -= int64(p.size)
	}
	p.fate = f
}
