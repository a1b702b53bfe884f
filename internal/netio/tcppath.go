package netio

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of a path's TCP connections.
const (
	maxTCPConns   = 16
	tcpDialLimit  = 15 * time.Second
	maxUnproved   = 64 // packets of a connection whose peer has not proved itself
	tcpProofLimit = 10 * time.Second
)

// TCPConfig describes one connection's use of a local address for ICE over TCP
// (RFC 6544).
type TCPConfig struct {
	// Local is one of the host's addresses: with the port of the listener for
	// passive candidates, port 9 for active ones (RFC 6544 section 4.5).
	Local netip.AddrPort
	// Fragment is the connection's user name fragment; active ones need none.
	Fragment string
	// Handle takes what comes, on the reader of a TCP connection; calls for
	// different ones may overlap. A slow one delays its own TCP connection only.
	Handle func(p *TCPPath, now time.Time, ds []Datagram)
	// Failed is called when the mux has closed. The path must still be closed.
	Failed func(error)
	// Ended is called when a TCP connection has ended, or could not be made. It
	// must not call the path.
	Ended func(remote netip.AddrPort, reason error)
	// Dial makes a TCP connection from Local's address; nil for passive candidates.
	Dial func(ctx context.Context, remote netip.AddrPort) (net.Conn, error)
}

// A TCPPath is one connection's way out by TCP from one local address: a passive
// one takes connections that a [TCPMux] has accepted, an active one makes them when
// something is sent. Its methods are safe for concurrent use.
type TCPPath struct {
	config TCPConfig
	mux    *TCPMux // nil: active
	ctx    context.Context
	cancel context.CancelFunc
	gate   sync.RWMutex // held for reading while Handle runs
	shut   bool         // gate

	mu      sync.Mutex // after mux.mu, before that of a tcpConn
	conns   map[netip.AddrPort]*tcpConn
	order   []netip.AddrPort // of conns, oldest first
	closed  bool
	workers sync.WaitGroup

	// Of a passive path: mux.mu.
	names    []string
	released bool // takes no more names
}

// OpenTCP makes an active path.
func OpenTCP(c TCPConfig) *TCPPath { return newTCPPath(c, nil) }

func newTCPPath(c TCPConfig, m *TCPMux) *TCPPath {
	p := &TCPPath{config: c, mux: m, conns: make(map[netip.AddrPort]*tcpConn)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// LocalAddr is the address that the path was opened on.
func (p *TCPPath) LocalAddr() netip.AddrPort { return p.config.Local }

// Name adds a user name fragment, as of an ICE restart.
func (p *TCPPath) Name(fragment string) {
	if p.mux != nil {
		p.mux.name(p, fragment)
	}
}

// Keep says that the data goes over remote, which changes nothing: a connection that
// has proved itself is never given up for another.
func (p *TCPPath) Keep(netip.AddrPort) {}

// Bind says that the peer at remote has proved itself: its connection lasts.
func (p *TCPPath) Bind(remote netip.AddrPort) {
	p.mu.Lock()
	c := p.conns[remote]
	p.mu.Unlock()
	if c == nil {
		return
	}
	c.mu.Lock()
	unproved := !c.deadline.IsZero()
	if unproved {
		c.deadline = time.Time{}
		_ = c.conn.SetReadDeadline(time.Time{})
	}
	c.mu.Unlock()
	if unproved && p.mux != nil {
		p.mux.proved(c)
	}
}

// Send is that of a Socket; to an address without a connection it makes one, if the
// path is active, and else drops.
func (p *TCPPath) Send(b *Buffer, dst netip.AddrPort, _ bool) {
	if c := p.connTo(dst); c == nil || !c.send(b) {
		lose(b)
	}
}

// SendAll is that of a Socket. What the connection's queue has no room for is dropped
// at the end.
func (p *TCPPath) SendAll(bs []*Buffer, dst netip.AddrPort) {
	if c := p.connTo(dst); c != nil {
		bs = bs[c.sendAll(bs):]
	}
	for _, b := range bs {
		lose(b)
	}
}

// lose drops a packet that will not be sent.
func lose(b *Buffer) {
	b.discard()
	b.Release()
}

// connTo finds the connection to dst, or begins to make it.
func (p *TCPPath) connTo(dst netip.AddrPort) *tcpConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.conns[dst]
	if c != nil || p.closed || p.config.Dial == nil || len(p.conns) >= maxTCPConns {
		return c
	}
	c = &tcpConn{remote: dst, ended: p.ended}
	p.conns[dst] = c
	p.order = append(p.order, dst)
	p.workers.Go(func() { p.dial(c) })
	return c
}

func (p *TCPPath) dial(c *tcpConn) {
	ctx, cancel := context.WithTimeout(p.ctx, tcpDialLimit)
	defer cancel()
	conn, err := p.config.Dial(ctx, c.remote)
	if err != nil {
		c.close(err)
		return
	}
	if !c.connected(conn) {
		_ = conn.Close()
		return
	}
	p.serve(c)
}

// serve reads a connection to its end.
func (p *TCPPath) serve(c *tcpConn) {
	c.read(p.deliver)
	c.workers.Wait()
}

// deliver gives packets to the owner.
func (p *TCPPath) deliver(now time.Time, ds []Datagram) {
	p.gate.RLock()
	defer p.gate.RUnlock()
	if !p.shut {
		p.config.Handle(p, now, ds)
	}
}

// adopt takes an accepted connection, for which the oldest that has not proved itself
// goes where there are too many. It reports false when the path is closed, or has too
// many that have.
func (p *TCPPath) adopt(c *tcpConn) bool {
	p.mu.Lock()
	if p.closed || p.conns[c.remote] != nil {
		p.mu.Unlock()
		return false
	}
	var surplus *tcpConn
	if len(p.conns) >= maxTCPConns {
		at := slices.IndexFunc(p.order, func(remote netip.AddrPort) bool { return p.conns[remote].unproved() })
		if at < 0 {
			p.mu.Unlock()
			return false
		}
		surplus = p.conns[p.order[at]]
		delete(p.conns, p.order[at])
		p.order = slices.Delete(p.order, at, at+1)
	}
	p.conns[c.remote] = c
	p.order = append(p.order, c.remote)
	p.mu.Unlock()
	if surplus != nil {
		surplus.close(net.ErrClosed)
	}
	return true
}

// ended forgets a connection.
func (p *TCPPath) ended(c *tcpConn, reason error) {
	p.mu.Lock()
	known := p.conns[c.remote] == c
	if known {
		delete(p.conns, c.remote)
		if i := slices.Index(p.order, c.remote); i >= 0 {
			p.order = slices.Delete(p.order, i, i+1)
		}
	}
	tell := known && !p.closed
	p.mu.Unlock()
	if tell {
		p.config.Ended(c.remote, reason)
	}
}

// Close ends the path and its connections once they have written what they hold,
// which all of them together have 200 ms for. Handle runs no more when it returns; Handle must not call it.
func (p *TCPPath) Close() error {
	if p.mux != nil {
		p.mux.remove(p)
	}
	p.gate.Lock()
	p.shut = true
	p.gate.Unlock()
	p.mu.Lock()
	p.closed = true
	conns := make([]*tcpConn, 0, len(p.conns))
	for _, c := range p.conns {
		conns = append(conns, c)
	}
	p.mu.Unlock()
	p.cancel()
	by := time.Now().Add(lastWords)
	for _, c := range conns { // all at once: the moment is one for all of them
		c.finish(by)
	}
	for _, c := range conns {
		c.drain()
		c.close(net.ErrClosed)
	}
	p.workers.Wait()
	return nil
}
