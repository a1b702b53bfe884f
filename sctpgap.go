package webrtc

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// sctpGap stands for the engine of an SCTP transport between two associations
// whose channels are the same: it keeps what is sent, and hands it on once the
// next engine is there. Safe for concurrent use.
type sctpGap struct {
	mu   sync.Mutex
	next sendEngine // nil until the gap has ended
	held []gapMessage
}

type gapMessage struct {
	id      uint16
	ppid    uint32
	payload []byte
}

// maxGapBytes bounds what waits in the gap; more is refused.
const maxGapBytes = 16 << 20

var errGapFull = errors.New("too much waits for the new association")

// Open does nothing before the gap has ended: close opens the streams.
func (g *sctpGap) Open(id uint16, params streamParams) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		return nil
	}
	return g.next.Open(id, params)
}

func (g *sctpGap) Send(id uint16, ppid uint32, payload []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next != nil {
		return g.next.Send(id, ppid, payload)
	}
	total := len(payload)
	for _, m := range g.held {
		total += len(m.payload)
	}
	if total > maxGapBytes {
		return errGapFull
	}
	g.held = append(g.held, gapMessage{id, ppid, slices.Clone(payload)})
	return nil
}

func (g *sctpGap) BufferedAmount(id uint16) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next != nil {
		return g.next.BufferedAmount(id)
	}
	n := 0
	for _, m := range g.held {
		if m.id == id {
			n += len(m.payload)
		}
	}
	return uint64(n)
}

func (g *sctpGap) SetBufferedAmountLowThreshold(id uint16, n uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next != nil {
		g.next.SetBufferedAmountLowThreshold(id, n)
	}
}

// close opens the streams of the channels on the next engine and sends what was
// held.
func (g *sctpGap) close(next sendEngine, channels map[uint16]*DataChannel) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var failed error
	for id, channel := range channels {
		if err := next.Open(id, channel.streamParams()); err != nil {
			failed = err
		}
	}
	for _, m := range g.held {
		if err := next.Send(m.id, m.ppid, m.payload); err != nil {
			failed = err
		}
	}
	g.held, g.next = nil, next
	return failed
}

// goOn lets the channels live on over another association, as the peer does: it
// knows them, so nothing is announced again. What was on its way in the old
// association is lost with it. On the loop.
func (t *SCTPTransport) goOn(time.Time) {
	old := t.engine.take()
	if old == nil || t.state == SCTPTransportStateClosed {
		return
	}
	if t.gap == nil { // else the association that was to end it has gone, too
		t.gap = &sctpGap{}
		t.sender.store(t.gap)
	}
	t.dtls.ice.gatherer.work.Go(func() { old.Close() })
	t.state, t.established = SCTPTransportStateConnecting, make(chan struct{})
	t.publish()
	t.onStateChange.emit(t.loop, t.state)
}

// resume ends the gap once the new association is up. On the loop.
func (t *SCTPTransport) resume() {
	gap := t.gap
	if gap == nil {
		return
	}
	live := make(map[uint16]*DataChannel)
	for id, channel := range t.channels {
		switch channel.published.latest().state {
		case DataChannelStateOpen:
			live[id] = channel
		case DataChannelStateClosing:
			channel.closed() // its stream has gone with the old association
		}
	}
	engine := t.engine.Load()
	if err := gap.close(engine, live); err != nil {
		t.log.warn("data channels on the new association", "error", err)
	}
	t.sender.store(engine)
	t.gap = nil
}

// reset closes this end's direction of a stream; without an association there is
// none.
func (t *SCTPTransport) reset(id uint16) {
	if engine := t.engine.Load(); engine != nil {
		engine.Reset(id)
	}
}
