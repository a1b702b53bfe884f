package netio

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxBatch is how many datagrams one system call moves at most.
const maxBatch = 64

// A batchConn is a PacketConn on recvmmsg and sendmmsg. Neither path
// allocates per datagram, and an idle socket holds no buffer.
type batchConn struct {
	counters
	udp   *net.UDPConn
	raw   syscall.RawConn
	local netip.AddrPort
	family
	zones zoneTable

	// unsegmented: a run of datagrams in one message was refused. It stays so: what
	// refuses is the kernel, the device, or its offloading.
	unsegmented atomic.Bool

	// The reading goroutine's arguments to readable and its results.
	readInto []Datagram
	readN    int
	readErr  error
	readable func(fd uintptr) bool // c.tryRead, bound once
	// want is how many buffers the next read takes from the pool: it follows
	// the load, so that an idle socket's first try, which finds nothing,
	// moves few buffers to and fro.
	want int
}

const minWant = 4

func newBatchConn(udp *net.UDPConn) (*batchConn, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		udp.Close()
		return nil, err
	}
	c := &batchConn{udp: udp, raw: raw, local: localAddr(udp.LocalAddr()), want: minWant}
	cerr := raw.Control(func(fd uintptr) { c.family, err = learnFamily(int(fd), c.local.Addr()) })
	if err == nil {
		err = cerr
	}
	if err != nil {
		udp.Close()
		return nil, fmt.Errorf("netio: options of %v: %w", c.local, err)
	}
	c.readable = c.tryRead
	return c, nil
}

func (c *batchConn) LocalAddr() netip.AddrPort { return c.local }

func (c *batchConn) Close() error {
	if err := c.udp.Close(); err != nil && !isClosed(err) {
		return err
	}
	return nil
}

func (c *batchConn) ReadBatch(ds []Datagram) (int, error) {
	if len(ds) == 0 {
		return 0, nil
	}
	c.readInto, c.readN, c.readErr = ds, 0, nil
	err := c.raw.Read(c.readable)
	c.readInto = nil
	if err == nil {
		err = c.readErr
	}
	return c.readN, err
}

// tryRead is called by the runtime's poller: at once, and again each time the
// socket may have become readable. It returns false to wait.
func (c *batchConn) tryRead(fd uintptr) bool {
	// The message headers too are taken only while there is work: they are
	// larger than all else that an idle socket keeps.
	m := messagePool.Get().(*messages)
	defer messagePool.Put(m)
	for {
		ds := c.readInto[:min(len(c.readInto), maxBatch, c.want)]
		n, errno := c.receive(fd, m, ds)
		switch {
		case errno == 0:
			c.adapt(n, len(ds))
			if n = c.keepWhole(m, ds[:n]); n == 0 {
				continue // nothing but datagrams that were too long
			}
			c.readN = n
			return true
		case errno == unix.EAGAIN:
			return false
		case errno == unix.ENOMEM || errno == unix.ENOBUFS:
			// The kernel is out of memory: the next datagram wakes us again.
			c.readErrors.Add(1)
			return false
		case errno == unix.EINTR:
		case isTransient(errno):
			c.readErrors.Add(1)
		default:
			c.readErr = &net.OpError{Op: "read", Net: "udp", Source: c.udp.LocalAddr(), Err: errno}
			return true
		}
	}
}

// receive fills ds with buffers and makes one system call. The buffers that
// it did not use go back at once.
func (c *batchConn) receive(fd uintptr, m *messages, ds []Datagram) (int, syscall.Errno) {
	for i := range ds {
		b := GetBuffer()
		ds[i].Buffer = b
		m.point(i, b.Cap(), unix.SizeofSockaddrInet6)
		if c.destinations {
			m.controls[i].n = controlSize
			m.controls[i].attach(&m.hdrs[i].hdr)
		}
	}
	// MSG_TRUNC is not asked for: as a result flag it is set by itself.
	n, errno := m.call(unix.SYS_RECVMMSG, fd, len(ds))
	c.readCalls.Add(1)
	m.unpoint(len(ds))
	for i := n; i < len(ds); i++ {
		ds[i].Buffer.Release()
		ds[i].Buffer = nil
	}
	return n, errno
}

