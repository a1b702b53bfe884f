package netio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A UDPMux lets any number of connections share sockets. What comes in is given
// to the [MuxPath] that it is for:
//
//   - a STUN request by the first half of its USERNAME, which is the receiver's
//     user name fragment (RFC 8445 section 7.2.2);
//   - a STUN response by its transaction, so that many connections may ask one
//     server, or one peer that shares its port too;
//   - everything else by the address it comes from, among those that [MuxPath.Bind]
//     has named.
//
// All else is dropped without an answer, before it costs a connection anything.
// Nothing that a sender writes into a datagram binds an address: only Bind does,
// which the owner calls once a message's integrity holds.
//
// The methods are safe for concurrent use.
type UDPMux struct {
	groups  []*muxGroup
	closing atomic.Bool
	unknown atomic.Uint64
}

// A muxGroup is the sockets of one local address: one, or several shards among
// which the kernel distributes the senders (SO_REUSEPORT), so that a sender's
// datagrams stay in order.
type muxGroup struct {
	mux    *UDPMux
	local  netip.AddrPort
	wild   bool // bound to no address, and told of each datagram where it came to
	dual   bool // bound to no IPv6 address, and takes IPv4 too
	shards []*muxShard

	mu       sync.RWMutex
	names    nameTable[*MuxPath]
	remotes  map[muxRemote][]*MuxPath // newest first; a slice is never changed
	requests map[transaction]*MuxPath
	paths    map[*MuxPath]struct{}
	next     int   // shard of the next path
	dead     error // what ended a socket; nil: all live
}

// A muxShard is one socket and its reader's memory.
type muxShard struct {
	group   *muxGroup
	socket  *Socket
	owners  [readBatch]*MuxPath
	others  [readBatch][]*MuxPath // that share a datagram with its owner
	scratch [readBatch]Datagram
}

// muxRemote is a peer's address, and that of this host where that tells paths apart,
// else the zero one.
type muxRemote struct {
	local  netip.Addr
	remote netip.AddrPort
}

// NewUDPMux shares conns, which it owns from now on. Those that are bound to one
// address and port are its shards.
func NewUDPMux(conns ...PacketConn) *UDPMux {
	m := &UDPMux{}
	for _, conn := range conns {
		local := conn.LocalAddr()
		i := slices.IndexFunc(m.groups, func(g *muxGroup) bool { return g.local == local })
		if i < 0 {
			i = len(m.groups)
			m.groups = append(m.groups, &muxGroup{
				mux: m, local: local,
				names: make(nameTable[*MuxPath]), remotes: make(map[muxRemote][]*MuxPath),
				requests: make(map[transaction]*MuxPath), paths: make(map[*MuxPath]struct{}),
			})
			m.groups[i].learn(conn)
		}
		g := m.groups[i]
		s := &muxShard{group: g}
		g.shards = append(g.shards, s)
		// The reader may run before the socket is stored: nothing is routed while
		// there are no paths.
		s.socket = NewSocket(Ending(conn, g.failed), s.receive)
	}
	return m
}

// learn asks a conn what it can do: those of other packages tell no destinations.
func (g *muxGroup) learn(conn PacketConn) {
	if c, ok := conn.(interface {
		abilities() (dual, destinations bool)
	}); ok {
		g.dual, g.wild = c.abilities()
		return
	}
	g.dual = g.local.Addr().IsUnspecified() && g.local.Addr().Is6() // package net's default
}

// A MuxListener is an address that a mux listens on.
type MuxListener struct {
	// Addr may have an unspecified address, which stands for all of the host's of
	// its family.
	Addr netip.AddrPort
	// IPv4 says that an unspecified IPv6 address stands for those of IPv4 too.
	IPv4 bool
	// Destinations says that the addresses that an unspecified one stands for are
	// told apart. Elsewhere a connection can use one of them.
	Destinations bool
}

