package turn

import (
	"crypto/rand"
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/pion/stun"
)

// Timing of an allocation.
const (
	defaultAllocateTimeout = 10 * time.Second
	defaultLifetime        = 10 * time.Minute // RFC 8656 section 7.2
	maxLifetime            = time.Hour
	releaseTimeout         = 4 * time.Second  // over UDP four requests
	keepaliveInterval      = 15 * time.Second // RFC 8445 section 11
)

// Family is an address family that a relayed address may be of (RFC 8656 section
// 18.6).
type Family uint8

// The families that an allocation may be asked for.
const (
	IPv4 Family = 1
	IPv6 Family = 2
	// DualStack asks for IPv4, and for an IPv6 address beside it where the server
	// has one (ADDITIONAL-ADDRESS-FAMILY, RFC 8656 section 18.11). A server without
	// IPv4 is asked for IPv6 then.
	DualStack Family = 3
)

// Config says what to ask a server for.
type Config struct {
	Username, Password string
	Family             Family // 0: IPv4
	// Stream says that the server is reached over TCP or TLS: requests are not
	// repeated (RFC 8489 section 6.2.2), and ChannelData is padded (RFC 8656
	// section 12.5).
	Stream bool
	Random io.Reader // nil: crypto/rand
	// AllocateTimeout bounds the time from Allocate to Allocated or Failed, 401 and
	// 438 included. 0: 10 s.
	AllocateTimeout time.Duration
}

// state of a Client; see setState.
type state uint8

const (
	idle       state = iota // Allocate has not been called
	allocating              // Allocated or Failed follows
	allocated               // data passes
	failed                  // Failed has been reported
	releasing               // closed; the server is told to give the allocation up
	closed                  // final
)

// transitions lists the states that may follow each.
var transitions = map[state][]state{
	idle:       {allocating, closed},
	allocating: {allocated, failed, releasing, closed},
	allocated:  {failed, releasing, closed},
	failed:     {releasing, closed},
	releasing:  {closed},
}

// Client is one allocation on a TURN server (RFC 8656). It keeps the allocation,
// its permissions and its channels alive until Close.
//
// It has one owner; after each input the owner drains NextPacket and NextEvent
// and asks Deadline.
type Client struct {
	cfg          Config
	state        state
	credentials  credentials // without a key until the server has told its realm
	holds        bool        // the server has an allocation for us, or may have
	relayed      [2]netip.AddrPort
	expires      time.Time // of the allocation
	refreshAt    time.Time // zero while a Refresh is under way
	lastRefusal  error     // of a Refresh since the last that succeeded
	confirming   bool      // Confirmed is to follow the next success of a Refresh
	giveUp       time.Time // of allocating, or of releasing
	lastSent     time.Time
	transactions []*transaction
	permissions  map[netip.Addr]*permission
	channels     map[netip.AddrPort]*channel
	byNumber     map[uint16]*channel
	held         int // packets that wait for permissions
	reader       stun.Message
	out          [][]byte
	events       []Event
}

// Event is *Allocated, *Confirmed, *Failed or *PeerRefused.
type Event interface{ isEvent() }

// Allocated reports that the server relays from now on.
type Allocated struct {
	// Relayed holds the relayed addresses, at most one of each family; at least
	// one.
	Relayed []netip.AddrPort
	// Mapped is where the server sees this end. Unset where it does not say.
	Mapped netip.AddrPort
}

// Confirmed reports that the server has answered to Confirm that it relays still.
type Confirmed struct{}

// Failed reports that there is no allocation, or no longer. It is the last event.
// Err is an *ErrorResponse where the server refused.
type Failed struct{ Err error }

// PeerRefused reports that the server does not relay to a peer, as for an address
// that its operator forbids.
type PeerRefused struct {
	Peer netip.Addr
	Err  error
}

func (*Allocated) isEvent()   {}
func (*Confirmed) isEvent()   {}
func (*Failed) isEvent()      {}
func (*PeerRefused) isEvent() {}

