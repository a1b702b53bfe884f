package ice

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Timing and bounds of gathering.
const (
	defaultTa          = 50 * time.Millisecond  // RFC 8445 section 14.2
	defaultRTO         = 500 * time.Millisecond // RFC 8445 section 14.3, at the least
	defaultSTUNTimeout = 5 * time.Second
	maxSockets         = 64
	maxServers         = 32
)

// codeUnreachable is W3C's RTCPeerConnectionIceErrorEvent.errorCode for a
// server that gave no answer.
const codeUnreachable = 701

// GathererConfig configures a Gatherer.
type GathererConfig struct {
	Credentials
	Random      io.Reader     // nil: crypto/rand
	Ta          time.Duration // between new transactions; 0: 50 ms
	STUNTimeout time.Duration // of a transaction with all its retransmissions; 0: 5 s
	// Relay keeps host and server-reflexive candidates to itself
	// (iceTransportPolicy "relay"): none are reported, no STUN server is asked.
	// Relayed addresses are all there is.
	Relay bool
}

// LocalSocket is a bound UDP socket, or what makes or takes TCP connections for one
// local address.
type LocalSocket struct {
	ID        LocalID
	Addr      netip.AddrPort
	Interface string
	// LocalPreference is that of RFC 8445 section 5.1.2.1, unique per socket;
	// 0: chosen here, in order of arrival, IPv6 and IPv4 taking turns (RFC 8421
	// section 4), loopback and link-local addresses below all others.
	LocalPreference uint16
	// TCPType, TCPActive or TCPPassive, makes it TCP; empty is UDP.
	TCPType string
}

func (s *LocalSocket) transport() Transport {
	if s.TCPType != "" {
		return TCP
	}
	return UDP
}

// Gatherer turns sockets, STUN servers and relayed addresses into local candidates
// (RFC 8445 section 5.1.1). The zero value is not usable; see NewGatherer.
type Gatherer struct {
	cfg       GathererConfig
	sockets   []LocalSocket
	servers   []server
	relayed   []RelayedAddress
	waiting   []*query // in order of start
	active    []*query
	nextSlot  time.Time
	complete  bool // no more sockets and servers
	done      bool
	found     []LocalCandidate
	kept      []keptBinding
	concluded bool // ICE has ended: kept stays empty
	// foundations numbers what shares a foundation (RFC 8445 section 5.1.1.3).
	// Numbers, not hashes: a hash of an address gives it away where candidates
	// hide it.
	foundations map[string]string
	out         queue[Datagram]
	events      queue[GatherEvent]
}

type server struct {
	url  string
	addr netip.AddrPort
}

// GatherEvent is *GatherCandidate, *GatherError or *GatherDone.
type GatherEvent interface{ isGatherEvent() }

// GatherCandidate reports a new local candidate.
type GatherCandidate struct{ Candidate LocalCandidate }

// GatherError reports a server that one socket got no address from. Gathering
// goes on.
type GatherError struct {
	URL  string
	Addr netip.AddrPort // local address; unset when no socket is concerned
	Code int            // STUN error code, or 701: no answer
	Text string
}

// GatherDone reports that no candidate will follow; it is the last event.
type GatherDone struct{}

func (*GatherCandidate) isGatherEvent() {}
func (*GatherError) isGatherEvent()     {}
func (*GatherDone) isGatherEvent()      {}

// NewGatherer makes a gatherer without sockets.
func NewGatherer(cfg GathererConfig) *Gatherer {
	if cfg.Ta <= 0 {
		cfg.Ta = defaultTa
	}
	if cfg.STUNTimeout <= 0 {
		cfg.STUNTimeout = defaultSTUNTimeout
	}
	return &Gatherer{cfg: cfg, foundations: make(map[string]string)}
}

// AddSocket reports the socket's host candidate and asks the servers about it.
// It does nothing after Complete, for a known ID, or beyond 64 sockets.
func (g *Gatherer) AddSocket(now time.Time, s LocalSocket) {
	if g.complete || len(g.sockets) >= maxSockets || !s.Addr.IsValid() {
		return
	}
	for _, old := range g.sockets {
		if old.ID == s.ID {
			return
		}
	}
	s.Addr = netip.AddrPortFrom(s.Addr.Addr().Unmap(), s.Addr.Port())
	if s.LocalPreference == 0 {
		s.LocalPreference = g.choosePreference(s)
	}
	g.sockets = append(g.sockets, s)
	if g.cfg.Relay {
		return
	}
	g.report(LocalCandidate{ID: s.ID, Base: s.Addr, Interface: s.Interface, Candidate: Candidate{
		Foundation: g.foundation(Host, s.Addr.Addr(), s.TCPType),
		Transport:  s.transport(),
		TCPType:    s.TCPType,
		Priority:   candidatePriorityOver(s.transport(), Host, s.LocalPreference, 1),
		Addr:       s.Addr,
		Type:       Host,
	}})
	for _, v := range g.servers {
		g.ask(s, v)
	}
	g.run(now)
}

