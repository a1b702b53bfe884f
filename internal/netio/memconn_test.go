package netio

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// A memConn is a PacketConn in memory. Its writes are recorded, and answered
// by a script.
type memConn struct {
	mu      sync.Mutex
	calls   []string         // payloads of each WriteBatch that were taken, joined by spaces
	sent    []Datagram       // Buffer is nil
	data    []string         // payloads of sent
	hold    chan struct{}    // when not nil, WriteBatch waits for it
	entry   chan struct{}    // when not nil, closed when WriteBatch is first entered
	room    int              // datagrams until would-block; negative: no limit
	errs    map[string]error // by payload
	read    chan []Datagram
	fail    chan error
	done    chan struct{}
	once    sync.Once
	entered sync.Once
}

func newMemConn() *memConn {
	return &memConn{room: -1, read: make(chan []Datagram, 16), fail: make(chan error, 1), done: make(chan struct{})}
}

func (c *memConn) LocalAddr() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.1:4242") }

func (c *memConn) ReadBatch(ds []Datagram) (int, error) {
	select {
	case in := <-c.read:
		return copy(ds, in), nil
	case err := <-c.fail:
		return 0, err
	case <-c.done:
		return 0, net.ErrClosed
	}
}

func (c *memConn) WriteBatch(ds []Datagram) (int, error) {
	if c.entry != nil {
		c.entered.Do(func() { close(c.entry) })
	}
	if c.hold != nil {
		<-c.hold
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.done:
		return 0, net.ErrClosed
	default:
	}
	var taken []string
	defer func() { c.calls = append(c.calls, strings.Join(taken, " ")) }()
	for i, d := range ds {
		payload := string(d.Buffer.Bytes())
		if err := c.errs[payload]; err != nil {
			return i, err
		}
		if c.room == 0 {
			return i, nil
		}
		c.room--
		taken = append(taken, payload)
		c.data = append(c.data, payload)
		c.sent = append(c.sent, Datagram{Addr: d.Addr, Local: d.Local})
	}
	return len(ds), nil
}

func (c *memConn) Close() error {
	c.once.Do(func() { close(c.done) })
	return nil
}

func (c *memConn) writes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

func (c *memConn) payloads() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.data)
}
