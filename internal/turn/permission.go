package turn

import (
	"net/netip"
	"time"

	"github.com/pion/stun"
)

// Permissions (RFC 8656 section 9) live 5 minutes on the server. One that was used
// is refreshed a minute earlier.
const (
	permissionLifetime = 5 * time.Minute
	permissionRefresh  = 4 * time.Minute
	refusalLifetime    = 30 * time.Second // until the server is asked again
	maxPermissions     = 256
	maxHeldPerPeer     = 8
	maxHeld            = 128
)

// permission lets packets to and from one address through the server.
type permission struct {
	addr      netip.Addr
	pending   bool      // a CreatePermission is under way
	installed bool      // until expires
	refused   bool      // until expires
	expires   time.Time // zero while it never was installed
	refreshAt time.Time // zero: no refresh, none is installed or one is under way
	used      time.Time // when a packet was sent last
	held      []heldPacket
}

// heldPacket waits until its permission is installed.
type heldPacket struct {
	peer    netip.AddrPort
	payload []byte
}

func (p *permission) due() time.Time {
	if p.pending {
		return time.Time{}
	}
	return earlier(p.refreshAt, p.expires)
}

// permit returns the permission of an address, which it asks for where there is
// none; nil when there are too many.
func (c *Client) permit(now time.Time, addr netip.Addr) *permission {
	p := c.permissions[addr]
	if p == nil {
		if len(c.permissions) >= maxPermissions && !c.evict() {
			return nil
		}
		p = &permission{addr: addr}
		c.permissions[addr] = p
	}
	p.used = now
	if !p.pending && !p.installed && !p.refused {
		c.ask(now, p)
	}
	return p
}

func (c *Client) ask(now time.Time, p *permission) {
	p.pending, p.refreshAt = true, time.Time{}
	c.request(now, &transaction{method: stun.MethodCreatePermission, peer: netip.AddrPortFrom(p.addr, 0)})
}

// evict forgets the permission that was not used for the longest time. The server
// forgets it by itself.
func (c *Client) evict() bool {
	var oldest *permission
	for _, p := range c.permissions {
		if !p.pending && !c.hasChannel(p.addr) && (oldest == nil || p.used.Before(oldest.used)) {
			oldest = p
		}
	}
	if oldest == nil {
		return false
	}
	delete(c.permissions, oldest.addr)
	return true
}

// permitted takes the response to a CreatePermission request (RFC 8656 section
// 10.3), and sends what waited for it.
func (c *Client) permitted(now time.Time, addr netip.Addr) {
	p := c.permissions[addr]
	if p == nil {
		return
	}
	p.pending, p.installed, p.refused = false, true, false
	p.expires, p.refreshAt = now.Add(permissionLifetime), now.Add(permissionRefresh)
	held := p.held
	c.release(p)
	for _, h := range held {
		c.send(now, c.appendIndication(nil, h.peer, h.payload))
	}
}

func (c *Client) release(p *permission) {
	c.held -= len(p.held)
	p.held = nil
}

// forbidden notes that the server does not let an address through. Where it did
// before, that lasts until it expires.
func (c *Client) forbidden(now time.Time, addr netip.Addr, err error) {
	p := c.permissions[addr]
	if p == nil {
		return
	}
	p.pending = false
	c.release(p)
	if p.installed && now.Before(p.expires) {
		p.refreshAt = earlier(now.Add(refusalLifetime), p.expires)
		return
	}
	p.installed, p.refused = false, true
	p.expires, p.refreshAt = now.Add(refusalLifetime), time.Time{}
	c.push(&PeerRefused{Peer: addr, Err: err})
}

// refreshPermissions renews those in use, and forgets those that are over.
func (c *Client) refreshPermissions(now time.Time) {
	for addr, p := range c.permissions {
		switch {
		case p.pending:
		case !now.Before(p.expires):
			c.release(p)
			delete(c.permissions, addr)
		case !p.refreshAt.IsZero() && !now.Before(p.refreshAt):
			p.refreshAt = time.Time{}
			if now.Sub(p.used) < permissionLifetime {
				c.ask(now, p)
			}
		}
	}
}

// hold keeps a packet until its permission is installed.
func (c *Client) hold(p *permission, peer netip.AddrPort, payload []byte) error {
	if len(p.held) >= maxHeldPerPeer || c.held >= maxHeld {
		return ErrTooManyHeld
	}
	p.held = append(p.held, heldPacket{peer, append([]byte(nil), payload...)})
	c.held++
	return ErrHeld
}
