package rtpsession

import (
	"time"
)

// HistoryLimits bound what a [History] keeps. A zero field means its default.
type HistoryLimits struct {
	Packets int           // 2048
	Bytes   int           // 1 MiB; at most 1 GiB
	Age     time.Duration // 2 s, as long as a receiver asks
}

const (
	defaultHistoryPackets = 2048
	defaultHistoryBytes   = 1 << 20
	defaultHistoryAge     = 2 * time.Second

	firstHistoryPackets = 32
	firstHistoryBytes   = 16 << 10
)

// sent is a packet in the slab.
type sent struct {
	at     uint32 // where it begins
	size   uint16
	seq    uint16
	stored time.Duration // since the history began
	resent time.Duration // the last time; 0: never
}

// History keeps the packets of one SSRC that were sent, to send them again (RFC
// 4585 section 6.2.1, RFC 4588). It holds as much memory as a round of traffic
// needs: none before the first packet, none after Trim once all are too old.
//
// Packets lie one behind the other in one ring of octets, and their records in
// another; both double until they hold what the age demands, or meet the limits,
// where the oldest packet makes room. The zero value has the default limits.
type History struct {
	limits HistoryLimits
	rtt    time.Duration
	began  time.Time

	slab  []byte
	write uint32 // where the next packet goes

	records []sent   // a ring of a power of two, or empty
	places  []uint32 // by the sequence number's low bits: the latest record with them
	head    uint32   // records before it are gone
	tail    uint32   // of the next record

	stats HistoryStats
}

// HistoryStats is what a [History] holds and has done.
type HistoryStats struct {
	Packets  int   // held now
	Memory   int   // octets held by slab and records
	Sent     int64 // packets that Get returned
	SentSize int64 // their octets
	Unknown  int64 // packets asked for that were not there
	TooSoon  int64 // packets asked for again within a round trip
	TooLarge int64 // packets not stored, larger than all of the history
}

// NewHistory keeps packets within the limits. It holds no memory yet.
func NewHistory(limits HistoryLimits) *History {
	h := &History{limits: limits}
	h.defaults()
	return h
}

func (h *History) defaults() {
	if h.limits.Packets <= 0 {
		h.limits.Packets = defaultHistoryPackets
	}
	if h.limits.Bytes <= 0 {
		h.limits.Bytes = defaultHistoryBytes
	}
	h.limits.Bytes = min(h.limits.Bytes, 1<<30)
	if h.limits.Age <= 0 {
		h.limits.Age = defaultHistoryAge
	}
	if h.rtt <= 0 {
		h.rtt = defaultRTT
	}
}

// SetRTT sets the round-trip time: a packet is sent again once in so long, since
// a request that comes sooner was made before the last answer arrived.
func (h *History) SetRTT(rtt time.Duration) {
	if rtt > 0 {
		h.rtt = rtt
	}
}

// Store copies a packet that was sent under seq. It takes the place of an earlier
// one with this number.
func (h *History) Store(now time.Time, seq uint16, packet []byte) {
	h.defaults()
	if len(packet) > 65535 || len(packet) > h.limits.Bytes {
		h.stats.TooLarge++
		return
	}
	if h.began.IsZero() {
		h.began = now.Add(-1) // so that no time is 0
	}
	h.expire(now)
	h.makeRecord()
	at := h.makeRoom(uint32(len(packet)))
	copy(h.slab[at:], packet)
	h.write = at + uint32(len(packet))
	mask := uint32(len(h.records) - 1)
	h.records[h.tail&mask] = sent{at: at, size: uint16(len(packet)), seq: seq, stored: now.Sub(h.began)}
	h.places[uint32(seq)&mask] = h.tail
	h.tail++
}

// held is how many packets there are.
func (h *History) held() uint32 { return h.tail - h.head }

func (h *History) record(i uint32) *sent { return &h.records[i&uint32(len(h.records)-1)] }

// expire lets go of packets that are too old.
func (h *History) expire(now time.Time) {
	oldest := now.Sub(h.began) - h.limits.Age
	for h.head != h.tail && h.record(h.head).stored < oldest {
		h.head++
	}
}

