package jsep

import "slices"

// Setup is the value of a=setup (RFC 4145 section 4, RFC 8842 section 5).
type Setup uint8

// The values of a=setup. SetupNone: the attribute is absent.
const (
	SetupNone Setup = iota
	Actpass
	Active  // DTLS client
	Passive // DTLS server
	Holdconn
)

var setupNames = [...]string{SetupNone: "", Actpass: "actpass", Active: "active", Passive: "passive", Holdconn: "holdconn"}

// String returns the attribute's value, "" for SetupNone.
func (s Setup) String() string {
	if int(s) < len(setupNames) {
		return setupNames[s]
	}
	return "unknown"
}

func parseSetup(v string) (Setup, bool) {
	i := slices.Index(setupNames[1:], v)
	return Setup(i + 1), i >= 0
}

// opposite is the role of the other end.
func (s Setup) opposite() Setup {
	switch s {
	case Active:
		return Passive
	case Passive:
		return Active
	}
	return SetupNone
}

// answerSetup chooses the role that answers an offered one. existing is this side's role
// in the DTLS association of the section, SetupNone when there is none: the answer to an offer
// that leaves the choice keeps the roles, and with them the association (RFC 8842 section 5.3).
// A missing a=setup in an offer counts as actpass. wanted: SetupNone means active, which
// saves a round trip.
func answerSetup(offered, wanted, existing Setup) Setup {
	switch {
	case offered == Active:
		return Passive
	case offered == Passive:
		return Active
	case existing != SetupNone:
		return existing
	case wanted == Passive:
		return Passive
	}
	return Active
}

// negotiatedSetup is this side's role in m-section i as the newest answer, else the
// one in force, settled it; SetupNone when none did.
func (s *Session) negotiatedSetup(i int, mid string) Setup {
	l, r := s.currentLocal, s.currentRemote
	if s.state == HaveLocalPranswer || s.state == HaveRemotePranswer {
		l, r = s.newestLocal(), s.newestRemote()
	}
	return pairSetup(l, r, i, mid)
}

// pairSetup reads this side's role off an offer and its answer.
func pairSetup(l, r *description, i int, mid string) Setup {
	lm, rm := l.section(i), r.section(i)
	if lm == nil || rm == nil || lm.rejected || rm.rejected || lm.mid != mid || rm.mid != mid {
		return SetupNone
	}
	if l.typ != Offer {
		return l.transport(i, nil).Setup
	}
	if got := r.transport(i, nil).Setup; got != SetupNone {
		return got.opposite()
	}
	return Passive // RFC 4145 section 4: an answer without the attribute is active
}

// existingSetup is this side's role in the DTLS association of m-section i if the new
// remote description goes on with it: same section, same remote certificate. A new
// certificate means a new association, with new roles (RFC 8842 section 4).
func (s *Session) existingSetup(d *description, i int) Setup {
	role := pairSetup(s.currentLocal, s.currentRemote, i, d.media[i].mid)
	if role == SetupNone || !sameFingerprints(s.currentRemote.transport(i, nil).Fingerprints, d.transport(i, nil).Fingerprints) {
		return SetupNone
	}
	return role
}

func sameFingerprints(a, b []Fingerprint) bool {
	if len(a) != len(b) {
		return false
	}
	for _, f := range a {
		if !slices.Contains(b, f) {
			return false
		}
	}
	return true
}
