package webrtc

import (
	"errors"
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/ice"
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
	iceState := iceConnectionState(pc.ice.state)
	connection := connectionState(pc.ice.state, pc.dtls.state)
	if pc.state.ice != iceState {
		pc.state.ice, pc.dirty = iceState, true
		pc.onICEConnectionStateChange.emit(pc.loop, iceState)
	}
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
	if pc.dtls.state == DTLSTransportStateFailed {
		return dtlsError("connect", pc.dtls.cause)
	}
	return newError(KindOperation, "connect", errICEFailed)
}

// iceConnectionState sums up the ICE transports; there is one.
func iceConnectionState(t ICETransportState) ICEConnectionState {
	switch t {
	case ICETransportStateChecking:
		return ICEConnectionStateChecking
	case ICETransportStateConnected:
		return ICEConnectionStateConnected
	case ICETransportStateCompleted:
		return ICEConnectionStateCompleted
	case ICETransportStateDisconnected:
		return ICEConnectionStateDisconnected
	case ICETransportStateFailed:
		return ICEConnectionStateFailed
	}
	return ICEConnectionStateNew
}

// connectionState sums up the ICE and DTLS transports.
func connectionState(i ICETransportState, d DTLSTransportState) PeerConnectionState {
	switch {
	case i == ICETransportStateFailed || d == DTLSTransportStateFailed:
		return PeerConnectionStateFailed
	case i == ICETransportStateDisconnected:
		return PeerConnectionStateDisconnected
	case (i == ICETransportStateNew || i == ICETransportStateClosed) && (d == DTLSTransportStateNew || d == DTLSTransportStateClosed):
		return PeerConnectionStateNew
	case i == ICETransportStateNew || i == ICETransportStateChecking,
		d == DTLSTransportStateNew || d == DTLSTransportStateConnecting:
		return PeerConnectionStateConnecting
	}
	return PeerConnectionStateConnected
}

// gathererHooks announces what the gatherer finds.
func (pc *PeerConnection) gathererHooks() gathererHooks {
	return gathererHooks{
		candidate: pc.localCandidate,
		failed:    func(e *ICECandidateError) { pc.onICECandidateError.emit(pc.loop, e) },
		state:     pc.gatheringChanged,
	}
}

// localCandidate writes the candidate into the local descriptions and announces
// it. On the loop.
func (pc *PeerConnection) localCandidate(c ice.LocalCandidate) {
	section := pc.describedSection()
	if section == nil {
		return
	}
	candidate := pc.gatherer.candidate(c, section.MID, uint16(section.Index))
	pc.session.LocalCandidate(section.MID, c.Candidate.String())
	pc.dirty = true
	pc.onICECandidate.emit(pc.loop, &candidate)
}

// announceGathered gives a local description that is new, as after a rollback,
// what was gathered for another one. On the loop.
func (pc *PeerConnection) announceGathered(s *jsep.Section) {
	for _, c := range pc.gatherer.candidates {
		if !slices.Contains(s.Local.Candidates, c.Candidate.String()) {
			pc.localCandidate(c)
		}
	}
	if pc.gatherer.state == ICEGathererStateComplete && !s.Local.EndOfCandidates {
		pc.localEnd()
	}
}

// localEnd is localCandidate for the end of candidates.
func (pc *PeerConnection) localEnd() {
	if section := pc.describedSection(); section != nil {
		pc.session.LocalEnd(section.MID)
		pc.dirty = true
		pc.onICECandidate.emit(pc.loop, nil)
	}
}

// describedSection is the m-section that local candidates belong to, or nil
// after a rollback: then announceGathered gives them to the next description.
func (pc *PeerConnection) describedSection() *jsep.Section {
	if section := negotiatedSection(pc.session.Sections()); section != nil && section.Local.Ufrag != "" {
		return section
	}
	return nil
}

func (pc *PeerConnection) gatheringChanged(state ICEGathererState) {
	gathering := ICEGatheringStateNew
	switch state {
	case ICEGathererStateGathering:
		gathering = ICEGatheringStateGathering
	case ICEGathererStateComplete:
		gathering = ICEGatheringStateComplete
	}
	pc.state.gathering, pc.dirty = gathering, true
	pc.onICEGatheringStateChange.emit(pc.loop, gathering)
	if gathering == ICEGatheringStateComplete {
		pc.localEnd()
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
	needed := pc.session.NegotiationNeeded(pc.localInput())
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
