package dtls

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// innerConn is the connection that the engine believes to have: the border pushes what it may read and takes what it writes.
type innerConn struct {
	write func([]byte) // to the border

	mu       sync.Mutex
	queue    [][]byte
	released bool
	expired  bool          // the engine's read deadline is in the past: it wants its reader back
	wake     chan struct{} // holds a token when Read should look again
}

func newInnerConn(write func([]byte)) *innerConn {
	return &innerConn{write: write, wake: make(chan struct{}, 1)}
}

// push queues a datagram for the engine. What may come is bounded by what the border accepts.
func (c *innerConn) push(datagram []byte) {
	c.mu.Lock()
	c.queue = append(c.queue, datagram)
	c.mu.Unlock()
	c.poke()
}

// release ends the engine: it reads EOF, and what it writes is dropped.
func (c *innerConn) release() {
	c.mu.Lock()
	c.released, c.queue = true, nil
	c.mu.Unlock()
	c.poke()
}

func (c *innerConn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Read returns the next datagram.
func (c *innerConn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		switch {
		case c.released:
			c.mu.Unlock()
			return 0, io.EOF
		case c.expired:
			c.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(c.queue) > 0:
			n := copy(b, c.queue[0])
			c.queue = c.queue[1:]
			c.mu.Unlock()
			return n, nil
		}
		c.mu.Unlock()
		<-c.wake
	}
}

// Write gives a datagram of the engine to the border. It does not block.
func (c *innerConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	released := c.released
	c.mu.Unlock()
	if !released {
		c.write(b)
	}
	return len(b), nil
}

// Close is the engine's own: it is done.
func (c *innerConn) Close() error {
	c.release()
	return nil
}

// SetReadDeadline is how the engine interrupts a Read: with a time long past, then with none.
func (c *innerConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.expired = !t.IsZero()
	c.mu.Unlock()
	c.poke()
	return nil
}

// SetDeadline is SetReadDeadline: writes do not block.
func (c *innerConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writes do not block.
func (c *innerConn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr is of no use to the engine.
func (c *innerConn) LocalAddr() net.Addr { return innerAddr{} }

// RemoteAddr is of no use to the engine.
func (c *innerConn) RemoteAddr() net.Addr { return innerAddr{} }

type innerAddr struct{}

func (innerAddr) Network() string { return "dtls" }
func (innerAddr) String() string  { return "dtls" }
