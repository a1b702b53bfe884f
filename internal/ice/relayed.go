package ice

import (
	"net/netip"
	"time"
)

// RelayedAddress is an address that a TURN server relays from and to (RFC 8656).
type RelayedAddress struct {
	ID   LocalID
	Addr netip.AddrPort
	// Related goes into the candidate (RFC 8839 section 5.1): where the server sees
	// this end, or an unspecified address and port 9 where that is nobody's business.
	Related  netip.AddrPort
	URL      string
	Server   netip.Addr
	Protocol string // between this end and the server: "udp", "tcp" or "tls"
}

// relayPenalties order the relayed candidates of one family: a stream delays what
// is behind a lost segment, and TLS costs the most.
var relayPenalties = map[string]uint16{"tcp": 0x2000, "tls": 0x4000}

// AddRelayed reports the candidate of a relayed address, whose base it is itself
// (RFC 8445 section 5.1.1.2). It does nothing after Complete or beyond 64
// addresses.
func (g *Gatherer) AddRelayed(now time.Time, r RelayedAddress) {
	if g.complete || len(g.relayed) >= maxSockets || !r.Addr.IsValid() {
		return
	}
	r.Addr = normal(r.Addr)
	// RFC 8445 section 5.1.2.1: unique, IPv6 and IPv4 taking turns (RFC 8421 section 4).
	rank := 0
	for _, other := range g.relayed {
		if other.Addr.Addr().Is4() == r.Addr.Addr().Is4() {
			rank += 2
		}
	}
	if r.Addr.Addr().Is4() {
		rank++
	}
	g.relayed = append(g.relayed, r)
	preference := uint16(0xffff-rank) - relayPenalties[r.Protocol]
	g.report(LocalCandidate{ID: r.ID, Base: r.Addr, Candidate: Candidate{
		Foundation:    g.foundation(Relay, r.Addr.Addr(), r.Server.String()+" "+r.Protocol),
		Priority:      candidatePriority(Relay, preference, 1),
		Addr:          r.Addr,
		Type:          Relay,
		Related:       r.Related,
		URL:           r.URL,
		RelayProtocol: r.Protocol,
	}})
	g.run(now)
}
