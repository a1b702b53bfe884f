package webrtc

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// ICETransport finds a path to the peer among the candidates of both ends and
// watches over it (RFC 8445, RFC 8838, RFC 7675). A PeerConnection makes its
// own; [API.NewICETransport] makes one that stands alone. All methods are safe
// for concurrent use.
//
// See https://www.w3.org/TR/webrtc/#rtcicetransport
type ICETransport struct {
	api      *API
	loop     *loop.Loop
	gatherer *ICEGatherer
	log      connLog
	epoch    time.Time // origin of lastData

	// Owned by the loop.
	agent      *ice.Agent // nil until the role is known
	early      []ice.Candidate
	ended      bool            // the peer has no more candidates
	names      int             // candidates whose names are being looked up
	filtering  int             // candidates that wait for the filter of the application
	local      ice.Credentials // of the agent's current generation
	remote     ice.Credentials
	state      ICETransportState
	role       ICERole
	remoteLite bool
	peers      []netip.AddrPort
	dtls       *DTLSTransport
	onState    func(now time.Time, state ICETransportState) // of the connection
	waiters    []chan struct{}
	dirty      bool
	selected   *ICECandidatePair

	statsID         string // of its entry in a StatsReport
	selectedPair    uint64 // ID of the pair that is selected; 0: none
	selectedChanges uint32 // how often selectedPair changed
	final           iceStatsView
	traffic         iceTraffic

	path     atomic.Pointer[icePath]
	lastData atomic.Int64 // authenticated data from the peer, since epoch

	published               slot[iceTransportSnapshot]
	onConnectionStateChange eventHandler[ICETransportState]
	onSelectedPairChange    eventHandler[*ICECandidatePair]
	onGatheringStateChange  eventHandler[ICEGathererState]
}

// icePath is where data goes: the selected pair. It is immutable.
type icePath struct {
	socket  localPath
	remote  netip.AddrPort
	traffic *pathTraffic
}

type iceTransportSnapshot struct {
	state            ICETransportState
	role             ICERole
	remote           ICEParameters
	selected         *ICECandidatePair
	remoteCandidates []ICECandidate
	failure          error // why state is failed
}

// NewICETransport makes a transport on the gatherer's sockets and loop.
// gatherer must not be nil and serves one transport.
func (api *API) NewICETransport(gatherer *ICEGatherer) *ICETransport {
	t := newICETransport(api, gatherer)
	t.loop.Post(func(now time.Time) {
		t.loop.Join(t.member())
		gatherer.attach(now, t)
	})
	return t
}

func newICETransport(api *API, gatherer *ICEGatherer) *ICETransport {
	t := &ICETransport{
		api: api, loop: gatherer.loop, gatherer: gatherer, log: gatherer.log,
		epoch: time.Now(),
		state: ICETransportStateNew, statsID: "T" + newConnectionID(),
	}
	t.published.init(&iceTransportSnapshot{state: ICETransportStateNew})
	return t
}

func (t *ICETransport) member() loop.Member {
	return &loopMember{deadline: t.deadline, advance: t.advance, settle: t.settle}
}

// Start begins connectivity checks with the peer's parameters. role nil means
// controlled; where one end only is lite, its role is controlled whatever role
// says. It returns when the transport is connected, or with an
// OperationError when it has failed; candidates may be added meanwhile.
// gatherer may be nil or the constructor's.
func (t *ICETransport) Start(gatherer *ICEGatherer, params ICEParameters, role *ICERole) error {
	return t.StartContext(context.Background(), gatherer, params, role)
}

