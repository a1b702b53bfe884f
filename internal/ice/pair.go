package ice

import (
	"net/netip"
	"time"
)

// PairState is the state of a candidate pair (RFC 8445 section 6.1.2.6).
type PairState uint8

// The pair states.
const (
	PairFrozen PairState = iota
	PairWaiting
	PairInProgress
	PairSucceeded
	PairFailed
)

var pairStateNames = [...]string{"frozen", "waiting", "in-progress", "succeeded", "failed"}

// String returns W3C's RTCStatsIceCandidatePairState.
func (s PairState) String() string {
	if int(s) < len(pairStateNames) {
		return pairStateNames[s]
	}
	return "unknown"
}

// Pair is a local and a remote candidate. For a pair that succeeded, Local is
// what the peer sees (RFC 8445 section 7.2.5.3.1), which may be a reflexive
// candidate; Local.ID is the path in any case, and Remote.Addr is where to send,
// with the zone a link-local address needs.
type Pair struct {
	Local  LocalCandidate
	Remote Candidate
	// ID is one number for one entry of a checklist, and never used again: not
	// for an entry that is made anew, nor in another generation.
	ID uint64
	// Generation counts the agent's generations, from 1: see Agent.Generation.
	Generation uint32
}

// PairStats is what is known of one pair at one moment.
type PairStats struct {
	Pair
	State                PairState
	Nominated, Selected  bool
	Priority             uint64 // in the checklist
	RequestsSent         uint64 // checks, without retransmissions and consent requests
	RetransmissionsSent  uint64
	ConsentRequestsSent  uint64
	RequestsReceived     uint64 // authentic ones, retransmissions included, also from before the pair was formed
	ResponsesSent        uint64
	ResponsesReceived    uint64 // authentic ones to open requests, errors included
	CurrentRoundTripTime time.Duration
	TotalRoundTripTime   time.Duration // over RoundTrips measurements
	RoundTrips           uint64

	// When requests and responses went and came, consent requests and
	// retransmissions included. Zero: never.
	FirstRequestSent, LastRequestSent         time.Time
	FirstResponse, LastResponse               time.Time // received
	FirstRequestReceived, LastRequestReceived time.Time
}

// mark notes that something happened now for the first or another time.
func mark(first, last *time.Time, now time.Time) {
	if first.IsZero() {
		*first = now
	}
	*last = now
}

type remoteCandidate struct{ Candidate }

// pair is an entry of the checklist. Two candidates of one base are one entry:
// a path and a destination.
type pair struct {
	id          uint64
	generation  uint32
	local       *LocalCandidate // whose base is sent from
	remote      *remoteCandidate
	destination netip.AddrPort
	priority    uint64
	state       PairState

	// check is the transaction of an In-Progress pair, nomination the one that
	// asks the controlled side to use it; both are retransmitted.
	check, nomination *transaction
	// others are transactions whose answers still count though nothing waits for
	// them: cancelled checks, and consent requests. Bounded.
	others []*transaction

	// valid is the local candidate that the peer sees; nil until success.
	valid *LocalCandidate
	// useCandidate and nominationValue are what the controlling peer asked for,
	// obeyed once the pair has succeeded (RFC 8445 section 7.3.1.5).
	useCandidate    bool
	nominationValue uint32
	nominated       bool
	validated       bool // an authentic request came on it

	nextKeepalive time.Time // zero: not kept alive
	lastResponse  time.Time // to any request
	lastRequest   time.Time // from the peer
	stats         PairStats // counters only
}

func (p *pair) foundation() [2]string { return [2]string{p.local.Foundation, p.remote.Foundation} }

// pending tells whether the pair's check is still to come or on its way.
func (p *pair) pending() bool {
	return p.state == PairFrozen || p.state == PairWaiting || p.state == PairInProgress
}

func (p *pair) computePriority(r Role) uint64 {
	return rolePriority(r, p.local.Priority, p.remote.Priority)
}

// validPriority orders nominated pairs: both ends compute it from the same two
// candidates (RFC 8445 section 7.2.5.3.2).
func (p *pair) validPriority(r Role) uint64 {
	if p.valid == nil {
		return p.computePriority(r)
	}
	return rolePriority(r, p.valid.Priority, p.remote.Priority)
}

func rolePriority(r Role, local, remote uint32) uint64 {
	if r == Controlling {
		return pairPriority(local, remote)
	}
	return pairPriority(remote, local)
}

func (p *pair) report() Pair {
	r := Pair{Local: *p.local, Remote: p.remote.Candidate, ID: p.id, Generation: p.generation}
	if p.valid != nil {
		r.Local = *p.valid
	}
	r.Remote.Addr = p.destination
	return r
}
