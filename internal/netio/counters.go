package netio

import "sync/atomic"

// counters is what a PacketConn of this package knows and its Socket reports.
type counters struct {
	readCalls  atomic.Uint64 // system calls that tried to read
	writeCalls atomic.Uint64 // system calls that tried to write
	truncated  atomic.Uint64 // datagrams longer than MaxDatagram
	readErrors atomic.Uint64 // errors that did not end ReadBatch
}

func (c *counters) count() *counters { return c }

// counted is implemented by the PacketConns of this package; nil stands for nothing
// that is known.
type counted interface{ count() *counters }
