package samplebuilder

import "github.com/pion/rtp"

// ring holds packets by sequence number, from begin up to end. The number of its
// slots is a power of two and grows with what is between the two. The last one is
// never empty.
type ring struct {
	slots      []*rtp.Packet
	begin, end uint16
}

// span is the number of sequence numbers between begin and end.
func (r *ring) span() int { return int(r.end - r.begin) }

func (r *ring) slot(number uint16) **rtp.Packet {
	return &r.slots[int(number)&(len(r.slots)-1)]
}

// get returns the packet of a number between begin and end, or nil.
func (r *ring) get(number uint16) *rtp.Packet { return *r.slot(number) }

// put puts a packet in its place, which is not before begin, and reports whether
// that was empty.
func (r *ring) put(p *rtp.Packet) bool {
	number := p.SequenceNumber
	if span := int(number-r.begin) + 1; span > r.span() {
		r.grow(span)
		r.end = number + 1
	}
	at := r.slot(number)
	if *at != nil {
		return false
	}
	*at = p
	return true
}

// extend makes the ring begin earlier.
func (r *ring) extend(begin uint16) {
	r.grow(int(r.end - begin))
	r.begin = begin
}

func (r *ring) grow(span int) {
	if span <= len(r.slots) {
		return
	}
	size := max(16, len(r.slots))
	for size < span {
		size *= 2
	}
	grown := ring{slots: make([]*rtp.Packet, size)}
	for n := r.begin; n != r.end; n++ {
		*grown.slot(n) = r.get(n)
	}
	r.slots = grown.slots
}

// pop takes the first place off, and returns what was in it.
func (r *ring) pop() *rtp.Packet {
	at := r.slot(r.begin)
	p := *at
	*at = nil
	r.begin++
	return p
}

// from returns the first packet from number on. There is one before end.
func (r *ring) from(number uint16) *rtp.Packet {
	for ; ; number++ {
		if p := r.get(number); p != nil {
			return p
		}
	}
}

// media returns the first packet with a payload from number on, or nil.
func (r *ring) media(number uint16) *rtp.Packet {
	for ; number != r.end; number++ {
		if p := r.get(number); p != nil && len(p.Payload) > 0 {
			return p
		}
	}
	return nil
}

// contiguous reports whether nothing is missing between begin and number.
func (r *ring) contiguous(number uint16) bool {
	for n := r.begin; n != number; n++ {
		if r.get(n) == nil {
			return false
		}
	}
	return true
}

// mediaCount returns how many of the first packets have a payload.
func (r *ring) mediaCount(count int) (n int) {
	for i := range count {
		if p := r.get(r.begin + uint16(i)); p != nil && len(p.Payload) > 0 {
			n++
		}
	}
	return n
}
