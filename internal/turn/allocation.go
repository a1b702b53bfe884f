package turn

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pion/stun"
)

// How long after a refused Refresh the next is sent.
const (
	minRefreshRetry = time.Second
	maxRefreshRetry = 10 * time.Second
)

// allocatedBy takes the response to an Allocate request (RFC 8656 section 7.3).
func (c *Client) allocatedBy(now time.Time, m *stun.Message) {
	e := &Allocated{}
	for _, a := range m.Attributes {
		if ends(a.Type, stun.AttrXORRelayedAddress) {
			break
		}
		if a.Type != stun.AttrXORRelayedAddress {
			continue
		}
		addr, ok := xorAddress(a.Value, m.Raw[4:stunHeader])
		if i := familyIndex(addr.Addr()); ok && usable(addr) && !c.relayed[i].IsValid() {
			c.relayed[i] = addr
			e.Relayed = append(e.Relayed, addr)
		}
	}
	if v, ok := attribute(m, stun.AttrXORMappedAddress); ok {
		if addr, ok := xorAddress(v, m.Raw[4:stunHeader]); ok && usable(addr) {
			e.Mapped = addr
		}
	}
	c.holds = true
	if len(e.Relayed) == 0 {
		c.fail(errNoAddress) // Close gives it up
		return
	}
	c.setState(allocated)
	c.prolong(now, m)
	c.push(e)
}

// refreshLater tries once more what failed, until the allocation has expired: all
// but 437 may be over soon (RFC 8656 section 8.3).
func (c *Client) refreshLater(now time.Time) {
	c.refreshAt = now.Add(min(max(c.expires.Sub(now)/4, minRefreshRetry), maxRefreshRetry))
}

// expired says why the allocation was not refreshed in time.
func (c *Client) expired() error {
	if c.lastRefusal != nil {
		return fmt.Errorf("TURN allocation expired: %w", c.lastRefusal)
	}
	return errExpired
}

// refreshed takes the response to a Refresh request (RFC 8656 section 8.3).
func (c *Client) refreshed(now time.Time, m *stun.Message) {
	c.prolong(now, m)
	if c.confirming {
		c.confirming = false
		c.push(&Confirmed{})
	}
}

// prolong notes how long the allocation lives, and refreshes it a minute before
// that, or after half of a short life.
func (c *Client) prolong(now time.Time, m *stun.Message) {
	lifetime := defaultLifetime
	if v, ok := attribute(m, stun.AttrLifetime); ok && len(v) == 4 {
		lifetime = min(time.Duration(binary.BigEndian.Uint32(v))*time.Second, maxLifetime)
	}
	lifetime = max(lifetime, 2*time.Second) // a server's 0 must not keep us busy
	c.expires = now.Add(lifetime)
	c.refreshAt = now.Add(max(lifetime-time.Minute, lifetime/2))
	c.lastRefusal = nil
}
