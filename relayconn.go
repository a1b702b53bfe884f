package webrtc

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/turn"
)

// relayConn makes an allocation on a TURN server look like a socket: what is
// written leaves from the relayed address, what is read came to it. Underneath is a
// socket or a stream to the server.
//
// Its lock is a lane's: a leaf, held for the turn of one packet. Deadlines and
// events go to the loop.
type relayConn struct {
	inner  netio.PacketConn
	server netip.AddrPort
	rouse  func(at time.Time) // makes the loop look at the deadline
	report func(turn.Event)   // hands an event to the loop

	writing sync.Mutex       // before mu; the egress has one writer anyway
	wrapped []netio.Datagram // scratch of WriteBatch
	origin  []int            // which datagram each of wrapped is of

	mu     sync.Mutex
	client *turn.Client

	relayed atomic.Pointer[netip.AddrPort] // nil before there is an allocation

	parted    chan struct{} // closed by Close when the server has been told once
	readEnded chan struct{} // closed by the reader
	answered  chan struct{} // holds one value when something came from the server behind parted
}

func newRelayConn(inner netio.PacketConn, server netip.AddrPort, config turn.Config) *relayConn {
	return &relayConn{
		inner: inner, server: server, client: turn.New(config),
		parted: make(chan struct{}), readEnded: make(chan struct{}), answered: make(chan struct{}, 1),
	}
}

// LocalAddr is the first relayed address; before there is one, that of the socket
// to the server.
func (c *relayConn) LocalAddr() netip.AddrPort {
	if a := c.relayed.Load(); a != nil {
		return *a
	}
	return c.inner.LocalAddr()
}

// allocate asks the server. On the loop.
func (c *relayConn) allocate(now time.Time) { c.turn(func() { c.client.Allocate(now) }) }

// confirm asks the server whether the allocation is still there. On the loop.
func (c *relayConn) confirm(now time.Time) { c.turn(func() { c.client.Confirm(now) }) }

// advance does what is due. On the loop.
func (c *relayConn) advance(now time.Time) {
	c.turn(func() {
		if at := c.client.Deadline(); !at.IsZero() && !now.Before(at) {
			c.client.Advance(now)
		}
	})
}

// deadline is when advance is to be called; zero: never.
func (c *relayConn) deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client.Deadline()
}

// turn gives the client an input, and carries out what follows from it.
func (c *relayConn) turn(input func()) {
	c.mu.Lock()
	input()
	requests, events, at := c.drain()
	c.mu.Unlock()
	c.follow(requests, events, at)
}

// drain takes the outputs of the client. With the lock.
func (c *relayConn) drain() (requests [][]byte, events []turn.Event, at time.Time) {
	for {
		p, ok := c.client.NextPacket()
		if !ok {
			break
		}
		requests = append(requests, p)
	}
	for {
		e, ok := c.client.NextEvent()
		if !ok {
			break
		}
		events = append(events, e)
	}
	if requests != nil || events != nil {
		at = c.client.Deadline()
	}
	return requests, events, at
}

func (c *relayConn) follow(requests [][]byte, events []turn.Event, at time.Time) {
	if len(requests) > 0 {
		c.transmit(requests)
	}
	for _, e := range events {
		if a, ok := e.(*turn.Allocated); ok {
			c.relayed.Store(&a.Relayed[0])
		}
		c.report(e)
	}
	if !at.IsZero() {
		c.rouse(at)
	}
}

// transmit sends messages to the server. What the socket does not take is lost,
// and repeated where it matters.
func (c *relayConn) transmit(packets [][]byte) {
	ds := make([]netio.Datagram, 0, len(packets))
	for _, p := range packets {
		if len(p) > netio.MaxDatagram {
			continue
		}
		b := netio.GetBuffer()
		b.SetLen(copy(b.Cap(), p))
		ds = append(ds, netio.Datagram{Buffer: b, Addr: c.server})
	}
	for rest := ds; len(rest) > 0; {
		n, err := c.inner.WriteBatch(rest)
		if err == nil || n >= len(rest) {
			break
		}
		rest = rest[n+1:]
	}
	for _, d := range ds {
		d.Buffer.Release()
	}
}

// ReadBatch returns what peers have sent; what the server says to the client is
// dealt with here. An error is the last that is read.
func (c *relayConn) ReadBatch(ds []netio.Datagram) (int, error) {
	for {
		n, err := c.inner.ReadBatch(ds)
		kept := 0
		if n > 0 {
			kept = c.unwrap(time.Now(), ds[:n])
		}
		if err != nil {
			close(c.readEnded)
		}
		if kept > 0 || err != nil {
			return kept, err
		}
	}
}

// unwrap leaves the data of peers at the front of ds, and returns how many.
func (c *relayConn) unwrap(now time.Time, ds []netio.Datagram) (kept int) {
	c.turn(func() {
		for _, d := range ds {
			if d.Addr != c.server {
				d.Buffer.Release()
				continue
			}
			peer, payload, err := c.client.HandlePacket(now, d.Buffer.Bytes())
			if err != nil || !peer.IsValid() {
				d.Buffer.Release()
				continue
			}
			d.Buffer.SetLen(copy(d.Buffer.Cap(), payload)) // it lies behind a header in the same buffer
			ds[kept] = netio.Datagram{Buffer: d.Buffer, Addr: peer}
			kept++
		}
	})
	clear(ds[kept:])
	select {
	case <-c.parted:
		select {
		case c.answered <- struct{}{}:
		default:
		}
	default:
	}
	return kept
}

// WriteBatch sends to peers. What waits for a permission counts as sent: it was
// taken.
func (c *relayConn) WriteBatch(ds []netio.Datagram) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.wrapped, c.origin = c.wrapped[:0], c.origin[:0]
	taken, refused := c.wrap(time.Now(), ds)
	n, err := 0, error(nil)
	if len(c.wrapped) > 0 {
		n, err = c.inner.WriteBatch(c.wrapped)
	}
	for i := range c.wrapped {
		c.wrapped[i].Buffer.Release()
	}
	if n < len(c.wrapped) {
		return c.origin[n], err
	}
	return taken, refused
}

// wrap puts the datagrams of ds into packets for the server, up to the first that
// cannot be.
func (c *relayConn) wrap(now time.Time, ds []netio.Datagram) (taken int, refused error) {
	c.turn(func() {
		for i, d := range ds {
			b := netio.GetBuffer()
			p, err := c.client.AppendPacket(b.Cap()[:0], now, d.Addr, d.Buffer.Bytes())
			if err == nil && len(p) > netio.MaxDatagram {
				err = turn.ErrTooLong
			}
			if err != nil {
				b.Release()
				if err != turn.ErrHeld {
					taken, refused = i, err
					return
				}
				continue
			}
			b.SetLen(len(p))
			c.wrapped = append(c.wrapped, netio.Datagram{Buffer: b, Addr: c.server})
			c.origin = append(c.origin, i)
		}
		taken = len(ds)
	})
	return taken, refused
}

// Close gives the allocation up, waits until the server has said that it knows, but
// not longer than the client asks it, and closes what is underneath. Once.
func (c *relayConn) Close() error {
	c.turn(func() { c.client.Close(time.Now()) })
	close(c.parted)
	c.linger()
	return c.inner.Close()
}

// linger drives the client to its end, as the loop may have ended.
func (c *relayConn) linger() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		at := c.deadline()
		if at.IsZero() {
			return
		}
		timer.Reset(time.Until(at))
		select {
		case <-timer.C:
			c.advance(time.Now())
		case <-c.answered:
		case <-c.readEnded:
			return
		}
	}
}