// New makes a client that has not yet sent anything.
func New(cfg Config) *Client {
	if cfg.AllocateTimeout <= 0 {
		cfg.AllocateTimeout = defaultAllocateTimeout
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Family == 0 {
		cfg.Family = IPv4
	}
	return &Client{
		cfg:         cfg,
		permissions: make(map[netip.Addr]*permission),
		channels:    make(map[netip.AddrPort]*channel),
		credentials: credentials{username: cfg.Username, password: cfg.Password},
		byNumber:    make(map[uint16]*channel),
	}
}

// setState moves on; what the table does not list is a mistake of this package.
func (c *Client) setState(s state) {
	for _, next := range transitions[c.state] {
		if next == s {
			c.state = s
			return
		}
	}
	panic("turn: no such transition")
}

// Allocate begins. Allocated or Failed follows. It does nothing when called
// before.
func (c *Client) Allocate(now time.Time) {
	if c.state != idle {
		return
	}
	c.setState(allocating)
	c.giveUp = now.Add(c.cfg.AllocateTimeout)
	c.lastSent = now
	c.request(now, &transaction{method: stun.MethodAllocate, family: c.cfg.Family})
}

// Confirm asks the server whether the allocation is still there, by a Refresh ("a
// client MAY refresh an allocation at any time for other reasons", RFC 8656 section
// 8). Confirmed follows, or Failed, or nothing for as long as the server is silent.
func (c *Client) Confirm(now time.Time) {
	if c.state != allocated {
		return
	}
	c.confirming = true
	if !c.refreshAt.IsZero() { // none is under way
		c.refreshAt = time.Time{}
		c.request(now, &transaction{method: stun.MethodRefresh})
	}
}

// Close gives the allocation up: no data passes any more, and no events follow. A
// Refresh with lifetime 0 is sent (RFC 8656 section 8), and repeated, while the owner
// calls Advance and HandlePacket, until the server has answered or releaseTimeout has
// passed. Deadline is zero then.
func (c *Client) Close(now time.Time) {
	if c.state == closed || c.state == releasing {
		return
	}
	c.drop()
	c.events = nil
	if !c.holds {
		c.setState(closed)
		return
	}
	c.setState(releasing)
	c.giveUp = now.Add(releaseTimeout)
	c.request(now, &transaction{method: stun.MethodRefresh})
}

// released ends what Close began: the server has answered, whatever it was, or is not
// asked any more.
func (c *Client) released() {
	c.setState(closed)
	c.drop()
}

// fail ends the client.
func (c *Client) fail(err error) {
	c.setState(failed)
	c.drop()
	c.push(&Failed{Err: err})
}

// drop forgets all that there is but what is to be sent already.
func (c *Client) drop() {
	c.transactions = nil
	clear(c.permissions)
	clear(c.channels)
	clear(c.byNumber)
	c.held = 0
}

// Relayed returns the relayed address of the family of addr; false where there is
// none.
func (c *Client) Relayed(addr netip.Addr) (netip.AddrPort, bool) {
	r := c.relayed[familyIndex(addr)]
	return r, c.state == allocated && r.IsValid()
}

// Alive reports whether the client has or may get an allocation.
func (c *Client) Alive() bool { return c.state == allocating || c.state == allocated }

// Advance does what is due: retransmissions, refreshes, time-outs.
func (c *Client) Advance(now time.Time) {
	if !c.Alive() && c.state != releasing {
		return
	}
	for i := 0; i < len(c.transactions); i++ {
		t := c.transactions[i]
		if now.Before(t.next) {
			continue
		}
		if !now.Before(t.end) {
			c.transactions = append(c.transactions[:i], c.transactions[i+1:]...)
			i--
			c.timedOut(now, t)
			if !c.Alive() {
				return
			}
			continue
		}
		c.transmit(now, t)
	}
	if c.state == releasing && !now.Before(c.giveUp) {
		c.released()
	}
	if c.state == allocating && !now.Before(c.giveUp) {
		c.fail(errNoAnswer)
		return
	}
	if c.state != allocated {
		return
	}
	if !now.Before(c.expires) {
		c.holds = false
		c.fail(c.expired())
		return
	}
	if !c.refreshAt.IsZero() && !now.Before(c.refreshAt) {
		c.refreshAt = time.Time{}
		c.request(now, &transaction{method: stun.MethodRefresh})
	}
	c.refreshPermissions(now)
	c.refreshChannels(now)
	if !now.Before(c.lastSent.Add(keepaliveInterval)) {
		c.keepalive(now)
	}
}

// keepalive keeps the NATs on the way to the server open (RFC 8656 section 9, its
// note) with what ICE does that with, a Binding indication (RFC 8445 section 11).
func (c *Client) keepalive(now time.Time) {
	m, err := stun.Build(c.newID(), stun.NewType(stun.MethodBinding, stun.ClassIndication))
	if err == nil {
		c.send(now, m.Raw)
	}
	c.lastSent = now
}

// Deadline returns when Advance is to be called; zero: never.
func (c *Client) Deadline() time.Time {
	if !c.Alive() && c.state != releasing {
		return time.Time{}
	}
	at := c.giveUp
	if c.state == allocated {
		at = earlier(c.expires, c.refreshAt)
		at = earlier(at, c.lastSent.Add(keepaliveInterval))
		for _, p := range c.permissions {
			at = earlier(at, p.due())
		}
		for _, ch := range c.channels {
			at = earlier(at, ch.due())
		}
	}
	for _, t := range c.transactions {
		at = earlier(at, t.next)
	}
	return at
}

// NextPacket returns the next message to send to the server. It is the caller's.
func (c *Client) NextPacket() ([]byte, bool) {
	if len(c.out) == 0 {
		c.out = nil
		return nil, false
	}
	p := c.out[0]
	c.out = c.out[1:]
	return p, true
}

// NextEvent returns the next event.
func (c *Client) NextEvent() (Event, bool) {
	if len(c.events) == 0 {
		c.events = nil
		return nil, false
	}
	e := c.events[0]
	c.events = c.events[1:]
	return e, true
}

// maxQueued bounds what waits for NextPacket and NextEvent when nobody drains.
const maxQueued = 512

func (c *Client) send(now time.Time, p []byte) {
	if len(c.out) < maxQueued {
		c.out = append(c.out, p)
		c.lastSent = now
	}
}

func (c *Client) push(e Event) {
	if len(c.events) < maxQueued {
		c.events = append(c.events, e)
	}
}

// Why there is no allocation, or no longer.
var (
	errNoAnswer   = errors.New("TURN server did not answer")
	errExpired    = errors.New("TURN allocation expired: the server answered no Refresh request")
	errNoAddress  = errors.New("TURN server gave no usable relayed address")
	errCredential = errors.New("TURN server asks for credentials without REALM and NONCE")
)

// earlier returns the earlier of two deadlines, of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func familyIndex(addr netip.Addr) int {
	if addr.Is4() {
		return 0
	}
	return 1
}
