package simnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// stream is one end of a connection like TCP's; it implements net.Conn, with the
// CloseWrite and SetLinger of net.TCPConn. Its segments go through links, taps and
// NATs as datagrams do; what is lost is repeated, and what comes after it waits.
type stream struct {
	host *Host
	key  streamKey

	// All below: net.mu.
	ready    sync.Cond
	state    streamState
	err      error // once it has ended; nil: the user has closed it
	closed   bool  // by the user
	linger0  bool  // Close resets
	listener *listener
	serve    streamService
	server   streamServer
	in       receiveSide
	out      sendSide
	echo     time.Time // of what is acknowledged next
	due      time.Time // of wakeAt
	queued   time.Time // of the entry in net.alarms that counts

	readUntil, writeUntil deadline
}

// streamKey is the stream's pair of addresses, without zones.
type streamKey struct{ local, remote netip.AddrPort }

// streamService makes the server of a stream to an address and port. It runs with
// net.mu held, and so does the server.
type streamService func(s *stream) streamServer

// streamServer is the user of a stream that is served without a goroutine.
type streamServer interface {
	take(data []byte) // in order
	ended()           // once
}

// deadline wakes a stream's waiting methods.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newStream(h *Host, key streamKey, state streamState) *stream {
	s := &stream{host: h, key: key, state: state, out: newSendSide()}
	s.ready.L = &h.net.mu
	h.streams[key] = s
	return s
}

// LocalAddr is a *net.TCPAddr.
func (s *stream) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(s.key.local) }

// RemoteAddr is a *net.TCPAddr.
func (s *stream) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.key.remote) }

// Read implements net.Conn: io.EOF after the peer's CloseWrite or Close,
// syscall.ECONNRESET after a reset, syscall.ETIMEDOUT when nothing is acknowledged.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.readNow(p)
	s.host.net.deliverDue()
	if err != nil && err != io.EOF {
		err = s.fail("read", err)
	}
	return n, err
}

func (s *stream) readNow(p []byte) (int, error) {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, net.ErrClosed
		case s.readUntil.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(s.in.buf) > 0:
			return s.read(p), nil
		case s.in.ended:
			return 0, io.EOF
		case s.state == ended:
			return 0, s.err
		}
		s.ready.Wait()
	}
}

// Write implements net.Conn. It waits while 64 KiB are not acknowledged.
func (s *stream) Write(p []byte) (int, error) {
	for written := 0; ; {
		n, err := s.writeNow(p[written:])
		s.host.net.deliverDue()
		if written += n; err != nil {
			return written, s.fail("write", err)
		}
		if written == len(p) {
			return written, nil
		}
	}
}

func (s *stream) writeNow(p []byte) (int, error) {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	for {
		room := s.out.room()
		switch {
		case s.closed:
			return 0, net.ErrClosed
		case s.state == ended:
			return 0, s.err
		case s.out.fin:
			return 0, syscall.EPIPE
		case s.writeUntil.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case room > 0:
			n := min(room, len(p))
			s.push(p[:n])
			return n, nil
		}
		s.ready.Wait()
	}
}

// push sends what there is room for. net.mu is held.
func (s *stream) push(p []byte) {
	s.out.buf = append(s.out.buf, p...)
	s.pump(time.Now())
}

// finish says that no more will be written. net.mu is held.
func (s *stream) finish() {
	s.out.fin = true
	s.pump(time.Now())
}

// CloseWrite sends a FIN after what was written; reading goes on.
func (s *stream) CloseWrite() error {
	s.host.net.mu.Lock()
	err := s.err
	switch {
	case s.closed:
		err = net.ErrClosed
	case s.state != ended:
		s.finish()
	}
	s.ready.Broadcast()
	s.host.net.mu.Unlock()
	s.host.net.deliverDue()
	if err != nil {
		return s.fail("close", err)
	}
	return nil
}

// SetLinger makes Close reset the stream and drop what was not sent, where sec is 0.
func (s *stream) SetLinger(sec int) error {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	s.linger0 = sec == 0
	return nil
}

// Close sends what was written and then a FIN, without waiting for it; it resets the
// stream when there is something that was not read (RFC 2525 section 2.17).
func (s *stream) Close() error {
	s.host.net.mu.Lock()
	again := s.closed
	s.closed = true
	s.readUntil.stop()
	s.writeUntil.stop()
	switch {
	case s.state == ended:
	case s.linger0 || len(s.in.buf) > 0 || s.state != established:
		s.abort()
	default:
		s.finish()
		if s.out.finished() {
			s.linger(time.Now())
		}
	}
	s.ready.Broadcast()
	s.host.net.mu.Unlock()
	s.host.net.deliverDue()
	if again {
		return s.fail("close", net.ErrClosed)
	}
	return nil
}

// SetDeadline implements net.Conn.
func (s *stream) SetDeadline(t time.Time) error {
	return s.setDeadlines(t, &s.readUntil, &s.writeUntil)
}

// SetReadDeadline implements net.Conn.
func (s *stream) SetReadDeadline(t time.Time) error { return s.setDeadlines(t, &s.readUntil) }

// SetWriteDeadline implements net.Conn.
func (s *stream) SetWriteDeadline(t time.Time) error { return s.setDeadlines(t, &s.writeUntil) }

func (s *stream) setDeadlines(t time.Time, deadlines ...*deadline) error {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	if s.closed {
		return s.fail("set", net.ErrClosed)
	}
	for _, d := range deadlines {
		d.stop()
		d.at = t
		if wait := time.Until(t); !t.IsZero() && wait > 0 {
			d.timer = time.AfterFunc(wait, s.look)
		}
	}
	s.ready.Broadcast()
	return nil
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// look has the waiting methods look again.
func (s *stream) look() {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	s.ready.Broadcast()
}

func (s *stream) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}
