// Package simnet is a virtual network for tests, of datagrams and streams. Its hosts
// implement netio.Network and netio.StreamDialer; between them lie links with delay,
// loss, reordering, duplication, bandwidth and an MTU, NATs, STUN and TURN servers.
//
// Time is package time, so inside a testing/synctest bubble it is virtual and
// exact: over a link with Delay d a datagram arrives d later. Nothing runs
// while nothing is in flight; what is in flight is one timer.
//
// Chance is seeded, with one generator for each direction between two hosts:
// the fate of a datagram depends on the seed, the names of the two hosts and
// how many datagrams went that way before, not on what others send meanwhile.
package simnet

import (
	"net/netip"
	"sync"
	"time"
)

// Net is one internet: public hosts that all reach each other, and routers with
// hosts behind them. Its methods are safe for concurrent use. Constructors
// panic when an address does not parse or a name or an address is taken: these
// are mistakes in the test.
type Net struct {
	seed     uint64
	internet realm

	tapMu sync.Mutex // held while taps run, never together with mu
	taps  []func(Packet) Verdict

	mu          sync.Mutex // never held while code of others runs
	names       map[string]bool
	hosts       []*Host
	defaultLink Link
	paths       map[[2]string]*path
	flight      flight
	outbox      []*datagram // segments that wait for deliverDue
	posting     bool        // somebody takes one out
	alarms      alarms
	lastAlarm   uint64
	stirred     []*sync.Cond // who is woken when all that is due has been delivered
	timer       *time.Timer
	armed       time.Time // what timer is set for; zero: not set
	closed      bool
	stats       Stats
}

// realm is a set of addresses that reach each other without translation: the
// internet, or the network behind one router.
type realm struct {
	router *Router // nil: the internet
	owner  map[netip.Addr]owner
}

// owner is who answers to an address: one of the two is set.
type owner struct {
	host   *Host
	router *Router
}

// New makes an empty network.
func New(seed uint64) *Net {
	return &Net{
		seed:     seed,
		internet: realm{owner: make(map[netip.Addr]owner)},
		names:    make(map[string]bool),
		paths:    make(map[[2]string]*path),
	}
}

// Verdict is what a tap decides about a packet.
type Verdict uint8

const (
	Pass Verdict = iota
	Drop
)

// Packet is a datagram, or a segment of a stream, at the moment when a host sends it,
// before any NAT.
type Packet struct {
	Time     time.Time
	Src, Dst netip.AddrPort
	Stream   bool   // TCP; else UDP
	Whole    bool   // must not be fragmented
	Data     []byte // the payload: may be kept, must not be changed
}

// Tap has f see every packet when it is sent, those of STUN servers included,
// before chance and links touch it. All taps see all packets; one Drop is
// enough to drop. Taps run one at a time; f may change links but must not send.
func (n *Net) Tap(f func(Packet) Verdict) {
	n.tapMu.Lock()
	defer n.tapMu.Unlock()
	n.taps = append(n.taps, f)
}

func (n *Net) verdict(p Packet) Verdict {
	n.tapMu.Lock()
	defer n.tapMu.Unlock()
	v := Pass
	for _, tap := range n.taps {
		if tap(p) == Drop {
			v = Drop
		}
	}
	return v
}

// Close closes all sockets, ends all streams and drops what is in flight.
func (n *Net) Close() {
	n.mu.Lock()
	n.closed = true
	n.flight, n.outbox, n.alarms = nil, nil, nil
	if n.timer != nil {
		n.timer.Stop()
	}
	var conns []*conn
	for _, h := range n.hosts {
		for _, c := range h.conns {
			conns = append(conns, c)
		}
		h.endStreams()
	}
	n.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// claim reserves a name. n.mu is held.
func (n *Net) claim(name string) {
	if n.names[name] {
		panic("simnet: the name " + name + " is taken")
	}
	n.names[name] = true
}

// claim gives addr to o. n.mu is held.
func (r *realm) claim(addr netip.Addr, o owner) {
	if _, ok := r.owner[addr]; ok {
		panic("simnet: the address " + addr.String() + " is taken")
	}
	r.owner[addr] = o
}