// keepWhole sets length and source of what was received, and drops what did
// not fit its buffer. It returns how many are left, in order.
//
// This is the seam for UDP_GRO: a message whose cmsg holds a segment size
// would be cut here into one Datagram a segment.
func (c *batchConn) keepWhole(m *messages, ds []Datagram) int {
	kept := 0
	for i := range ds {
		b := ds[i].Buffer
		ds[i].Buffer = nil
		if m.hdrs[i].hdr.Flags&unix.MSG_TRUNC != 0 {
			c.truncated.Add(1)
			b.Release()
			continue
		}
		b.SetLen(int(m.hdrs[i].n))
		ds[kept] = Datagram{Buffer: b, Addr: m.names[i].addrPort(&c.zones)}
		if c.destinations {
			ds[kept].Local = m.controls[i].destination(int(m.hdrs[i].hdr.Controllen), &c.zones)
		}
		kept++
	}
	return kept
}

// adapt doubles want when a read was full and halves it when most of what it
// took was in vain.
func (c *batchConn) adapt(n, of int) {
	switch {
	case n == of && of == c.want:
		c.want = min(2*c.want, maxBatch)
	case n <= c.want/4:
		c.want = max(c.want/2, minWant)
	}
}

func (c *batchConn) WriteBatch(ds []Datagram) (int, error) {
	m := messagePool.Get().(*messages)
	sent := 0
	for sent < len(ds) {
		m.conn, m.ds = c, together(ds[sent:])
		// Control takes no lock that another writer may hold across a
		// system call, and never waits for the socket to become writable.
		err := c.raw.Control(m.writable)
		if err == nil {
			err = m.err
		}
		n, more := m.n, m.n == len(m.ds)
		m.conn, m.ds, m.n, m.err = nil, nil, 0, nil
		sent += n
		if err != nil || !more {
			messagePool.Put(m)
			return sent, err
		}
	}
	messagePool.Put(m)
	return sent, nil
}

// trySend sends the head of m.ds, all of it if the kernel takes it. m.n is
// how many it took; m.err concerns the datagram after them. Runs of datagrams of
// one size to one destination are one message each (see segment.go), unless the
// kernel or the path has refused that before.
func (c *batchConn) trySend(fd uintptr, m *messages) {
	if m.ds[0].Buffer.Whole() {
		c.sendWhole(fd, m)
		return
	}
	for segments := !c.unsegmented.Load(); c.sendFrom(fd, m, segments); segments = false {
	}
}

// sendFrom sends the datagrams of m.ds from m.n on. again reports that a run was
// refused, so that what is left is to be sent a datagram a message.
func (c *batchConn) sendFrom(fd uintptr, m *messages, segments bool) (again bool) {
	count, pointed := c.prepare(m, segments)
	defer func() { m.unpoint(pointed) }()
	for next, refused := 0, false; next < count; {
		n, errno := m.callFrom(unix.SYS_SENDMMSG, fd, next, count)
		c.writeCalls.Add(1)
		for range n {
			m.n += int(m.spans[next])
			next++
		}
		switch {
		case errno == 0:
			refused = false
		case errno == unix.EINTR:
		case errno == unix.EAGAIN || errno == unix.ENOBUFS:
			return false
		case errno == unix.ECONNREFUSED && !refused:
			// An ICMP error of an earlier datagram: it has now been told,
			// and says nothing about this one.
			refused = true
		case m.spans[next] > 1:
			if errno != unix.EMSGSIZE { // which is about the size of these
				c.unsegmented.Store(true)
			}
			return true
		default:
			m.err = errno
			return false
		}
	}
	if pointed < len(m.ds) {
		m.err = unix.EAFNOSUPPORT
	}
	return false
}

