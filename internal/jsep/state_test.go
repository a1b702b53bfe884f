package jsep

import (
	"fmt"
	"strings"
	"testing"
)

// wantTable is W3C webrtc-pc section 4.3.1 and RFC 9429 section 3.2 in words of its own: state, event, next state.
const wantTable = `
stable               local  offer    have-local-offer
stable               remote offer    have-remote-offer
have-local-offer     local  offer    have-local-offer
have-local-offer     local  rollback stable
have-local-offer     remote offer    have-remote-offer
have-local-offer     remote answer   stable
have-local-offer     remote pranswer have-remote-pranswer
have-remote-offer    remote offer    have-remote-offer
have-remote-offer    remote rollback stable
have-remote-offer    local  answer   stable
have-remote-offer    local  pranswer have-local-pranswer
have-local-pranswer  local  pranswer have-local-pranswer
have-local-pranswer  local  answer   stable
have-remote-pranswer remote pranswer have-remote-pranswer
have-remote-pranswer remote answer   stable
`

// table reads wantTable: "state side type" to the next state.
func table() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(wantTable) {
		if f := strings.Fields(line); len(f) == 4 {
			m[f[0]+" "+f[1]+" "+f[2]] = f[3]
		}
	}
	return m
}

// sessionIn brings a Session into a state, with what it needs to go on.
func sessionIn(t *testing.T, st State) *Session {
	t.Helper()
	s := newSession()
	switch st {
	case HaveLocalOffer, HaveRemotePranswer:
		sdp := offer(t, s, input())
		if st == HaveRemotePranswer {
			pr := reply(t, newSession(), peerInput(), Pranswer, sdp)
			must(s.SetRemote(Pranswer, pr))
		}
	case HaveRemoteOffer, HaveLocalPranswer:
		must(s.SetRemote(Offer, offer(t, newSession(), peerInput())))
		sdp := must(s.CreateAnswer(input()))
		if st == HaveLocalPranswer {
			must(s.SetLocal(Pranswer, sdp))
		}
	case Closed:
		s.Close()
	}
	if s.State() != st {
		t.Fatalf("state %v, want %v", s.State(), st)
	}
	return s
}

// peerText is a remote description of type typ that fits s.
func peerText(t *testing.T, s *Session, typ Type) string {
	t.Helper()
	if typ == Rollback {
		return ""
	}
	if typ == Offer {
		return offer(t, newSession(), peerInput())
	}
	if d, ok := s.PendingLocal(); ok && d.Type == Offer {
		return reply(t, newSession(), peerInput(), Answer, d.SDP)
	}
	return reply(t, newSession(), peerInput(), Answer, offer(t, newSession(), input()))
}

func TestEveryEventInEveryStateFollowsTheTable(t *testing.T) {
	want := table()
	for st := Stable; st <= Closed; st++ {
		for _, from := range []side{local, remote} {
			for typ := Offer; typ <= Rollback; typ++ {
				key := fmt.Sprintf("%v %v %v", st, from, typ)
				t.Run(key, func(t *testing.T) {
					s := sessionIn(t, st)
					var a *Applied
					var err error
					if from == remote {
						text := peerText(t, s, typ)
						before := snapshot(s)
						a, err = s.SetRemote(typ, text)
						if err != nil && snapshot(s) != before {
							t.Error("the error changed the session")
						}
					} else {
						if typ == Offer && (st == Stable || st == HaveLocalOffer) {
							must(s.CreateOffer(input()))
						}
						before := snapshot(s)
						a, err = s.SetLocal(typ, "")
						if err != nil && snapshot(s) != before {
							t.Error("the error changed the session")
						}
					}
					next, ok := want[key]
					if !ok {
						wantKind(t, err, InvalidState, "")
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if s.State().String() != next || a.To != s.State() || a.From != st || a.Type != typ {
						t.Fatalf("%+v, state %v; want %v", a, s.State(), next)
					}
					rolled := typ == Rollback || st == HaveLocalOffer && from == remote && typ == Offer
					if a.RolledBack != rolled {
						t.Fatalf("RolledBack %v, want %v", a.RolledBack, rolled)
					}
				})
			}
		}
	}
}

// W3C section 4.4.2: createOffer in stable and have-local-offer, createAnswer in have-remote-offer and
// have-local-pranswer, InvalidStateError elsewhere.
func TestCreateIsAllowedOnlyInItsStates(t *testing.T) {
	for st := Stable; st <= Closed; st++ {
		s := sessionIn(t, st)
		_, err := s.CreateOffer(input())
		if ok := st == Stable || st == HaveLocalOffer; ok != (err == nil) {
			t.Errorf("CreateOffer in %v: %v", st, err)
		} else if err != nil {
			wantKind(t, err, InvalidState, "")
		}
		_, err = s.CreateAnswer(input())
		if ok := st == HaveRemoteOffer || st == HaveLocalPranswer; ok != (err == nil) {
			t.Errorf("CreateAnswer in %v: %v", st, err)
		} else if err != nil {
			wantKind(t, err, InvalidState, "")
		}
	}
}

func TestDescriptionsStayReadableAfterClose(t *testing.T) {
	a, b := newSession(), newSession()
	connect(t, a, b, input(), peerInput())
	a.Close()
	if _, ok := a.CurrentLocal(); !ok {
		t.Error("no current local description after Close")
	}
	_, err := a.SetRemote(Offer, "")
	wantKind(t, err, InvalidState, "closed")
	wantKind(t, a.RemoteCandidate(RemoteCandidate{}), InvalidState, "closed")
}

func TestNamesAreW3Cs(t *testing.T) {
	for got, want := range map[string]string{
		Stable.String(): "stable", HaveRemotePranswer.String(): "have-remote-pranswer", Closed.String(): "closed",
		Pranswer.String(): "pranswer", Rollback.String(): "rollback", Actpass.String(): "actpass", SetupNone.String(): "",
		InvalidState.String(): "InvalidStateError", State(99).String(): "unknown", Type(99).String(): "unknown",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
