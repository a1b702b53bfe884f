package netio

import (
	"sync"
	"sync/atomic"
)

// MaxDatagram is the number of payload bytes that a Buffer holds. Longer
// datagrams are dropped and counted when they are read.
const MaxDatagram = 2048

// A Buffer holds one datagram. It comes from a pool, has one owner at a time,
// and goes back with Release; the owner may hand it to another goroutine.
type Buffer struct {
	n       int
	free    atomic.Bool
	whole   bool     // KeepWhole
	next    *Buffer  // link of the egress queue that owns the buffer
	account *Account // nil: nobody's

	// One byte more than a datagram may have, so that a platform whose read
	// cuts long datagrams silently shows that it did.
	data [MaxDatagram + 1]byte
}

var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// GetBuffer takes an empty buffer from the pool. Its memory is not cleared.
func GetBuffer() *Buffer {
	b := buffers.Get().(*Buffer)
	b.free.Store(false)
	b.n, b.whole = 0, false
	return b
}

// Bytes is the payload: the first SetLen bytes of Cap.
func (b *Buffer) Bytes() []byte { return b.data[:b.n:MaxDatagram] }

// Cap is the whole backing slice, MaxDatagram bytes.
func (b *Buffer) Cap() []byte { return b.data[:MaxDatagram:MaxDatagram] }

// SetLen says how many bytes of Cap are payload. It panics when n is negative
// or more than MaxDatagram.
func (b *Buffer) SetLen(n int) {
	_ = b.Cap()[:n]
	b.n = n
}

// KeepWhole forbids everybody on the path to fragment the datagram: one that is too
// long for a link is lost. It is obeyed by a [WholeSender].
func (b *Buffer) KeepWhole() { b.whole = true }

// Whole tells whether KeepWhole was called since GetBuffer.
func (b *Buffer) Whole() bool { return b.whole }

// Release gives the buffer back; the caller must not touch it afterwards. A
// second Release panics: two owners of one buffer would mix the data of two
// connections.
func (b *Buffer) Release() {
	if b.free.Swap(true) {
		panic("netio: buffer released twice")
	}
	b.account = nil
	buffers.Put(b)
}
