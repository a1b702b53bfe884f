package webrtc

import (
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// peerTransport is one stack of transports of a connection: what the m-sections
// of a bundle share, or one that is not bundled has for itself.
type peerTransport struct {
	pc       *PeerConnection
	gatherer *ICEGatherer
	ice      *ICETransport
	dtls     *DTLSTransport

	mid    string   // of the m-section that stands for it: the bundle's tag
	inUse  bool     // an m-section uses it
	agreed []string // MIDs of the m-sections that used it when signaling was last stable
	tag    string   // mid when signaling was last stable
	anew   bool     // the peer has begun anew, see peerrebuild.go

	checkLater lateChecks
	members    []loop.Member
}

// newPeerTransport builds a stack; nothing is opened before it gathers.
func newPeerTransport(pc *PeerConnection, op string) (*peerTransport, error) {
	gatherer, err := newICEGatherer(pc.api, pc.loop, pc.log, pc.credentials, ICEGatherOptions{
		ICEServers: pc.config.ICEServers, ICEGatherPolicy: pc.config.ICETransportPolicy,
	}, op)
	if err != nil {
		return nil, err
	}
	t := &peerTransport{pc: pc, gatherer: gatherer}
	t.ice = newICETransport(pc.api, gatherer)
	t.dtls = newDTLSTransport(pc.api, t.ice, pc.config.Certificates[0])
	t.ice.onState = func(time.Time, ICETransportState) { pc.updateStates() }
	t.dtls.onState = func(time.Time, DTLSTransportState) { pc.updateStates() }
	gatherer.hooks = gathererHooks{
		candidate: t.localCandidate,
		displaced: t.displaced,
		failed:    func(e *ICECandidateError) { pc.onICECandidateError.emit(pc.loop, e) },
		state:     t.gatheringChanged,
	}
	return t, nil
}

// enter gives the stack its seats in the loop. On the loop.
func (t *peerTransport) enter(now time.Time) {
	t.members = []loop.Member{t.gatherer.member(), t.ice.member()}
	for _, m := range t.members {
		t.pc.loop.Join(m)
	}
	t.gatherer.attach(now, t.ice)
	t.dtls.attach()
}

// retire ends a stack that no m-section uses any more, as after the answer that
// bundled it into another; its sockets are closed beside the loop. On the loop.
func (t *peerTransport) retire(now time.Time) {
	t.gatherer.closeStack(now)
	for _, m := range t.members {
		t.pc.loop.Leave(m)
	}
	sockets := t.gatherer.takePaths()
	t.gatherer.work.Go(func() {
		t.dtls.release()
		for _, s := range sockets {
			_ = s.Close()
		}
	})
	t.pc.retired = append(t.pc.retired, t)
}

// section is the newest state of the m-section that stands for the transport, or
// nil.
func (t *peerTransport) section(sections []jsep.Section) *jsep.Section {
	i := slices.IndexFunc(sections, func(s jsep.Section) bool { return s.MID == t.mid && !s.Rejected })
	if i < 0 || !t.inUse {
		return nil
	}
	return &sections[i]
}

// described is the m-section that local candidates belong to, or nil after a
// rollback: then announceGathered gives them to the next description.
func (t *peerTransport) described() *jsep.Section {
	if s := t.section(t.pc.session.Sections()); s != nil && s.Local.Ufrag != "" {
		return s
	}
	return nil
}

// localCandidate writes the candidate into the local descriptions and announces
// it. On the loop.
func (t *peerTransport) localCandidate(c ice.LocalCandidate) {
	section := t.described()
	if section == nil {
		return
	}
	c.UsernameFragment = section.Local.Ufrag
	if slices.Contains(section.Local.Candidates, c.Candidate.String()) {
		return // gathered anew, as after a rollback of a restart
	}
	t.gatherer.label(section.MID, uint16(section.Index))
	candidate := t.gatherer.candidate(c, section.MID, uint16(section.Index))
	t.pc.session.LocalCandidate(section.MID, c.Candidate.String())
	t.pc.dirty = true
	t.pc.onICECandidate.emit(t.pc.loop, &candidate)
}

// announceGathered gives a local description that is new, as after a rollback,
// what was gathered for another one. On the loop.
func (t *peerTransport) announceGathered(s *jsep.Section) {
	if t.gatherer.stale {
		return // a restart: they are gathered anew
	}
	for _, c := range t.gatherer.candidates {
		t.localCandidate(c)
	}
	if t.gatherer.state == ICEGathererStateComplete && !s.Local.EndOfCandidates {
		t.localEnd()
		if t.pc.state.gathering == ICEGatheringStateComplete {
			t.pc.announceEnd()
		}
	}
}

// localEnd writes the end of candidates into the local descriptions and announces
// it. On the loop.
//
// See https://www.w3.org/TR/webrtc/#rtcicetransport
func (t *peerTransport) localEnd() {
	section := t.described()
	if section == nil || section.Local.EndOfCandidates {
		return
	}
	t.pc.session.LocalEnd(section.MID)
	t.pc.dirty = true
	t.pc.onICECandidate.emit(t.pc.loop, &ICECandidate{
		SDPMid: section.MID, SDPMLineIndex: uint16(section.Index), UsernameFragment: section.Local.Ufrag,
	})
}

// gatheringChanged runs on the loop.
func (t *peerTransport) gatheringChanged(state ICEGathererState) {
	if state == ICEGathererStateComplete {
		t.localEnd()
	}
	t.pc.updateGathering()
}

// takeBackTransports gives the m-sections the transports that they had before
// the offer that was rolled back. On the loop, before assignTransports.
func (pc *PeerConnection) takeBackTransports() {
	pc.byMID = make(map[string]*peerTransport)
	for _, t := range pc.transports {
		t.inUse = len(t.agreed) > 0
		for _, mid := range t.agreed {
			pc.byMID[mid] = t
		}
	}
}

// agreeTransports remembers the transports of a completed exchange. On the loop.
func (pc *PeerConnection) agreeTransports() {
	for _, t := range pc.transports {
		t.agreed, t.tag = nil, t.mid
	}
	for mid, t := range pc.byMID {
		t.agreed = append(t.agreed, mid)
	}
}

// assignTransports maps each m-section to its transport: that of its bundle,
// which keeps the one it has when its tag moves. On the loop.
func (pc *PeerConnection) assignTransports(now time.Time, sections []jsep.Section) {
	a := newAssignment(pc, sections)
	for i := range sections {
		tag := sections[i].BundleTag
		if sections[i].Rejected || a.claimed[tag] != nil {
			continue
		}
		t, err := a.find(now, tag)
		if err != nil {
			pc.log.warn("new transport", "mid", tag, "error", err)
			continue
		}
		a.claimed[tag] = t
		delete(a.free, t)
	}
	for _, t := range pc.transports {
		t.inUse = false
	}
	pc.byMID = make(map[string]*peerTransport)
	for i := range sections {
		s := &sections[i]
		if t := a.claimed[s.BundleTag]; t != nil && !s.Rejected {
			t.mid, t.inUse = s.BundleTag, true
			pc.byMID[s.MID] = t
		}
	}
}

// assignment is the work of assignTransports. Its steps take constant time for
// each m-section, since a description may have hundreds.
type assignment struct {
	pc      *PeerConnection
	claimed map[string]*peerTransport // by the tag of the bundle
	free    map[*peerTransport]bool   // those that no tag has claimed
	idle    []*peerTransport          // those that no m-section used before
	members map[string][]string       // MIDs by the tag of their bundle
}

func newAssignment(pc *PeerConnection, sections []jsep.Section) *assignment {
	a := &assignment{
		pc: pc, claimed: make(map[string]*peerTransport),
		free: make(map[*peerTransport]bool), members: make(map[string][]string),
	}
	for _, t := range pc.transports {
		a.free[t] = true
		if !t.inUse {
			a.idle = append(a.idle, t)
		}
	}
	for i := range sections {
		tag := sections[i].BundleTag
		a.members[tag] = append(a.members[tag], sections[i].MID)
	}
	return a
}

// find returns the transport that a bundle had, or one that is free, or makes
// one.
func (a *assignment) find(now time.Time, tag string) (*peerTransport, error) {
	pc := a.pc
	if t := pc.byMID[tag]; a.free[t] {
		return t, nil
	}
	for _, mid := range a.members[tag] {
		if t := pc.byMID[mid]; a.free[t] {
			return t, nil
		}
	}
	for len(a.idle) > 0 {
		t := a.idle[0]
		a.idle = a.idle[1:]
		if a.free[t] {
			return t, nil
		}
	}
	t, err := newPeerTransport(pc, "new transport")
	if err != nil {
		return nil, err
	}
	t.enter(now)
	pc.transports = append(pc.transports, t)
	return t, nil
}

// dropUnused closes the stacks that an exchange has left without m-section. The
// first is kept for the next exchange if it has no peer yet, else a new one takes
// its place: the peer's is gone (RFC 9429 section 5.11). On the loop.
func (pc *PeerConnection) dropUnused(now time.Time) {
	first := pc.peerTransport
	if !first.inUse && first.ice.remote != (ice.Credentials{}) {
		pc.renewFirst(now)
	}
	pc.transports = slices.DeleteFunc(pc.transports, func(t *peerTransport) bool {
		if t.inUse || t == pc.peerTransport {
			return false
		}
		t.retire(now)
		return true
	})
}

// renewFirst puts a new stack in the place of the first. On the loop.
func (pc *PeerConnection) renewFirst(now time.Time) {
	i := slices.IndexFunc(pc.transports, func(t *peerTransport) bool { return t.inUse })
	if i >= 0 { // another can stand for it
		pc.peerTransport = pc.transports[i]
	} else {
		pc.credentials = ice.NewCredentials(nil)
		t, err := newPeerTransport(pc, "new transport")
		if err != nil {
			pc.log.warn("new transport", "error", err)
			return
		}
		t.enter(now)
		pc.peerTransport = t
		pc.transports = append([]*peerTransport{t}, pc.transports...)
	}
	pc.sctp.moveTo(pc.dtls)
}

// used lists the transports of the m-sections; the first one, idle, where there
// is none.
func (pc *PeerConnection) used() []*peerTransport {
	var used []*peerTransport
	for _, t := range pc.transports {
		if t.inUse {
			used = append(used, t)
		}
	}
	if len(used) == 0 {
		used = pc.transports[:1]
	}
	return used
}

// transportOf is the transport of a transceiver's media: from a local offer on, or
// the answer to a remote one.
//
// See https://www.w3.org/TR/webrtc/#set-description
func (pc *PeerConnection) transportOf(state jsep.TransceiverState) *DTLSTransport {
	t := pc.byMID[state.MID]
	offered := !state.HasCurrent && pc.session.State() == jsep.HaveRemoteOffer
	if t == nil || state.BundleTag == "" || offered {
		return nil
	}
	return t.dtls
}