// RemoveSocket forgets a socket that was closed; its queries end silently.
func (g *Gatherer) RemoveSocket(now time.Time, id LocalID) {
	for i, s := range g.sockets {
		if s.ID == id {
			g.sockets = append(g.sockets[:i], g.sockets[i+1:]...)
			break
		}
	}
	other := func(list []*query) []*query {
		kept := list[:0]
		for _, q := range list {
			if q.socket.ID != id {
				kept = append(kept, q)
			}
		}
		return kept
	}
	g.waiting, g.active = other(g.waiting), other(g.active)
	g.kept = slices.DeleteFunc(g.kept, func(b keptBinding) bool { return b.socket == id })
	g.run(now)
}

// choosePreference counts down from the top, IPv6 first, one family's
// addresses between the other's.
func (g *Gatherer) choosePreference(s LocalSocket) uint16 {
	addr := s.Addr.Addr()
	rank := 0
	for _, o := range g.sockets {
		if o.Addr.Addr().Is4() == addr.Is4() && o.TCPType == s.TCPType {
			rank += 2
		}
	}
	if addr.Is4() {
		rank++
	}
	below := addr.IsLoopback() || addr.IsLinkLocalUnicast()
	if s.TCPType != "" {
		other := uint16(0x1fff - rank)
		if below {
			other -= 0x1000
		}
		return tcpLocalPreference(s.TCPType, other)
	}
	preference := uint16(0xffff - rank)
	if below {
		preference -= 0x8000
	}
	return preference
}

// AddServer adds a STUN server under one of its addresses: it is asked from
// each socket of that family, those added later included. The candidates carry
// url. It does nothing after Complete or beyond 32 servers.
func (g *Gatherer) AddServer(now time.Time, url string, addr netip.AddrPort) {
	v := server{url, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}
	if g.complete || len(g.servers) >= maxServers || !v.addr.IsValid() {
		return
	}
	for _, old := range g.servers {
		if old.addr == v.addr {
			return
		}
	}
	g.servers = append(g.servers, v)
	if g.cfg.Relay {
		return
	}
	for _, s := range g.sockets {
		g.ask(s, v)
	}
	g.run(now)
}

// Complete says that no sockets and servers will be added. GatherDone follows
// when the last transaction has ended.
func (g *Gatherer) Complete(now time.Time) {
	g.complete = true
	g.run(now)
}

// Reopen takes Complete back: sockets may be added again, and the servers are asked
// about them. GatherDone follows the next Complete.
func (g *Gatherer) Reopen() { g.complete, g.done = false, false }

// Advance does what is due: retransmissions, the next transaction, time-outs,
// bindings to keep alive.
func (g *Gatherer) Advance(now time.Time) {
	active := g.active
	g.active = active[:0]
	for _, q := range active {
		if q.due(now) {
			if !now.Before(q.end) {
				g.fail(q, codeUnreachable, fmt.Sprintf("STUN server %s did not answer", q.server.addr))
				continue
			}
			g.send(q, now)
		}
		g.active = append(g.active, q)
	}
	clear(active[len(g.active):])
	g.run(now)
	g.refreshBindings(now)
}

// Deadline returns when Advance is to be called; zero: never.
func (g *Gatherer) Deadline() time.Time {
	var t time.Time
	if len(g.waiting) > 0 {
		t = g.nextSlot
	}
	for _, q := range g.active {
		t = earlier(t, q.next)
	}
	return earlier(t, g.bindingsDue())
}

// NextDatagram returns the next message to send.
func (g *Gatherer) NextDatagram() (Datagram, bool) { return g.out.pop() }

// NextEvent returns the next event.
func (g *Gatherer) NextEvent() (GatherEvent, bool) { return g.events.pop() }

// run starts what the pacing allows, and ends gathering once nothing is left.
func (g *Gatherer) run(now time.Time) {
	if len(g.waiting) > 0 && !now.Before(g.nextSlot) {
		q := g.waiting[0]
		g.waiting = g.waiting[1:]
		q.end = now.Add(g.cfg.STUNTimeout)
		g.active = append(g.active, q)
		g.send(q, now)
		g.nextSlot = now.Add(g.cfg.Ta)
	}
	if g.complete && !g.done && len(g.waiting) == 0 && len(g.active) == 0 {
		g.done = true
		g.events.push(&GatherDone{})
	}
}

// report emits a candidate unless it is redundant: the same address from the
// same base (RFC 8445 section 5.1.3). Host candidates come first and have the
// higher priority, so the later one is dropped. It tells whether the candidate is new.
func (g *Gatherer) report(c LocalCandidate) bool {
	for _, old := range g.found {
		if old.Addr == c.Addr && old.Base == c.Base && old.TCPType == c.TCPType {
			return false
		}
	}
	c.Component = 1
	c.UsernameFragment = g.cfg.Ufrag
	g.found = append(g.found, c)
	g.events.push(&GatherCandidate{c})
	return true
}

// foundation is equal for candidates of one type, base address, protocol and
// server address (RFC 8445 section 5.1.1.3).
func (g *Gatherer) foundation(t CandidateType, base netip.Addr, server string) string {
	key := t.String() + " " + base.String() + " " + server
	f, ok := g.foundations[key]
	if !ok {
		f = strconv.Itoa(len(g.foundations) + 1)
		g.foundations[key] = f
	}
	return f
}

// earlier returns the earlier of two deadlines, of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