// makeRecord makes room for one record.
func (h *History) makeRecord() {
	if int(h.held()) >= h.limits.Packets {
		h.head = h.tail - uint32(h.limits.Packets) + 1
	}
	if h.held() < uint32(len(h.records)) {
		return
	}
	size := max(firstHistoryPackets, 2*len(h.records))
	records, places := make([]sent, size), make([]uint32, size)
	mask := uint32(size - 1)
	for i := range places {
		places[i] = h.tail // of nothing
	}
	for i := h.head; i != h.tail; i++ {
		r := *h.record(i)
		records[i&mask] = r
		places[uint32(r.seq)&mask] = i
	}
	h.records, h.places = records, places
}

// makeRoom finds size octets in a row: behind the newest packet, or at the
// beginning, and where an old one lies there, it grows or lets that go.
func (h *History) makeRoom(size uint32) uint32 {
	for {
		if at, ok := h.room(size); ok {
			return at
		}
		if len(h.slab) < h.limits.Bytes {
			h.grow(int(size))
		} else {
			h.head++
		}
	}
}

// room is the free place for size octets, if there is one. What is held lies
// between the oldest packet and the write position, which goes around.
func (h *History) room(size uint32) (uint32, bool) {
	end := uint32(len(h.slab))
	if h.head == h.tail {
		h.write = 0
		return 0, size <= end
	}
	oldest := h.record(h.head).at
	switch {
	case h.write <= oldest:
		// The write position is behind the oldest, or all is full: a slab that
		// is full and one that is empty differ in that one holds a packet.
		return h.write, h.write+size <= oldest
	case h.write+size <= end:
		return h.write, true
	default:
		return 0, size <= oldest
	}
}

// grow doubles the slab and lays the packets out from its beginning.
func (h *History) grow(size int) {
	length := max(firstHistoryBytes, 2*len(h.slab))
	for length < size {
		length *= 2
	}
	slab := make([]byte, min(length, h.limits.Bytes))
	at := uint32(0)
	for i := h.head; i != h.tail; i++ {
		r := h.record(i)
		copy(slab[at:], h.slab[r.at:r.at+uint32(r.size)])
		r.at = at
		at += uint32(r.size)
	}
	h.slab, h.write = slab, at
}

// find is the record of a packet that is held.
func (h *History) find(now time.Time, seq uint16) *sent {
	if h.head == h.tail {
		return nil
	}
	h.expire(now)
	i := h.places[uint32(seq)&uint32(len(h.records)-1)]
	if i-h.head >= h.held() {
		return nil
	}
	if r := h.record(i); r.seq == seq {
		return r
	}
	return nil
}

// Get returns a packet to send again: false where it is not held, or was sent
// again within the round-trip time. The slice is good until the next Store or
// Trim; the caller may change it, and changes what the next Get returns.
func (h *History) Get(now time.Time, seq uint16) (packet []byte, ok bool) {
	r := h.find(now, seq)
	if r == nil {
		h.stats.Unknown++
		return nil, false
	}
	at := now.Sub(h.began)
	if r.resent != 0 && at-r.resent < h.rtt {
		h.stats.TooSoon++
		return nil, false
	}
	r.resent = at
	h.stats.Sent++
	h.stats.SentSize += int64(r.size)
	return h.bytes(r), true
}

// Latest returns the newest packet, for padding that may be of use to the peer;
// it does not count as sent again. The slice is good as that of Get is.
func (h *History) Latest(now time.Time) (packet []byte, ok bool) {
	if h.head != h.tail {
		h.expire(now)
	}
	if h.head == h.tail {
		return nil, false
	}
	return h.bytes(h.record(h.tail - 1)), true
}

func (h *History) bytes(r *sent) []byte {
	end := r.at + uint32(r.size)
	return h.slab[r.at:end:end]
}

// Trim lets go of what is too old, and of the memory once that is everything. It
// is called now and then, about once a second.
func (h *History) Trim(now time.Time) {
	if h.records == nil {
		return
	}
	h.expire(now)
	if h.head == h.tail {
		h.slab, h.records, h.places, h.write = nil, nil, nil, 0
	}
}

// Stats returns what is held and was counted.
func (h *History) Stats() HistoryStats {
	s := h.stats
	const recordSize = 24 + 4
	s.Packets, s.Memory = int(h.held()), len(h.slab)+len(h.records)*recordSize
	return s
}
