package frame

import (
	"time"

	"github.com/pion/rtp"
)

// slot is a place in the window; packet is nil while it is empty.
type slot struct {
	packet  *rtp.Packet
	arrival time.Time
}

// window holds packets by sequence number, from begin up to end. The number of
// its slots is a power of two and grows with what is between the two.
type window struct {
	slots      []slot
	begin, end uint16
	bytes      int
}

// span is the number of sequence numbers between begin and end.
func (w *window) span() int { return int(w.end - w.begin) }

// reset empties the window, which begins at number now.
func (w *window) reset(number uint16) {
	clear(w.slots)
	w.begin, w.end, w.bytes = number, number, 0
}

// extend makes the window begin earlier.
func (w *window) extend(begin uint16) {
	w.grow(int(w.end - begin))
	w.begin = begin
}

// put puts a packet in its place, which is not before begin, and reports whether
// it was empty.
func (w *window) put(number uint16, s slot, limit int) bool {
	if span := int(number-w.begin) + 1; span > w.span() {
		if span > limit {
			return false
		}
		w.grow(span)
		w.end = number + 1
	}
	at := &w.slots[int(number)&(len(w.slots)-1)]
	if at.packet != nil {
		return false
	}
	*at = s
	w.bytes += len(s.packet.Payload)
	return true
}

func (w *window) grow(span int) {
	if span <= len(w.slots) {
		return
	}
	size := max(32, len(w.slots))
	for size < span {
		size *= 2
	}
	slots := make([]slot, size)
	for n := w.begin; n != w.end; n++ {
		slots[int(n)&(size-1)] = w.slots[int(n)&(len(w.slots)-1)]
	}
	w.slots = slots
}

// get returns the slot of a number within the window, or nil where it is empty.
func (w *window) get(number uint16) *slot {
	s := &w.slots[int(number)&(len(w.slots)-1)]
	if s.packet == nil {
		return nil
	}
	return s
}

// arrivalAfter returns when the first of the packets behind number came in: when
// number was first seen to be missing.
func (w *window) arrivalAfter(number uint16) (first time.Time) {
	for number++; number != w.end; number++ {
		if s := w.get(number); s != nil && (first.IsZero() || s.arrival.Before(first)) {
			first = s.arrival
		}
	}
	return first
}

// dropTo forgets what is before number, which is then the beginning.
func (w *window) dropTo(number uint16) {
	for ; w.begin != w.end && w.begin != number; w.begin++ {
		s := &w.slots[int(w.begin)&(len(w.slots)-1)]
		if s.packet != nil {
			w.bytes -= len(s.packet.Payload)
			*s = slot{}
		}
	}
	if w.begin != number {
		w.begin, w.end = number, number
	}
}
