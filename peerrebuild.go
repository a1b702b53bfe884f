package webrtc

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// When the m-section that tags a bundle is rejected, another becomes the tag and
// the transport goes on with it (RFC 9143 section 7.5.3). libwebrtc makes new
// transports instead, under the same ICE credentials and certificate: with
// itself at the other end both do, and the data channels live on over a new SCTP
// association. Passerelle follows a peer that does, and begins anew on the
// sockets that it has. All of this file runs on the loop.

const (
	// How long channels outlive their association while the peer may begin anew:
	// the description that says so travels beside the packets.
	rebuildGrace = time.Second
	// The same while an exchange that moves the tag is under way.
	exchangeGrace = 10 * time.Second
)

var errRebuilt = errors.New("the peer has made new transports for the bundle, whose tag has moved")

// lostData is the end of the association that is put off, see SCTPTransport.lost.
type lostData struct {
	cause error
	until time.Time // zero: there is none
}

// lateChecks are put off until the peer has our answer: libwebrtc splits the bundle
// while its offer is out, so that until then there are further transports, with
// the same credentials, that answer checks and then go away.
type lateChecks struct {
	remote ice.Credentials
	at     time.Time // zero: there are none
}

// answerTravels is how long an answer may take to the peer before checks begin.
// Those of the peer that come earlier are answered and remembered.
const answerTravels = 500 * time.Millisecond

// watchTags looks at what the peer's description says of the transports whose
// tag moves: before an answer puts it into force, as candidates may follow.
func (pc *PeerConnection) watchTags(applied *jsep.Applied, local bool) {
	for _, t := range pc.transports {
		if applied.RolledBack {
			t.anew = false
		}
		if s := t.section(applied.Sections); s != nil && !local && applied.Type != jsep.Rollback {
			t.anew = t.anew || t.beganAnew(s, applied.Sections)
		}
	}
}

// beganAnew reports whether the peer has new transports: a libwebrtc whose tag
// has moved. It leaves the candidates of the old transport in the m-section of the
// tag that was, where another peer has them in that of the tag that is (RFC 9429
// section 5.2.2), names none again, or, as pion/webrtc does, writes them into the
// first m-section whatever that is. What tells them apart is the extension
// "generation", which libwebrtc alone gives its candidates.
func (t *peerTransport) beganAnew(s *jsep.Section, sections []jsep.Section) bool {
	if t.tag == "" || t.tag == s.MID {
		return false
	}
	was := slices.IndexFunc(sections, func(s jsep.Section) bool { return s.MID == t.tag })
	return was >= 0 && libwebrtcWrote(sections[was])
}

// libwebrtcWrote reports whether the peer's candidates in an m-section are of
// libwebrtc.
func libwebrtcWrote(s jsep.Section) bool {
	return slices.ContainsFunc(s.Remote.Candidates, func(candidate string) bool {
		return strings.Contains(candidate, " generation ")
	})
}

// rebuild begins ICE, DTLS and SCTP anew. The sockets and their candidates stay.
func (t *peerTransport) rebuild(now time.Time, remote ice.Credentials) {
	pc := t.pc
	pc.lostData = lostData{}
	if pc.sctp.dtls == t.dtls {
		pc.sctp.goOn(now)
	}
	if t.dtls.association != nil {
		t.dtls.renew(now, errRebuilt)
	} else { // what waits for it is of transports that have gone
		t.dtls.inbound.hold()
		t.dtls.data.hold()
	}
	if t.ice.remote == remote || t.checkLater.remote == remote {
		t.ice.beginAnew(now)
	} // else ICE restarts anyway
	t.checkLater = lateChecks{}
	t.ice.path.Store(nil)
}

// beginAnew begins a generation under the credentials of the one before. On the
// loop; setRemote follows.
func (t *ICETransport) beginAnew(now time.Time) {
	if t.agent == nil {
		return
	}
	local := t.local
	t.local = ice.Credentials{}
	t.restart(now, local)
}

// dataLost reports whether the channels are to wait for another association.
func (pc *PeerConnection) dataLost(now time.Time, cause error) (waits bool) {
	t := pc.dataTransport()
	if t == nil || pc.sctp.engine.Load() == nil {
		return false
	}
	sections := pc.session.Sections()
	grace := time.Duration(0)
	switch {
	case t.anew || t.tag != t.mid && pc.session.State() == jsep.HaveLocalOffer:
		grace = exchangeGrace
	case len(sections) > 1 && slices.ContainsFunc(sections, libwebrtcWrote):
		grace = rebuildGrace // it may have offered; its packets came first
	}
	if grace == 0 {
		return false
	}
	if pc.lostData.until.IsZero() {
		pc.lostData = lostData{cause, now.Add(grace)}
	}
	return true
}

// dataTransport is the stack that carries the data channels, nil for none.
func (pc *PeerConnection) dataTransport() *peerTransport {
	for _, t := range pc.transports {
		if t.dtls == pc.sctp.dtls && t.inUse {
			return t
		}
	}
	return nil
}

// rebuildDeadline and advanceRebuild are a seat in the loop: what was put off is
// due.
func (pc *PeerConnection) rebuildDeadline() time.Time {
	at := pc.lostData.until
	for _, t := range pc.transports {
		at = earlier(at, t.checkLater.at)
	}
	return at
}

func (pc *PeerConnection) advanceRebuild(now time.Time) {
	for _, t := range pc.transports {
		if late := t.checkLater; !late.at.IsZero() && !now.Before(late.at) {
			t.beginChecks(now)
		}
	}
	lost := pc.lostData
	if lost.until.IsZero() || now.Before(lost.until) {
		return
	}
	if t := pc.dataTransport(); t != nil && t.anew && pc.session.State() != jsep.Stable {
		pc.lostData.until = now.Add(exchangeGrace) // the answer is up to the application
		return
	}
	pc.lostData = lostData{}
	pc.sctp.ended(now, lost.cause)
}

// beginChecks gives the agent what was put off, with the candidates that came
// meanwhile.
func (t *peerTransport) beginChecks(now time.Time) {
	remote := t.checkLater.remote
	t.checkLater = lateChecks{}
	if t.ice.remote != (ice.Credentials{}) {
		return // a later exchange has begun another generation
	}
	if err := t.ice.setRemote(now, remote, "start ICE"); err != nil {
		return // closed meanwhile
	}
	if s := t.section(t.pc.session.Sections()); s != nil {
		t.addSectionCandidates(now, s)
	}
}
