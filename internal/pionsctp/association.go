package pionsctp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/sctp"
)

// shutdownPatience bounds Close(false): what is queued has this long to arrive.
const shutdownPatience = 5 * time.Second

// Association is one SCTP association. Its methods may be called on any goroutine.
//
// Locks: mu may be held while pion/sctp's locks are taken, never the other way
// round, and pion/sctp holds none of its own when it calls back.
type Association struct {
	config Config
	conn   *conn
	inHand budget

	mu      sync.Mutex
	quiet   sync.Cond // active is zero
	active  int       // goroutines of ours that are not inside a Handler call
	started bool
	closing bool // Close was called: no Handler call but Closed begins any more
	ended   bool // done is closed
	engine  *sctp.Association
	streams map[uint16]*stream
	unseen  map[uint16]struct{} // streams that the peer has reset before they were accepted
	low     []*stream           // BufferedAmountLow is due
	lowBusy bool                // a goroutine delivers low

	workers sync.WaitGroup // all goroutines of ours but run
	done    chan struct{}  // the engine ends or has ended
	closed  chan struct{}  // Close has done its work
	unread  atomic.Int32   // streams that the peer has reset and the reader not drained
	small   atomic.Int32   // about how many small messages are unread
	busy    atomic.Int32   // readers that have found a message
}

// New makes an association that does nothing before Start.
func New(cfg Config) *Association {
	cfg.normalise()
	a := &Association{
		config:  cfg,
		inHand:  budget{limit: int(cfg.ReceiveBuffer)},
		streams: make(map[uint16]*stream),
		unseen:  make(map[uint16]struct{}),
		done:    make(chan struct{}),
		closed:  make(chan struct{}),
	}
	a.quiet.L = &a.mu
	a.conn = newConn(a)
	return a
}

// Start begins the handshake and returns at once. Both ends start (RFC 8831 section
// 5: simultaneous open).
func (a *Association) Start() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.started || a.closing {
		return
	}
	a.started = true
	a.active++
	go a.run()
}

// HandlePacket takes one SCTP packet from DTLS, copies it and returns at once. When
// pion/sctp is behind by too many packets the packet is dropped, which SCTP takes
// for loss.
func (a *Association) HandlePacket(packet []byte) { a.conn.push(packet) }

// run is the goroutine of the association: handshake, incoming streams, end.
func (a *Association) run() {
	engine, err := sctp.ClientWithOptions(a.config.options(a.conn)...)
	if err != nil {
		// pion/sctp leaves its goroutines running when INIT is never answered.
		_ = a.conn.Close()
		a.finish(fmt.Errorf("%w: %w", ErrHandshake, err))
		return
	}
	a.mu.Lock()
	a.engine = engine
	closing := a.closing
	a.mu.Unlock()
	if !closing {
		a.call(a.config.Handler.Established)
		for {
			inner, err := engine.AcceptStream()
			if err != nil {
				break
			}
			a.accept(inner)
		}
	}
	_ = engine.Close() // whatever ended it: its timers and its writer end too
	a.finish(a.conn.cause())
}

// finish ends the goroutine of run: Closed comes after all other calls.
func (a *Association) finish(err error) {
	a.mu.Lock()
	a.end()
	if a.closing {
		err = nil
	}
	a.active--
	a.quiet.Broadcast()
	a.mu.Unlock()
	a.workers.Wait()
	a.config.Handler.Closed(err)
}

// end closes done. mu is held.
func (a *Association) end() {
	if !a.ended {
		a.ended = true
		close(a.done)
	}
}

// spawn runs f on a goroutine of its own. mu is held, and ended is false.
func (a *Association) spawn(f func()) {
	a.active++
	a.workers.Add(1)
	go func() {
		defer a.workers.Done()
		f()
		a.mu.Lock()
		a.active--
		a.quiet.Broadcast()
		a.mu.Unlock()
	}()
}

// call makes one Handler call. While it runs its goroutine does not count as ours,
// so that Close, inside it or beside it, does not wait for it. False: the
// association is being closed, the goroutine is to end.
func (a *Association) call(f func()) bool {
	a.mu.Lock()
	if a.closing {
		a.mu.Unlock()
		return false
	}
	a.active--
	a.quiet.Broadcast()
	a.mu.Unlock()
	f()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.active++
	return !a.closing
}

// Close ends the association: by ABORT, which drops what is queued, or by SHUTDOWN,
// which gives it five seconds to arrive. When it returns all goroutines have ended
// but those inside Handler calls; Handler.Closed follows once they have returned.
// Idempotent, concurrent, allowed in Handler calls.
func (a *Association) Close(abort bool) {
	a.mu.Lock()
	if a.closing {
		a.mu.Unlock()
		<-a.closed
		return
	}
	a.closing = true
	engine, ended := a.engine, a.ended
	a.end()
	a.mu.Unlock()
	defer close(a.closed)

	if engine != nil && !ended {
		if abort {
			engine.Abort("")
		} else {
			ctx, cancel := context.WithTimeout(context.Background(), shutdownPatience)
			_ = engine.Shutdown(ctx)
			cancel()
		}
		_ = engine.Close()
	}
	_ = a.conn.Close()

	a.mu.Lock()
	defer a.mu.Unlock()
	for a.active > 0 {
		a.quiet.Wait()
	}
}

// open returns the engine when streams may be used. mu is held.
func (a *Association) usable() (*sctp.Association, error) {
	switch {
	case a.ended || a.closing:
		return nil, fmt.Errorf("pionsctp: association: %w", net.ErrClosed)
	case a.engine == nil:
		return nil, ErrNotEstablished
	}
	return a.engine, nil
}

// Stats are counters and gauges of an association. What follows Established is
// zero before it is established, and keeps its last value after the end.
type Stats struct {
	BytesSent, BytesReceived uint64        // SCTP packets, headers included, those of the handshake too
	PacketsDropped           uint64        // inbound, not taken because pion/sctp was behind
	MTU                      uint32        // bytes of an SCTP packet
	Streams                  int           // streams with an open or unacknowledged direction
	Established              bool          // the handshake has succeeded
	MaxStreams               uint16        // streams that both ends have in both directions
	RTT                      time.Duration // smoothed round-trip time; 0: none was measured
	CongestionWindow         uint32        // bytes
	PeerWindow               uint32        // bytes that the peer still accepts
}

// Stats returns the present numbers.
func (a *Association) Stats() Stats {
	a.mu.Lock()
	engine := a.engine
	s := Stats{MTU: a.config.MTU, Streams: len(a.streams)}
	a.mu.Unlock()
	s.PacketsDropped = a.conn.droppedPackets()
	s.BytesSent, s.BytesReceived = a.conn.sent.Load(), a.conn.received.Load()
	if engine == nil {
		return s
	}
	s.Established, s.MaxStreams = true, a.conn.negotiatedStreams()
	s.RTT = time.Duration(engine.SRTT() * float64(time.Millisecond))
	s.CongestionWindow, s.PeerWindow = engine.CWND(), engine.RWND()
	return s
}

// sendError makes pion/sctp's errors ours.
func sendError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sctp.ErrOutboundPacketTooLarge):
		return fmt.Errorf("%w: %w", ErrMessageTooLarge, err)
	case errors.Is(err, sctp.ErrStreamClosed):
		return ErrStreamClosed
	}
	return fmt.Errorf("pionsctp: association: %w", net.ErrClosed)
}
