package srtp

// maxIndex is the largest index of an SRTP packet: 32 bits of rollover counter and 16 of sequence number (RFC 3711 section 3.3.1).
const maxIndex = 1<<48 - 1

// guessIndex estimates the index of a packet from its sequence number and the highest index so far (RFC 3711 section 3.3.1): the
// nearest one. Where the nearest would be below zero, or beyond the last, it is the one with the rollover counter as it is: what
// comes of it, authentication decides.
func guessIndex(newest uint64, seq uint16) uint64 {
	index := newest&^0xffff | uint64(seq)
	last := newest & 0xffff
	switch {
	case last < 1<<15 && uint64(seq) > last+1<<15 && index >= 1<<16:
		return index - 1<<16
	case last > 1<<15 && uint64(seq) < last-1<<15 && index+1<<16 <= maxIndex:
		return index + 1<<16
	}
	return index
}
