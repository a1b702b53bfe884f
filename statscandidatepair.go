package webrtc

import (
	"strconv"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// StatsICECandidatePairState is the state of a pair in the checklist (RFC 8445
// section 6.1.2.6, RTCStatsIceCandidatePairState).
type StatsICECandidatePairState string

// The states of a pair.
const (
	// StatsICECandidatePairStateFrozen waits for the check of another pair.
	StatsICECandidatePairStateFrozen StatsICECandidatePairState = "frozen"
	// StatsICECandidatePairStateWaiting is to be checked.
	StatsICECandidatePairStateWaiting StatsICECandidatePairState = "waiting"
	// StatsICECandidatePairStateInProgress has a check under way.
	StatsICECandidatePairStateInProgress StatsICECandidatePairState = "in-progress"
	// StatsICECandidatePairStateFailed had no answer, or one that cannot be
	// recovered from.
	StatsICECandidatePairStateFailed StatsICECandidatePairState = "failed"
	// StatsICECandidatePairStateSucceeded has been answered.
	StatsICECandidatePairStateSucceeded StatsICECandidatePairState = "succeeded"
)

// ICECandidatePairStats are the numbers of a pair of candidates (webrtc-stats
// section 8.19, RTCIceCandidatePairStats). The report has the pairs of the
// checklist and, until an ICE restart has found its own, the one that carries the
// data. Pairs that a choice made needless before they were checked are gone.
type ICECandidatePairStats struct {
	// Timestamp is when the numbers were taken.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeCandidatePair.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// TransportID refers to the transport.
	TransportID string `json:"transportId"`
	// LocalCandidateID refers to the local candidate: once the pair has succeeded,
	// the one that the peer sees.
	LocalCandidateID string `json:"localCandidateId"`
	// RemoteCandidateID refers to the peer's candidate.
	RemoteCandidateID string `json:"remoteCandidateId"`
	// State is the pair's state in the checklist.
	State StatsICECandidatePairState `json:"state"`
	// Nominated says that the controlling end has chosen the pair.
	Nominated bool `json:"nominated"`

	// PacketsSent counts the DTLS and SRTP packets that the network took.
	PacketsSent uint64 `json:"packetsSent"`
	// PacketsReceived counts the DTLS and SRTP packets that came on the pair.
	PacketsReceived uint64 `json:"packetsReceived"`
	// BytesSent are the bytes of PacketsSent, without UDP and IP headers.
	BytesSent uint64 `json:"bytesSent"`
	// BytesReceived are the bytes of PacketsReceived, without UDP and IP headers.
	BytesReceived uint64 `json:"bytesReceived"`
	// PacketsDiscardedOnSend counts the packets that were given to the socket and
	// did not leave: it was full, or the network refused them.
	PacketsDiscardedOnSend uint32 `json:"packetsDiscardedOnSend"`
	// BytesDiscardedOnSend are their bytes.
	BytesDiscardedOnSend uint64 `json:"bytesDiscardedOnSend"`
	// LastPacketSentTimestamp is of PacketsSent; 0 before the first.
	LastPacketSentTimestamp StatsTimestamp `json:"lastPacketSentTimestamp,omitempty"`
	// LastPacketReceivedTimestamp is of PacketsReceived; 0 before the first.
	LastPacketReceivedTimestamp StatsTimestamp `json:"lastPacketReceivedTimestamp,omitempty"`

	// TotalRoundTripTime is the sum in seconds of the round trips of checks and
	// consent requests that were answered. Those that were retransmitted are not
	// measured: it is not known which transmission the answer is to.
	TotalRoundTripTime float64 `json:"totalRoundTripTime"`
	// CurrentRoundTripTime is the last of these; nil before the first.
	CurrentRoundTripTime *float64 `json:"currentRoundTripTime,omitempty"`

	// AvailableOutgoingBitrate is the estimate in bit/s of what the pair that carries
	// the data can carry, without the headers of UDP and IP; nil for other pairs, and
	// until the peer has told what arrives. See PeerConnection.OnTargetBitrate.
	AvailableOutgoingBitrate *float64 `json:"availableOutgoingBitrate,omitempty"`

	// RequestsReceived counts checks and consent requests, retransmissions
	// included.
	RequestsReceived uint64 `json:"requestsReceived"`
	// RequestsSent counts checks, without retransmissions and consent requests.
	RequestsSent uint64 `json:"requestsSent"`
	// ResponsesReceived counts the answers to checks and consent requests.
	ResponsesReceived uint64 `json:"responsesReceived"`
	// ResponsesSent counts the answers to RequestsReceived.
	ResponsesSent uint64 `json:"responsesSent"`
	// ConsentRequestsSent counts consent requests (RFC 7675).
	ConsentRequestsSent uint64 `json:"consentRequestsSent"`

	// What follows W3C has no longer. Timestamps are 0 before the first; they
	// include retransmissions and consent requests.

	// RetransmissionsSent counts the checks that were sent again.
	RetransmissionsSent uint64 `json:"retransmissionsSent"`
	// FirstRequestTimestamp is when the first request was sent.
	FirstRequestTimestamp StatsTimestamp `json:"firstRequestTimestamp,omitempty"`
	// LastRequestTimestamp is when the last request was sent.
	LastRequestTimestamp StatsTimestamp `json:"lastRequestTimestamp,omitempty"`
	// FirstResponseTimestamp is when the first response came.
	FirstResponseTimestamp StatsTimestamp `json:"firstResponseTimestamp,omitempty"`
	// LastResponseTimestamp is when the last response came.
	LastResponseTimestamp StatsTimestamp `json:"lastResponseTimestamp,omitempty"`
	// FirstRequestReceivedTimestamp is when the first request came.
	FirstRequestReceivedTimestamp StatsTimestamp `json:"firstRequestReceivedTimestamp,omitempty"`
	// LastRequestReceivedTimestamp is when the last request came.
	LastRequestReceivedTimestamp StatsTimestamp `json:"lastRequestReceivedTimestamp,omitempty"`
}

func (ICECandidatePairStats) statsMarker()      {}
func (s ICECandidatePairStats) entryID() string { return s.ID }
func (s ICECandidatePairStats) references() []string {
	return statsRefs(s.TransportID, s.LocalCandidateID, s.RemoteCandidateID)
}

// iceStatsView is what the statistics need of an agent.
type iceStatsView struct {
	pairs      []ice.PairStats
	locals     []ice.LocalCandidate
	remotes    []ice.Candidate
	generation uint32
	ufrag      string // of this end
}

// statsView asks the agent; after the transport's end it is the last answer. On
// the loop.
func (t *ICETransport) statsView() iceStatsView {
	switch a := t.agent; {
	case a != nil:
		return iceStatsView{a.Pairs(), a.LocalCandidates(), a.RemoteCandidates(), a.Generation(), a.Local().Ufrag}
	case t.state == ICETransportStateClosed && t.final.generation != 0:
		return t.final
	}
	// The agent is still to come.
	return iceStatsView{remotes: t.early, generation: 1, ufrag: t.gatherer.credentials.Ufrag}
}

// countSelection notes which pair carries the data; 0 is none. On the loop.
func (t *ICETransport) countSelection(pair uint64) {
	if t.selectedPair != pair {
		t.selectedPair = pair
		t.selectedChanges++
	}
}

// collectPairs adds the candidates and the pairs, and returns the ID of the pair
// that carries the data, or "". On the loop.
func (t *ICETransport) collectPairs(c *statsCollector, view *iceStatsView) (selected string) {
	for i := range t.gatherer.candidates {
		t.addLocalStats(c, &t.gatherer.candidates[i])
	}
	for i := range view.locals {
		t.addLocalStats(c, &view.locals[i])
	}
	for i := range view.remotes {
		t.addRemoteStats(c, &view.remotes[i], view.generation)
	}
	for i := range view.pairs {
		s := t.pairStats(c, &view.pairs[i])
		c.add(s)
		if view.pairs[i].Selected {
			selected = s.ID
		}
	}
	return selected
}

func (t *ICETransport) pairStats(c *statsCollector, p *ice.PairStats) ICECandidatePairStats {
	s := ICECandidatePairStats{
		Timestamp: c.now, Type: StatsTypeCandidatePair, ID: t.statsID + "-P" + strconv.FormatUint(p.ID, 10),
		TransportID:      t.statsID,
		LocalCandidateID: t.addLocalStats(c, &p.Local), RemoteCandidateID: t.addRemoteStats(c, &p.Remote, p.Generation),
		State: StatsICECandidatePairState(p.State.String()), Nominated: p.Nominated,
		TotalRoundTripTime: p.TotalRoundTripTime.Seconds(),
		RequestsReceived:   p.RequestsReceived, RequestsSent: p.RequestsSent,
		ResponsesReceived: p.ResponsesReceived, ResponsesSent: p.ResponsesSent,
		ConsentRequestsSent: p.ConsentRequestsSent, RetransmissionsSent: p.RetransmissionsSent,
		FirstRequestTimestamp:         newStatsTimestamp(p.FirstRequestSent),
		LastRequestTimestamp:          newStatsTimestamp(p.LastRequestSent),
		FirstResponseTimestamp:        newStatsTimestamp(p.FirstResponse),
		LastResponseTimestamp:         newStatsTimestamp(p.LastResponse),
		FirstRequestReceivedTimestamp: newStatsTimestamp(p.FirstRequestReceived),
		LastRequestReceivedTimestamp:  newStatsTimestamp(p.LastRequestReceived),
	}
	if p.RoundTrips > 0 {
		seconds := p.CurrentRoundTripTime.Seconds()
		s.CurrentRoundTripTime = &seconds
	}
	if path := t.pathTraffic(p.Local.ID, p.Remote.Addr); path != nil && path.generation == p.Generation {
		path.fill(&s)
	}
	return s
}

// fill sets what the path has carried.
func (p *pathTraffic) fill(s *ICECandidatePairStats) {
	sent := p.sent.Stats()
	s.PacketsSent, s.BytesSent = sent.Sent, sent.SentBytes
	s.PacketsDiscardedOnSend, s.BytesDiscardedOnSend = uint32(sent.Discarded), sent.DiscardedBytes
	s.LastPacketSentTimestamp = newStatsTimestamp(sent.LastSent)
	s.PacketsReceived, s.BytesReceived = p.received.packets.Load(), p.received.bytes.Load()
	if last := p.received.last.Load(); last != 0 {
		s.LastPacketReceivedTimestamp = newStatsTimestamp(time.Unix(0, last))
	}
}
