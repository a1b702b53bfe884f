package ice

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"
)

// Defaults of AgentConfig.
const (
	defaultKeepalive    = 2 * time.Second
	defaultDisconnected = 5 * time.Second
	defaultFailed       = 25 * time.Second
	defaultCandidates   = 100
	defaultPairs        = 100 // RFC 8445 section 6.1.2.5
	maxSoftware         = 128
)

// Reasons why a remote candidate is refused.
var (
	ErrClosed             = errors.New("ice: agent is closed")
	ErrTooManyCandidates  = errors.New("ice: too many remote candidates")
	ErrUnresolved         = errors.New("ice: remote candidate has a name in place of an address")
	ErrUnknownGeneration  = errors.New("ice: remote candidate's username fragment is of no current generation")
	ErrInvalidRemoteValue = errors.New("ice: remote candidate without an address")
)

// AgentConfig configures an Agent. Zero durations and bounds mean the defaults
// given.
type AgentConfig struct {
	Local      Credentials
	Role       Role
	Lite       bool          // this end sends no checks, see lite.go
	TieBreaker uint64        // 0: random (RFC 8445 section 5.2)
	Random     io.Reader     // nil: crypto/rand
	Ta         time.Duration // between checks; 50 ms
	// KeepaliveInterval is the mean time from an answer to the next consent
	// request on the selected pair (RFC 7675 section 5.1), each drawn from 0.8 to
	// 1.2 times this; unanswered ones follow each other faster. 2 s, and at most
	// two fifths of DisconnectedTimeout, so that two requests fit into that.
	KeepaliveInterval   time.Duration
	DisconnectedTimeout time.Duration // silence until Disconnected; 5 s, 15 s for a lite agent
	FailedTimeout       time.Duration // from Disconnected until Failed; 25 s, 15 s for a lite agent
	RTO                 time.Duration // first retransmission of a check; by RFC 8445 section 14.3
	// NominationDelay is how long the controlling side waits for better pairs
	// once one is valid. 0: it nominates the best valid pair as soon as no pair
	// of higher priority is unfinished, and at the latest two round trips of the
	// valid pair later, but not before Ta and not after 200 ms, so that a dead
	// pair does not hold up connecting. Otherwise it waits this long, unless both
	// ends know all candidates and no better pair is unfinished.
	NominationDelay time.Duration
	// AcceptanceWait, by the type of a candidate, is how long after the beginning
	// of checks the controlling side nominates no pair with a candidate of it.
	AcceptanceWait [4]time.Duration
	// RenominateAfter makes the controlling side nominate a better pair that turns
	// out to work, so long after the nomination before at the earliest. 0: never.
	RenominateAfter     time.Duration
	MaxTransmissions    int    // of a check until its pair has failed; 7 (RFC 8489 section 6.2.1)
	Software            string // sent in requests, cut at 128 bytes; empty: none
	MaxRemoteCandidates int    // signalled ones, and as many peer-reflexive ones; 100
	MaxPairs            int    // 100
}

// Agent is the ICE agent of one transport: checklist, nomination, consent,
// states (RFC 8445, RFC 8838, RFC 7675).
//
// It becomes Failed when, without a usable pair, every pair has failed and both
// ends know all candidates; DisconnectedTimeout+FailedTimeout after checking
// began, whatever is known by then; or FailedTimeout after Disconnected.
//
// The agent has one owner; after each input the owner drains NextEvent and
// NextDatagram and asks Deadline. See NewAgent.
type Agent struct {
	cfg        AgentConfig
	role       Role
	remoteLite bool
	tieBreaker uint64
	state      State
	now        time.Time // the latest input's
	current    *generation
	// previous carries data until the current generation selects, and answers
	// late requests for a while after that; nil: none.
	previous       *generation
	nextSlot       time.Time // of the pacing (RFC 8445 section 14.2)
	lastData       time.Time
	disconnectedAt time.Time
	verifier       *Verifier
	lastPair       uint64 // ID of the pair that was made last
	out            queue[Datagram]
	events         queue[AgentEvent]
}

// NewAgent makes an agent with its first generation, in state New.
func NewAgent(cfg AgentConfig) *Agent {
	setDefault(&cfg.Ta, defaultTa)
	setDefault(&cfg.KeepaliveInterval, defaultKeepalive)
	if cfg.Lite {
		setDefault(&cfg.DisconnectedTimeout, liteDisconnected)
		setDefault(&cfg.FailedTimeout, liteFailed)
	}
	setDefault(&cfg.DisconnectedTimeout, defaultDisconnected)
	setDefault(&cfg.FailedTimeout, defaultFailed)
	cfg.KeepaliveInterval = min(cfg.KeepaliveInterval, cfg.DisconnectedTimeout*2/5)
	if cfg.MaxRemoteCandidates <= 0 {
		cfg.MaxRemoteCandidates = defaultCandidates
	}
	if cfg.MaxTransmissions <= 0 {
		cfg.MaxTransmissions = maxTransmissions
	}
	if cfg.MaxPairs <= 0 {
		cfg.MaxPairs = defaultPairs
	}
	cfg.Software = cfg.Software[:min(len(cfg.Software), maxSoftware)]
	a := &Agent{cfg: cfg, role: cfg.Role, tieBreaker: cfg.TieBreaker}
	for a.tieBreaker == 0 {
		var b [8]byte
		randomBytes(cfg.Random, b[:])
		a.tieBreaker = binary.BigEndian.Uint64(b[:])
		cfg.Random = nil // a source of zeros must not keep us here
	}
	a.current = newGeneration(newKeyring(cfg.Local, Credentials{}), 1)
	a.renewVerifier()
	return a
}

