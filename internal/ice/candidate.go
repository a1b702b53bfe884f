package ice

import (
	"net/netip"
	"strconv"
	"strings"
)

// LocalID is the owner's handle of a path out of this host: a socket, or a TURN
// allocation. Candidates with one LocalID share their base (RFC 8445 section
// 5.1.1.2).
type LocalID uint32

// Transport is a candidate's transport protocol.
type Transport uint8

// The transports of RFC 8839 and RFC 6544.
const (
	UDP Transport = iota
	TCP
)

// String returns the transport's name in lower case, as in SDP.
func (t Transport) String() string {
	if t == TCP {
		return "tcp"
	}
	return "udp"
}

// CandidateType says how a candidate was learnt (RFC 8445 section 4).
type CandidateType uint8

// The candidate types.
const (
	Host CandidateType = iota
	ServerReflexive
	PeerReflexive
	Relay
)

var candidateTypeNames = [...]string{Host: "host", ServerReflexive: "srflx", PeerReflexive: "prflx", Relay: "relay"}

// String returns the name in SDP: host, srflx, prflx or relay.
func (t CandidateType) String() string {
	if int(t) < len(candidateTypeNames) {
		return candidateTypeNames[t]
	}
	return "unknown"
}

// preference is the type preference recommended in RFC 8445 section 5.1.2.2.
func (t CandidateType) preference() uint32 {
	switch t {
	case Host:
		return 126
	case PeerReflexive:
		return 110
	case ServerReflexive:
		return 100
	default:
		return 0
	}
}

// Extension is a key and a value at the end of a candidate line (RFC 8839
// section 5.1, cand-extension).
type Extension struct{ Key, Value string }

// Candidate is one transport address a peer may be reached at (RFC 8445 section
// 5.3), as signalled in a candidate attribute (RFC 8839 section 5.1).
type Candidate struct {
	Foundation string // 1 to 32 ice-chars: equal for candidates that likely fare alike
	Component  uint16 // 1 to 256; 1 is RTP, or all there is
	Transport  Transport
	TCPType    string // RFC 6544: active, passive or so; empty for UDP
	Priority   uint32 // 1 to 2^31-1
	Addr       netip.AddrPort
	// Hostname replaces the address where the line holds a name (mDNS); the
	// port is still in Addr. Before the Agent sees it Addr must have what it was
	// resolved to, or stands for; what is written and shown is the name.
	Hostname         string
	Type             CandidateType
	Related          netip.AddrPort // base of a reflexive, mapped address of a relayed one; may be unset
	UsernameFragment string         // the generation it belongs to; empty: unknown
	Extensions       []Extension    // pairs not understood here, in order
	URL              string         // STUN or TURN server that gave it; never written
	RelayProtocol    string         // to the TURN server of a local relayed one: udp, tcp or tls; never written
}

// LocalCandidate is a candidate of this end together with the path it uses.
type LocalCandidate struct {
	Candidate
	ID        LocalID
	Base      netip.AddrPort // what is sent from (RFC 8445 section 5.1.1.2)
	Interface string         // of the base; empty: unknown
}

// String returns the value of the candidate attribute, from "candidate:" on
// (RFC 8839 section 5.1).
func (c Candidate) String() string {
	b := make([]byte, 0, 160)
	b = append(b, "candidate:"...)
	b = append(b, c.Foundation...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(c.Component), 10)
	b = append(b, ' ')
	b = append(b, c.Transport.String()...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(c.Priority), 10)
	b = append(b, ' ')
	if c.Hostname != "" {
		b = append(b, c.Hostname...)
	} else {
		b = append(b, addressText(c.Addr.Addr())...)
	}
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(c.Addr.Port()), 10)
	b = append(b, " typ "...)
	b = append(b, c.Type.String()...)
	if c.Related.Addr().IsValid() {
		b = append(b, " raddr "...)
		b = append(b, addressText(c.Related.Addr())...)
		b = append(b, " rport "...)
		b = strconv.AppendUint(b, uint64(c.Related.Port()), 10)
	}
	b = appendExtension(b, "tcptype", c.TCPType)
	b = appendExtension(b, "ufrag", c.UsernameFragment)
	for _, e := range c.Extensions {
		b = appendExtension(b, e.Key, e.Value)
	}
	return string(b)
}

func appendExtension(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ' ')
	b = append(b, key...)
	b = append(b, ' ')
	return append(b, value...)
}

// addressText leaves the zone out: it means nothing on another host.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return "0.0.0.0"
	}
	return a.Unmap().WithZone("").String()
}

// normal is the form addresses are compared in: no zone, no IPv4 in IPv6.
func normal(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// candidatePriority is the formula of RFC 8445 section 5.1.2.1.
func candidatePriority(t CandidateType, localPreference uint16, component uint16) uint32 {
	return candidatePriorityOver(UDP, t, localPreference, component)
}

func candidatePriorityOver(transport Transport, t CandidateType, localPreference uint16, component uint16) uint32 {
	return t.preferenceOver(transport)<<24 | uint32(localPreference)<<8 | (256-uint32(component))&0xff
}

// peerReflexivePriority is what a check's PRIORITY attribute carries: the
// priority the local candidate would have were it peer-reflexive (RFC 8445
// section 7.1.1).
func peerReflexivePriority(c *Candidate) uint32 {
	return c.Priority&0x00ffffff | PeerReflexive.preferenceOver(c.Transport)<<24
}

// pairPriority is the formula of RFC 8445 section 6.1.2.3.
func pairPriority(controlling, controlled uint32) uint64 {
	g, d := uint64(controlling), uint64(controlled)
	p := min(g, d)<<32 + 2*max(g, d)
	if g > d {
		p++
	}
	return p
}

// pairable tells whether checks between the two can mean anything: the same
// family and scope (RFC 8445 section 6.1.2.2), a unicast address and a port.
// Loopback pairs with loopback only, so that a peer's candidate cannot point
// checks of other interfaces at services of this host.
func pairable(local *LocalCandidate, remote *Candidate) bool {
	l, r := local.Base.Addr().Unmap(), remote.Addr.Addr().Unmap()
	switch {
	case local.Transport != remote.Transport, local.Transport == TCP && !pairableTCP(local, remote),
		local.Component != remote.Component,
		!l.IsValid() || !r.IsValid() || remote.Addr.Port() == 0,
		r.IsUnspecified() || r.IsMulticast(),
		l.Is4() != r.Is4(),
		l.IsLoopback() != r.IsLoopback():
		return false
	}
	return l.Is4() || l.IsLinkLocalUnicast() == r.IsLinkLocalUnicast()
}

func isICEChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// isICEString tells whether s is between low and high ice-chars long (RFC 8839
// section 5.1).
func isICEString(s string, low, high int) bool {
	if len(s) < low || len(s) > high {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7f || !isICEChar(byte(r)) }) < 0
}