// prepare makes the messages of m.ds from m.n on, up to one with an address that the
// socket cannot send to. It returns how many they are, and where their datagrams
// end.
func (c *batchConn) prepare(m *messages, segments bool) (count, end int) {
	end = m.n
	for end < len(m.ds) {
		d := &m.ds[end]
		size := m.names[count].set(d.Addr, c.family, &c.zones)
		if size == 0 || d.Local.IsValid() && !c.sends(d.Local) {
			break
		}
		span := 1
		if segments {
			span = run(m.ds[end:])
		}
		m.pointRun(count, end, span, size)
		m.controls[count].n = 0
		if span > 1 {
			m.controls[count].setSegment(len(d.Buffer.Bytes()))
		}
		if c.destinations && d.Local.IsValid() {
			m.controls[count].setSource(d.Local, c.v6, &c.zones)
		}
		m.controls[count].attach(&m.hdrs[count].hdr)
		count, end = count+1, end+span
	}
	return count, end
}

// A message is the kernel's struct mmsghdr. Go pads it as C does on 32 and 64
// bits, because n is as small as the alignment of either.
type message struct {
	hdr unix.Msghdr
	n   uint32 // payload bytes received or sent
}

// messages are the arguments of one system call. They come from a pool, so
// that calls do not allocate and idle sockets do not hold them.
type messages struct {
	hdrs     [maxBatch]message
	iovs     [maxBatch]unix.Iovec
	names    [maxBatch]sockaddr
	controls [maxBatch]control
	// How many datagrams each message has: more than one for a run.
	spans [maxBatch]uint8

	// Arguments and results of writable, for the duration of a WriteBatch.
	conn     *batchConn
	ds       []Datagram
	n        int
	err      error
	writable func(fd uintptr)
}

var messagePool = sync.Pool{New: func() any {
	m := new(messages)
	m.writable = func(fd uintptr) { m.conn.trySend(fd, m) }
	return m
}}

// point makes message i carry payload and an address of nameLen bytes.
func (m *messages) point(i int, payload []byte, nameLen uint32) {
	iov, hdr := &m.iovs[i], &m.hdrs[i].hdr
	iov.Base = unsafe.SliceData(payload)
	iov.SetLen(len(payload))
	hdr.Name, hdr.Namelen = &m.names[i][0], nameLen
	hdr.Iov = iov
	hdr.SetIovlen(1)
	hdr.Control = nil
	hdr.SetControllen(0)
	hdr.Flags = 0
}

// pointRun makes message i carry span datagrams of m.ds, from the one at first on.
func (m *messages) pointRun(i, first, span int, nameLen uint32) {
	for k := range span {
		payload := m.ds[first+k].Buffer.Bytes()
		m.iovs[first+k].Base = unsafe.SliceData(payload)
		m.iovs[first+k].SetLen(len(payload))
	}
	hdr := &m.hdrs[i].hdr
	hdr.Name, hdr.Namelen = &m.names[i][0], nameLen
	hdr.Iov = &m.iovs[first]
	hdr.SetIovlen(span)
	hdr.Flags = 0
	m.spans[i] = uint8(span)
}

// unpoint forgets the payloads, which would otherwise live as long as m.
func (m *messages) unpoint(n int) {
	for i := range m.iovs[:n] {
		m.iovs[i].Base = nil
	}
}

func (m *messages) call(trap, fd uintptr, n int) (int, syscall.Errno) {
	return m.callFrom(trap, fd, 0, n)
}

// callFrom makes one non-blocking recvmmsg or sendmmsg of the messages
// from..to-1.
func (m *messages) callFrom(trap, fd uintptr, from, to int) (int, syscall.Errno) {
	n, _, errno := unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdrs[from])),
		uintptr(to-from), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
