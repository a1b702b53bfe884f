package simnet

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Link is one direction between two hosts, end to end: what is behind a NAT has
// no link of its own to it. The zero value delivers everything at once.
type Link struct {
	Delay  time.Duration
	Jitter time.Duration // adds 0 to Jitter, evenly, without reordering

	// Chances from 0 to 1. A reordered datagram is held back by 1 ms to
	// 11 ms + Delay, so that later ones overtake it.
	Loss, Duplicate, Reorder float64

	Down bool // drops everything that is sent; what is in flight arrives

	// Bandwidth is in bit/s of IP packets, 0 is no limit. Queue is how long a
	// datagram may wait for those before it; beyond, it is dropped. 0 is 200 ms.
	Bandwidth int
	Queue     time.Duration

	MTU int // bytes of the longest IP packet that passes; 0 is 1500
	// Fragments lets longer datagrams pass in pieces, all of which have to arrive,
	// unless their sender forbids it (netio.Buffer.KeepWhole). Without, they are dropped.
	Fragments bool
}

const (
	defaultQueue = 200 * time.Millisecond
	defaultMTU   = 1500
	holdMin      = time.Millisecond
	holdSpread   = 10 * time.Millisecond
)

// path is the state of one direction between two hosts.
type path struct {
	link *Link // nil: the network's default
	rng  *rand.Rand
	busy time.Time // when the bottleneck has sent what it has
	last time.Time // the latest arrival so far, of what was not held back
}

// SetDefaultLink sets the link of every pair that has none of its own.
func (n *Net) SetDefaultLink(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.defaultLink = l
	for _, p := range n.paths {
		if p.link == nil {
			p.busy, p.last = time.Time{}, time.Time{}
		}
	}
}

// SetLink sets both directions between a and b.
func (n *Net) SetLink(a, b *Host, l Link) {
	n.SetLinkOneWay(a, b, l)
	n.SetLinkOneWay(b, a, l)
}

// SetLinkOneWay sets the direction from one host to another. It applies to what
// is sent from now on; datagrams in flight keep their time of arrival, so that
// those of a shorter new link may overtake them.
func (n *Net) SetLinkOneWay(from, to *Host, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.path(from, to)
	p.link = &l
	p.busy, p.last = time.Time{}, time.Time{}
}

// path returns the state of a direction; to is nil for an address behind which
// nobody is known yet. n.mu is held.
func (n *Net) path(from, to *Host) *path {
	key := [2]string{from.name, ""}
	if to != nil {
		key[1] = to.name
	}
	p := n.paths[key]
	if p == nil {
		h := fnv.New64a()
		h.Write([]byte(key[0] + "\x00" + key[1]))
		p = &path{rng: rand.New(rand.NewPCG(n.seed, h.Sum64()))}
		n.paths[key] = p
	}
	return p
}

// schedule decides when one datagram arrives, in how many copies (0 to 2), and
// if none, the counter of the reason. n.mu is held.
func (n *Net) schedule(p *path, now time.Time, d *datagram) (at time.Time, copies int, reason *uint64) {
	l := n.defaultLink
	if p.link != nil {
		l = *p.link
	}
	// Always the same draws, so that one setting does not shift another's.
	loss, duplicate, reorder, jitter, hold :=
		p.rng.Float64(), p.rng.Float64(), p.rng.Float64(), p.rng.Float64(), p.rng.Float64()

	size, pieces := l.pieces(d)
	drops := &n.stats.Drops
	switch {
	case l.Down:
		return at, 0, &drops.Down
	case pieces == 0:
		return at, 0, &drops.TooBig
	case loss < 1-math.Pow(1-l.Loss, float64(pieces)):
		return at, 0, &drops.Loss
	}

	at = now
	if l.Bandwidth > 0 {
		if p.busy.After(now) {
			at = p.busy
		}
		queue := l.Queue
		if queue == 0 {
			queue = defaultQueue
		}
		if at.Sub(now) > queue {
			return at, 0, &drops.Queue
		}
		at = at.Add(time.Duration(int64(size) * 8 * int64(time.Second) / int64(l.Bandwidth)))
		p.busy = at
	}
	at = at.Add(l.Delay + time.Duration(jitter*float64(l.Jitter)))
	if reorder < l.Reorder {
		at = at.Add(holdMin + time.Duration(hold*float64(holdSpread+l.Delay)))
	} else {
		if at.Before(p.last) {
			at = p.last
		}
		p.last = at
	}
	if duplicate < l.Duplicate {
		return at, 2, nil
	}
	return at, 1, nil
}

// pieces is as how many IP packets a datagram passes the link, with how many bytes in
// all; 0: it does not.
func (l *Link) pieces(d *datagram) (size, n int) {
	mtu := l.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	size = d.size()
	if size <= mtu {
		return size, 1
	}
	if !l.Fragments || d.whole || d.segment != nil {
		return size, 0
	}
	header, extra := packetSize(d.dst.Addr(), 0), 0
	if !d.dst.Addr().Is4() {
		extra = fragmentHeader
	}
	payload := size - header
	each := (mtu - header - extra) &^ 7 // but for the last: RFC 791 section 3.2, RFC 8200 section 4.5
	n = (payload + each - 1) / each
	return payload + n*(header+extra), n
}

const (
	udpHeader = 8
	// fragmentHeader is IPv6's (RFC 8200 section 4.5).
	fragmentHeader = 8
	tcpHeader      = 20 // options apart
)

// packetSize is the length of the IP packet around what the IP header is before.
func packetSize(dst netip.Addr, rest int) int {
	const ipv4, ipv6 = 20, 40
	if dst.Is4() {
		return ipv4 + rest
	}
	return ipv6 + rest
}
