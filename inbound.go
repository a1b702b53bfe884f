package webrtc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/mux"
	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// inbound is what the socket readers of a gatherer need to know to judge a
// datagram without entering the loop. It is immutable; the loop replaces it.
type inbound struct {
	verifier *ice.Verifier    // nil until there is an ICE transport
	servers  []netip.AddrPort // STUN servers that may answer
	peers    []netip.AddrPort // proved by ICE: DTLS and SRTP are taken from them
	dtls     *DTLSTransport   // nil until there is one
	traffic  *iceTraffic      // nil until there is an ICE transport
	paths    []*pathTraffic   // of traffic
}

// accepts reports whether packets other than STUN are taken from addr. An
// address counts once an integrity-checked STUN message came from it, so that
// nobody off the path can feed the DTLS engine.
func (in *inbound) accepts(addr netip.AddrPort) bool { return slices.Contains(in.peers, addr) }

// maxPeers bounds the addresses that inbound accepts from; the oldest go first.
const maxPeers = 32

// receive is the reader of every socket of the gatherer: it demultiplexes by
// the first byte (RFC 7983), checks STUN integrity, and opens DTLS in place. shared
// is the path where others use the socket too, else nil.
func (g *ICEGatherer) receive(id ice.LocalID, shared sharedPath, now time.Time, ds []netio.Datagram) {
	in := g.inbound.Load()
	media := false
	for i := range ds {
		switch class := mux.Classify(ds[i].Buffer.Bytes()); class {
		case mux.STUN:
			g.receiveSTUN(in, id, shared, &ds[i])
		case mux.DTLS:
			if !in.accepts(ds[i].Addr) {
				continue
			}
			in.count(id, ds[i].Addr, len(ds[i].Buffer.Bytes()), now)
			if in.dtls != nil {
				in.dtls.receive(now, ds[i].Buffer.Bytes())
			}
		case mux.RTP, mux.RTCP:
			if in.dtls == nil || !in.accepts(ds[i].Addr) {
				continue
			}
			in.count(id, ds[i].Addr, len(ds[i].Buffer.Bytes()), now)
			media = true
			if in.dtls.rtp.receive(now, ds[i].Buffer, class == mux.RTCP) {
				ds[i].Buffer = nil
			}
		}
	}
	if media {
		in.dtls.rtp.flush(now)
	}
}

// receiveSTUN hands a message to the loop if its integrity holds or if it may
// be a server's answer; those carry no integrity (RFC 8489 section 9) and are
// matched to a transaction by the machine. The inbox is capped, and only what
// passed the check can fill it.
func (g *ICEGatherer) receiveSTUN(in *inbound, id ice.LocalID, shared sharedPath, d *netio.Datagram) {
	verified := in.verifier != nil && in.verifier.Verify(d.Buffer.Bytes())
	if !verified && !slices.Contains(in.servers, d.Addr) {
		return
	}
	if verified && shared != nil {
		shared.Bind(d.Addr)
	}
	buffer := d.Buffer
	datagram := ice.Datagram{Local: id, Remote: d.Addr, Data: buffer.Bytes(), Verified: verified}
	accepted := g.loop.TryPost(func(now time.Time) {
		g.handleSTUN(now, datagram)
		buffer.Release()
	})
	if accepted {
		d.Buffer = nil
	}
}

// handleSTUN runs on the loop.
func (g *ICEGatherer) handleSTUN(now time.Time, d ice.Datagram) {
	if !d.Verified {
		g.machine.HandleDatagram(now, d)
		return
	}
	if g.transport != nil {
		g.transport.handleSTUN(now, d)
	}
}

// publishInbound gives the readers a new view. On the loop, and before anything
// is sent whose answer needs the view.
func (g *ICEGatherer) publishInbound() {
	in := &inbound{servers: slices.Clone(g.stunAddrs)}
	if t := g.transport; t != nil {
		in.peers = slices.Clone(t.peers)
		in.dtls = t.dtls
		in.traffic, in.paths = &t.traffic, t.traffic.paths
		if t.agent != nil {
			in.verifier = t.agent.Verifier()
		}
	}
	g.inbound.Store(in)
}