func setDefault(d *time.Duration, v time.Duration) {
	if *d <= 0 {
		*d = v
	}
}

// State returns the state of the transport.
func (a *Agent) State() State { return a.state }

// Role returns the current role.
func (a *Agent) Role() Role { return a.role }

// Local returns our credentials of the current generation.
func (a *Agent) Local() Credentials { return a.current.keys.local }

// SetRole changes the role, as when the peer turns out to be lite (RFC 8445
// section 6.1.1). No RoleChanged event follows.
func (a *Agent) SetRole(now time.Time, r Role) {
	if a.input(now) && a.role != r {
		a.takeRole(r)
		a.run(now)
	}
}

// Verifier returns what checks integrity on behalf of the current credentials.
// It is a new value after SetRemoteCredentials, Restart, and the end of the
// previous generation.
func (a *Agent) Verifier() *Verifier { return a.verifier }

func (a *Agent) renewVerifier() {
	if a.previous == nil {
		a.verifier = newVerifier(a.current.keys)
	} else {
		a.verifier = newVerifier(a.current.keys, a.previous.keys)
	}
}

// Selected returns the pair that data goes over; false while there is none.
// During a restart this is the old generation's.
func (a *Agent) Selected() (Pair, bool) {
	_, p := a.carrier()
	if p == nil {
		return Pair{}, false
	}
	return p.report(), true
}

// Pairs returns the checklist of the current generation, by falling priority,
// after the selected pair of the previous one while that carries data.
func (a *Agent) Pairs() []PairStats {
	_, selected := a.carrier()
	pairs := a.current.pairs
	if selected != nil && !slices.Contains(pairs, selected) {
		pairs = append([]*pair{selected}, pairs...)
	}
	all := make([]PairStats, 0, len(pairs))
	for _, p := range pairs {
		s := p.stats
		s.Pair, s.State, s.Priority = p.report(), p.state, p.priority
		s.Nominated, s.Selected = p.nominated, p == selected
		all = append(all, s)
	}
	return all
}

// RemoteCandidates returns the remote candidates of the current generation,
// peer-reflexive ones included, in order of arrival.
func (a *Agent) RemoteCandidates() []Candidate {
	all := make([]Candidate, 0, len(a.current.remotes))
	for _, r := range a.current.remotes {
		all = append(all, r.Candidate)
	}
	return all
}

// LocalCandidates returns the local candidates of the current generation, those
// that the peer's answers revealed included.
func (a *Agent) LocalCandidates() []LocalCandidate {
	all := make([]LocalCandidate, 0, len(a.current.locals))
	for _, l := range a.current.locals {
		all = append(all, *l)
	}
	return all
}

// Generation numbers the current generation: 1 at first, one more with each that
// Restart or other remote credentials begin.
func (a *Agent) Generation() uint32 { return a.current.number }

// NextDatagram returns the next message to send.
func (a *Agent) NextDatagram() (Datagram, bool) { return a.out.pop() }

// NextEvent returns the next event.
func (a *Agent) NextEvent() (AgentEvent, bool) { return a.events.pop() }

// input begins every input: it reports whether the agent takes any.
func (a *Agent) input(now time.Time) bool {
	if now.After(a.now) {
		a.now = now
	}
	return a.state != Closed
}

// run ends every input: nominate, follow the states, send what may be sent.
func (a *Agent) run(now time.Time) {
	a.doubt(now)
	a.nominate(now)
	a.evaluate(now)
	a.pace(now)
}

// SetRemoteCredentials gives the current generation the peer's credentials,
// which the caller has validated. Checks that came early are acted upon, and
// checks start when there are pairs. Other credentials than before, as after a
// provisional answer of another peer, begin a new generation under our own.
func (a *Agent) SetRemoteCredentials(now time.Time, c Credentials) {
	if !a.input(now) || c.Ufrag == "" || c.Pwd == "" || c == a.current.keys.remote {
		return
	}
	if a.current.keys.theirs != nil {
		ended := a.current.localEnd
		a.replace(now, newKeyring(a.current.keys.local, c))
		a.current.localEnd = ended
	}
	g := a.current
	g.keys = newKeyring(g.keys.local, c)
	a.renewVerifier()
	for _, r := range slices.Clone(g.remotes) {
		if r.UsernameFragment != "" && r.UsernameFragment != c.Ufrag {
			g.removeRemote(r)
		}
	}
	early := g.early
	g.early = nil
	for _, e := range early {
		if e.theirUfrag == c.Ufrag {
			a.act(now, g, e)
		}
	}
	a.run(now)
}

