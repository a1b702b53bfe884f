package turn

import (
	"net/netip"
	"time"

	"github.com/pion/stun"
)

// Channels (RFC 8656 section 12) live 10 minutes on the server. One that was used
// is refreshed a minute earlier.
const (
	firstChannel    = 0x4000
	channelLifetime = 10 * time.Minute
	channelRefresh  = 9 * time.Minute
	maxChannels     = 256
)

// channel is the short form of one peer's address. Its number is never another
// peer's: the server would refuse that for 5 minutes after the binding has expired
// (RFC 8656 section 12).
type channel struct {
	number    uint16
	peer      netip.AddrPort
	pending   bool // a ChannelBind is under way
	bound     bool // until expires
	expires   time.Time
	refreshAt time.Time // zero: none
	retryAt   time.Time // zero: at once
	used      time.Time
}

func (ch *channel) due() time.Time {
	if ch.pending || !ch.bound {
		return time.Time{}
	}
	return earlier(ch.refreshAt, ch.expires)
}

// bind asks for a channel to a peer, unless that is under way or was refused a
// short time ago.
func (c *Client) bind(now time.Time, peer netip.AddrPort) {
	ch := c.channels[peer]
	if ch == nil {
		if len(c.channels) >= maxChannels {
			return // indications do as well
		}
		ch = &channel{number: firstChannel + uint16(len(c.channels)), peer: peer}
		c.channels[peer] = ch
		c.byNumber[ch.number] = ch
	}
	ch.used = now
	if !ch.pending && !now.Before(ch.retryAt) {
		c.askChannel(now, ch)
	}
}

func (c *Client) askChannel(now time.Time, ch *channel) {
	ch.pending, ch.refreshAt = true, time.Time{}
	c.request(now, &transaction{method: stun.MethodChannelBind, peer: ch.peer, number: ch.number})
}

func (c *Client) hasChannel(addr netip.Addr) bool {
	for peer, ch := range c.channels {
		if ch.bound && peer.Addr() == addr {
			return true
		}
	}
	return false
}

// bound takes the response to a ChannelBind request (RFC 8656 section 12.3),
// which installs the permission of the peer, too.
func (c *Client) bound(now time.Time, t *transaction) {
	ch := c.channels[t.peer]
	if ch == nil {
		return
	}
	ch.pending, ch.bound = false, true
	ch.expires, ch.refreshAt = now.Add(channelLifetime), now.Add(channelRefresh)
	if p := c.permissions[t.peer.Addr()]; p != nil && !p.pending {
		c.permitted(now, p.addr)
	}
}

// unbound notes that a ChannelBind request failed: indications go on, and the
// channel is asked for again later. A binding that is still good lasts until it
// expires.
func (c *Client) unbound(now time.Time, t *transaction) {
	if ch := c.channels[t.peer]; ch != nil {
		ch.pending = false
		ch.bound = ch.bound && now.Before(ch.expires)
		ch.retryAt = now.Add(refusalLifetime)
	}
}

func (c *Client) refreshChannels(now time.Time) {
	for _, ch := range c.channels {
		switch {
		case ch.pending || !ch.bound:
		case !now.Before(ch.expires):
			ch.bound = false
		case !ch.refreshAt.IsZero() && !now.Before(ch.refreshAt):
			ch.refreshAt = time.Time{}
			if now.Sub(ch.used) < channelLifetime {
				c.askChannel(now, ch)
			}
		}
	}
}
