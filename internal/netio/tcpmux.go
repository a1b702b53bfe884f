package netio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPending bounds the accepted connections whose peers have not proved
	// themselves; the oldest goes for a new one.
	maxPending = 512
	// acceptPause is how long accepting rests after an error that may pass, such as
	// too many open files.
	acceptPause = 50 * time.Millisecond
)

// A TCPMux accepts the TCP connections of any number of peer connections on one
// listener, for their passive candidates (RFC 6544 section 3). The first packet must
// be a STUN request, which tells by its user name fragment whose the connection is
// (RFC 6544 section 7.2); the peer must prove itself within ten seconds. Its methods
// are safe for concurrent use.
type TCPMux struct {
	listener net.Listener
	workers  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	dead    error // what ended accepting; nil: it goes on
	names   nameTable[*TCPPath]
	paths   map[*TCPPath]struct{}
	pending []*tcpConn // oldest first
	stop    chan struct{}
}

// NewTCPMux starts to accept. It owns the listener.
func NewTCPMux(listener net.Listener) *TCPMux {
	m := &TCPMux{listener: listener, names: make(nameTable[*TCPPath]), paths: make(map[*TCPPath]struct{}), stop: make(chan struct{})}
	m.workers.Go(m.accept)
	return m
}

// LocalAddr is the listener's address; its IP address may be unspecified. It is the
// zero AddrPort where the listener is not of IP.
func (m *TCPMux) LocalAddr() netip.AddrPort {
	addr, _ := addrPortOf(m.listener.Addr())
	return addr
}

func (m *TCPMux) accept() {
	for {
		conn, err := m.listener.Accept()
		if err == nil {
			m.workers.Go(func() { m.serve(conn) })
			continue
		}
		var temporary interface{ Temporary() bool }
		if !errors.As(err, &temporary) || !temporary.Temporary() || isClosed(err) {
			m.failed(err)
			return
		}
		select {
		case <-m.stop:
			return
		case <-time.After(acceptPause):
		}
	}
}

// failed tells the paths that nothing will be accepted any more, after which there
// will be no others.
func (m *TCPMux) failed(err error) {
	m.mu.Lock()
	m.dead = err
	paths := make([]*TCPPath, 0, len(m.paths))
	for p := range m.paths {
		paths = append(paths, p)
	}
	m.mu.Unlock()
	for _, p := range paths {
		p.config.Failed(err)
	}
}

// serve is an accepted connection's goroutine.
func (m *TCPMux) serve(conn net.Conn) {
	remote, err := addrPortOf(conn.RemoteAddr())
	local, err2 := addrPortOf(conn.LocalAddr())
	if err != nil || err2 != nil {
		_ = conn.Close()
		return
	}
	var path atomic.Pointer[TCPPath]
	c := &tcpConn{conn: conn, remote: remote, deadline: time.Now().Add(tcpProofLimit)}
	c.ended = func(c *tcpConn, reason error) {
		m.proved(c)
		if p := path.Load(); p != nil {
			p.ended(c, reason)
		}
	}
	_ = conn.SetReadDeadline(c.deadline)
	if !m.admit(c) {
		c.close(net.ErrClosed)
		return
	}
	unproved := 0
	c.read(func(now time.Time, ds []Datagram) {
		p := path.Load()
		if p == nil {
			if p = m.owner(local.Addr(), ds[0].Buffer.Bytes()); p == nil || !p.adopt(c) {
				c.close(net.ErrClosed)
				return
			}
			path.Store(p)
			if c.isClosed() { // and perhaps told nobody
				p.ended(c, net.ErrClosed)
				return
			}
		}
		p.deliver(now, ds)
		if unproved += len(ds); unproved > maxUnproved && c.unproved() {
			c.close(net.ErrClosed)
		}
	})
	c.workers.Wait()
}

// owner finds the path that the first packet of a connection names.
func (m *TCPMux) owner(local netip.Addr, packet []byte) *TCPPath {
	if inspect(packet) != stunRequest {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.names[muxName{local, string(requestFragment(packet))}]
}

// admit counts a connection among those that have to prove themselves, and gives up
// the oldest of too many.
func (m *TCPMux) admit(c *tcpConn) bool {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	var surplus *tcpConn
	if len(m.pending) == maxPending {
		surplus = m.pending[0]
		m.pending = slices.Delete(m.pending, 0, 1)
	}
	m.pending = append(m.pending, c)
	m.mu.Unlock()
	if surplus != nil {
		surplus.close(net.ErrClosed)
	}
	return true
}

// proved takes a connection out of those.
func (m *TCPMux) proved(c *tcpConn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.Index(m.pending, c); i >= 0 {
		m.pending = slices.Delete(m.pending, i, i+1)
	}
}

// Open makes a passive path for a connection. It returns what ended the mux or its
// listener, if something has.
func (m *TCPMux) Open(c TCPConfig) (*TCPPath, error) {
	c.Dial = nil
	p := newTCPPath(c, m)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, net.ErrClosed
	}
	if m.dead != nil {
		return nil, fmt.Errorf("netio: listener of the TCP mux: %w", m.dead)
	}
	m.paths[p] = struct{}{}
	p.names = m.names.add(p, nil, c.Local.Addr(), c.Fragment)
	return p, nil
}

func (m *TCPMux) name(p *TCPPath, fragment string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, open := m.paths[p]; open && !p.released {
		p.names = m.names.add(p, p.names, p.config.Local.Addr(), fragment)
	}
}

func (m *TCPMux) remove(p *TCPPath) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropNames(p)
	delete(m.paths, p)
}

// dropNames takes all of a path's names. mu is held.
func (m *TCPMux) dropNames(p *TCPPath) {
	m.names.drop(p, p.names, p.config.Local.Addr())
	p.names = nil
}

// Release closes the mux to the connection with a user name fragment, whose paths
// fail.
func (m *TCPMux) Release(fragment string) {
	m.mu.Lock()
	named := m.names.having(fragment)
	for _, p := range named { // before they hear of it; Close still finds their connections
		m.dropNames(p)
		p.released = true
	}
	m.mu.Unlock()
	for _, p := range named {
		p.config.Failed(net.ErrClosed)
	}
}

// Close ends accepting and all connections, and waits for them. Paths fail. No
// Handle may call it.
func (m *TCPMux) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	close(m.stop)
	pending := slices.Clone(m.pending)
	var conns []*tcpConn
	for p := range m.paths {
		p.mu.Lock()
		for _, c := range p.conns {
			conns = append(conns, c)
		}
		p.mu.Unlock()
	}
	m.mu.Unlock()
	err := m.listener.Close()
	for _, c := range append(pending, conns...) {
		c.close(net.ErrClosed)
	}
	m.workers.Wait()
	return err
}

// TCPMuxStats counts what a mux holds now.
type TCPMuxStats struct {
	Paths   int
	Pending int // connections whose peers have not proved themselves
}

// Stats is what the mux holds.
func (m *TCPMux) Stats() TCPMuxStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return TCPMuxStats{Paths: len(m.paths), Pending: len(m.pending)}
}
