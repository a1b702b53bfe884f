package webrtc

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// ICECandidateStats describe a candidate of this end or of the peer (webrtc-stats
// section 8.18, RTCIceCandidateStats).
type ICECandidateStats struct {
	// Timestamp is when the report was made.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeLocalCandidate or StatsTypeRemoteCandidate.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// TransportID refers to the transport that the candidate belongs to.
	TransportID string `json:"transportId"`
	// IP is the address, W3C's and JSON's "address". It is "", and null in JSON,
	// for a peer-reflexive candidate of the peer: W3C lets nobody learn by
	// statistics an address that was not signalled.
	IP string `json:"-"`
	// Port is the port at the address.
	Port int32 `json:"port"`
	// Protocol is "udp" or "tcp".
	Protocol string `json:"protocol"`
	// CandidateType says how the candidate was found.
	CandidateType ICECandidateType `json:"candidateType"`
	// Priority is that of RFC 8445 section 5.1.2.
	Priority int32 `json:"priority"`
	// URL is the server that gave a local reflexive or relayed candidate; "" for
	// others.
	URL string `json:"url,omitempty"`
	// RelayProtocol is how the TURN server of a local relayed candidate is reached:
	// "udp", "tcp" or "tls"; "" for others.
	RelayProtocol string `json:"relayProtocol,omitempty"`
	// Foundation groups candidates of the same origin.
	Foundation string `json:"foundation,omitempty"`
	// RelatedAddress is what the candidate was derived from; "" for host
	// candidates.
	RelatedAddress string `json:"relatedAddress,omitempty"`
	// RelatedPort is the port at RelatedAddress; nil without one.
	RelatedPort *int32 `json:"relatedPort,omitempty"`
	// UsernameFragment tells the ICE generation; "" if the candidate names none.
	UsernameFragment string `json:"usernameFragment,omitempty"`
	// TCPType is "active", "passive" or "so"; "" for UDP.
	TCPType string `json:"tcpType,omitempty"`
}

func (ICECandidateStats) statsMarker()           {}
func (s ICECandidateStats) entryID() string      { return s.ID }
func (s ICECandidateStats) references() []string { return statsRefs(s.TransportID) }

// MarshalJSON writes W3C's dictionary, in which the address is null if hidden.
func (s ICECandidateStats) MarshalJSON() ([]byte, error) {
	type members ICECandidateStats
	out := struct {
		members
		Address *string `json:"address"`
	}{members: members(s)}
	if s.IP != "" {
		out.Address = &s.IP
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *ICECandidateStats) UnmarshalJSON(b []byte) error {
	type members ICECandidateStats
	in := struct {
		*members
		Address *string `json:"address"`
	}{members: (*members)(s)}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	s.IP = ""
	if in.Address != nil {
		s.IP = *in.Address
	}
	return nil
}

// describes reports whether the entry is of c, as far as the entry shows it.
func (s *ICECandidateStats) describes(c *ICECandidate) bool {
	return (s.IP == c.Address || s.IP == "") && s.Port == int32(c.Port) && s.Protocol == c.Protocol.String() &&
		s.CandidateType == c.Typ && s.Priority == int32(c.Priority) && s.Foundation == c.Foundation &&
		s.TCPType == c.TCPType && (s.UsernameFragment == c.UsernameFragment || c.UsernameFragment == "")
}

// candidateStats is what both ends' candidates have.
func (t *ICETransport) candidateStats(now StatsTimestamp, c *ice.Candidate, id string) ICECandidateStats {
	s := ICECandidateStats{
		Timestamp: now, ID: id, TransportID: t.statsID,
		IP: c.Hostname, Port: int32(c.Addr.Port()), Protocol: c.Transport.String(),
		CandidateType: newICECandidateType(c.Type), Priority: int32(c.Priority),
		Foundation: c.Foundation, UsernameFragment: c.UsernameFragment, TCPType: c.TCPType,
	}
	if c.Hostname == "" && c.Addr.IsValid() {
		s.IP = addressText(c.Addr.Addr())
	}
	if c.Type != ice.Host && c.Related.Addr().IsValid() {
		port := int32(c.Related.Port())
		s.RelatedAddress, s.RelatedPort = addressText(c.Related.Addr()), &port
	}
	return s
}

// candidateStatsID names a candidate by what stays the same while it lives.
func (t *ICETransport) candidateStatsID(kind string, what ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, what...))
	return t.statsID + "-" + kind + hex.EncodeToString(sum[:8])
}

// addLocalStats adds a local candidate, unless it is there, and returns its ID.
func (t *ICETransport) addLocalStats(c *statsCollector, l *ice.LocalCandidate) string {
	ufrag := l.UsernameFragment
	if ufrag == "" {
		ufrag = t.gatherer.credentials.Ufrag
	}
	id := t.candidateStatsID("L", ufrag, " ", l.ID, " ", unzoned(l.Addr))
	if _, ok := c.report[id]; !ok {
		s := t.candidateStats(c.now, &l.Candidate, id)
		s.Type, s.UsernameFragment = StatsTypeLocalCandidate, ufrag
		if l.Type == ice.ServerReflexive || l.Type == ice.Relay {
			s.URL, s.RelayProtocol = l.URL, l.RelayProtocol
		}
		c.add(s)
	}
	return id
}

// addRemoteStats adds a candidate of the peer, unless it is there, and returns
// its ID.
func (t *ICETransport) addRemoteStats(c *statsCollector, r *ice.Candidate, generation uint32) string {
	id := t.candidateStatsID("R", generation, " ", r.Transport, r.TCPType, " ", r.Hostname, unzoned(r.Addr))
	if _, ok := c.report[id]; !ok {
		s := t.candidateStats(c.now, r, id)
		s.Type = StatsTypeRemoteCandidate
		if r.Type == ice.PeerReflexive {
			s.IP = ""
		}
		c.add(s)
	}
	return id
}
