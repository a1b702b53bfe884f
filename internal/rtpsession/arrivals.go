package rtpsession

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/seqnum"
)

const (
	// Feedback goes every 100 ms until the rate is known, and then as often as
	// 5 % of it allow, within these bounds: what congestion control at the
	// other end expects, which was made for it.
	feedbackInterval    = 100 * time.Millisecond
	feedbackIntervalMin = 50 * time.Millisecond
	feedbackIntervalMax = 250 * time.Millisecond

	// feedbackOctets is the size of usual feedback with its IPv4, UDP and SRTCP
	// overhead, what the 5 % are counted in.
	feedbackOctets = 68

	// feedbackSpan is the most sequence numbers that are remembered: a quarter
	// of a second at 30000 packets a second, and less than half of all numbers,
	// so that they have an order.
	feedbackSpan      = 8192
	feedbackSpanFirst = 128

	// maxFeedback is the size of a feedback packet, in octets: with the report
	// and CNAME before it and SRTCP it fits in one datagram of any path.
	maxFeedback = 1100

	feedbackHeader = 20 // octets before the status chunks: section 3.1

	deltaTick     = 250 * time.Microsecond // of receive deltas: section 3.1.5
	ticksOfClock  = 256                    // of a reference time, 64 ms
	notReceived   = math.MinInt64
	runLengthMost = 1<<13 - 1 // section 3.1.3
)

// Packet status symbols, section 3.1.1.
const (
	symbolMissing  = 0
	symbolSmall    = 1 // received, a delta of one octet
	symbolLarge    = 2 // received, a delta of two octets, or negative
	symbolReserved = 3
)

// ArrivalRecorder writes down when packets with a transport-wide sequence number
// arrived, and tells the sender (draft-holmer-rmcat-transport-wide-cc-extensions-01).
// Section numbers here are those of that draft. The zero value is ready. There is
// one for a transport, whatever the number of its streams.
type ArrivalRecorder struct {
	unwrap   seqnum.Unwrapper16
	began    time.Time
	interval time.Duration // 0: the default
	last     time.Time     // of feedback, or the first packet

	arrivals []int64 // ticks since began, in a ring by sequence number
	next     int64   // what is told next
	pending  bool    // a packet came since feedback
	count    uint8   // of feedback packets: section 3.1

	chunks chunkWriter
	deltas []byte
}

// SetBitrate sets how much arrives, in bits/s, which says how often feedback is
// worth its packets: 5 % of it, between 50 and 250 ms. 0 means that it is not
// known: 100 ms.
func (r *ArrivalRecorder) SetBitrate(bps int64) {
	if bps <= 0 {
		r.interval = feedbackInterval
		return
	}
	interval := float64(feedbackOctets*8) / (0.05 * float64(bps)) * float64(time.Second)
	r.interval = time.Duration(min(max(interval, float64(feedbackIntervalMin)), float64(feedbackIntervalMax)))
}

// Record takes the transport-wide sequence number of a packet that arrived. Of
// one that comes twice, the first arrival stands.
func (r *ArrivalRecorder) Record(now time.Time, seq uint16) {
	before, started := r.unwrap.Highest()
	n := r.unwrap.Unwrap(seq)
	if !started {
		r.began, r.last = now, now
		r.next = n
		r.arrivals = make([]int64, feedbackSpanFirst)
		r.clear(0, feedbackSpanFirst-1)
		before = n
	}
	switch {
	case n > before:
		r.advance(before, n)
	case n <= before-int64(len(r.arrivals)):
		return // nobody knows whether it was told
	}
	at := r.place(n)
	if *at != notReceived {
		return
	}
	*at = int64(now.Sub(r.began) / deltaTick)
	// One that comes late is told, and all after it once more: their chunks
	// would say nothing of it otherwise.
	r.next = min(r.next, n)
	r.pending = true
}

func (r *ArrivalRecorder) place(n int64) *int64 { return &r.arrivals[n&int64(len(r.arrivals)-1)] }

func (r *ArrivalRecorder) clear(from, to int64) {
	if to-from >= int64(len(r.arrivals)) {
		from = to - int64(len(r.arrivals)) + 1
	}
	for n := from; n <= to; n++ {
		*r.place(n) = notReceived
	}
}

// advance makes place for the numbers up to n, so that what is to be told is not
// lost; beyond the most there may be, the oldest are forgotten.
func (r *ArrivalRecorder) advance(before, n int64) {
	if n-r.next >= int64(len(r.arrivals)) && len(r.arrivals) < feedbackSpan {
		size := int64(len(r.arrivals))
		for size <= n-r.next && size < feedbackSpan {
			size *= 2
		}
		old := *r
		r.arrivals = make([]int64, size)
		r.clear(0, size-1)
		for m := before - int64(len(old.arrivals)) + 1; m <= before; m++ {
			*r.place(m) = *old.place(m)
		}
	}
	r.clear(before+1, n)
	r.next = max(r.next, n-int64(len(r.arrivals))+1)
}

// Deadline is when feedback is due; zero while nothing came since the last.
func (r *ArrivalRecorder) Deadline() time.Time {
	if !r.pending {
		return time.Time{}
	}
	if r.interval == 0 {
		return r.last.Add(feedbackInterval)
	}
	return r.last.Add(r.interval)
}

