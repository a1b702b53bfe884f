package netio

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of what one connection, or one remote address, can make a mux hold.
const (
	maxAsked    = 64 // requests of a path whose responses are still taken
	maxBindings = 32 // remote addresses of a path

	// maxOwners bounds the paths of a remote address, which are many where the peer
	// has a mux too, as servers among themselves. Each takes a pointer, and a
	// copy of every protected packet from there, to find that it is not its own:
	// with 64 of them some 10 µs a packet (BenchmarkSharedAddress), and 63 failed
	// authentications.
	maxOwners = 64
)

// A MuxPath is one connection's share of a local address of a [UDPMux].
//
// The methods are safe for concurrent use.
type MuxPath struct {
	config MuxConfig
	group  *muxGroup
	shard  *muxShard  // that it sends through
	key    netip.Addr // local in the group's maps
	addr   netip.AddrPort
	source netip.Addr // that its datagrams leave from; zero: the socket's

	// gate is held for reading while Handle runs.
	gate   sync.RWMutex
	closed bool

	// All below: group.mu.
	removed bool
	names   []string
	asked   []transaction    // oldest first
	bound   []netip.AddrPort // oldest first
	kept    netip.AddrPort   // that carries the connection's data
}

func (g *muxGroup) open(c MuxConfig) (*MuxPath, error) {
	p := &MuxPath{config: c, group: g, addr: c.Local}
	if g.wild {
		p.key, p.source = c.Local.Addr(), c.Local.Addr()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mux.closing.Load() {
		return nil, net.ErrClosed
	}
	if g.dead != nil {
		return nil, fmt.Errorf("netio: socket of the UDP mux on %v: %w", g.local, g.dead)
	}
	p.shard = g.shards[g.next%len(g.shards)]
	g.next++
	g.paths[p] = struct{}{}
	p.names = g.names.add(p, nil, p.key, c.Fragment)
	return p, nil
}

// LocalAddr is the local address that the path was opened on, with the port of
// the mux.
func (p *MuxPath) LocalAddr() netip.AddrPort { return p.addr }

// Name adds a user name fragment, as of an ICE restart; the oldest go beyond four.
// Of two paths with one fragment the later gets the requests.
func (p *MuxPath) Name(fragment string) {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	if !p.removed {
		p.names = p.group.names.add(p, p.names, p.key, fragment)
	}
}

// Bind makes what comes from remote the path's: the caller has just taken from it
// a message whose integrity holds. The newest such path gets what is not
// protected, so that an address may change its owner, as a NAT's does; those
// before it still get what is protected, each dropping what it cannot open. So one
// handshake at a time gets through from an address; several at once disturb each other,
// as nothing in DTLS here says whose a record is. There may
// be 64 at a time: beyond, the oldest whose data goes elsewhere loses the address, and
// where there is none, the caller does not get it.
func (p *MuxPath) Bind(remote netip.AddrPort) {
	g := p.group
	key := muxRemote{p.key, remote}
	g.mu.RLock()
	owners := g.remotes[key]
	g.mu.RUnlock()
	if len(owners) > 0 && owners[0] == p {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.removed {
		return
	}
	owners = g.remotes[key]
	renewed := make([]*MuxPath, 1, len(owners)+1)
	renewed[0] = p
	for _, o := range owners {
		if o != p {
			renewed = append(renewed, o)
		}
	}
	if len(renewed) > maxOwners {
		if renewed = dropOwner(renewed, remote); renewed == nil {
			return
		}
	}
	g.remotes[key] = renewed
	if !slices.Contains(p.bound, remote) {
		p.bound = append(p.bound, remote)
		p.dropBinding()
	}
}

// dropOwner takes the oldest owner but the first out that does not carry its data over
// remote; nil: all do.
func dropOwner(owners []*MuxPath, remote netip.AddrPort) []*MuxPath {
	at := len(owners) - 1
	for at > 0 && owners[at].kept == remote {
		at--
	}
	if at == 0 {
		return nil
	}
	o := owners[at]
	if i := slices.Index(o.bound, remote); i >= 0 {
		o.bound = slices.Delete(o.bound, i, i+1)
	}
	return slices.Delete(owners, at, at+1)
}

// dropBinding keeps the bound of a path's addresses: a check that is replayed from
// many must not shut out the one that carries the data.
func (p *MuxPath) dropBinding() {
	if len(p.bound) <= maxBindings {
		return
	}
	at := 0
	if p.bound[0] == p.kept {
		at = 1
	}
	p.unbind(p.bound[at])
	p.bound = slices.Delete(p.bound, at, at+1)
}

func (p *MuxPath) unbind(remote netip.AddrPort) {
	key := muxRemote{p.key, remote}
	owners := slices.DeleteFunc(slices.Clone(p.group.remotes[key]), func(o *MuxPath) bool { return o == p })
	if len(owners) == 0 {
		delete(p.group.remotes, key)
		return
	}
	p.group.remotes[key] = owners
}

// Keep says that the connection's data goes over remote: its binding is the last
// to be given up.
func (p *MuxPath) Keep(remote netip.AddrPort) {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.kept = remote
}

// Send is that of a Socket. The response to a STUN request comes to this path.
func (p *MuxPath) Send(b *Buffer, dst netip.AddrPort, more bool) {
	if packet := b.Bytes(); isRequest(packet) {
		p.ask(transaction(packet[8:20]))
	}
	p.shard.socket.egress.send(b, flowKey{dst, p.source}, more)
}

// SendAll is that of a Socket.
func (p *MuxPath) SendAll(bs []*Buffer, dst netip.AddrPort) {
	p.shard.socket.egress.sendAll(bs, flowKey{dst, p.source})
}

// QueueAll and Flush are those of a Socket.
func (p *MuxPath) QueueAll(bs []*Buffer, dst netip.AddrPort) {
	p.shard.socket.egress.queueAll(bs, flowKey{dst, p.source})
}

// Flush see QueueAll.
func (p *MuxPath) Flush() { p.shard.socket.egress.flush() }

// ask remembers whose a transaction is. A request that is sent again is remembered
// again, should so many others have gone meanwhile.
func (p *MuxPath) ask(id transaction) {
	g := p.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.removed || g.requests[id] == p {
		return
	}
	if len(p.asked) == maxAsked {
		p.forget(p.asked[0])
		copy(p.asked, p.asked[1:])
		p.asked = p.asked[:maxAsked-1]
	}
	p.asked = append(p.asked, id)
	g.requests[id] = p
}

func (p *MuxPath) forget(id transaction) {
	if p.group.requests[id] == p {
		delete(p.group.requests, id)
	}
}

// Close ends the path: Handle runs no more when it returns. It must not be called
// by Handle. What was sent still leaves. The error is always nil.
func (p *MuxPath) Close() error {
	p.group.remove(p)
	p.gate.Lock()
	p.closed = true
	p.gate.Unlock()
	return nil
}

func (g *muxGroup) remove(p *MuxPath) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.removed {
		return
	}
	p.removed = true
	delete(g.paths, p)
	g.names.drop(p, p.names, p.key)
	for _, id := range p.asked {
		p.forget(id)
	}
	for _, remote := range p.bound {
		p.unbind(remote)
	}
	p.names, p.asked, p.bound = nil, nil, nil
}

// deliver gives datagrams to the connection and releases what it leaves.
func (p *MuxPath) deliver(now time.Time, ds []Datagram) {
	p.gate.RLock()
	if !p.closed {
		p.config.Handle(p, now, ds)
	}
	p.gate.RUnlock()
	for i := range ds {
		if ds[i].Buffer != nil {
			ds[i].Buffer.Release()
		}
		ds[i] = Datagram{}
	}
}
