package webrtc

import (
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of earlyPackets: enough for a DTLS flight with certificates, or for
// the first packets of an SCTP association.
const (
	maxEarlyPackets = 32
	maxEarlyBytes   = 48 << 10
)

// packetSink takes one packet; it must not keep the slice.
type packetSink func(now time.Time, packet []byte)

// earlyPackets keeps what comes before the layer that handles it is ready, up
// to a bound, and passes it on in order once it is: a peer that is ahead of us
// by one signalling message need not retransmit. The zero value is ready; all
// methods are safe for concurrent use.
type earlyPackets struct {
	sink  atomic.Pointer[packetSink]
	mu    sync.Mutex
	held  [][]byte
	bytes int
}

// handle passes the packet to the sink, or keeps a copy of it.
func (e *earlyPackets) handle(now time.Time, packet []byte) {
	if sink := e.sink.Load(); sink != nil {
		(*sink)(now, packet)
		return
	}
	e.mu.Lock()
	if sink := e.sink.Load(); sink != nil {
		e.mu.Unlock()
		(*sink)(now, packet)
		return
	}
	if len(e.held) < maxEarlyPackets && e.bytes+len(packet) <= maxEarlyBytes {
		e.held = append(e.held, append([]byte(nil), packet...))
		e.bytes += len(packet)
	}
	e.mu.Unlock()
}

// open sets the sink and passes on what was kept. Packets that come meanwhile
// wait, so that order is kept; the sink must not call back.
func (e *earlyPackets) open(now time.Time, sink packetSink) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, packet := range e.held {
		sink(now, packet)
	}
	e.held, e.bytes = nil, 0
	e.sink.Store(&sink)
}

// hold keeps packets from now on, for a layer that is to come.
func (e *earlyPackets) hold() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held, e.bytes = nil, 0
	e.sink.Store(nil)
}

// shut drops what is kept and all that comes.
func (e *earlyPackets) shut() {
	discard := packetSink(func(time.Time, []byte) {})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held, e.bytes = nil, 0
	e.sink.Store(&discard)
}
