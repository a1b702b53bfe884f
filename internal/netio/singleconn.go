package netio

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// A singleConn is the portable PacketConn: one datagram a system call. While
// it waits for a datagram it holds one buffer.
type singleConn struct {
	counters
	udp   udpConn
	local netip.AddrPort
	// deadline is the write deadline that is set, in nanoseconds after start.
	deadline atomic.Int64
	start    time.Time
}

// A udpConn is the part of *net.UDPConn that a singleConn uses.
type udpConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error)
	SetWriteDeadline(t time.Time) error
	LocalAddr() net.Addr
	Close() error
}

// A write to a full socket waits at least minWait and at most 2*maxWait.
// Package net offers no write that does not wait at all, and setting a
// deadline costs as much as a timer: hence once in a while, not each time.
const (
	minWait = 2 * time.Millisecond
	maxWait = 10 * time.Millisecond
)

func newSingleConn(udp udpConn) *singleConn {
	return &singleConn{udp: udp, local: localAddr(udp.LocalAddr()), start: time.Now()}
}

func (c *singleConn) LocalAddr() netip.AddrPort { return c.local }

func (c *singleConn) Close() error {
	if err := c.udp.Close(); err != nil && !isClosed(err) {
		return err
	}
	return nil
}

func (c *singleConn) ReadBatch(ds []Datagram) (int, error) {
	if len(ds) == 0 {
		return 0, nil
	}
	b := GetBuffer()
	for {
		n, addr, err := c.udp.ReadFromUDPAddrPort(b.data[:])
		c.readCalls.Add(1)
		switch {
		case n > MaxDatagram || isTooLong(err):
			c.truncated.Add(1)
		case err == nil:
			b.SetLen(n)
			ds[0] = Datagram{Buffer: b, Addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}
			return 1, nil
		case isTransient(err):
			c.readErrors.Add(1)
		default:
			b.Release()
			return 0, err
		}
	}
}

// WriteBatch writes one datagram after the other; on the systems that have
// UDP_SEGMENT or its like, the runs of equal size to one destination that
// Socket keeps together would become one write here.
func (c *singleConn) WriteBatch(ds []Datagram) (int, error) {
	for sent, d := range ds {
		err := c.write(d)
		if isPending(err) {
			// An ICMP error of an earlier datagram; this one was not sent.
			err = c.write(d)
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) || isFull(err):
			return sent, nil
		default:
			return sent, err
		}
	}
	return len(ds), nil
}

// write tries again when the deadline has passed: a goroutine that was not
// scheduled for a while finds it over before it has tried at all.
func (c *singleConn) write(d Datagram) error {
	if time.Duration(c.deadline.Load()) < time.Since(c.start)+minWait {
		if err := c.extend(); err != nil {
			return err
		}
	}
	c.writeCalls.Add(1)
	_, err := c.udp.WriteToUDPAddrPort(d.Buffer.Bytes(), d.Addr)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if err := c.extend(); err != nil {
			return err
		}
		c.writeCalls.Add(1)
		_, err = c.udp.WriteToUDPAddrPort(d.Buffer.Bytes(), d.Addr)
	}
	return err
}

// extend puts the write deadline maxWait ahead.
func (c *singleConn) extend() error {
	deadline := time.Since(c.start) + maxWait
	if err := c.udp.SetWriteDeadline(c.start.Add(deadline)); err != nil {
		return err
	}
	c.deadline.Store(int64(deadline))
	return nil
}
