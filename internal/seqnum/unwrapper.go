package seqnum

// Unwrapper16 extends 16-bit numbers that come roughly in order to 64 bits. The
// first number stands for itself, so that what follows 65535 is 65536, and a
// number from before the first, where the stream's first packets changed
// places around a wrap, is negative. The zero value is ready.
//
// Numbers are placed beside the highest one so far: up to 32767 after it, up to
// 32768 before it.
type Unwrapper16 struct {
	highest int64
	started bool
}

// Unwrap extends n and moves on to it, if it is the highest yet.
func (u *Unwrapper16) Unwrap(n uint16) int64 {
	v := u.Peek(n)
	if !u.started || v > u.highest {
		u.highest, u.started = v, true
	}
	return v
}

// Peek extends n and remembers nothing.
func (u *Unwrapper16) Peek(n uint16) int64 {
	if !u.started {
		return int64(n)
	}
	return u.highest + int64(Distance16(uint16(u.highest), n))
}

// Highest is the highest number so far; false before the first.
func (u *Unwrapper16) Highest() (int64, bool) { return u.highest, u.started }

// Unwrapper32 extends 32-bit numbers, such as RTP timestamps, to 64 bits. It
// works as [Unwrapper16] does. The zero value is ready.
type Unwrapper32 struct {
	highest int64
	started bool
}

// Unwrap extends n and moves on to it, if it is the highest yet.
func (u *Unwrapper32) Unwrap(n uint32) int64 {
	v := u.Peek(n)
	if !u.started || v > u.highest {
		u.highest, u.started = v, true
	}
	return v
}

// Peek extends n and remembers nothing.
func (u *Unwrapper32) Peek(n uint32) int64 {
	if !u.started {
		return int64(n)
	}
	return u.highest + int64(Distance32(uint32(u.highest), n))
}

// Highest is the highest number so far; false before the first.
func (u *Unwrapper32) Highest() (int64, bool) { return u.highest, u.started }