// Listeners lists where the mux listens.
func (m *UDPMux) Listeners() []MuxListener {
	all := make([]MuxListener, 0, len(m.groups))
	for _, g := range m.groups {
		all = append(all, MuxListener{Addr: g.local, IPv4: g.dual, Destinations: g.wild})
	}
	return all
}

// Serves reports whether addr is, or is among, what the listener stands for.
func (l MuxListener) Serves(addr netip.Addr) bool {
	own := l.Addr.Addr()
	if !own.IsUnspecified() {
		return own == addr
	}
	return own.Is4() == addr.Is4() || l.IPv4
}

// A PathHandler is the Handler of a path.
type PathHandler func(p *MuxPath, now time.Time, ds []Datagram)

// MuxConfig describes one connection's use of a local address.
type MuxConfig struct {
	// Local is one of the host's addresses, with the port of the listener.
	Local netip.AddrPort
	// Fragment is the connection's user name fragment.
	Fragment string
	// Handle takes what is for the connection, on a reader of the mux. Calls may
	// overlap where the mux has several sockets for one address, those for one
	// remote address do not. Else it is as for a Socket; a slow one delays all
	// connections.
	Handle PathHandler
	// Failed is called, on a reader, when the mux has closed or its socket has
	// failed. The path must still be closed.
	Failed func(error)
}

// Open makes a path for a connection on a local address that the mux listens on. It
// returns what ended the mux or the address's socket, if something has.
func (m *UDPMux) Open(c MuxConfig) (*MuxPath, error) {
	for _, g := range m.groups {
		l := MuxListener{Addr: g.local, IPv4: g.dual}
		if l.Serves(c.Local.Addr()) && g.local.Port() == c.Local.Port() {
			return g.open(c)
		}
	}
	return nil, fmt.Errorf("netio: the UDP mux does not listen on %v", c.Local)
}

// Close closes the sockets; every path fails. It waits for the readers, so it
// must not be called by a Handler.
func (m *UDPMux) Close() error {
	m.closing.Store(true)
	var errs []error
	for _, g := range m.groups {
		for _, s := range g.shards {
			errs = append(errs, s.socket.Close())
		}
	}
	return errors.Join(errs...)
}

// Release closes the paths of a user name fragment, which fail.
func (m *UDPMux) Release(fragment string) {
	for _, g := range m.groups {
		g.mu.RLock()
		named := g.names.having(fragment)
		g.mu.RUnlock()
		for _, p := range named {
			g.remove(p)
			p.config.Failed(net.ErrClosed)
		}
	}
}

// MuxStats are a UDPMux's counts since it was made.
type MuxStats struct {
	Stats
	// Unknown counts received datagrams that were for no connection.
	Unknown uint64
	// Paths, Bindings and Transactions are how many there are now.
	Paths, Bindings, Transactions int
}

// Stats adds up what the sockets counted.
func (m *UDPMux) Stats() MuxStats {
	all := MuxStats{Unknown: m.unknown.Load()}
	for _, g := range m.groups {
		for _, s := range g.shards {
			all.add(s.socket.Stats())
		}
		g.mu.RLock()
		all.Paths += len(g.paths)
		all.Bindings += len(g.remotes)
		all.Transactions += len(g.requests)
		g.mu.RUnlock()
	}
	return all
}

// failed tells the paths that a socket is gone, after which there will be no others:
// a part of what is sent to the address would be lost, or all of it.
func (g *muxGroup) failed(err error) {
	g.mu.Lock()
	if g.dead == nil {
		g.dead = err
	}
	paths := make([]*MuxPath, 0, len(g.paths))
	for p := range g.paths {
		paths = append(paths, p)
	}
	g.mu.Unlock()
	for _, p := range paths {
		p.config.Failed(err)
	}
}

