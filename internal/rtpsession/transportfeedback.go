package rtpsession

import (
	"encoding/binary"
	"time"
)

// FeedbackError says what makes an RTCP packet no transport-wide feedback.
type FeedbackError string

func (e FeedbackError) Error() string { return "rtpsession: " + string(e) }

// What reading feedback refuses. The values are constants so that a flood of
// such packets costs no memory.
const (
	ErrNoFeedback     = FeedbackError("not transport-wide feedback")
	ErrShortFeedback  = FeedbackError("transport-wide feedback is shorter than what it tells")
	ErrStatusCount    = FeedbackError("transport-wide feedback tells of more than half of all sequence numbers")
	ErrReservedStatus = FeedbackError("transport-wide feedback has a reserved status")
)

// maxStatuses bounds what a packet may tell of. A few chunks of two octets can
// claim 65535 packets that did not arrive; beyond half of all numbers they have
// no order, and no sender has so many on the way.
const maxStatuses = 1<<15 - 1

// FeedbackReader reads transport-wide feedback and keeps the reference times of
// one peer apart when their 24 bits wrap, after 12 days. The zero value is ready.
type FeedbackReader struct {
	reference int64
	started   bool
}

// Read reads one RTCP packet (draft-holmer-rmcat-transport-wide-cc-extensions-01
// section 3.1) and calls yield for each packet it tells of, in ascending order.
// The arrival is on the receiver's clock, whose zero means nothing, and 0 for a
// packet that did not arrive. Nothing is told of a packet that is malformed.
func (r *FeedbackReader) Read(packet []byte, yield func(seq uint16, received bool, arrival time.Duration)) error {
	body, err := feedbackBody(packet)
	if err != nil {
		return err
	}
	base, count := binary.BigEndian.Uint16(body[12:]), int(binary.BigEndian.Uint16(body[14:]))
	chunks, deltas, err := feedbackParts(body[feedbackHeader:], count)
	if err != nil {
		return err
	}
	clock := time.Duration(r.unwrap(binary.BigEndian.Uint32(body[16:])>>8)) * ticksOfClock
	for ; len(chunks) > 0; chunks = chunks[2:] {
		chunk := statusChunk(binary.BigEndian.Uint16(chunks))
		size := min(chunk.size(), count)
		count -= size
		for i := range size {
			switch chunk.symbol(i) {
			case symbolMissing:
				yield(base, false, 0)
			case symbolSmall:
				clock += time.Duration(deltas[0])
				deltas = deltas[1:]
				yield(base, true, clock*deltaTick)
			case symbolLarge:
				clock += time.Duration(int16(binary.BigEndian.Uint16(deltas)))
				deltas = deltas[2:]
				yield(base, true, clock*deltaTick)
			}
			base++
		}
	}
	return nil
}

// ParseTransportFeedback reads one packet as [FeedbackReader] does, for those who
// need no times beyond it.
func ParseTransportFeedback(packet []byte, yield func(seq uint16, received bool, arrival time.Duration)) error {
	var r FeedbackReader
	return r.Read(packet, yield)
}

// unwrap extends the 24 bits of a reference time, which are signed.
func (r *FeedbackReader) unwrap(reference uint32) int64 {
	if !r.started {
		r.reference, r.started = int64(int32(reference<<8)>>8), true
	} else {
		r.reference += int64(int32((reference-uint32(r.reference))<<8) >> 8)
	}
	return r.reference
}

// feedbackBody checks the header of an RTCP packet and returns it without what
// follows it and without its padding.
func feedbackBody(packet []byte) ([]byte, error) {
	if len(packet) < feedbackHeader {
		return nil, ErrShortFeedback
	}
	if packet[0]>>6 != rtpVersion || packet[0]&0x1F != formatTransportCC || packet[1] != packetTransportFeedback {
		return nil, ErrNoFeedback
	}
	size := 4 * (int(binary.BigEndian.Uint16(packet[2:])) + 1)
	if size < feedbackHeader || size > len(packet) {
		return nil, ErrShortFeedback
	}
	packet = packet[:size]
	if packet[0]&0x20 != 0 {
		pad := int(packet[size-1])
		if pad == 0 || pad > size-feedbackHeader {
			return nil, ErrShortFeedback
		}
		packet = packet[:size-pad]
	}
	return packet, nil
}

// feedbackParts finds where the chunks for count packets end and checks that all
// their deltas are there.
func feedbackParts(rest []byte, count int) (chunks, deltas []byte, err error) {
	if count > maxStatuses {
		return nil, nil, ErrStatusCount
	}
	at, octets := 0, 0
	for ; count > 0; at += 2 {
		if len(rest) < at+2 {
			return nil, nil, ErrShortFeedback
		}
		chunk := statusChunk(binary.BigEndian.Uint16(rest[at:]))
		size := min(chunk.size(), count)
		if size == 0 {
			// A run of nothing: allowed by the letter, never needed, and a loop
			// over the whole packet that tells nothing.
			return nil, nil, ErrShortFeedback
		}
		count -= size
		sum, err := chunk.deltaOctets(size)
		if err != nil {
			return nil, nil, err
		}
		octets += sum
	}
	if len(rest) < at+octets {
		return nil, nil, ErrShortFeedback
	}
	return rest[:at], rest[at:], nil
}

// statusChunk is a packet status chunk: sections 3.1.3 and 3.1.4.
type statusChunk uint16

func (c statusChunk) run() bool { return c>>15 == 0 }

func (c statusChunk) size() int {
	switch {
	case c.run():
		return int(c & runLengthMost)
	case c>>14&1 == 0:
		return 14
	}
	return 7
}

func (c statusChunk) symbol(i int) uint8 {
	switch {
	case c.run():
		return uint8(c >> 13)
	case c>>14&1 == 0:
		return uint8(c>>(13-i)) & 1
	}
	return uint8(c>>(12-2*i)) & 3
}

// deltaOctets is how many octets of deltas the first size symbols have.
func (c statusChunk) deltaOctets(size int) (int, error) {
	if c.run() {
		if c.symbol(0) == symbolReserved {
			return 0, ErrReservedStatus
		}
		return size * int(c.symbol(0)), nil
	}
	sum := 0
	for i := range size {
		s := c.symbol(i)
		if s == symbolReserved {
			return 0, ErrReservedStatus
		}
		sum += int(s)
	}
	return sum, nil
}
