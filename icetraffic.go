package webrtc

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// iceTraffic counts what an ICE transport carries for the layers above it: DTLS
// and SRTP packets, and the bytes of their UDP payload; no STUN. Sent is what the
// network took, received what came from an address that ICE has validated.
type iceTraffic struct {
	sent     netio.Account
	received receivedPackets
	paths    []*pathTraffic // owned by the loop, replaced when it changes
}

// pathTraffic is the share of one candidate pair. Packets do not name the
// generation they belong to, so a restart that keeps the addresses moves the
// count to the new pair when that is selected.
type pathTraffic struct {
	local      ice.LocalID
	remote     netip.AddrPort // as unzoned gives it
	generation uint32

	sent     *netio.Account
	received receivedPackets
}

type receivedPackets struct {
	packets, bytes atomic.Uint64
	last           atomic.Int64 // Unix time in nanoseconds; 0: never
}

func (r *receivedPackets) add(n int, now time.Time) {
	r.packets.Add(1)
	r.bytes.Add(uint64(n))
	r.last.Store(now.UnixNano())
}

// maxPaths bounds the paths that are counted apart: more than an agent has pairs.
const maxPaths = 128

func (p *pathTraffic) is(local ice.LocalID, remote netip.AddrPort) bool {
	return p.local == local && p.remote == remote
}

// unzoned is the form in which addresses of paths are compared: the local
// candidate tells the interface.
func unzoned(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// count notes a packet from a validated address. On a reader.
func (in *inbound) count(local ice.LocalID, remote netip.AddrPort, n int, now time.Time) {
	if in.traffic == nil {
		return
	}
	in.traffic.received.add(n, now)
	remote = unzoned(remote)
	for _, p := range in.paths {
		if p.is(local, remote) {
			p.received.add(n, now)
			return
		}
	}
}

// send gives a packet to the socket of the selected pair. Any goroutine.
func (p *icePath) send(b *netio.Buffer, more bool) {
	b.Charge(p.traffic.sent)
	p.socket.Send(b, p.remote, more)
}

// sendAll is send for the packets of one burst. It takes the buffers.
func (p *icePath) sendAll(bs []*netio.Buffer) {
	for _, b := range bs {
		b.Charge(p.traffic.sent)
	}
	p.socket.SendAll(bs, p.remote)
}

// queueAll is sendAll without the system call, where the path can part them: flush
// then has to come.
func (p *icePath) queueAll(bs []*netio.Buffer) {
	q, ok := p.socket.(queuedPath)
	if !ok {
		p.sendAll(bs)
		return
	}
	for _, b := range bs {
		b.Charge(p.traffic.sent)
	}
	q.QueueAll(bs, p.remote)
}

// flush makes the system call of queueAll.
func (p *icePath) flush() {
	if q, ok := p.socket.(queuedPath); ok {
		q.Flush()
	}
}

// carries reports whether the path is the one that data goes over.
func (t *ICETransport) carries(p *pathTraffic) bool {
	path := t.path.Load()
	return path != nil && path.traffic == p
}

// validatedPath begins to count a path of the current generation, unless an
// older one still carries data on it. On the loop.
func (t *ICETransport) validatedPath(local ice.LocalID, remote netip.AddrPort) {
	if p := t.pathTraffic(local, remote); p == nil || !t.carries(p) {
		t.countPath(local, remote, t.agent.Generation())
	}
}

func (t *ICETransport) pathTraffic(local ice.LocalID, remote netip.AddrPort) *pathTraffic {
	remote = unzoned(remote)
	i := slices.IndexFunc(t.traffic.paths, func(p *pathTraffic) bool { return p.is(local, remote) })
	if i < 0 {
		return nil
	}
	return t.traffic.paths[i]
}

// countPath returns the count of a path in a generation, from zero where that is
// new. On the loop.
func (t *ICETransport) countPath(local ice.LocalID, remote netip.AddrPort, generation uint32) *pathTraffic {
	old := t.pathTraffic(local, remote)
	if old != nil && old.generation == generation {
		return old
	}
	paths := slices.DeleteFunc(slices.Clone(t.traffic.paths), func(p *pathTraffic) bool { return p == old })
	if len(paths) >= maxPaths {
		i := slices.IndexFunc(paths, func(p *pathTraffic) bool { return !t.carries(p) })
		paths = slices.Delete(paths, i, i+1)
	}
	made := &pathTraffic{
		local: local, remote: unzoned(remote), generation: generation,
		sent: netio.NewAccount(&t.traffic.sent),
	}
	t.traffic.paths = append(paths, made)
	t.gatherer.publishInbound()
	return made
}
