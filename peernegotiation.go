package webrtc

import (
	"errors"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// The offer/answer exchange. W3C's operations chain is the loop's inbox: calls
// run in the order in which they came. None of them waits for the network; where
// one has to wait for an identity provider, those behind it do (see chain).

// localInput is what this end brings to a description. On the loop.
func (pc *PeerConnection) localInput(credentials ice.Credentials) jsep.LocalInput {
	input := jsep.LocalInput{
		Ufrag: credentials.Ufrag, Pwd: credentials.Pwd,
		Fingerprints: pc.fingerprints,
		CNAME:        pc.id,
		Streams:      pc.sendStreams(),
		Paused:       pc.pausedLayers(),
		Identity:     pc.identity.assertion(),
		Data:         pc.dataWanted || pc.config.AlwaysNegotiateDataChannels,
		Lite:         pc.api.settings.ice.lite,
		SCTPInit:     pc.sctp.localInit(),
	}
	if pc.api.settings.dtls.answeringRole == DTLSRoleServer {
		input.AnsweringRole = jsep.Passive
	}
	return input
}

// CreateOffer returns an offer of what the connection wants now, to be given to
// SetLocalDescription. It changes nothing, but for what the deprecated options
// ask for. After RestartICE, and with ICERestart, the offer has new ICE credentials. It returns an InvalidStateError
// unless SignalingState is stable or have-local-offer.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-createoffer
func (pc *PeerConnection) CreateOffer(options *OfferOptions) (SessionDescription, error) {
	var offer SessionDescription
	err := pc.await(pc.createOffer(options, &offer))
	return offer, err
}

func (pc *PeerConnection) createOffer(options *OfferOptions, offer *SessionDescription) operation {
	o := operation{name: "create offer"}
	if options == nil {
		options = &OfferOptions{}
	}
	given := *options
	o.prepare = func(now time.Time, then func(time.Time, error)) { pc.prepareAssertion(now, o.name, jsep.Offer, then) }
	o.run = func(time.Time) (func(), error) {
		if err := pc.offerToReceive(given); err != nil {
			return nil, jsepError(o.name, err)
		}
		text, err := pc.session.CreateOffer(pc.localInput(pc.offerCredentials(given.ICERestart)))
		if err != nil {
			return nil, jsepError(o.name, err)
		}
		*offer = SessionDescription{Type: SDPTypeOffer, SDP: text}
		return nil, nil
	}
	return o
}

// CreateAnswer returns an answer to the offer of the peer, to be given to
// SetLocalDescription. It changes nothing. It returns an InvalidStateError
// unless there is a remote offer.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-createanswer
func (pc *PeerConnection) CreateAnswer(options *AnswerOptions) (SessionDescription, error) {
	var answer SessionDescription
	err := pc.await(pc.createAnswer(options, &answer))
	return answer, err
}

func (pc *PeerConnection) createAnswer(_ *AnswerOptions, answer *SessionDescription) operation {
	o := operation{name: "create answer"}
	o.prepare = func(now time.Time, then func(time.Time, error)) { pc.prepareAssertion(now, o.name, jsep.Answer, then) }
	o.run = func(time.Time) (func(), error) {
		text, err := pc.session.CreateAnswer(pc.localInput(pc.answerCredentials()))
		if err != nil {
			return nil, jsepError(o.name, err)
		}
		*answer = SessionDescription{Type: SDPTypeAnswer, SDP: text}
		return nil, nil
	}
	return o
}

// SetLocalDescription puts a description that CreateOffer or CreateAnswer
// returned last into force and begins to gather candidates. The zero
// SessionDescription stands for the offer or answer that the signaling state
// asks for, which is made on the way; a type without SDP for a new one of that
// type; rollback undoes the offer that is pending. It returns an
// InvalidStateError where the state does not allow the type, and an
// InvalidModificationError for SDP that was changed.
//
// See https://www.w3.org/TR/webrtc/#dom-peerconnection-setlocaldescription
func (pc *PeerConnection) SetLocalDescription(desc SessionDescription) error {
	return pc.await(pc.setLocal(desc))
}

func (pc *PeerConnection) setLocal(desc SessionDescription) operation {
	o := operation{name: "set local description"}
	if desc.Type != SDPTypeUnknown {
		o.name = "set local " + desc.Type.String()
		_, err := desc.Type.toJSEP()
		o.invalid = reop(o.name, err)
	}
	if desc.SDP == "" {
		o.prepare = func(now time.Time, then func(time.Time, error)) {
			kind, err := pc.implicitType(desc.Type)
			if err != nil {
				then(now, nil) // run will say so
				return
			}
			pc.prepareAssertion(now, o.name, kind, then)
		}
	}
	o.run = func(now time.Time) (func(), error) {
		kind, err := pc.implicitType(desc.Type)
		if err != nil {
			return nil, reop(o.name, err)
		}
		text, err := pc.implicitText(kind, desc.SDP)
		if err != nil {
			return nil, jsepError(o.name, err)
		}
		applied, err := pc.session.SetLocal(kind, text)
		if err != nil {
			return nil, jsepError(o.name, err)
		}
		pc.describedLocally = pc.describedLocally || kind != jsep.Rollback
		return pc.descriptionChanged(now, applied, true), nil
	}
	return o
}

// implicitType is the type of a description without one.
//
// See https://www.w3.org/TR/webrtc/#dom-peerconnection-setlocaldescription
func (pc *PeerConnection) implicitType(t SDPType) (jsep.Type, error) {
	if t != SDPTypeUnknown {
		return t.toJSEP()
	}
	switch pc.session.State() {
	case jsep.HaveRemoteOffer, jsep.HaveLocalPranswer:
		return jsep.Answer, nil
	}
	return jsep.Offer, nil
}

// implicitText makes the description that an empty text stands for.
func (pc *PeerConnection) implicitText(t jsep.Type, text string) (string, error) {
	switch {
	case text != "" || t == jsep.Rollback:
		return text, nil
	case t == jsep.Offer:
		return pc.session.CreateOffer(pc.localInput(pc.offerCredentials(false)))
	}
	return pc.session.CreateAnswer(pc.localInput(pc.answerCredentials()))
}

// SetRemoteDescription puts the peer's description into force. An offer that
// meets one of ours which is pending rolls ours back. It returns an
// InvalidStateError where the state does not allow the type, an error that
// matches ErrSDPSyntax for what cannot be read, and an InvalidAccessError or
// OperationError for what cannot be accepted; then nothing has changed. With a
// target identity (Configuration.PeerIdentity, or one that was validated before)
// it waits for the identity provider, and an identity that is not proven to be
// the target is an OperationError too.
//
// See https://www.w3.org/TR/webrtc/#dom-peerconnection-setremotedescription
func (pc *PeerConnection) SetRemoteDescription(desc SessionDescription) error {
	return pc.await(pc.setRemote(desc))
}

func (pc *PeerConnection) setRemote(desc SessionDescription) operation {
	o := operation{name: "set remote " + desc.Type.String()}
	kind, err := desc.Type.toJSEP()
	o.invalid = reop(o.name, err)
	var proof *identityProof
	o.prepare = func(now time.Time, then func(time.Time, error)) {
		pc.identity.prepareRemote(now, kind, desc.SDP, func(now time.Time, p *identityProof, err error) {
			proof = p
			then(now, reop(o.name, err))
		})
	}
	o.run = func(now time.Time) (func(), error) {
		applied, err := pc.session.SetRemote(kind, desc.SDP)
		if err != nil {
			return nil, jsepError(o.name, err)
		}
		pc.identity.accept(proof)
		pc.identity.validateLater(now, applied.Identity)
		return pc.descriptionChanged(now, applied, false), nil
	}
	return o
}

// descriptionChanged carries out what a description brought. First what W3C
// announces before the call's completion: the signaling state, then channels,
// transceivers and tracks; what it returns does the rest: the parameters of the
// transports, gathering, and what depends on them. On the loop.
//
// See https://www.w3.org/TR/webrtc/#set-description
func (pc *PeerConnection) descriptionChanged(now time.Time, applied *jsep.Applied, local bool) (after func()) {
	pc.dirty = true
	if applied.RolledBack { // also implicitly, before the peer's offer
		pc.setSignaling(SignalingStateStable)
	}
	pc.setSignaling(newSignalingState(applied.To))
	if applied.RolledBack {
		pc.takeBackTransports()
	}
	pc.assignTransports(now, applied.Sections)
	pc.followSCTP(applied)
	pc.watchTags(applied, local)
	if applied.To == jsep.Stable {
		pc.agreeTransports()
		pc.rejectData(now, applied)
	}
	pc.applyMedia(applied)
	return func() {
		pc.followRestart(applied, local)
		if applied.Type != jsep.Rollback {
			for i := range applied.Sections {
				pc.applySection(now, &applied.Sections[i], applied.Type, local)
			}
		}
		if applied.To == jsep.Stable {
			pc.dropUnused(now)
			pc.needed = false
		}
		pc.updateNegotiationNeeded()
		pc.updateStates()
	}
}

// applySection gives the transport what its m-section says. An offer starts
// nothing: its parameters count once there is an answer, and until then they may
// be rolled back.
func (pc *PeerConnection) applySection(now time.Time, s *jsep.Section, t jsep.Type, local bool) {
	transport := pc.byMID[s.MID]
	if transport == nil || s.Rejected {
		return
	}
	answered := t != jsep.Offer && s.Local.Ufrag != "" && s.Remote.Ufrag != "" && s.LocalSetup != jsep.SetupNone
	if transport.mid == s.MID {
		if local {
			transport.gatherer.adopt(localCredentials(s))
			transport.ice.prepare(now, iceRole(pc.api.settings.ice.lite, s.Remote.Lite, t == jsep.Offer))
			transport.announceGathered(s)
			// After this operation has completed, as W3C orders it.
			pc.loop.Post(func(now time.Time) { _ = transport.gatherer.gather(now) })
		}
		if answered {
			transport.start(now, s, local)
		}
		transport.addSectionCandidates(now, s)
	}
	if answered && s.Data != nil {
		pc.sctp.moveTo(transport.dtls)
		pc.sctp.begin(now, s.Data.MaxMessageSize, s.SCTPInit)
	}
}

// start carries out an answer.
func (t *peerTransport) start(now time.Time, s *jsep.Section, local bool) {
	rebuilt := t.anew
	remote := ice.Credentials{Ufrag: s.Remote.Ufrag, Pwd: s.Remote.Pwd}
	parameters := remoteDTLSParameters(s)
	if t.anew {
		t.anew = false
		t.rebuild(now, remote)
	} else if t.dtls.isAnother(parameters) {
		t.renewPeer(now, remote)
	}
	if s.Remote.Lite {
		t.ice.prepare(now, iceRole(t.pc.api.settings.ice.lite, true, !local))
	}
	t.ice.setRemoteLite(now, s.Remote.Lite)
	t.ice.restart(now, localCredentials(s))
	if rebuilt && local {
		t.checkLater = lateChecks{remote, now.Add(answerTravels)}
	} else if err := t.ice.setRemote(now, remote, "start ICE"); err != nil {
		t.pc.log.warn("start ICE", "error", err)
	}
	if err := t.dtls.begin(now, parameters, "start DTLS"); err != nil {
		t.pc.log.warn("start DTLS", "error", err)
	}
}

// remoteDTLSParameters is what a negotiated section says of the peer's DTLS.
func remoteDTLSParameters(s *jsep.Section) DTLSParameters {
	p := DTLSParameters{Role: DTLSRoleClient}
	if s.DTLSClient {
		p.Role = DTLSRoleServer
	}
	for _, f := range s.Remote.Fingerprints {
		p.Fingerprints = append(p.Fingerprints, DTLSFingerprint{Algorithm: f.Algorithm, Value: f.Value})
	}
	return p
}

// addSectionCandidates adds the candidates that a remote description holds,
// those added to it later included, once its credentials are in force. A bad one
// is left out: the description is valid without it.
func (t *peerTransport) addSectionCandidates(now time.Time, s *jsep.Section) {
	if s.Remote.Ufrag == "" || s.Remote.Ufrag != t.ice.remote.Ufrag {
		return
	}
	for _, text := range s.Remote.Candidates {
		c, err := ice.ParseCandidate(text)
		if err == nil {
			c.UsernameFragment = s.Remote.Ufrag
			err = t.ice.addRemote(now, c, "add remote candidate")
		}
		if err != nil {
			t.pc.log.warn("candidate in remote description", "candidate", text, "error", err)
		}
	}
	if s.Remote.EndOfCandidates {
		t.ice.remoteEnd(now)
	}
}

// AddICECandidate adds a candidate of the peer. An empty Candidate says that
// there are no more. It returns an InvalidStateError before there is a remote
// description, a TypeError if a candidate names neither SDPMid nor
// SDPMLineIndex, and an OperationError for one that cannot be read or that
// belongs to no m-line or to other ICE credentials.
//
// See https://www.w3.org/TR/webrtc/#dom-peerconnection-addicecandidate
func (pc *PeerConnection) AddICECandidate(candidate ICECandidateInit) error {
	return pc.await(pc.addICECandidate(candidate))
}

func (pc *PeerConnection) addICECandidate(candidate ICECandidateInit) operation {
	o := operation{name: "add ICE candidate"}
	if candidate.Candidate != "" && candidate.SDPMid == nil && candidate.SDPMLineIndex == nil {
		o.invalid = errorf(KindTypeError, o.name, "a candidate needs SDPMid or SDPMLineIndex")
	}
	remote := jsep.RemoteCandidate{
		Candidate: candidate.Candidate, MID: candidate.SDPMid,
		MLineIndex: candidate.SDPMLineIndex, Ufrag: candidate.UsernameFragment,
	}
	o.run = func(now time.Time) (func(), error) { return nil, pc.addRemoteCandidate(now, remote, o.name) }
	return o
}

// addRemoteCandidate keeps a candidate, or the end of candidates, in the remote
// descriptions, and passes it to the transport of its m-section. One that
// belongs to a pending offer waits there until that is answered. On the loop.
func (pc *PeerConnection) addRemoteCandidate(now time.Time, remote jsep.RemoteCandidate, op string) error {
	mids, err := pc.session.ResolveRemote(remote)
	if err != nil {
		return pc.remoteCandidateError(err, op)
	}
	var c ice.Candidate
	ignored := len(mids) == 0 // of an m-section that is rejected
	if remote.Candidate != "" {
		c, err = ice.ParseCandidate(remote.Candidate)
		switch {
		case errors.Is(err, ice.ErrUnsupportedTransport), errors.Is(err, ice.ErrUnsupportedType):
			ignored = true // RFC 8839 section 5.1
		case err != nil:
			return newError(KindOperation, op, err)
		}
	}
	if err := pc.session.RemoteCandidate(remote); err != nil {
		return jsepError(op, err)
	}
	pc.dirty = true
	if ignored {
		return nil
	}
	given := make(map[*peerTransport]bool)
	for _, mid := range mids {
		t := pc.byMID[mid]
		if t == nil || given[t] {
			continue
		}
		given[t] = true
		if err := t.addCandidate(now, remote, c, op); err != nil {
			return err
		}
	}
	return nil
}

// addCandidate passes on a candidate, or the end of candidates, that belongs to
// the credentials in force. On the loop.
func (t *peerTransport) addCandidate(now time.Time, remote jsep.RemoteCandidate, c ice.Candidate, op string) error {
	current := t.ice.remote.Ufrag
	switch {
	case t.generation(remote, c) != current:
		return nil
	case remote.Candidate == "":
		t.ice.remoteEnd(now)
		return nil
	}
	c.UsernameFragment = current
	return t.ice.addRemote(now, c, op)
}

// generation is the username fragment that a candidate belongs to: the one that
// it names, else that of the newest remote description.
func (t *peerTransport) generation(remote jsep.RemoteCandidate, c ice.Candidate) string {
	if remote.Ufrag != nil && *remote.Ufrag != "" {
		return *remote.Ufrag
	}
	if c.UsernameFragment != "" && c.UsernameFragment == t.ice.remote.Ufrag {
		return c.UsernameFragment
	}
	if section := t.section(t.pc.session.Sections()); section != nil {
		return section.Remote.Ufrag
	}
	return ""
}

// remoteCandidateError names the usual mistake: a candidate that overtook the
// description.
func (pc *PeerConnection) remoteCandidateError(err error, op string) error {
	_, current := pc.session.CurrentRemote()
	if _, pending := pc.session.PendingRemote(); !current && !pending {
		return newError(KindInvalidState, op, ErrNoRemoteDescription)
	}
	return jsepError(op, err)
}
