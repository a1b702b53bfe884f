package netio

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A Multicaster is a [Network] with a socket for Multicast DNS.
type Multicaster interface {
	// ListenMulticast binds port, beside others that do so, and joins group4 and
	// group6 on every interface that can multicast, those of one family that there
	// are.
	ListenMulticast(group4, group6 netip.Addr, port uint16) (MulticastConn, error)
}

// A MulticastConn sends to, and hears of, the groups that it has joined. Its
// methods are safe for concurrent use.
type MulticastConn interface {
	// Send sends to both groups on all interfaces. It does not block. An error says
	// that nothing at all was sent.
	Send(data []byte) error
	// Receive blocks until somebody has sent to a group, this host included. After
	// Close it returns an error that is net.ErrClosed. It waits on where a socket
	// fails, such as while there is no interface: reading is tried again, after a
	// second at most.
	Receive(buffer []byte) (n int, src netip.AddrPort, err error)
	// Rejoin joins the groups on interfaces that have come since.
	Rejoin()
	// Close ends it. Idempotent.
	Close() error
}

type groupDatagram struct {
	data []byte
	src  netip.AddrPort
}

// multicastConn has one socket for each family.
type multicastConn struct {
	v4       *ipv4.PacketConn // nil: no IPv4
	v6       *ipv6.PacketConn // nil: no IPv6
	to4, to6 *net.UDPAddr
	readers  sync.WaitGroup
	received chan groupDatagram
	closing  chan struct{} // closed when Close begins
	closed   chan struct{} // closed when nobody reads any more
	once     sync.Once

	mu sync.Mutex // of sending: the interface is the socket's state
}

const (
	maxGroupDatagram = 9000 // RFC 6762 section 17
	groupQueue       = 64   // datagrams that wait; more are dropped

	// How long reading rests after an error: twice as long after each one more.
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)

func (system) ListenMulticast(group4, group6 netip.Addr, port uint16) (MulticastConn, error) {
	c := &multicastConn{
		to4:      net.UDPAddrFromAddrPort(netip.AddrPortFrom(group4, port)),
		to6:      net.UDPAddrFromAddrPort(netip.AddrPortFrom(group6, port)),
		received: make(chan groupDatagram, groupQueue),
		closing:  make(chan struct{}), closed: make(chan struct{}),
	}
	// Package net binds all addresses when it is given a group's, with the option
	// that lets others have the port too.
	udp4, err4 := net.ListenUDP("udp4", c.to4)
	if err4 == nil {
		c.v4 = ipv4.NewPacketConn(udp4)
		_ = c.v4.SetMulticastTTL(255) // RFC 6762 section 11
		_ = c.v4.SetMulticastLoopback(true)
		_ = c.v4.SetControlMessage(ipv4.FlagDst, true)
	}
	udp6, err6 := net.ListenUDP("udp6", c.to6)
	if err6 == nil {
		c.v6 = ipv6.NewPacketConn(udp6)
		_ = c.v6.SetMulticastHopLimit(255)
		_ = c.v6.SetMulticastLoopback(true)
		_ = c.v6.SetControlMessage(ipv6.FlagDst, true)
	}
	if err4 != nil && err6 != nil {
		return nil, errors.Join(err4, err6)
	}
	c.Rejoin()
	if c.v4 != nil {
		c.readers.Go(func() { c.read(c.receive4) })
	}
	if c.v6 != nil {
		c.readers.Go(func() { c.read(c.receive6) })
	}
	return c, nil
}

// groupInterfaces lists those that can multicast. Loopback ones are among them: a
// browser on this host may be heard there alone.
func groupInterfaces() []net.Interface {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var usable []net.Interface
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 && i.Flags&(net.FlagMulticast|net.FlagLoopback) != 0 {
			usable = append(usable, i)
		}
	}
	return usable
}

func (c *multicastConn) Rejoin() {
	for _, i := range groupInterfaces() {
		if c.v4 != nil {
			_ = c.v4.JoinGroup(&i, &net.UDPAddr{IP: c.to4.IP}) // an error: joined already, or no such family there
		}
		if c.v6 != nil {
			_ = c.v6.JoinGroup(&i, &net.UDPAddr{IP: c.to6.IP})
		}
	}
}

func (c *multicastConn) Send(data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := errors.New("netio: no interface to multicast on")
	sent := false
	for _, i := range groupInterfaces() {
		if c.v4 != nil && c.v4.SetMulticastInterface(&i) == nil {
			_, e := c.v4.WriteTo(data, nil, c.to4)
			if e == nil {
				sent = true
			} else {
				err = e
			}
		}
		if c.v6 != nil && c.v6.SetMulticastInterface(&i) == nil {
			to := *c.to6
			to.Zone = i.Name
			if _, e := c.v6.WriteTo(data, nil, &to); e == nil {
				sent = true
			}
		}
	}
	if sent {
		return nil
	}
	return err
}

func (c *multicastConn) receive4(b []byte) (n int, dst net.IP, src net.Addr, err error) {
	n, cm, src, err := c.v4.ReadFrom(b)
	if cm != nil {
		dst = cm.Dst
	}
	return n, dst, src, err
}

func (c *multicastConn) receive6(b []byte) (n int, dst net.IP, src net.Addr, err error) {
	n, cm, src, err := c.v6.ReadFrom(b)
	if cm != nil {
		dst = cm.Dst
	}
	return n, dst, src, err
}

// read takes what one socket receives, until Close.
func (c *multicastConn) read(receive func(b []byte) (n int, dst net.IP, src net.Addr, err error)) {
	buffer := make([]byte, maxGroupDatagram)
	pause := shortestPause
	for {
		n, dst, src, err := receive(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			select {
			case <-time.After(pause):
			case <-c.closing:
				return
			}
			pause = min(2*pause, longestPause)
			continue
		}
		pause = shortestPause
		// What was sent to this host's own address may come from anywhere.
		if dst == nil || dst.IsMulticast() {
			c.push(buffer[:n], src)
		}
	}
}

func (c *multicastConn) push(data []byte, src net.Addr) {
	addr, ok := src.(*net.UDPAddr)
	if !ok {
		return
	}
	d := groupDatagram{data: append([]byte(nil), data...), src: addr.AddrPort()}
	select {
	case c.received <- d:
	default:
	}
}

func (c *multicastConn) Receive(buffer []byte) (n int, src netip.AddrPort, err error) {
	select {
	case d := <-c.received:
		return copy(buffer, d.data), netip.AddrPortFrom(d.src.Addr().Unmap(), d.src.Port()), nil
	case <-c.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (c *multicastConn) Close() error {
	c.once.Do(func() {
		close(c.closing)
		if c.v4 != nil {
			_ = c.v4.Close()
		}
		if c.v6 != nil {
			_ = c.v6.Close()
		}
		c.readers.Wait()
		close(c.closed)
	})
	return nil
}
