package webrtc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/turn"
)

const (
	// streamTimeout bounds the connecting to a TURN server over TCP, TLS included.
	streamTimeout = 10 * time.Second
	// streamQueue is how many bytes wait for a slow stream before more is dropped.
	streamQueue = 128 << 10
	// streamStall is how long a server may take to read a piece of streamPiece bytes,
	// or what is left, before the stream counts as failed: it would hold its relay up
	// for ever.
	streamStall = 10 * time.Second
	streamPiece = 16 << 10
	// streamLinger is how long Close waits for what is queued to leave.
	streamLinger = 250 * time.Millisecond
)

// ICEProxyDialer connects through a proxy. It has the method set of Dialer in
// golang.org/x/net/proxy, whose values fit.
type ICEProxyDialer interface {
	// Dial connects to addr, a host name or address with a port; network is "tcp".
	Dial(network, addr string) (net.Conn, error)
}

// SetICEProxyDialer makes connections to TURN servers over TCP and TLS go through a
// proxy, which also looks their names up. The dialer is called on a goroutine of its
// own, which nobody waits for when the connection is closed. nil ends it. TURN over
// UDP is not affected: leave it out of the servers where a proxy is the only way.
func (e *SettingEngine) SetICEProxyDialer(d ICEProxyDialer) { e.ice.proxyDialer = d }

// SetTURNTLSConfig sets what TLS connections to TURN servers (turns:) are made with,
// such as the roots that their certificates are checked against. ServerName is that
// of the URL where it is empty. pion/webrtc has no such setting. nil is the default:
// the roots of the system, and TLS 1.2 at the least.
func (e *SettingEngine) SetTURNTLSConfig(config *tls.Config) {
	e.ice.turnTLS = config.Clone() // nil of nil
}

// dialServer connects to a TURN server over TCP. name is what its certificate is
// for; target is unset where a proxy looks that up.
func (g *ICEGatherer) dialServer(server iceServerURL, name string, local netip.Addr, target netip.AddrPort) (netio.PacketConn, error) {
	ctx, cancel := context.WithTimeout(g.context, streamTimeout)
	defer cancel()
	raw, err := g.dialTCP(ctx, server, local, target)
	if err != nil {
		return nil, fmt.Errorf("connect to TURN server: %w", err)
	}
	conn := raw
	if server.isSecure() {
		config := g.api.settings.ice.turnTLS.Clone()
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config.ServerName == "" {
			config.ServerName = name
		}
		secure := tls.Client(raw, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, fmt.Errorf("TLS with TURN server: %w", err)
		}
		conn = secure
	}
	return newStreamConn(raw, conn, target), nil
}

func (g *ICEGatherer) dialTCP(ctx context.Context, server iceServerURL, local netip.Addr, target netip.AddrPort) (net.Conn, error) {
	if proxy := g.api.settings.ice.proxyDialer; proxy != nil {
		addr := net.JoinHostPort(server.host, strconv.Itoa(int(server.port)))
		if target.IsValid() {
			addr = target.String()
		}
		return dialProxy(ctx, proxy, addr)
	}
	dialer, ok := g.api.network.(netio.StreamDialer)
	if !ok {
		return nil, errors.New("the network has no TCP")
	}
	return dialer.DialTCP(ctx, local, target)
}

