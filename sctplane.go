package webrtc

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// sctpLane runs an association of internal/sctp under a leaf lock (DESIGN section
// 2.1): packets go in and out on the goroutine that brings the cause, be it the
// socket's reader, a sender or the timer. Safe for concurrent use.
//
// What it reports goes three ways, none of them under mu. Changes of the association
// and of streams are posted to the loop in order (tell). The fall of a buffered
// amount is told on a goroutine of its own, as senders hold the channel's lock.
// Messages of a stream are handed over by a goroutine that exists while there are
// any: it may block, and then the stream's messages fill the receive window.
type sctpLane struct {
	// write sends the packets that next returns until there are none. Whole is a probe of the
	// path MTU, which nobody may fragment.
	write  func(next func() (packet []byte, whole, ok bool)) error
	events *sctpEvents

	mu        sync.Mutex
	machine   *sctp.Association
	timer     *time.Timer
	armed     time.Time                              // when timer fires; zero: it does not
	next      func() (packet []byte, whole, ok bool) // nextPacket; made once
	flushed   time.Time                              // now of flush, for next
	readers   map[sctp.StreamID]struct{}             // streams with a goroutine
	idle      []*streamReader                        // to be used again
	pending   []sctp.Event                           // for tell, and streamReset
	tellers   int                                    // goroutines in tell: they may have taken events and not posted them yet
	ending    *sctp.Closed                           // waits for readers
	low       []sctp.StreamID
	lowBusy   bool
	lowTeller func() // tellLow
	closing   bool   // Close was called: nothing more is told
	over      bool   // the machine has ended

	telling sync.Mutex // held while events are posted, so that they keep their order
}

// streamReset is the peer's reset of a stream, in order with the events.
type streamReset struct {
	sctp.Event
	id sctp.StreamID
}

func newSCTPLane(cfg sctp.Config, write func(next func() (packet []byte, whole, ok bool)) error, events *sctpEvents) *sctpLane {
	l := &sctpLane{
		write: write, events: events, machine: sctp.New(cfg),
		readers: make(map[sctp.StreamID]struct{}),
	}
	l.lowTeller, l.next = l.tellLow, l.nextPacket
	return l
}

// Start begins the handshake, unless the peer's INIT chunk has been signalled.
func (l *sctpLane) Start(peerInit []byte) {
	_ = l.do(func(now time.Time) error {
		if peerInit == nil || l.machine.Begin(now, peerInit) != nil { // signaling has checked it
			l.machine.Connect(now)
		}
		return nil
	})
	l.tell()
}

// HandlePacket takes a packet from DTLS.
func (l *sctpLane) HandlePacket(packet []byte) {
	l.mu.Lock()
	now := time.Now()
	l.machine.HandlePacket(now, packet)
	l.leave(now)
}

// Open makes a stream usable. Errors: those of the machine, net.ErrClosed.
func (l *sctpLane) Open(id uint16, p streamParams) error {
	params := transmit.StreamParams{Unordered: p.unordered, MaxRetransmits: -1, Lifetime: -1, Priority: p.priority}
	if p.maxRetransmits != nil {
		params.MaxRetransmits = int(*p.maxRetransmits)
	}
	if p.maxLifetime != nil {
		params.Lifetime = time.Duration(*p.maxLifetime) * time.Millisecond
	}
	return l.do(func(time.Time) error { return l.machine.Open(sctp.StreamID(id), params) })
}

// Send queues a message, copied. Errors: those of the machine, net.ErrClosed.
func (l *sctpLane) Send(id uint16, ppid uint32, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if err := l.failed(l.machine.Send(now, sctp.StreamID(id), sctp.PPID(ppid), payload)); err != nil {
		return err
	}
	l.settle(now)
	return nil
}

// Reset resets our direction of a stream.
func (l *sctpLane) Reset(id uint16) {
	_ = l.do(func(now time.Time) error { l.machine.Reset(now, sctp.StreamID(id)); return nil })
	l.tell()
}

