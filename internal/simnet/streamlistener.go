package simnet

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// backlog is how many streams of a listener wait to be accepted, or for the last
// segment of their handshake. Further ones are not answered.
const backlog = 128

// DialTCP connects to remote, from local unless that is the zero Addr. It takes a
// round trip; nobody on the port is syscall.ECONNREFUSED, and no answer at all, as
// from behind a NAT that lets nothing in, syscall.ETIMEDOUT after two minutes, or
// ctx's error. Names are not looked up.
func (h *Host) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	s, err := h.dial(ctx, local, netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()))
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: err}
	}
	return s, nil
}

func (h *Host) dial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (*stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.net.mu.Lock()
	s, err := h.connect(local, remote)
	h.net.mu.Unlock()
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, s.look)()
	defer h.net.deliverDue()
	h.net.deliverDue()
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	for s.state == synSent && ctx.Err() == nil {
		s.ready.Wait()
	}
	switch {
	case s.state == synSent:
		s.abort()
		return nil, ctx.Err()
	case s.state == ended:
		return nil, s.err
	}
	return s, nil
}

// connect begins a stream. net.mu is held.
func (h *Host) connect(local netip.Addr, remote netip.AddrPort) (*stream, error) {
	if h.net.closed {
		return nil, net.ErrClosed
	}
	if !remote.IsValid() || remote.Port() == 0 {
		return nil, syscall.EINVAL
	}
	if !local.IsValid() {
		local = unspecified(remote.Addr())
	}
	from, err := h.source(local.Unmap(), remote.Addr())
	if err != nil {
		return nil, err
	}
	remote = netip.AddrPortFrom(remote.Addr().WithZone(""), remote.Port())
	port := freePort(&h.nextStream, func(port uint16) bool {
		_, taken := h.streams[streamKey{netip.AddrPortFrom(from, port), remote}]
		return taken || h.listens(from, port)
	})
	if port == 0 {
		return nil, syscall.EADDRNOTAVAIL
	}
	s := newStream(h, streamKey{netip.AddrPortFrom(from, port), remote}, synSent)
	s.open(time.Now(), time.Time{})
	return s, nil
}

// listener implements net.Listener.
type listener struct {
	host  *Host
	key   netip.AddrPort
	local netip.AddrPort // as it was asked for

	// All below: net.mu.
	ready   sync.Cond
	queue   []*stream
	waiting int // those of queue, and of unfinished handshakes
	closed  bool
}

// ListenTCP listens for streams on one of the host's addresses, or on the unspecified
// address for all of its family. Port 0 takes any free port. The errors are those of
// ListenUDP.
func (h *Host) ListenTCP(addr netip.AddrPort) (net.Listener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	fail := func(err error) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: err}
	}
	ip, err := h.bindable(addr.Addr())
	if err != nil {
		return fail(err)
	}
	port, ok := takePort(addr.Port(), &h.nextStream, func(port uint16) bool { return h.listens(ip, port) })
	if !ok {
		return fail(syscall.EADDRINUSE)
	}
	l := &listener{host: h, key: netip.AddrPortFrom(ip, port), local: netip.AddrPortFrom(addr.Addr().Unmap(), port)}
	l.ready.L = &h.net.mu
	h.listeners[l.key] = l
	return l, nil
}

// listens reports whether a listener or a server keeps another from being bound.
func (h *Host) listens(ip netip.Addr, port uint16) bool {
	for key := range h.listeners {
		if collides(key, ip, port) {
			return true
		}
	}
	for key := range h.accepting {
		if collides(key, ip, port) {
			return true
		}
	}
	return false
}

// established queues a stream to be accepted. net.mu is held.
func (l *listener) established(s *stream) {
	if l.closed {
		s.abort()
		return
	}
	l.queue = append(l.queue, s)
	l.host.net.stir(&l.ready)
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.host.net.mu.Lock()
	defer l.host.net.mu.Unlock()
	for len(l.queue) == 0 && !l.closed {
		l.ready.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
	s := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	l.waiting--
	return s, nil
}

// Addr is a *net.TCPAddr.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

// Close ends listening, and the streams that nobody has accepted.
func (l *listener) Close() error {
	l.host.net.mu.Lock()
	again := l.closed
	l.close()
	l.host.net.mu.Unlock()
	l.host.net.deliverDue()
	if again {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
	return nil
}

func (l *listener) close() {
	if l.closed {
		return
	}
	l.closed = true
	delete(l.host.listeners, l.key)
	for _, s := range l.queue {
		s.abort()
	}
	l.queue = nil
	l.ready.Broadcast()
}

// endStreams ends all that the host has of streams. net.mu is held.
func (h *Host) endStreams() {
	for _, l := range h.listeners {
		l.close()
	}
	for _, s := range h.streams {
		s.end(net.ErrClosed)
	}
}
