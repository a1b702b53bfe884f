package pionsctp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPacket is what pion/sctp reads at once; longer packets are dropped.
	maxPacket = 8192
	// pooledPacket fits every UDP datagram that netio delivers.
	pooledPacket = 2048
)

var packetPool = sync.Pool{New: func() any { return new([pooledPacket]byte) }}

// conn is the net.Conn that pion/sctp runs on: packets pushed by DTLS are read from
// a bounded queue, written ones go to Config.Write. Both pass the ledger.
type conn struct {
	association *Association
	write       func([]byte, bool) error
	full        int // packets of this size and more are full-size
	ledger      ledger

	sent, received atomic.Uint64 // bytes of packets

	mu      sync.Mutex
	ready   sync.Cond
	queue   [][]byte
	head    int // first of queue that was not read
	dropped uint64
	streams uint16 // that the peer's handshake allows each way; 0: not known
	closed  bool
	failure error // why Write failed
}

func newConn(a *Association) *conn {
	c := &conn{
		association: a,
		// pion/sctp rounds the payload of a DATA chunk down to whole words.
		full:   int(a.config.MTU) - (int(a.config.MTU)-packetHeader-dataHeader)%4,
		ledger: newLedger(),
	}
	c.ready.L = &c.mu
	c.write = func(packet []byte, more bool) error {
		err := a.config.Write(packet, more)
		if err == nil {
			c.sent.Add(uint64(len(packet)))
		}
		return err
	}
	return c
}

// push queues a copy of a packet, or drops it.
func (c *conn) push(packet []byte) {
	if len(packet) == 0 || len(packet) > maxPacket {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if len(c.queue)-c.head >= maxQueue {
		c.dropped++
		return
	}
	c.received.Add(uint64(len(packet)))
	c.noteStreams(packet)
	var b []byte
	if len(packet) <= pooledPacket {
		b = packetPool.Get().(*[pooledPacket]byte)[:len(packet)]
	} else {
		b = make([]byte, len(packet))
	}
	copy(b, packet)
	if c.head > 0 && len(c.queue) == cap(c.queue) {
		n := copy(c.queue, c.queue[c.head:])
		clear(c.queue[n:])
		c.queue, c.head = c.queue[:n], 0
	}
	c.queue = append(c.queue, b)
	c.ready.Signal()
}

// noteStreams reads from INIT or INIT ACK how many streams the peer has in each
// direction (RFC 9260 section 3.3.2). The number in force is the smaller one, as
// this end offers as many as there are. mu is held.
func (c *conn) noteStreams(packet []byte) {
	const initChunk, initAckChunk, length = 1, 2, 28
	if c.streams == 0 && len(packet) >= length && (packet[12] == initChunk || packet[12] == initAckChunk) {
		c.streams = min(binary.BigEndian.Uint16(packet[24:]), binary.BigEndian.Uint16(packet[26:]))
	}
}

// negotiatedStreams is the number of streams in force, 0 before it is known.
func (c *conn) negotiatedStreams() uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams
}

// pop waits for a packet and copies it to p.
func (c *conn) pop(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed && c.head == len(c.queue) {
		c.ready.Wait()
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	b := c.queue[c.head]
	c.queue[c.head] = nil
	c.head++
	if c.head == len(c.queue) {
		c.queue, c.head = c.queue[:0], 0
		if cap(c.queue) > 64 {
			c.queue = nil // idle associations are small
		}
	}
	n := copy(p, b)
	if cap(b) == pooledPacket {
		packetPool.Put((*[pooledPacket]byte)(b[:pooledPacket]))
	}
	return n, nil
}

// Read implements net.Conn. pion/sctp calls it again when it has dealt with the
// packet before: what that one acknowledged is told now.
func (c *conn) Read(p []byte) (int, error) {
	acked, held := c.ledger.settle()
	if len(acked) > 0 {
		c.association.resetAcked(acked)
	}
	if held != nil {
		_ = c.write(held, false)
	}
	for {
		n, err := c.pop(p)
		if err != nil {
			return 0, err
		}
		if !c.crowded(p[:n]) && c.ledger.inbound(p[:n], c.association.unread.Load() < maxUnread) {
			return n, nil
		}
	}
}

// crowded counts the small messages of a packet; true: too many are unread, the
// packet is to be dropped. Retransmissions are counted twice; the count starts anew
// when every reader has come to the end of what there is.
func (c *conn) crowded(p []byte) bool {
	n := smallMessages(p)
	if n == 0 {
		return false
	}
	if c.association.small.Load() >= maxSmall {
		if c.association.busy.Load() > 0 {
			return true
		}
		c.association.small.Store(0)
	}
	c.association.small.Add(int32(n))
	return false
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	pass, reset := c.ledger.outbound(p)
	if len(reset) > 0 {
		c.association.peerReset(reset)
	}
	if !pass {
		return len(p), nil
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	if err := c.write(p, len(p) >= c.full); errors.Is(err, net.ErrClosed) {
		c.mu.Lock()
		c.failure = err
		c.mu.Unlock()
		return 0, err
	}
	return len(p), nil
}

// Close implements net.Conn: Read and Write fail from now on.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.queue, c.head = nil, 0
	c.ready.Broadcast()
	return nil
}

// cause tells why the engine has ended by itself.
func (c *conn) cause() error {
	if ended, err := c.ledger.ending(); ended {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return fmt.Errorf("pionsctp: write: %w", c.failure)
	}
	return errors.New("pionsctp: association ended without a reason")
}

func (c *conn) droppedPackets() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped
}

// SetReadDeadline implements net.Conn. pion/sctp sets one that is due, to end its
// reader for good; no other use is served.
func (c *conn) SetReadDeadline(t time.Time) error {
	if t.IsZero() || time.Until(t) > 0 {
		return nil
	}
	return c.Close()
}

// SetWriteDeadline implements net.Conn: Write does not block.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// LocalAddr implements net.Conn: there is none.
func (c *conn) LocalAddr() net.Addr { return nil }

// RemoteAddr implements net.Conn: there is none.
func (c *conn) RemoteAddr() net.Addr { return nil }
