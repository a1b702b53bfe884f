// Package seqnum is arithmetic on numbers that wrap: the sequence numbers and
// timestamps of RTP (RFC 3550 section 5.1), which RFC 1982 calls serial numbers.
//
// All of it is plain values. Nothing here may be shared between goroutines
// without the caller's lock.
package seqnum

// Less16 reports whether a comes before b (RFC 1982 section 3.2). Two numbers
// half the space apart, 32768, have no order: neither is less.
func Less16(a, b uint16) bool {
	d := b - a
	return d != 0 && d < 1<<15
}

// Less32 reports whether a comes before b (RFC 1982 section 3.2). Two numbers
// half the space apart have no order: neither is less.
func Less32(a, b uint32) bool {
	d := b - a
	return d != 0 && d < 1<<31
}

// Distance16 is the way from a to b: positive where b comes after a. Half the
// space, where RFC 1982 has no answer, is -32768.
func Distance16(a, b uint16) int16 { return int16(b - a) }

// Distance32 is the way from a to b: positive where b comes after a. Half the
// space, where RFC 1982 has no answer, is -1<<31.
func Distance32(a, b uint32) int32 { return int32(b - a) }
