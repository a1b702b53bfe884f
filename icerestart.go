package webrtc

import (
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// ICE restart (RFC 8445 section 9, RFC 8839 section 4.4.1.1.1). All transports
// of a connection share one set of local credentials, so that they restart
// together. An offer that restarts changes what is gathered and described; the
// agents begin their new generation with the answer, so that a rollback finds
// them as they were.

// RestartICE asks for an ICE restart: the next offer has new credentials, with
// which all transports look for a path anew, and OnNegotiationNeeded is called
// for it. Data goes on over the old path until there is a new one. The wish
// outlives a rollback and the peer's offers; it ends with the exchange that
// replaced the credentials. Before there is a local description, and after
// Close, it does nothing.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-restartice
func (pc *PeerConnection) RestartICE() {
	_ = pc.do("restart ICE", func(time.Time) error {
		pc.askForRestart()
		return nil
	})
}

// askForRestart notes which credentials the next offer has to replace. On the loop.
func (pc *PeerConnection) askForRestart() {
	pc.restart.replace = nil
	if _, ok := pc.session.CurrentLocal(); ok {
		pc.restart.replace = append(pc.restart.replace, pc.credentials)
	}
	if _, ok := pc.session.PendingLocal(); ok {
		pc.restart.replace = append(pc.restart.replace, pc.describedCredentials())
	}
	pc.updateNegotiationNeeded()
}

// displaced asks for a restart when the address that a transport's data left from
// is gone, if the application wants that. On the loop.
func (t *peerTransport) displaced() {
	if t.inUse && t.pc.api.settings.ice.automaticRestart {
		t.pc.askForRestart()
	}
}

// iceRestart is what a connection remembers of restarts. Owned by the loop.
type iceRestart struct {
	replace []ice.Credentials // W3C's [[LocalIceCredentialsToReplace]]
	// outdated are the credentials in force when the servers or the policy
	// changed: an offer replaces them (RFC 9429 section 5.2.2).
	outdated ice.Credentials
	answer   ice.Credentials // for the answer to an offer that restarts; else zero
}

// describedCredentials are those of the newest local description that has any,
// else those of the connection. On the loop.
func (pc *PeerConnection) describedCredentials() ice.Credentials {
	for _, s := range pc.session.Sections() {
		if !s.Rejected && s.Local.Ufrag != "" {
			return localCredentials(&s)
		}
	}
	return pc.credentials
}

func localCredentials(s *jsep.Section) ice.Credentials {
	return ice.Credentials{Ufrag: s.Local.Ufrag, Pwd: s.Local.Pwd}
}

// offerCredentials are those of the next offer: new ones where it is to restart.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcofferoptions-icerestart
func (pc *PeerConnection) offerCredentials(restart bool) ice.Credentials {
	c := pc.describedCredentials()
	if restart || c == pc.restart.outdated || slices.Contains(pc.restart.replace, c) {
		return ice.NewCredentials(nil)
	}
	return c
}

// answerCredentials are those of the next answer: new ones if the offer restarts
// (RFC 9429 section 5.3.1).
func (pc *PeerConnection) answerCredentials() ice.Credentials {
	if pc.restart.answer != (ice.Credentials{}) {
		return pc.restart.answer
	}
	return pc.credentials
}

// followRestart looks at what a description means for the credentials. On the
// loop, once the sections have their transports.
func (pc *PeerConnection) followRestart(applied *jsep.Applied, local bool) {
	switch {
	case applied.Type == jsep.Answer:
		pc.restartEnded()
	case applied.Type == jsep.Offer && !local || applied.Type == jsep.Rollback:
		pc.restart.answer = ice.Credentials{}
		if applied.Type == jsep.Offer && pc.offerRestarts(applied.Sections) {
			pc.restart.answer = ice.NewCredentials(nil)
		}
	}
	if !applied.RolledBack {
		return
	}
	for _, t := range pc.transports {
		t.gatherer.relabel(pc.credentials)
	}
}

// restartEnded takes the credentials of a completed exchange.
func (pc *PeerConnection) restartEnded() {
	pc.credentials = pc.describedCredentials()
	pc.restart.answer = ice.Credentials{}
	if !pc.describesReplaced() {
		pc.restart.replace = nil
	}
	if pc.restart.outdated != pc.credentials {
		pc.restart.outdated = ice.Credentials{}
	}
}

// describesReplaced reports whether an m-line still has credentials that are to
// be replaced. One that is rejected has none.
func (pc *PeerConnection) describesReplaced() bool {
	return slices.ContainsFunc(pc.session.Sections(), func(s jsep.Section) bool {
		return !s.Rejected && slices.Contains(pc.restart.replace, localCredentials(&s))
	})
}

// offerRestarts reports whether a remote offer has other credentials for a
// transport than those in force.
func (pc *PeerConnection) offerRestarts(sections []jsep.Section) bool {
	for i := range sections {
		s := &sections[i]
		t := pc.byMID[s.MID]
		if t == nil || s.Rejected || t.mid != s.MID || t.ice.remote == (ice.Credentials{}) {
			continue
		}
		if t.ice.remote != (ice.Credentials{Ufrag: s.Remote.Ufrag, Pwd: s.Remote.Pwd}) {
			return true
		}
	}
	return false
}

// restart begins a new generation under other local credentials, which the
// answer has put into force. The old one goes on carrying data until the new one
// has a pair. On the loop, after prepare; setRemote follows.
func (t *ICETransport) restart(now time.Time, local ice.Credentials) {
	if t.agent == nil || t.local == local {
		return
	}
	t.local, t.remote, t.ended, t.dirty = local, ice.Credentials{}, false, true
	t.agent.Restart(now, local)
	for _, c := range t.gatherer.candidates {
		t.agent.AddLocalCandidate(now, c)
	}
	if t.gatherer.state == ICEGathererStateComplete && !t.gatherer.stale {
		t.agent.LocalEnd(now)
	}
	t.gatherer.publishInbound()
}
