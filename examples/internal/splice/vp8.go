package splice

import (
	"encoding/binary"
	"slices"
)

// vp8Numbers are the numbers in the payload descriptor of a packet of VP8 (RFC 7741
// section 4.2), and where they stand.
type vp8Numbers struct {
	pictureID     uint16
	pictureIDSize int // in bytes; 0 if there is none
	tl0           uint8
	hasTL0        bool
	size          int // of the descriptor; 0 where the payload has none
}

// readVP8 reads the payload descriptor.
func readVP8(payload []byte) (n vp8Numbers) {
	if len(payload) == 0 {
		return n // padding
	}
	at := 1
	if payload[0]&0x80 != 0 && len(payload) > 1 { // X: extensions
		extensions := payload[1]
		at = 2
		if extensions&0x80 != 0 && len(payload) > at+1 { // I: PictureID of 7 or 15 bits
			n.pictureID, n.pictureIDSize = uint16(payload[at]), 1
			if payload[at]&0x80 != 0 {
				n.pictureID, n.pictureIDSize = binary.BigEndian.Uint16(payload[at:])&0x7fff, 2
			}
			at += n.pictureIDSize
		}
		if extensions&0x40 != 0 && len(payload) > at { // L: TL0PICIDX
			n.tl0, n.hasTL0 = payload[at], true
			at++
		}
		if extensions&0x30 != 0 { // T, K
			at++
		}
	}
	n.size = at
	return n
}

// write returns the payload with other numbers, of the same sizes.
func (n vp8Numbers) write(payload []byte) []byte {
	if n.pictureIDSize == 0 && !n.hasTL0 {
		return payload
	}
	payload = slices.Clone(payload)
	at := 2
	switch n.pictureIDSize {
	case 1:
		payload[at] = byte(n.pictureID) & 0x7f
	case 2:
		binary.BigEndian.PutUint16(payload[at:], n.pictureID|0x8000)
	}
	if n.hasTL0 {
		payload[at+n.pictureIDSize] = n.tl0
	}
	return payload
}

// StartsKeyframe reports whether a keyframe begins in a payload of VP8: it is the start
// of the first partition (RFC 7741 section 4.2), whose frame header has P = 0
// (section 4.3).
func StartsKeyframe(payload []byte) bool {
	n := readVP8(payload)
	return n.size > 0 && len(payload) > n.size && payload[0]&0x17 == 0x10 && payload[n.size]&1 == 0
}
