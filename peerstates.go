package webrtc

import (
	"errors"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// stateVector is the four states of a connection that have an event.
type stateVector struct {
	signaling  SignalingState
	gathering  ICEGatheringState
	ice        ICEConnectionState
	connection PeerConnectionState
}

var errDataRejected = errors.New("the exchange ended without data channels: the m-section was rejected")

// setSignaling announces a new signaling state. On the loop.
func (pc *PeerConnection) setSignaling(state SignalingState) {
	if pc.state.signaling == state {
		return
	}
	pc.state.signaling = state
	pc.dirty = true
	pc.log.info("signaling", "state", state.String())
	pc.onSignalingStateChange.emit(pc.loop, state)
}

// updateStates computes the states that sum up the transports, and announces
// those that changed: ICE first, as W3C orders the events. On the loop.
//
// See https://www.w3.org/TR/webrtc/#rtciceconnectionstate-enum and
// https://www.w3.org/TR/webrtc/#rtcpeerconnectionstate-enum
func (pc *PeerConnection) updateStates() {
	states := pc.transportStates()
	iceState, connection := states.iceConnection(), states.connection()
	if pc.state.ice != iceState {
		pc.state.ice, pc.dirty = iceState, true
		pc.onICEConnectionStateChange.emit(pc.loop, iceState)
	}
	pc.updateGathering()
	if pc.state.connection == connection {
		return
	}
	pc.state.connection, pc.dirty = connection, true
	pc.failure = nil
	if connection == PeerConnectionStateFailed {
		pc.failure = pc.failureReason()
	}
	pc.log.info("connection", "state", connection.String())
	pc.onConnectionStateChange.emit(pc.loop, connection)
}

// failureReason says which transport brought the connection down.
func (pc *PeerConnection) failureReason() error {
	for _, t := range pc.used() {
		if t.dtls.state == DTLSTransportStateFailed {
			return dtlsError("connect", t.dtls.cause)
		}
	}
	for _, t := range pc.used() {
		if t.ice.state == ICETransportStateFailed {
			return newError(KindOperation, "connect", t.ice.whyFailed())
		}
	}
	return newError(KindOperation, "connect", errICEFailed)
}

// transportStates are the states of the transports in use.
type transportStates struct {
	ice  map[ICETransportState]int
	dtls map[DTLSTransportState]int
	n    int
}

func (pc *PeerConnection) transportStates() transportStates {
	s := transportStates{ice: make(map[ICETransportState]int), dtls: make(map[DTLSTransportState]int)}
	for _, t := range pc.used() {
		s.ice[t.ice.state]++
		s.dtls[t.dtls.state]++
		s.n++
	}
	return s
}

// iceConnection sums up the ICE transports.
func (s transportStates) iceConnection() ICEConnectionState {
	switch {
	case s.ice[ICETransportStateFailed] > 0:
		return ICEConnectionStateFailed
	case s.ice[ICETransportStateDisconnected] > 0:
		return ICEConnectionStateDisconnected
	case s.ice[ICETransportStateNew]+s.ice[ICETransportStateClosed] == s.n:
		return ICEConnectionStateNew
	case s.ice[ICETransportStateNew]+s.ice[ICETransportStateChecking] > 0:
		return ICEConnectionStateChecking
	case s.ice[ICETransportStateCompleted]+s.ice[ICETransportStateClosed] == s.n:
		return ICEConnectionStateCompleted
	}
	return ICEConnectionStateConnected
}

// connection sums up the ICE and DTLS transports.
func (s transportStates) connection() PeerConnectionState {
	idle := s.ice[ICETransportStateNew]+s.ice[ICETransportStateClosed] == s.n &&
		s.dtls[DTLSTransportStateNew]+s.dtls[DTLSTransportStateClosed] == s.n
	switch {
	case s.ice[ICETransportStateFailed]+s.dtls[DTLSTransportStateFailed] > 0:
		return PeerConnectionStateFailed
	case s.ice[ICETransportStateDisconnected] > 0:
		return PeerConnectionStateDisconnected
	case idle:
		return PeerConnectionStateNew
	case s.ice[ICETransportStateNew]+s.ice[ICETransportStateChecking] > 0,
		s.dtls[DTLSTransportStateNew]+s.dtls[DTLSTransportStateConnecting] > 0:
		return PeerConnectionStateConnecting
	}
	return PeerConnectionStateConnected
}

// updateGathering sums up the gatherers, and announces the end of candidates
// when the last one is done. What is gathered for the pool does not count before
// there is a local description. On the loop.
//
// See https://www.w3.org/TR/webrtc/#rtcicegatheringstate-enum
func (pc *PeerConnection) updateGathering() {
	complete, gathering := pc.describedLocally, false
	for _, t := range pc.used() {
		complete = complete && t.gatherer.state == ICEGathererStateComplete
		gathering = gathering || pc.describedLocally && t.gatherer.state == ICEGathererStateGathering
	}
	state := ICEGatheringStateNew
	switch {
	case complete:
		state = ICEGatheringStateComplete
	case gathering:
		state = ICEGatheringStateGathering
	}
	if state == pc.state.gathering {
		return
	}
	pc.state.gathering, pc.dirty = state, true
	pc.onICEGatheringStateChange.emit(pc.loop, state)
	if state == ICEGatheringStateComplete {
		pc.announceEnd()
	}
}

// announceEnd tells the application that there are no more candidates, if there
// is a local description that they are of.
func (pc *PeerConnection) announceEnd() {
	for _, t := range pc.used() {
		if t.described() != nil {
			pc.onICECandidate.emit(pc.loop, nil)
			return
		}
	}
}

// updateNegotiationNeeded is W3C's algorithm of that name. The event is checked
// again when it is delivered, as it may have been overtaken. On the loop.
//
// See https://www.w3.org/TR/webrtc/#dfn-update-the-negotiation-needed-flag
func (pc *PeerConnection) updateNegotiationNeeded() {
	if pc.session.State() != jsep.Stable {
		return // looked at again when the exchange ends
	}
	needed := len(pc.restart.replace) > 0 || pc.session.NegotiationNeeded(pc.localInput(pc.credentials))
	if needed == pc.needed {
		return
	}
	pc.needed, pc.dirty = needed, true
	if !needed {
		return
	}
	pc.loop.Emit(func() {
		s := pc.published.Load()
		if s.negotiationNeeded && s.state.signaling == SignalingStateStable {
			pc.onNegotiationNeeded.call(struct{}{})
		}
	})
}