// dialProxy calls application code, which may take as long as it likes: the caller
// goes on without it.
func dialProxy(ctx context.Context, proxy ICEProxyDialer, addr string) (net.Conn, error) {
	type dialled struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialled)
	go func() {
		conn, err := proxy.Dial("tcp", addr)
		select {
		case done <- dialled{conn, err}:
		case <-ctx.Done():
			if err == nil {
				_ = conn.Close()
			}
		}
	}()
	select {
	case d := <-done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// streamConn makes a stream to a TURN server look like a socket whose datagrams are
// the messages on it. The writer is a goroutine with a bounded queue, so that a slow
// stream holds up nobody: what finds the queue full is dropped.
type streamConn struct {
	raw, conn net.Conn // conn is raw, or TLS on it
	local     netip.AddrPort
	server    netip.AddrPort // what the datagrams come from
	splitter  turn.Splitter  // of the reader

	mu      sync.Mutex
	wake    sync.Cond
	pending []byte
	closing bool
	lingers time.Time     // when closing: until then the writer may write
	failed  error         // of the writer
	done    chan struct{} // closed when the writer has ended
}

func newStreamConn(raw, conn net.Conn, server netip.AddrPort) *streamConn {
	c := &streamConn{raw: raw, conn: conn, server: server, done: make(chan struct{})}
	c.wake.L = &c.mu
	if a, ok := raw.LocalAddr().(*net.TCPAddr); ok {
		ap := a.AddrPort()
		c.local = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	go c.write()
	return c
}

// LocalAddr implements netio.PacketConn.
func (c *streamConn) LocalAddr() netip.AddrPort { return c.local }

// ReadBatch implements netio.PacketConn. Messages that no buffer holds are skipped.
func (c *streamConn) ReadBatch(ds []netio.Datagram) (int, error) {
	for {
		n, err := c.split(ds)
		if n > 0 || err != nil {
			return n, err
		}
		read, err := c.conn.Read(c.splitter.Free())
		c.splitter.Commit(read)
		if read == 0 && err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			switch {
			case c.closing:
				err = net.ErrClosed
			case c.failed != nil:
				err = c.failed // the writer has closed the stream
			}
			return 0, err
		}
	}
}

func (c *streamConn) split(ds []netio.Datagram) (n int, err error) {
	for n < len(ds) {
		frame, ok, err := c.splitter.Next()
		switch {
		case err != nil && n == 0:
			return 0, err
		case err != nil || !ok:
			return n, nil
		case len(frame) > netio.MaxDatagram:
			continue
		}
		b := netio.GetBuffer()
		b.SetLen(copy(b.Cap(), frame))
		ds[n] = netio.Datagram{Buffer: b, Addr: c.server}
		n++
	}
	return n, nil
}

// WriteBatch implements netio.PacketConn.
func (c *streamConn) WriteBatch(ds []netio.Datagram) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return 0, net.ErrClosed
	}
	if c.failed != nil {
		return 0, c.failed
	}
	for i, d := range ds {
		if len(c.pending)+len(d.Buffer.Bytes()) > streamQueue {
			return i, nil
		}
		c.pending = append(c.pending, d.Buffer.Bytes()...)
		c.wake.Signal()
	}
	return len(ds), nil
}

// write is the writer. All that has come in meanwhile leaves at once.
func (c *streamConn) write() {
	defer close(c.done)
	var sending []byte
	for {
		c.mu.Lock()
		for len(c.pending) == 0 && !c.closing {
			c.wake.Wait()
		}
		sending, c.pending = c.pending, sending[:0]
		c.mu.Unlock()
		if len(sending) == 0 {
			return
		}
		if err := c.send(sending); err != nil {
			c.mu.Lock()
			c.failed, c.pending = fmt.Errorf("write to TURN server: %w", err), nil
			c.mu.Unlock()
			_ = c.raw.Close() // ends the reader
			return
		}
	}
}

// send writes, and fails where the server stops reading.
func (c *streamConn) send(b []byte) error {
	for len(b) > 0 {
		piece := b[:min(len(b), streamPiece)]
		c.mu.Lock()
		deadline := time.Now().Add(streamStall)
		if c.closing {
			deadline = c.lingers
		}
		err := c.raw.SetWriteDeadline(deadline)
		c.mu.Unlock()
		if err != nil {
			return err
		}
		if _, err := c.conn.Write(piece); err != nil {
			return err
		}
		b = b[len(piece):]
	}
	return nil
}

// Close sends what is queued, for a moment, and closes the stream.
func (c *streamConn) Close() error {
	c.mu.Lock()
	if !c.closing {
		c.closing, c.lingers = true, time.Now().Add(streamLinger)
		_ = c.raw.SetWriteDeadline(c.lingers)
	}
	c.wake.Signal()
	c.mu.Unlock()
	<-c.done
	if err := c.raw.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
