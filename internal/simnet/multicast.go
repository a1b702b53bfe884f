package simnet

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

var _ netio.Multicaster = (*Host)(nil)

// multicastConn hears of what hosts of the same network send to its groups.
type multicastConn struct {
	host   *Host
	port   uint16
	queue  chan multicast
	closed chan struct{}
	once   sync.Once
}

type multicast struct {
	data []byte
	src  netip.AddrPort
}

// ListenMulticast joins all groups: hosts that share a network without a router
// between them, the sender included, hear each other after the default link's
// delay. Nothing of it is lost.
func (h *Host) ListenMulticast(_, _ netip.Addr, port uint16) (netio.MulticastConn, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.net.closed {
		return nil, net.ErrClosed
	}
	c := &multicastConn{host: h, port: port, queue: make(chan multicast, 256), closed: make(chan struct{})}
	h.multicasts = append(h.multicasts, c)
	return c, nil
}

// MulticastSockets is how many multicast sockets the host has open.
func (h *Host) MulticastSockets() int {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return len(h.multicasts)
}

func (c *multicastConn) Send(data []byte) error {
	n := c.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range c.host.addrs {
		if a.iface.loopback || !a.up() {
			continue
		}
		d := multicast{append([]byte(nil), data...), netip.AddrPortFrom(a.zoned(), c.port)}
		for _, other := range n.hosts {
			for _, to := range other.multicasts {
				if to.port == c.port && other.hears(a.realm) {
					time.AfterFunc(n.defaultLink.Delay, func() { to.push(d) })
				}
			}
		}
	}
	return nil
}

// hears tells whether the host has an address in a network. net.mu is held.
func (h *Host) hears(r *realm) bool {
	for _, a := range h.addrs {
		if a.realm == r && a.up() {
			return true
		}
	}
	return false
}

func (c *multicastConn) push(d multicast) {
	select {
	case c.queue <- d:
	default:
	}
}

func (c *multicastConn) Receive(buffer []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-c.queue:
		return copy(buffer, d.data), d.src, nil
	case <-c.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (c *multicastConn) Rejoin() {}

func (c *multicastConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.host.net.mu.Lock()
		defer c.host.net.mu.Unlock()
		for i, other := range c.host.multicasts {
			if other == c {
				c.host.multicasts = append(c.host.multicasts[:i:i], c.host.multicasts[i+1:]...)
				break
			}
		}
	})
	return nil
}
