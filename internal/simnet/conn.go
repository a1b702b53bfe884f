package simnet

import (
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

const maxPayload = netio.MaxDatagram

// conn is a bound socket; it implements netio.PacketConn.
type conn struct {
	host  *Host
	key   netip.AddrPort // in host.conns: without zone
	local netip.AddrPort // as it was asked for

	mu     sync.Mutex // after net.mu
	ready  sync.Cond
	queue  []received
	closed bool
}

type received struct {
	src  netip.AddrPort
	data []byte
}

func newConn(h *Host, key, local netip.AddrPort) *conn {
	c := &conn{host: h, key: key, local: local}
	c.ready.L = &c.mu
	return c
}

// SendsWhole reports that links know which datagrams must not be fragmented.
func (c *conn) SendsWhole() bool { return true }

func (c *conn) LocalAddr() netip.AddrPort { return c.local }

// receive queues a datagram; it reports false when limit are queued.
func (c *conn) receive(r received, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.queue) >= limit {
		return false
	}
	c.queue = append(c.queue, r)
	c.ready.Signal()
	return true
}

func (c *conn) ReadBatch(ds []netio.Datagram) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 && !c.closed {
		c.ready.Wait()
	}
	if c.closed {
		return 0, c.fail("read", netip.AddrPort{}, net.ErrClosed)
	}
	n := min(len(ds), len(c.queue))
	for i, r := range c.queue[:n] {
		b := netio.GetBuffer()
		b.SetLen(copy(b.Cap(), r.data))
		ds[i] = netio.Datagram{Buffer: b, Addr: r.src}
		c.queue[i] = received{}
	}
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return n, nil
}

func (c *conn) WriteBatch(ds []netio.Datagram) (int, error) {
	defer c.host.net.deliverDue()
	for i, d := range ds {
		dst := netip.AddrPortFrom(d.Addr.Addr().Unmap(), d.Addr.Port())
		src, err := c.route(dst)
		if err != nil {
			return i, c.fail("write", d.Addr, err)
		}
		data := append([]byte(nil), d.Buffer.Bytes()...)
		c.host.net.send(c.host, src, netip.AddrPortFrom(dst.Addr().WithZone(""), dst.Port()), data, d.Buffer.Whole())
	}
	return len(ds), nil
}

// route returns the source of what the socket sends to dst.
func (c *conn) route(dst netip.AddrPort) (netip.AddrPort, error) {
	if !dst.IsValid() || dst.Port() == 0 {
		return netip.AddrPort{}, syscall.EINVAL
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return netip.AddrPort{}, net.ErrClosed
	}
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	src, err := c.host.source(c.key.Addr(), dst.Addr())
	return netip.AddrPortFrom(src, c.key.Port()), err
}

func (c *conn) fail(op string, dst netip.AddrPort, err error) error {
	e := &net.OpError{Op: op, Net: "udp", Source: net.UDPAddrFromAddrPort(c.local), Err: err}
	if dst.IsValid() {
		e.Addr = net.UDPAddrFromAddrPort(dst)
	}
	return e
}

func (c *conn) Close() error {
	c.host.net.mu.Lock()
	if c.host.conns[c.key] == c {
		delete(c.host.conns, c.key)
	}
	c.host.net.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.queue = nil
	c.ready.Broadcast()
	return nil
}
