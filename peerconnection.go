package webrtc

import (
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// PeerConnection is a connection to one peer: W3C's RTCPeerConnection. It owns
// the signaling state and the ICE, DTLS and SCTP transports, and raises events
// through the OnX handlers. All methods are safe for concurrent use and may be
// called in handlers; those that change something return when the change can be
// seen through the getters, and wait for no handler.
//
// See https://www.w3.org/TR/webrtc/#rtcpeerconnection-interface
type PeerConnection struct {
	id  string
	api *API

	interceptors *interceptorChain // nil without any
	loop         *loop.Loop
	log          connLog

	credentials    ice.Credentials // in force; owned by the loop
	*peerTransport                 // the first: that of the bundle
	sctp           *SCTPTransport

	// Owned by the loop.
	config       Configuration // with the certificate in use
	given        Configuration // with the certificates that the application gave
	session      *jsep.Session
	transports   []*peerTransport
	byMID        map[string]*peerTransport
	retired      []*peerTransport
	transceivers []*RTPTransceiver
	streams      remoteStreams
	legacy       legacyStreams
	ssrcs        map[SSRC]bool // those that senders have or had
	fingerprints []jsep.Fingerprint
	dataWanted   bool        // a channel was created
	state        stateVector // as last announced
	needed       bool        // W3C's [[NegotiationNeeded]]
	// describedLocally: SetLocalDescription was called with success.
	describedLocally bool
	restart          iceRestart
	sctpShown        bool // W3C's [[SctpTransport]] is not null
	sctpStable       bool // W3C's [[LastStableStateSctpTransport]] is not null
	lostData         lostData
	failure          error
	gatherWaiters    []chan struct{}
	dirty            bool

	mediaTransports atomic.Pointer[[]*rtpTransport] // those that carry media

	operations chain
	identity   peerIdentity

	closing  atomic.Bool
	released chan struct{}

	published slot[peerConnectionSnapshot]
	target    slot[TargetBitrate]
	sources   mediaSources // owned by the loop

	onSignalingStateChange     eventHandler[SignalingState]
	onICEGatheringStateChange  eventHandler[ICEGatheringState]
	onICEConnectionStateChange eventHandler[ICEConnectionState]
	onConnectionStateChange    eventHandler[PeerConnectionState]
	onICECandidate             eventHandler[*ICECandidate]
	onICECandidateError        eventHandler[*ICECandidateError]
	onNegotiationNeeded        signalHandler
	onDataChannel              eventHandler[*DataChannel]
	onTrack                    trackHandler
	onTargetBitrate            eventHandler[TargetBitrate]
}

// peerConnectionSnapshot is what the getters read.
type peerConnectionSnapshot struct {
	state                        stateVector
	config                       Configuration
	currentLocal, pendingLocal   *SessionDescription
	currentRemote, pendingRemote *SessionDescription
	sctp                         *SCTPTransport
	transceivers                 []*RTPTransceiver
	canTrickle                   ICETrickleCapability
	negotiationNeeded            bool
	failure                      error
}

// NewPeerConnection makes a connection with the API's settings. See the
// function of the same name.
func (api *API) NewPeerConnection(configuration Configuration) (*PeerConnection, error) {
	const op = "new peer connection"
	now := time.Now()
	if err := configuration.validate(now); err != nil {
		return nil, reop(op, err)
	}
	config := configuration.clone().withDefaults()
	certificate, err := chooseCertificate(config.Certificates, now, op)
	if err != nil {
		return nil, err
	}
	given := config
	config.Certificates = []Certificate{certificate}
	fingerprints, err := certificate.GetFingerprints()
	if err != nil {
		return nil, newError(KindOperation, op, err)
	}
	l := loop.New(loop.Config{Executor: api.settings.callbackExecutor})
	pc := &PeerConnection{
		id: newConnectionID(), api: api, loop: l,
		config: config, given: given,
		state: stateVector{
			signaling: SignalingStateStable, gathering: ICEGatheringStateNew,
			ice: ICEConnectionStateNew, connection: PeerConnectionStateNew,
		},
		ssrcs:    make(map[SSRC]bool),
		released: make(chan struct{}),
	}
	pc.log = newConnLog(api, l, pc.id)
	pc.identity.init(pc)
	for _, f := range fingerprints {
		pc.fingerprints = append(pc.fingerprints, jsep.Fingerprint{Algorithm: f.Algorithm, Value: f.Value})
	}
	if pc.credentials, err = api.settings.iceCredentials(op); err != nil {
		return nil, err
	}
	if pc.peerTransport, err = newPeerTransport(pc, op); err != nil {
		return nil, err
	}
	pc.transports = []*peerTransport{pc.peerTransport}
	pc.sctp = pc.newSCTP(pc.dtls)
	pc.session = jsep.New(pc.sessionConfig())
	pc.target.init(&TargetBitrate{})
	pc.published.init(pc.snapshot())
	pc.legacy.published.init(&legacySnapshot{})
	if pc.interceptors, err = newInterceptorChain(api.registry, pc); err != nil {
		return nil, reop(op, err)
	}
	l.Post(pc.join)
	return pc, nil
}

// join begins the life of the connection's loop; from here on it owns the
// state. The order of the members is the order of their events.
func (pc *PeerConnection) join(now time.Time) {
	pc.enter(now)
	pc.dtls.sctp = pc.sctp
	pc.loop.Join(&loopMember{settle: pc.settle, deadline: pc.rebuildDeadline, advance: pc.advanceRebuild})
	pc.fillPool(now, false)
}

// do runs f on the loop and waits until its results are published.
func (pc *PeerConnection) do(op string, f func(now time.Time) error) error {
	return doOn(pc.loop, op, f)
}

// ID returns the random name that the connection has in the log.
func (pc *PeerConnection) ID() string { return pc.id }

// SignalingState returns where the offer/answer exchange is.
func (pc *PeerConnection) SignalingState() SignalingState { return pc.published.Load().state.signaling }

// ICEGatheringState returns whether local candidates are being gathered.
func (pc *PeerConnection) ICEGatheringState() ICEGatheringState {
	return pc.published.Load().state.gathering
}

// ICEConnectionState returns the state of the ICE transports together.
func (pc *PeerConnection) ICEConnectionState() ICEConnectionState {
	return pc.published.Load().state.ice
}

// ConnectionState returns the state of the ICE and DTLS transports together.
//
// See https://www.w3.org/TR/webrtc/#rtcpeerconnectionstate-enum
func (pc *PeerConnection) ConnectionState() PeerConnectionState {
	return pc.published.Load().state.connection
}

// FailureReason returns why ConnectionState is failed: what went wrong and what
// to look at. It is nil in every other state.
func (pc *PeerConnection) FailureReason() error { return pc.published.Load().failure }

// CurrentLocalDescription returns the local description of the last completed
// exchange, with the candidates gathered since, or nil.
func (pc *PeerConnection) CurrentLocalDescription() *SessionDescription {
	return cloneDescription(pc.published.Load().currentLocal)
}

// PendingLocalDescription returns the local description of the exchange under
// way, with the candidates gathered since, or nil.
func (pc *PeerConnection) PendingLocalDescription() *SessionDescription {
	return cloneDescription(pc.published.Load().pendingLocal)
}

// LocalDescription returns the pending local description, or else the current
// one, or nil.
func (pc *PeerConnection) LocalDescription() *SessionDescription {
	s := pc.published.Load()
	if s.pendingLocal != nil {
		return cloneDescription(s.pendingLocal)
	}
	return cloneDescription(s.currentLocal)
}

// CurrentRemoteDescription returns the remote description of the last completed
// exchange, with the candidates added since, or nil.
func (pc *PeerConnection) CurrentRemoteDescription() *SessionDescription {
	return cloneDescription(pc.published.Load().currentRemote)
}

// PendingRemoteDescription returns the remote description of the exchange under
// way, with the candidates added since, or nil.
func (pc *PeerConnection) PendingRemoteDescription() *SessionDescription {
	return cloneDescription(pc.published.Load().pendingRemote)
}

// RemoteDescription returns the pending remote description, or else the current
// one, or nil.
func (pc *PeerConnection) RemoteDescription() *SessionDescription {
	s := pc.published.Load()
	if s.pendingRemote != nil {
		return cloneDescription(s.pendingRemote)
	}
	return cloneDescription(s.currentRemote)
}

func cloneDescription(d *SessionDescription) *SessionDescription {
	if d == nil {
		return nil
	}
	clone := *d
	return &clone
}

// CanTrickleICECandidates returns whether the peer takes candidates after its
// description; unknown before there is a remote description.
func (pc *PeerConnection) CanTrickleICECandidates() ICETrickleCapability {
	return pc.published.Load().canTrickle
}

// SCTP returns the transport of the data channels: nil before an offer describes
// one, and after an exchange that rejects it.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-sctp
func (pc *PeerConnection) SCTP() *SCTPTransport { return pc.published.Load().sctp }

// GetConfiguration returns a copy of the configuration in force. Its
// Certificates hold the one in use.
func (pc *PeerConnection) GetConfiguration() Configuration {
	return pc.published.Load().config.clone()
}

// OnSignalingStateChange sets the handler for changes of SignalingState.
func (pc *PeerConnection) OnSignalingStateChange(f func(SignalingState)) {
	pc.onSignalingStateChange.set(f)
}

// OnICEGatheringStateChange sets the handler for changes of ICEGatheringState.
func (pc *PeerConnection) OnICEGatheringStateChange(f func(ICEGatheringState)) {
	pc.onICEGatheringStateChange.set(f)
}

// OnICEConnectionStateChange sets the handler for changes of
// ICEConnectionState.
func (pc *PeerConnection) OnICEConnectionStateChange(f func(ICEConnectionState)) {
	pc.onICEConnectionStateChange.set(f)
}

// OnConnectionStateChange sets the handler for changes of ConnectionState.
func (pc *PeerConnection) OnConnectionStateChange(f func(PeerConnectionState)) {
	pc.onConnectionStateChange.set(f)
}

// OnICECandidate sets the handler for local candidates, which are to be sent to
// the peer's AddICECandidate. When an m-line has all of a generation it is called
// with one without an address, which is sent too: its ToJSON has an empty Candidate,
// which peers take as the end. When gathering has ended for all, and the state has
// become complete, it is called with nil, which is for the program alone.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-onicecandidate
func (pc *PeerConnection) OnICECandidate(f func(*ICECandidate)) { pc.onICECandidate.set(f) }

// OnICECandidateError sets the handler for STUN and TURN servers that fail;
// gathering goes on with the others.
//
// See https://www.w3.org/TR/webrtc/#rtcpeerconnectioniceerrorevent
func (pc *PeerConnection) OnICECandidateError(f func(*ICECandidateError)) {
	pc.onICECandidateError.set(f)
}

// OnNegotiationNeeded sets the handler for a change that needs a new offer. It
// is called once for any number of changes, while SignalingState is stable.
//
// See https://www.w3.org/TR/webrtc/#dfn-update-the-negotiation-needed-flag
func (pc *PeerConnection) OnNegotiationNeeded(f func()) { pc.onNegotiationNeeded.set(f) }

// OnDataChannel sets the handler for channels that the peer creates. Set the
// channel's handlers before it returns: messages are delivered after.
func (pc *PeerConnection) OnDataChannel(f func(*DataChannel)) { pc.onDataChannel.set(f) }

// CreateDataChannel makes a channel to the peer; it opens once the connection
// is up. The first one needs an offer, see OnNegotiationNeeded. It returns a
// TypeError for options that contradict each other or are too long, an
// OperationError for an ID in use, and an InvalidStateError after Close.
//
// See https://www.w3.org/TR/webrtc/#dom-peerconnection-createdatachannel
func (pc *PeerConnection) CreateDataChannel(label string, options *DataChannelInit) (*DataChannel, error) {
	const op = "create data channel"
	params := options.parameters(label)
	if err := params.validate(); err != nil {
		return nil, reop(op, err)
	}
	var channel *DataChannel
	err := pc.do(op, func(time.Time) error {
		channel = newDataChannel(pc.sctp, params)
		return pc.sctp.tryAdd(channel, op)
	})
	if err != nil {
		return nil, err
	}
	return channel, nil
}

// Close ends the connection: the peer is told, sockets are closed, reads and
// writes fail with an error that matches net.ErrClosed, and no handler is called
// any more, except that one that is running is not waited for. When it returns,
// the connection's goroutines have ended but for those inside a handler.
// Idempotent; may be called in handlers. The error is nil, or what an interceptor of
// the program's returned when it was closed, which comes last.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-close
func (pc *PeerConnection) Close() error {
	if !pc.closing.CompareAndSwap(false, true) {
		<-pc.released
		return nil
	}
	pc.identity.cancel()
	if pc.interceptors != nil {
		pc.interceptors.hold()
	}
	pc.loop.Close(pc.finish)
	for _, t := range append(pc.transports, pc.retired...) {
		t.gatherer.releaseStack()
	}
	var err error
	if pc.interceptors != nil {
		err = pc.interceptors.close()
	}
	close(pc.released)
	return err
}

// finish is the loop's last turn: everything is closed, nothing is announced.
func (pc *PeerConnection) finish(now time.Time) {
	pc.session.Close()
	for _, t := range pc.transports {
		t.gatherer.closeStack(now)
	}
	pc.closeMedia()
	pc.state = stateVector{
		signaling: SignalingStateClosed, gathering: pc.state.gathering,
		ice: ICEConnectionStateClosed, connection: PeerConnectionStateClosed,
	}
	pc.failure = nil
	pc.publish()
	pc.wakeGatherWaiters()
}

// GatheringCompletePromise returns a channel that is closed when pc has gathered
// all its local candidates, or is closed. LocalDescription then holds them all,
// for signalling that cannot trickle. Call it before SetLocalDescription.
func GatheringCompletePromise(pc *PeerConnection) (gatherComplete <-chan struct{}) {
	done := make(chan struct{})
	posted := pc.loop.Post(func(time.Time) {
		if pc.state.gathering == ICEGatheringStateComplete {
			pc.loop.Publish(func() { close(done) })
			return
		}
		pc.gatherWaiters = append(pc.gatherWaiters, done)
	})
	if !posted {
		close(done)
	}
	return done
}

// settle publishes at the end of a turn in which something changed.
func (pc *PeerConnection) settle(time.Time) bool {
	if !pc.dirty {
		return false
	}
	pc.publish()
	if pc.state.gathering == ICEGatheringStateComplete {
		pc.wakeGatherWaiters()
	}
	return false
}

func (pc *PeerConnection) wakeGatherWaiters() {
	for _, w := range pc.gatherWaiters {
		pc.loop.Publish(func() { close(w) })
	}
	pc.gatherWaiters = nil
}

func (pc *PeerConnection) publish() {
	pc.dirty = false
	pc.published.publish(pc.loop, pc.snapshot())
}

func (pc *PeerConnection) snapshot() *peerConnectionSnapshot {
	s := &peerConnectionSnapshot{
		state: pc.state, config: pc.config, negotiationNeeded: pc.needed, failure: pc.failure,
		currentLocal: description(pc.session.CurrentLocal()), pendingLocal: description(pc.session.PendingLocal()),
		currentRemote: description(pc.session.CurrentRemote()), pendingRemote: description(pc.session.PendingRemote()),
	}
	s.transceivers = pc.transceivers
	if pc.sctpShown {
		s.sctp = pc.sctp
	}
	if can, known := pc.session.CanTrickle(); known {
		s.canTrickle = ICETrickleCapabilityUnsupported
		if can {
			s.canTrickle = ICETrickleCapabilitySupported
		}
	}
	return s
}

func description(d jsep.Description, ok bool) *SessionDescription {
	if !ok {
		return nil
	}
	public := newSessionDescription(d)
	return &public
}
