package netio

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// tcpQueue bounds the packets that wait for a connection's writer.
	tcpQueue = 512
	// tcpPatience is how long a write may take: a peer that takes nothing for so
	// long is dropped.
	tcpPatience = 5 * time.Second
)

// A tcpConn carries packets in frames over one TCP connection. Sending never waits:
// what finds the queue full is dropped, and a peer that does not read is. A writer
// goroutine exists while there is something to write.
type tcpConn struct {
	remote netip.AddrPort
	// ended is called once, when the connection has been closed, by whoever did.
	ended func(*tcpConn, error)

	mu       sync.Mutex
	conn     net.Conn // nil while it is being made
	queue    []*Buffer
	writing  bool
	closing  bool // nothing more is taken
	closed   bool
	workers  sync.WaitGroup
	deadline time.Time // until its peer has proved itself; zero: it has
	last     time.Time // no write goes on after it; zero: it is not being closed
}

var frameBuffers = sync.Pool{New: func() any { return new([frameWrite]byte) }}

// send takes a packet, or reports false.
func (c *tcpConn) send(b *Buffer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || len(c.queue) >= tcpQueue {
		return false
	}
	c.queue = append(c.queue, b)
	c.startWriter()
	return true
}

// sendAll takes the first packets of a burst, as many as it returns.
func (c *tcpConn) sendAll(bs []*Buffer) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return 0
	}
	n := min(len(bs), tcpQueue-len(c.queue))
	c.queue = append(c.queue, bs[:n]...)
	c.startWriter()
	return n
}

// startWriter makes sure that somebody writes what is queued. mu is held.
func (c *tcpConn) startWriter() {
	if c.conn != nil && !c.writing && !c.closed && len(c.queue) > 0 {
		c.writing = true
		c.workers.Add(1)
		go c.write()
	}
}

// connected gives a connection that was being made its stream. It reports false
// when it was closed meanwhile.
func (c *tcpConn) connected(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.conn = conn
	c.startWriter()
	return true
}

// write is the writer goroutine.
func (c *tcpConn) write() {
	defer c.workers.Done()
	out := frameBuffers.Get().(*[frameWrite]byte)
	defer frameBuffers.Put(out)
	var sent []Datagram
	for {
		frames, n := out[:0], 0
		c.mu.Lock()
		for n < len(c.queue) && len(frames)+frameHeader+len(c.queue[n].Bytes()) <= frameWrite {
			frames = appendFrame(frames, c.queue[n].Bytes())
			sent = append(sent, Datagram{Buffer: c.queue[n]})
			n++
		}
		c.queue = append(c.queue[:0], c.queue[n:]...)
		clear(c.queue[len(c.queue) : len(c.queue)+n])
		if n == 0 || c.closed {
			c.writing = false
			c.mu.Unlock()
			releaseDatagrams(sent, false)
			return
		}
		conn := c.conn
		limit := time.Now().Add(tcpPatience)
		if !c.last.IsZero() && c.last.Before(limit) {
			limit = c.last
		}
		_ = conn.SetWriteDeadline(limit) // with mu, so that it does not undo finish's
		c.mu.Unlock()
		_, err := conn.Write(frames)
		releaseDatagrams(sent, err == nil)
		sent = sent[:0]
		if err != nil {
			c.close(err)
		}
	}
}

func releaseDatagrams(ds []Datagram, sent bool) {
	if sent {
		sentOut(ds)
	}
	for i := range ds {
		if !sent {
			ds[i].Buffer.discard()
		}
		ds[i].Buffer.Release()
		ds[i] = Datagram{}
	}
}

// close ends the connection; the first reason counts. It waits for nobody.
func (c *tcpConn) close(reason error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed, c.closing = true, true
	queue, conn := c.queue, c.conn
	c.queue = nil
	c.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
	for _, b := range queue {
		lose(b)
	}
	c.ended(c, reason)
}

// unproved tells whether the peer has yet to prove itself.
func (c *tcpConn) unproved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.deadline.IsZero()
}

func (c *tcpConn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// read delivers packets, in batches of what is there, until the connection ends.
func (c *tcpConn) read(deliver func(now time.Time, ds []Datagram)) {
	frames := newFrameReader(c.conn)
	var ds [readBatch]Datagram
	for {
		b, err := frames.next()
		if err != nil {
			c.close(err)
			return
		}
		n := 0
		for {
			ds[n] = Datagram{Buffer: b, Addr: c.remote}
			n++
			if n == readBatch || !frames.ready() {
				break
			}
			if b, err = frames.next(); err != nil {
				break // ready has said that it will not
			}
		}
		deliver(time.Now(), ds[:n])
		for i := range ds[:n] {
			if ds[i].Buffer != nil {
				ds[i].Buffer.Release()
			}
			ds[i] = Datagram{}
		}
	}
}

// lastWords is how long a connection that is closed may take to write what waits.
const lastWords = 200 * time.Millisecond

// finish takes nothing more and gives the writer until by for what waits.
func (c *tcpConn) finish(by time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing, c.last = true, by
	if c.writing {
		_ = c.conn.SetWriteDeadline(by)
	}
}

// drain waits, after finish, for the writer, so that a protocol's last words leave.
func (c *tcpConn) drain() {
	c.mu.Lock()
	writing := c.writing
	c.mu.Unlock()
	if writing {
		c.workers.Wait()
	}
}