// AppendFeedback appends one RTCP packet of up to 1100 octets that tells what
// came since the last; false when there is nothing. It is called until it says
// so, whether or not the deadline has come. The packet may end in padding, so
// that it is the last of its datagram (RFC 3550 section 6.4.1).
func (r *ArrivalRecorder) AppendFeedback(dst []byte, now time.Time, sender, media SSRC) ([]byte, bool) {
	highest, _ := r.unwrap.Highest()
	first := r.next
	for r.pending && first <= highest && *r.place(first) == notReceived {
		first++
	}
	if !r.pending || first > highest {
		r.pending = false
		return dst, false
	}
	r.last = now
	reference := *r.place(first) >> 8 // rounded down, also before began
	begin := len(dst)
	dst = appendFeedbackHeader(dst, sender, media)
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.next))
	dst = append(dst, 0, 0)
	dst = append(dst, byte(reference>>16), byte(reference>>8), byte(reference), r.count)
	r.count++
	n := r.encode(reference*ticksOfClock, highest)
	dst = append(dst, r.chunks.out...)
	dst = append(dst, r.deltas...)
	binary.BigEndian.PutUint16(dst[begin+14:], uint16(n-r.next))
	r.next = n
	r.pending = n <= highest
	return finishFeedback(dst, begin), true
}

// encode fills the chunks and deltas from the next number on, as far as they fit
// in a packet and deltas can say, and returns the number it stopped at.
func (r *ArrivalRecorder) encode(clock, highest int64) int64 {
	r.chunks.reset()
	r.deltas = r.deltas[:0]
	n := r.next
	for ; n <= highest; n++ {
		// One symbol finishes one chunk at most and begins another; padding is
		// up to three octets.
		if feedbackHeader+len(r.chunks.out)+2*2+len(r.deltas)+2+3 > maxFeedback {
			break
		}
		at := *r.place(n)
		if at == notReceived {
			r.chunks.add(symbolMissing)
			continue
		}
		delta := at - clock
		switch {
		case delta >= 0 && delta <= 255:
			r.chunks.add(symbolSmall)
			r.deltas = append(r.deltas, byte(delta))
		case delta >= math.MinInt16 && delta <= math.MaxInt16:
			r.chunks.add(symbolLarge)
			r.deltas = binary.BigEndian.AppendUint16(r.deltas, uint16(delta))
		default:
			r.chunks.finish()
			return n // eight seconds further on: with a reference of its own
		}
		clock = at
	}
	r.chunks.finish()
	return n
}

func appendFeedbackHeader(dst []byte, sender, media SSRC) []byte {
	dst = append(dst, rtpVersion<<6|formatTransportCC, packetTransportFeedback, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(sender))
	return binary.BigEndian.AppendUint32(dst, uint32(media))
}

// finishFeedback pads the packet to 32-bit words and writes its length.
func finishFeedback(dst []byte, begin int) []byte {
	if pad := -(len(dst) - begin) & 3; pad > 0 {
		dst[begin] |= 0x20
		for range pad - 1 {
			dst = append(dst, 0)
		}
		dst = append(dst, byte(pad))
	}
	binary.BigEndian.PutUint16(dst[begin+2:], uint16((len(dst)-begin)/4-1))
	return dst
}

// chunkWriter packs status symbols: a run of one symbol into a run length chunk
// (section 3.1.3), others into status vectors of 14 symbols of one bit or 7 of
// two (section 3.1.4), whichever takes more of them.
type chunkWriter struct {
	out     []byte
	symbols [14]uint8 // the first of those that wait
	count   int
	same    bool // all that wait are one symbol
	large   bool // one of them needs two bits
}

func (c *chunkWriter) reset() { c.out, c.count, c.same, c.large = c.out[:0], 0, true, false }

func (c *chunkWriter) add(symbol uint8) {
	if !c.takes(symbol) {
		c.emit()
	}
	if c.count < len(c.symbols) {
		c.symbols[c.count] = symbol
	}
	c.same = c.same && symbol == c.symbols[0]
	c.large = c.large || symbol == symbolLarge
	c.count++
}

// takes reports whether a symbol still goes into one chunk with those that wait.
func (c *chunkWriter) takes(symbol uint8) bool {
	switch {
	case c.count < 7:
		return true
	case c.same && symbol == c.symbols[0]:
		return c.count < runLengthMost
	}
	return c.count < 14 && !c.large && symbol != symbolLarge
}

// emit writes one chunk of those that wait.
func (c *chunkWriter) emit() {
	switch {
	case c.same:
		c.word(uint16(c.symbols[0])<<13 | uint16(c.count))
		c.count = 0
	case !c.large && c.count == 14:
		c.vector(14, 1)
	default:
		c.vector(min(c.count, 7), 2)
	}
	c.same, c.large = true, false
	for _, s := range c.symbols[:c.count] {
		c.same = c.same && s == c.symbols[0]
		c.large = c.large || s == symbolLarge
	}
}

func (c *chunkWriter) vector(count, bits int) {
	word := uint16(1)<<15 | uint16(bits-1)<<14
	for i, s := range c.symbols[:count] {
		word |= uint16(s) << (14 - bits*(i+1))
	}
	c.word(word)
	copy(c.symbols[:], c.symbols[count:c.count])
	c.count -= count
}

func (c *chunkWriter) word(w uint16) { c.out = binary.BigEndian.AppendUint16(c.out, w) }

// finish writes what waits. Symbols beyond the status count are not looked at.
func (c *chunkWriter) finish() {
	if !c.same && !c.large && c.count > 7 {
		clear(c.symbols[c.count:])
		c.count = 14
	}
	for c.count > 0 {
		c.emit()
	}
}
