package netio

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// readBatch is how many datagrams the Handler gets at once at most.
const readBatch = 32

// A Handler takes the datagrams of one read, all received by now. It runs on
// the Socket's reader goroutine, so calls never overlap and a slow one leaves
// datagrams in the kernel. To keep a buffer it sets ds[i].Buffer to nil; the
// others are released when it returns. ds itself is used again. It may call
// every method of the Socket but Close.
type Handler func(now time.Time, ds []Datagram)

// A Socket is a PacketConn with its two paths: a reader goroutine that feeds
// the Handler, and an egress that any goroutine may send through. It owns the
// PacketConn.
type Socket struct {
	conn   PacketConn
	handle Handler
	egress *egress

	datagramsIn, bytesIn, reads atomic.Uint64

	closing  atomic.Bool
	done     chan struct{} // closed when the reader has ended
	readErr  error         // why it ended; written before done is closed
	closed   chan struct{} // closed when Close has finished
	closeErr error         // what it returns; written before closed is closed
}

// NewSocket starts the reader of conn. Close ends it.
func NewSocket(conn PacketConn, handle Handler) *Socket {
	s := &Socket{
		conn:   conn,
		handle: handle,
		egress: newEgress(conn),
		done:   make(chan struct{}),
		closed: make(chan struct{}),
	}
	go s.read()
	return s
}

// LocalAddr is the address that the socket is bound to.
func (s *Socket) LocalAddr() netip.AddrPort { return s.conn.LocalAddr() }

// Send takes b and sends its payload to dst, after what was sent to dst
// before. It never blocks: what cannot go is dropped and counted. With more,
// the datagram waits a moment for the rest of a burst: it leaves with the next
// Send that has no more, with Flush, or with the flusher, which starts now.
// Without more it leaves at once, on the caller's goroutine, when the socket
// is idle, with what waits before it; on a busy socket it is left to the
// goroutine that sends.
func (s *Socket) Send(b *Buffer, dst netip.AddrPort, more bool) {
	s.egress.send(b, flowKey{dst: dst}, more)
}

// SendAll sends the datagrams of one burst to dst, in order and behind what was sent
// there before: those of one size leave together where the system can. It takes the
// buffers, but not the slice.
func (s *Socket) SendAll(bs []*Buffer, dst netip.AddrPort) {
	s.egress.sendAll(bs, flowKey{dst: dst})
}

// QueueAll is SendAll without the system call: whoever calls it has to call Flush at
// once, when it has let go of the lock that keeps its datagrams in order.
func (s *Socket) QueueAll(bs []*Buffer, dst netip.AddrPort) {
	s.egress.queueAll(bs, flowKey{dst: dst})
}

// Flush sends what waits, a batch of it on the caller's goroutine unless
// another goroutine sends already.
func (s *Socket) Flush() { s.egress.flush() }

// SendsWhole reports whether [Buffer.KeepWhole] is obeyed.
func (s *Socket) SendsWhole() bool {
	sender, ok := s.conn.(WholeSender)
	return ok && sender.SendsWhole()
}

// Done is closed when the reader has ended: after Close, or because the socket
// failed for good, which Err tells.
func (s *Socket) Done() <-chan struct{} { return s.done }

// Err is the error that ended the reader; nil while it runs and after Close.
func (s *Socket) Err() error {
	select {
	case <-s.done:
		return s.readErr
	default:
		return nil
	}
}

// Close sends what is queued as far as the network takes it, closes the
// PacketConn, and waits for the reader and the flusher. Calls after the first
// wait for the first and return what it returned. The Handler must not call
// it.
func (s *Socket) Close() error {
	if s.closing.Swap(true) {
		<-s.closed
		return s.closeErr
	}
	s.egress.close()
	s.closeErr = s.conn.Close()
	<-s.done
	close(s.closed)
	return s.closeErr
}

func (s *Socket) read() {
	defer close(s.done)
	ds := make([]Datagram, readBatch)
	for {
		n, err := s.conn.ReadBatch(ds)
		s.reads.Add(1)
		if n > 0 {
			s.deliver(ds[:n])
		}
		if err != nil {
			if !isClosed(err) || !s.closing.Load() {
				s.readErr = err
			}
			return
		}
	}
}

func (s *Socket) deliver(ds []Datagram) {
	bytes := 0
	for i := range ds {
		bytes += len(ds[i].Buffer.Bytes())
	}
	s.datagramsIn.Add(uint64(len(ds)))
	s.bytesIn.Add(uint64(bytes))
	s.handle(time.Now(), ds)
	for i := range ds {
		if ds[i].Buffer != nil {
			ds[i].Buffer.Release()
		}
		ds[i] = Datagram{}
	}
}