// receive is the Handler of a shard's socket. Each connection gets what of the
// batch is its own as one batch.
func (s *muxShard) receive(now time.Time, ds []Datagram) {
	unknown := s.route(ds)
	if unknown > 0 {
		s.group.mux.unknown.Add(uint64(unknown))
	}
	for i := range ds {
		if s.others[i] != nil {
			s.share(now, ds, i)
		}
	}
	for i := range ds {
		owner := s.owners[i]
		if owner == nil {
			continue
		}
		n := 0
		for j := i; j < len(ds); j++ {
			if s.owners[j] == owner {
				s.scratch[n] = ds[j]
				n++
				ds[j].Buffer, s.owners[j] = nil, nil
			}
		}
		owner.deliver(now, s.scratch[:n])
	}
}

// route finds the owner of each datagram; it returns how many have none.
func (s *muxShard) route(ds []Datagram) (unknown int) {
	g := s.group
	g.mu.RLock()
	defer g.mu.RUnlock()
	for i := range ds {
		s.owners[i], s.others[i] = g.owner(&ds[i])
		if s.owners[i] == nil {
			unknown++
		}
	}
	return unknown
}

// owner finds the path that a datagram is for, nil if none, and the others that it
// may be for. g.mu is held.
func (g *muxGroup) owner(d *Datagram) (owner *MuxPath, others []*MuxPath) {
	packet := d.Buffer.Bytes()
	var local netip.Addr
	if g.wild {
		local = d.Local
	}
	switch kind := inspect(packet); kind {
	case stunRequest:
		return g.names[muxName{local, string(requestFragment(packet))}], nil
	case stunResponse:
		if p := g.requests[transaction(packet[8:20])]; p != nil && p.key == local {
			return p, nil
		}
		return nil, nil
	case notForUs:
		return nil, nil
	default:
		owners := g.remotes[muxRemote{local, d.Addr}]
		switch {
		case len(owners) == 0:
			return nil, nil
		case len(owners) == 1 || kind != protected:
			return owners[0], nil
		}
		return owners[0], owners[1:]
	}
}

// share gives copies of the datagram at i, and of those after it from the same address,
// to the connections beside the owner that have proved the address to be their peer's.
// The protection tells whose they are: the others drop them. So no connection can take
// another's traffic by claiming its address. The owner comes after them, as it opens
// the original in place.
func (s *muxShard) share(now time.Time, ds []Datagram, i int) {
	others := s.others[i]
	for _, p := range others {
		n := 0
		for j := i; j < len(ds); j++ {
			if !sameOwners(s.others[j], others) {
				continue
			}
			b := GetBuffer()
			b.SetLen(copy(b.Cap(), ds[j].Buffer.Bytes()))
			s.scratch[n] = Datagram{Buffer: b, Addr: ds[j].Addr, Local: ds[j].Local}
			n++
		}
		p.deliver(now, s.scratch[:n])
	}
	for j := len(ds) - 1; j >= i; j-- {
		if sameOwners(s.others[j], others) {
			s.others[j] = nil
		}
	}
}

// sameOwners tells two lists apart, of which an address has one at a time.
func sameOwners(a, b []*MuxPath) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }

func (s *Stats) add(t Stats) {
	s.DatagramsSent += t.DatagramsSent
	s.BytesSent += t.BytesSent
	s.DatagramsReceived += t.DatagramsReceived
	s.BytesReceived += t.BytesReceived
	s.SendCalls += t.SendCalls
	s.ReceiveCalls += t.ReceiveCalls
	s.Truncated += t.Truncated
	s.ReceiveErrors += t.ReceiveErrors
	s.Queued += t.Queued
	s.Dropped.QueueFull += t.Dropped.QueueFull
	s.Dropped.WouldBlock += t.Dropped.WouldBlock
	s.Dropped.TooLong += t.Dropped.TooLong
	s.Dropped.Unreachable += t.Dropped.Unreachable
	s.Dropped.Denied += t.Dropped.Denied
	s.Dropped.Closed += t.Dropped.Closed
	s.Dropped.Failed += t.Dropped.Failed
}
