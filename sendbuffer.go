package webrtc

import (
	"math"
	"sync"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

const (
	// sendHighWater is where SendContext begins to wait, sendLowWater where it
	// goes on: half empty, so that waiting senders are not woken for each packet.
	sendHighWater = 1 << 20
	sendLowWater  = sendHighWater / 2
)

// sendBuffer gives a channel's messages to the engine and counts what waits
// there. The engine counts bytes on the wire, W3C's bufferedAmount only the
// application's: what differs is kept in overheads until it has gone. Safe for
// concurrent use.
type sendBuffer struct {
	engine func() sendEngine // returns nil before there is one
	tell   func()            // the amount fell to the application's threshold; never blocks
	id     uint16            // set on the loop before the channel is open
	sent   *messageCount

	mu        sync.Mutex
	queued    uint64 // bytes ever given to the engine
	overheads []overhead
	extra     uint64          // bytes of all overheads
	low       uint64          // the application's threshold
	above     bool            // the amount was above low since it last fell to it
	waiting   []chan struct{} // of SendContext
	final     uint64          // amount when the channel closed
	closed    bool
}

// sendEngine is the sending side of an association.
type sendEngine interface {
	Open(id uint16, params streamParams) error
	Send(id uint16, ppid uint32, payload []byte) error
	BufferedAmount(id uint16) uint64
	SetBufferedAmountLowThreshold(id uint16, n uint64)
}

// overhead marks bytes that the application did not send: DCEP messages and
// the placeholder of an empty message.
type overhead struct {
	end   uint64 // in terms of queued
	bytes uint64
}

func (b *sendBuffer) init(d *DataChannel) {
	b.sent = &d.traffic.sent
	b.engine = d.transport.sender.Load
	call := func() { d.onBufferedAmountLow.call(struct{}{}) }
	b.tell = func() { d.transport.loop.Deliver(call) }
}

// open sets the stream's order and reliability.
func (b *sendBuffer) open(params streamParams) error {
	if err := b.engine().Open(b.id, params); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look()
	return nil
}

// emptyPlaceholder is what an empty message carries. See RFC 8831 section 6.6.
var emptyPlaceholder = []byte{0}

// send queues one message.
func (b *sendBuffer) send(ppid sctp.PPID, data []byte) error {
	var extra uint64
	own := len(data) // the application's bytes
	if ppid == sctp.PPIDControl {
		extra = uint64(len(data))
	} else if len(data) == 0 {
		ppid, data, extra = emptyPPID(ppid), emptyPlaceholder, 1
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	size := uint64(len(data))
	rises := !b.above && b.amountLocked()+size-extra > b.low
	if err := b.engine().Send(b.id, uint32(ppid), data); err != nil {
		return err
	}
	b.queued += size
	if ppid != sctp.PPIDControl {
		b.sent.add(own)
	}
	if extra != 0 {
		b.overheads = append(b.overheads, overhead{end: b.queued, bytes: extra})
		b.extra += extra
	}
	if rises {
		b.above = true
		b.look()
	}
	return nil
}

func emptyPPID(ppid sctp.PPID) sctp.PPID {
	if ppid == sctp.PPIDString {
		return sctp.PPIDStringEmpty
	}
	return sctp.PPIDBinaryEmpty
}

// amount returns the application's bytes that wait.
func (b *sendBuffer) amount() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.amountLocked()
}

func (b *sendBuffer) amountLocked() uint64 {
	if b.closed {
		return b.final
	}
	engine := b.engine()
	if engine == nil || b.queued == 0 {
		return 0
	}
	waiting := min(engine.BufferedAmount(b.id), b.queued)
	gone := b.queued - waiting
	for len(b.overheads) > 0 && b.overheads[0].end <= gone {
		b.extra -= b.overheads[0].bytes
		b.overheads = b.overheads[1:]
	}
	extra := b.extra
	if len(b.overheads) > 0 { // part of the first may have gone
		first := b.overheads[0]
		extra -= first.bytes - min(first.bytes, first.end-gone)
	}
	return waiting - min(extra, waiting)
}

func (b *sendBuffer) threshold() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.low
}

func (b *sendBuffer) setThreshold(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.low = n
	b.above = b.amountLocked() > n
	b.look()
}

// room reports whether SendContext may send, or returns a channel that is
// closed when it should look again.
func (b *sendBuffer) room() (bool, chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.amountLocked() < sendHighWater {
		return true, nil
	}
	waiting := make(chan struct{})
	b.waiting = append(b.waiting, waiting)
	b.look()
	return false, waiting
}

// stopWaiting takes back what room returned.
func (b *sendBuffer) stopWaiting(waiting chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, w := range b.waiting {
		if w == waiting {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			break
		}
	}
	b.look()
}

// drained is told that the engine's threshold was reached.
func (b *sendBuffer) drained() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look()
}

// look wakes senders that may go on, tells the application of its threshold,
// and gives the engine the threshold that is reached next: the engine has only
// one, and calls when the amount falls from above to it. What fell before the
// engine knew the threshold is not called for, so look looks again. mu is held.
func (b *sendBuffer) look() {
	engine := b.engine()
	for engine != nil && !b.closed {
		amount := b.amountLocked()
		if amount <= sendLowWater {
			b.wake()
		}
		if b.above && amount <= b.low {
			b.above = false
			b.tell()
		}
		next := b.low
		if !b.above { // nobody waits for it
			next = math.MaxUint64
		}
		if len(b.waiting) > 0 && (next < sendLowWater || !b.above) {
			next = sendLowWater
		}
		engine.SetBufferedAmountLowThreshold(b.id, next)
		if !b.above && len(b.waiting) == 0 || b.amountLocked() > next {
			return
		}
	}
}

// wake lets every waiting sender look again.
func (b *sendBuffer) wake() {
	for _, w := range b.waiting {
		close(w)
	}
	b.waiting = nil
}

// close keeps the amount for good, as W3C wants, and ends all waits.
func (b *sendBuffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.final = b.amountLocked()
	b.closed = true
	b.wake()
}