// BufferedAmount is the number of bytes of a stream that were not sent yet.
func (l *sctpLane) BufferedAmount(id uint16) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.machine.BufferedAmount(sctp.StreamID(id))
}

// SetBufferedAmountLowThreshold sets when BufferedAmountLow comes.
func (l *sctpLane) SetBufferedAmountLowThreshold(id uint16, n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.machine.SetBufferedAmountLowThreshold(sctp.StreamID(id), n)
}

// Stats returns the present numbers.
func (l *sctpLane) Stats() sctpStats {
	l.mu.Lock()
	s := l.machine.Stats()
	l.mu.Unlock()
	return sctpStats{
		bytesSent: s.BytesSent, bytesReceived: s.BytesReceived, mtu: uint32(s.MTU), established: s.Established,
		streams: s.Streams, maxStreams: s.MaxStreams, rtt: s.RTT, congestionWindow: uint32(s.CongestionWindow), peerWindow: s.PeerWindow,
	}
}

// PathChanged tells that packets take another path.
func (l *sctpLane) PathChanged(maxMTU int) {
	_ = l.do(func(now time.Time) error { l.machine.PathChanged(now, maxMTU); return nil })
	l.tell()
}

// Close aborts the association. Nothing but Closed is told after it.
func (l *sctpLane) Close() {
	_ = l.do(func(time.Time) error {
		l.closing = true
		l.machine.Abort("")
		return nil
	})
	l.tell()
}

// do makes one call of the machine and what follows from it.
func (l *sctpLane) do(f func(now time.Time) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	err := l.failed(f(now))
	l.settle(now)
	return err
}

// failed makes the machine's error one of a connection that has ended, where it has.
// mu is held.
func (l *sctpLane) failed(err error) error {
	if l.over && errors.Is(err, sctp.ErrNotEstablished) {
		return fmt.Errorf("%w: %w", err, net.ErrClosed)
	}
	return err
}

// settle sends what the machine has to send, collects what it reports, and sets the
// timer. mu is held.
func (l *sctpLane) settle(now time.Time) {
	l.flush(now)
	for event, ok := l.machine.NextEvent(); ok; event, ok = l.machine.NextEvent() {
		l.collect(event)
	}
	for id, ok := l.machine.NextReadable(); ok; id, ok = l.machine.NextReadable() {
		if _, busy := l.readers[id]; !busy && !l.closing {
			l.readers[id] = struct{}{}
			reader := l.reader(id)
			go reader.run()
		}
	}
	if l.ending != nil && (len(l.readers) == 0 || l.closing) {
		l.pending = append(l.pending, *l.ending)
		l.ending = nil
	}
	l.arm(now)
}

// flush sends packets. mu is held.
func (l *sctpLane) flush(now time.Time) {
	l.flushed = now
	// A packet that DTLS does not take is lost; its end is told otherwise.
	_ = l.write(l.next)
}

// nextPacket returns a packet, which is to be sealed before the next. mu is held.
func (l *sctpLane) nextPacket() (packet []byte, whole, ok bool) {
	packet, ok = l.machine.LendPacket(l.flushed)
	return packet, l.machine.IsProbe(), ok
}

// collect sorts an event. mu is held.
func (l *sctpLane) collect(event sctp.Event) {
	switch e := event.(type) {
	case sctp.BufferedAmountLow:
		l.low = append(l.low, e.ID)
		if !l.lowBusy && !l.closing {
			l.lowBusy = true
			go l.lowTeller()
		}
	case sctp.Closed:
		l.ending = &e
		l.over = true
	default:
		l.pending = append(l.pending, event)
	}
}