// AddLocalCandidate pairs a candidate of the current generation. Server-
// reflexive ones share the pairs of their base (RFC 8445 section 6.1.2.4).
func (a *Agent) AddLocalCandidate(now time.Time, c LocalCandidate) {
	g := a.current
	if !a.input(now) || len(g.locals) >= maxLocalCandidates || c.Component > 1 || !c.Addr.IsValid() {
		return
	}
	c.Component = 1
	if !c.Base.IsValid() {
		c.Base = c.Addr
	}
	for _, old := range g.locals {
		if old.ID == c.ID && normal(old.Addr) == normal(c.Addr) {
			if old.Type == PeerReflexive {
				*old = c // learnt from a check before
			}
			return
		}
	}
	g.locals = append(g.locals, &c)
	for _, r := range g.remotes {
		a.form(now, g, &c, r)
	}
	a.run(now)
}

// AddRemoteCandidate adds a signalled candidate to the generation that its
// username fragment names, or else to the current one. One that is known
// already is not added again; one known as peer-reflexive is updated (RFC 8838
// section 11.4). Those that cannot be paired are listed only.
func (a *Agent) AddRemoteCandidate(now time.Time, c Candidate) error {
	if !a.input(now) {
		return ErrClosed
	}
	g := a.generationOf(c.UsernameFragment)
	switch {
	case c.Hostname != "" && !c.Addr.Addr().IsValid():
		return ErrUnresolved
	case !c.Addr.Addr().IsValid():
		return ErrInvalidRemoteValue
	case g == nil:
		return ErrUnknownGeneration
	case c.Component != 1:
		return nil // RFC 8839 section 5.1: ignored
	}
	c.Addr = normal(c.Addr)
	if a.known(g, c) {
		a.run(now)
		return nil
	}
	if g.signalled() >= a.cfg.MaxRemoteCandidates {
		return ErrTooManyCandidates
	}
	r := &remoteCandidate{c}
	g.remotes = append(g.remotes, r)
	for _, l := range g.locals {
		a.form(now, g, l, r)
	}
	a.run(now)
	return nil
}

func (g *generation) signalled() int {
	n := 0
	for _, r := range g.remotes {
		if r.Type != PeerReflexive {
			n++
		}
	}
	return n
}

func (a *Agent) generationOf(ufrag string) *generation {
	switch {
	case ufrag == "" || ufrag == a.current.keys.remote.Ufrag:
		return a.current
	case a.previous != nil && ufrag == a.previous.keys.remote.Ufrag:
		return a.previous
	case a.current.keys.theirs == nil:
		return a.current // held against the credentials when they come
	}
	return nil
}

// known finds the candidate among those there are, and brings a peer-reflexive
// one up to date.
func (a *Agent) known(g *generation, c Candidate) bool {
	for _, r := range g.remotes {
		if r.Transport != c.Transport || r.TCPType != c.TCPType || normal(r.Addr) != c.Addr {
			continue
		}
		if r.Type == PeerReflexive && c.Type != PeerReflexive {
			r.Candidate = c
			g.reprioritize(a.role)
		}
		return true
	}
	return false
}

func (g *generation) removeRemote(r *remoteCandidate) {
	for _, p := range slices.Clone(g.pairs) {
		if p.remote == r {
			g.remove(p)
		}
	}
	if i := slices.Index(g.remotes, r); i >= 0 {
		g.remotes = slices.Delete(g.remotes, i, i+1)
	}
}

// LocalEnd says that the current generation gets no more local candidates.
func (a *Agent) LocalEnd(now time.Time) {
	if a.input(now) {
		a.current.localEnd = true
		a.run(now)
	}
}

// RemoteEnd says that the peer has no more candidates for the current
// generation (RFC 8838 section 14).
func (a *Agent) RemoteEnd(now time.Time) {
	if a.input(now) {
		a.current.remoteEnd = true
		a.run(now)
	}
}

// DataReceived notes that authenticated data came on the selected pair. It
// counts against Disconnected, and never as consent (RFC 7675 section 5.1).
func (a *Agent) DataReceived(at time.Time) {
	if !a.input(at) || !at.After(a.lastData) {
		return
	}
	a.lastData = at
	a.evaluate(a.now)
}

// Close ends the agent. Nothing is sent any more, and further input has no
// effect; StateChanged is the last event.
func (a *Agent) Close(now time.Time) {
	if !a.input(now) {
		return
	}
	a.current.stop()
	a.dropPrevious()
	a.out.clear()
	a.setState(Closed)
}

func (a *Agent) dropPrevious() {
	if a.previous != nil {
		a.previous = nil
		a.renewVerifier()
	}
}

// sendDatagram queues a message to a peer's address.
func (a *Agent) sendDatagram(id LocalID, remote netip.AddrPort, data []byte) {
	if a.out.len() < maxQueuedDatagrams {
		a.out.push(Datagram{Local: id, Remote: remote, Data: data})
	}
}