// StartContext is Start with a limit: it returns the context's error when ctx
// ends first, and the transport goes on.
func (t *ICETransport) StartContext(ctx context.Context, gatherer *ICEGatherer, params ICEParameters, role *ICERole) error {
	const op = "start ICE transport"
	if gatherer != nil && gatherer != t.gatherer {
		return errorf(KindInvalidAccess, op, "the transport was made on another gatherer")
	}
	wanted := ICERoleControlled
	if role != nil {
		wanted = *role
	}
	var done chan struct{}
	err := doOn(t.loop, op, func(now time.Time) error {
		if t.remote != (ice.Credentials{}) {
			return errorf(KindInvalidState, op, "started before")
		}
		t.prepare(now, iceRole(t.api.settings.ice.lite, params.ICELite, wanted == ICERoleControlling))
		t.setRemoteLite(now, params.ICELite)
		if err := t.setRemote(now, ice.Credentials{Ufrag: params.UsernameFragment, Pwd: params.Password}, op); err != nil {
			return err
		}
		done = t.wait()
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	catchUp(t.loop)
	switch state := t.State(); state {
	case ICETransportStateFailed:
		return newError(KindOperation, op, t.published.Load().failure)
	case ICETransportStateClosed:
		return closedError(op)
	}
	return nil
}

// errICEFailed is why a connection whose ICE transport failed has failed.
var errICEFailed = errors.New("no path to the peer: no pair of candidates answered (are both ends' candidates signalled, and does a firewall block UDP?)")

// errNoRelay is why a connection that may use relays only has failed without any.
var errNoRelay = errors.New("no path to the peer: iceTransportPolicy is relay, and no TURN server gave a relayed address (OnICECandidateError tells why)")

// whyFailed says what is wrong with a transport that failed. On the loop.
func (t *ICETransport) whyFailed() error {
	relayed := slices.ContainsFunc(t.gatherer.candidates, func(c ice.LocalCandidate) bool { return c.Type == ice.Relay })
	if t.gatherer.policy == ICETransportPolicyRelay && !relayed {
		return errNoRelay
	}
	return errICEFailed
}

// Stop ends checks and consent; nothing is sent any more. The gatherer keeps
// its sockets until it is closed. Idempotent.
func (t *ICETransport) Stop() error {
	_ = doOn(t.loop, "stop ICE transport", func(now time.Time) error {
		t.close(now)
		t.path.Store(nil)
		return nil
	})
	return nil
}

// State returns where the transport is.
func (t *ICETransport) State() ICETransportState { return t.published.Load().state }

// Component returns which stream of the peer's and this end's the transport
// carries: always ICEComponentRTP, as RTCP is multiplexed (RFC 8834 section 4.5)
// and data has no second one.
//
// See https://www.w3.org/TR/webrtc/#dom-icetransport-component
func (t *ICETransport) Component() ICEComponent { return ICEComponentRTP }

// GatheringState returns whether local candidates are being gathered: new,
// gathering or complete; after the gatherer's Close what it was before.
//
// See https://www.w3.org/TR/webrtc/#dom-icetransport-gatheringstate
func (t *ICETransport) GatheringState() ICEGathererState {
	return t.gatherer.published.Load().gathering
}

// OnGatheringStateChange sets the handler for changes of GatheringState. It is
// called before the connection's OnICEGatheringStateChange.
func (t *ICETransport) OnGatheringStateChange(f func(ICEGathererState)) {
	t.onGatheringStateChange.set(f)
}

// Role returns whether this end nominates the pair (controlling) or not, and
// ICERoleUnknown before it is known. Role conflicts may change it.
func (t *ICETransport) Role() ICERole { return t.published.Load().role }

// OnConnectionStateChange sets the handler for changes of State.
func (t *ICETransport) OnConnectionStateChange(f func(ICETransportState)) {
	t.onConnectionStateChange.set(f)
}

// OnSelectedCandidatePairChange sets the handler for changes of the pair that
// carries the data.
func (t *ICETransport) OnSelectedCandidatePairChange(f func(*ICECandidatePair)) {
	t.onSelectedPairChange.set(f)
}

// GetSelectedCandidatePair returns the pair that carries the data, or nil while
// there is none and after the end. The pair must not be changed. The error is
// always nil.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcicetransport-getselectedcandidatepair
func (t *ICETransport) GetSelectedCandidatePair() (*ICECandidatePair, error) {
	s := t.published.Load()
	if s.state == ICETransportStateClosed {
		return nil, nil
	}
	return s.selected, nil
}

// GetLocalCandidates returns the local candidates gathered so far.
func (t *ICETransport) GetLocalCandidates() []ICECandidate {
	candidates, _ := t.gatherer.GetLocalCandidates()
	return candidates
}

// GetRemoteCandidates returns the peer's candidates that were signalled, those
// of the present generation; peer-reflexive ones are not among them.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcicetransport-getremotecandidates
func (t *ICETransport) GetRemoteCandidates() []ICECandidate {
	return slices.Clone(t.published.Load().remoteCandidates)
}

// GetLocalParameters returns the gatherer's parameters. The error is always nil.
func (t *ICETransport) GetLocalParameters() (ICEParameters, error) {
	return t.gatherer.GetLocalParameters()
}

// GetRemoteParameters returns the peer's parameters, or an InvalidStateError
// before they are known.
func (t *ICETransport) GetRemoteParameters() (ICEParameters, error) {
	remote := t.published.Load().remote
	if remote.UsernameFragment == "" {
		return ICEParameters{}, errorf(KindInvalidState, "get remote ICE parameters", "not started")
	}
	return remote, nil
}

// SetRemoteCandidates adds several candidates.
func (t *ICETransport) SetRemoteCandidates(remoteCandidates []ICECandidate) error {
	for i := range remoteCandidates {
		if err := t.AddRemoteCandidate(&remoteCandidates[i]); err != nil {
			return err
		}
	}
	return nil
}

// AddRemoteCandidate adds a candidate of the peer; nil says that there are no
// more (RFC 8838 section 14). It returns an OperationError for one that is not
// valid.
func (t *ICETransport) AddRemoteCandidate(remoteCandidate *ICECandidate) error {
	const op = "add remote candidate"
	var candidate ice.Candidate
	if remoteCandidate != nil {
		var err error
		if candidate, err = remoteCandidate.toICE(); err != nil {
			return newError(KindOperation, op, err)
		}
	}
	return doOn(t.loop, op, func(now time.Time) error {
		if remoteCandidate == nil {
			t.remoteEnd(now)
			return nil
		}
		return t.addRemote(now, candidate, op)
	})
}

// prepare makes the agent, so that the peer's early checks are answered, once
// the role is known. A glare may change the role while no remote description
// has been applied. On the loop.
func (t *ICETransport) prepare(now time.Time, role ICERole) {
	if t.state == ICETransportStateClosed || t.remote != (ice.Credentials{}) {
		return
	}
	iceRole := ice.Controlled
	if role == ICERoleControlling {
		iceRole = ice.Controlling
	}
	t.role, t.dirty = role, true
	if t.agent != nil {
		t.agent.SetRole(now, iceRole)
		return
	}
	settings := &t.api.settings
	config := ice.AgentConfig{
		Local:               t.gatherer.credentials,
		KeepaliveInterval:   settings.ice.keepaliveInterval,
		DisconnectedTimeout: settings.ice.disconnectedTimeout,
		FailedTimeout:       settings.ice.failedTimeout,
		Role:                iceRole,
		Lite:                settings.ice.lite,
		AcceptanceWait:      settings.ice.acceptance,
		RenominateAfter:     settings.ice.renominateAfter,
		MaxTransmissions:    int(settings.ice.maxRequests),
	}
	t.local = config.Local
	t.agent = ice.NewAgent(config)
	t.agent.SetRemoteLite(now, t.remoteLite)
	t.gatherer.attach(now, t)
	for _, c := range t.early {
		if err := t.agent.AddRemoteCandidate(now, c); err != nil {
			t.log.warn("add remote candidate", "candidate", c.String(), "error", err)
		}
	}
	t.early = nil
	t.passEnd(now)
	t.gatherer.publishInbound()
}

// setRemote gives the agent the peer's credentials; checks start. On the loop,
// after prepare.
func (t *ICETransport) setRemote(now time.Time, remote ice.Credentials, op string) error {
	if t.state == ICETransportStateClosed {
		return closedError(op)
	}
	if err := remote.Validate(); err != nil {
		return newError(KindOperation, op, err)
	}
	if t.remote == remote {
		return nil
	}
	if t.remote != (ice.Credentials{}) {
		t.ended = false // was said of the generation before
	}
	t.remote, t.dirty = remote, true
	t.agent.SetRemoteCredentials(now, remote)
	t.gatherer.publishInbound()
	return nil
}

func (t *ICETransport) addLocal(now time.Time, c ice.LocalCandidate) {
	if t.agent != nil {
		t.agent.AddLocalCandidate(now, c)
	}
}

func (t *ICETransport) localEnd(now time.Time) {
	if t.agent != nil {
		t.agent.LocalEnd(now)
	}
}

func (t *ICETransport) handleSTUN(now time.Time, d ice.Datagram) {
	if t.agent == nil {
		return
	}
	if err := t.agent.HandleDatagram(now, d); err != nil {
		t.log.debug("STUN message", "remote", d.Remote, "error", err)
	}
}

// dataReceived notes that the peer proved to be alive. Any goroutine.
func (t *ICETransport) dataReceived(now time.Time) { t.lastData.Store(int64(now.Sub(t.epoch))) }

func (t *ICETransport) deadline() time.Time {
	if t.agent == nil {
		return time.Time{}
	}
	return t.agent.Deadline()
}

func (t *ICETransport) advance(now time.Time) {
	if t.agent == nil {
		return
	}
	if last := t.lastData.Swap(0); last != 0 {
		t.agent.DataReceived(t.epoch.Add(time.Duration(last)))
	}
	t.agent.Advance(now)
}

// settle takes the agent's events first, so that the readers know a validated
// address before the answer that makes the peer use it is sent.
func (t *ICETransport) settle(now time.Time) bool {
	if t.agent == nil {
		t.publish()
		return false
	}
	moved := false
	for {
		event, ok := t.agent.NextEvent()
		if !ok {
			break
		}
		moved = true
		t.handleEvent(now, event)
	}
	if t.agent.Verifier() != t.gatherer.inbound.Load().verifier {
		t.gatherer.publishInbound()
	}
	t.publish()
	for {
		d, ok := t.agent.NextDatagram()
		if !ok {
			break
		}
		moved = true
		t.gatherer.transmit(d)
	}
	return moved
}

func (t *ICETransport) handleEvent(now time.Time, event ice.AgentEvent) {
	switch e := event.(type) {
	case *ice.StateChanged:
		if e.State == ice.Failed {
			t.gatherer.machine.Conclude()
		}
		t.setState(now, iceTransportState(e.State))
	case *ice.SelectedPairChanged:
		if e.Pair.Generation == t.agent.Generation() {
			t.gatherer.machine.Conclude()
		}
		t.selectPair(e.Pair)
		if t.dtls != nil {
			t.dtls.startHandshake(now)
		}
	case *ice.RoleChanged:
		t.role, t.dirty = ICERoleControlled, true
		if e.Role == ice.Controlling {
			t.role = ICERoleControlling
		}
	case *ice.RemoteValidated:
		t.validatedPath(e.Local, e.Remote)
		t.admit(e.Remote)
	case *ice.RemotePeerReflexive:
		t.dirty = true
	case *ice.ConsentLost:
		t.path.Store(nil) // nothing may be sent (RFC 7675 section 5.1)
		t.countSelection(0)
	}
}

// admit lets the readers take DTLS and SRTP from an address. On the loop.
func (t *ICETransport) admit(remote netip.AddrPort) {
	if slices.Contains(t.peers, remote) {
		return
	}
	if len(t.peers) >= maxPeers {
		t.peers = slices.Delete(t.peers, 0, 1)
	}
	t.peers = append(t.peers, remote)
	if path := t.path.Load(); path != nil && !slices.Contains(t.peers, path.remote) {
		// A check that is replayed from many addresses must not shut out the peer.
		t.peers[0] = path.remote
	}
	t.gatherer.publishInbound()
}

func (t *ICETransport) selectPair(p ice.Pair) {
	socket := t.gatherer.sockets[p.Local.ID]
	if socket == nil {
		return
	}
	traffic := t.countPath(p.Local.ID, p.Remote.Addr, p.Generation)
	before := t.path.Load()
	t.path.Store(&icePath{socket: socket, remote: p.Remote.Addr, traffic: traffic})
	t.countSelection(p.ID)
	if shared, ok := socket.(sharedPath); ok {
		shared.Keep(p.Remote.Addr)
	}
	t.admit(p.Remote.Addr)
	local := t.gatherer.candidate(p.Local, t.gatherer.mid, t.gatherer.mLineIndex)
	remote := newICECandidate(p.Remote, "", 0)
	t.selected, t.dirty = NewICECandidatePair(&local, &remote), true
	t.onSelectedPairChange.emit(t.loop, t.selected)
	if before == nil || before.socket != socket || before.remote != p.Remote.Addr {
		t.pathChanged()
	}
}

func (t *ICETransport) setState(now time.Time, state ICETransportState) {
	if state == t.state {
		return
	}
	t.state, t.dirty = state, true
	t.log.info("ICE transport", "state", state.String())
	t.onConnectionStateChange.emit(t.loop, state)
	if t.dtls != nil {
		t.dtls.iceStateChanged(now, state)
	}
	if t.onState != nil {
		t.onState(now, state)
	}
	switch state {
	case ICETransportStateConnected, ICETransportStateCompleted, ICETransportStateFailed:
		t.wake()
	}
}

// wait returns a channel that is closed when the transport has connected,
// failed or closed. On the loop.
func (t *ICETransport) wait() chan struct{} {
	done := make(chan struct{})
	t.waiters = append(t.waiters, done)
	switch t.state {
	case ICETransportStateNew, ICETransportStateChecking:
	default:
		t.wake()
	}
	return done
}

// wake ends the waits once this turn is published.
func (t *ICETransport) wake() {
	waiters := t.waiters
	t.waiters = nil
	t.publish()
	for _, w := range waiters {
		close(w)
	}
}

// close ends the agent. On the loop; emits nothing, as W3C wants of a local
// close.
func (t *ICETransport) close(now time.Time) {
	if t.state == ICETransportStateClosed {
		return
	}
	t.state, t.dirty = ICETransportStateClosed, true
	t.publish() // with the candidates that there were
	t.final = t.statsView()
	if t.agent != nil {
		t.agent.Close(now)
		t.agent = nil
	}
	t.gatherer.publishInbound()
	t.wake()
}

func (t *ICETransport) publish() {
	if !t.dirty {
		return
	}
	t.dirty = false
	snapshot := &iceTransportSnapshot{
		state: t.state, role: t.role, selected: t.selected,
		remote: ICEParameters{UsernameFragment: t.remote.Ufrag, Password: t.remote.Pwd, ICELite: t.remoteLite},
	}
	if t.state == ICETransportStateFailed {
		snapshot.failure = t.whyFailed()
	}
	if t.agent != nil {
		for _, c := range t.agent.RemoteCandidates() {
			if c.Type == ice.PeerReflexive {
				continue
			}
			snapshot.remoteCandidates = append(snapshot.remoteCandidates, newICECandidate(c, "", 0))
		}
	}
	t.published.publish(t.loop, snapshot)
}

func iceTransportState(s ice.State) ICETransportState {
	switch s {
	case ice.Checking:
		return ICETransportStateChecking
	case ice.Connected:
		return ICETransportStateConnected
	case ice.Completed:
		return ICETransportStateCompleted
	case ice.Disconnected:
		return ICETransportStateDisconnected
	case ice.Failed:
		return ICETransportStateFailed
	case ice.Closed:
		return ICETransportStateClosed
	}
	return ICETransportStateNew
}