// arm sets the timer to the machine's deadline; one that fires too early costs less
// than setting it anew each time. mu is held.
func (l *sctpLane) arm(now time.Time) {
	d := l.machine.Deadline()
	if d.IsZero() {
		if l.timer != nil {
			l.timer.Stop()
		}
		l.armed = time.Time{}
		return
	}
	if !l.armed.IsZero() && !l.armed.After(d) {
		return
	}
	l.armed = d
	if l.timer == nil {
		l.timer = time.AfterFunc(d.Sub(now), l.expire)
		return
	}
	l.timer.Reset(d.Sub(now))
}

// expire is the timer.
func (l *sctpLane) expire() {
	l.mu.Lock()
	now := time.Now()
	l.armed = time.Time{}
	if d := l.machine.Deadline(); !d.IsZero() && !d.After(now) {
		l.machine.Advance(now)
	}
	l.leave(now)
}

// leave settles, gives mu back, and tells what there is to tell, which most packets
// bring nothing of. mu is held.
func (l *sctpLane) leave(now time.Time) {
	l.settle(now)
	quiet := len(l.pending) == 0 && l.tellers == 0
	l.mu.Unlock()
	if !quiet {
		l.tell()
	}
}

// tell posts events to the loop, in order. It returns when those before it are posted,
// whoever does that.
func (l *sctpLane) tell() {
	l.mu.Lock()
	l.tellers++
	l.mu.Unlock()
	l.telling.Lock()
	defer l.telling.Unlock()
	l.mu.Lock()
	events := l.pending
	l.pending = nil
	closing := l.closing
	l.mu.Unlock()
	for _, event := range events {
		if closed, ok := event.(sctp.Closed); ok {
			l.events.Closed(closed.Err)
		} else if !closing {
			l.post(event)
		}
	}
	l.mu.Lock()
	l.tellers--
	l.mu.Unlock()
}

func (l *sctpLane) post(event sctp.Event) {
	switch e := event.(type) {
	case sctp.Established:
		l.events.Established()
	case sctp.Restarted:
		l.events.Closed(errPeerRestarted)
	case streamReset:
		l.events.StreamReset(uint16(e.id))
	case sctp.ResetRequested:
		l.events.StreamReset(uint16(e.ID))
	case sctp.StreamClosed:
		l.events.StreamClosed(uint16(e.ID))
	}
}

// errPeerRestarted ends the channels of a peer that began anew: it knows none of them.
var errPeerRestarted = errors.New("the peer has restarted the association")

// tellLow tells of buffered amounts that have fallen, on its own goroutine.
func (l *sctpLane) tellLow() {
	for next := 0; ; {
		l.mu.Lock()
		if next == len(l.low) || l.closing {
			l.low, l.lowBusy = l.low[:0], false
			l.mu.Unlock()
			return
		}
		id := l.low[next]
		next++
		l.mu.Unlock()
		l.events.BufferedAmountLow(uint16(id))
	}
}

// streamReader hands over the messages of a stream, on its own goroutine, and is used
// again for others.
type streamReader struct {
	lane *sctpLane
	id   sctp.StreamID
	run  func() // read; made once, as each method value is an allocation
}

// maxIdleReaders bounds those that are kept.
const maxIdleReaders = 8

// reader returns one for a stream. mu is held.
func (l *sctpLane) reader(id sctp.StreamID) *streamReader {
	var r *streamReader
	if n := len(l.idle); n > 0 {
		r, l.idle = l.idle[n-1], l.idle[:n-1]
	} else {
		r = &streamReader{lane: l}
		r.run = r.read
	}
	r.id = id
	return r
}

func (r *streamReader) read() {
	l, id := r.lane, r.id
	for {
		l.mu.Lock()
		now := time.Now()
		m, ok := l.machine.Take(now, id)
		if ok && m.Reset {
			l.pending = append(l.pending, streamReset{id: id})
		}
		if !ok || l.closing {
			delete(l.readers, id)
			if len(l.idle) < maxIdleReaders {
				l.idle = append(l.idle, r)
			}
			l.leave(now)
			return
		}
		l.leave(now)
		if !m.Reset {
			l.events.Message(uint16(id), uint32(m.PPID), m.Payload)
		}
	}
}
