package jsep

import (
	"strings"
	"testing"
)

func TestDataIsNegotiatedBothWays(t *testing.T) {
	a, b := newSession(), newSession()
	if !a.NegotiationNeeded(input()) {
		t.Error("no negotiation needed though a channel exists")
	}
	if _, known := a.CanTrickle(); known {
		t.Error("trickle known before there is a remote description")
	}
	got, peer := connect(t, a, b, input(), peerInput())
	as, bs := got.Sections[0], peer.Sections[0]
	if as.Remote.Ufrag != "peer" || bs.Remote.Ufrag != "PssU" || as.Local.Ufrag != "PssU" || bs.Local.Ufrag != "peer" {
		t.Errorf("credentials: %+v %+v", as, bs)
	}
	// RFC 8842 section 5.3: an answer picks active.
	if as.LocalSetup != Passive || bs.LocalSetup != Active || as.DTLSClient || !bs.DTLSClient {
		t.Errorf("roles %v %v", as.LocalSetup, bs.LocalSetup)
	}
	if v, known := a.CanTrickle(); !v || !known {
		t.Errorf("trickle %v %v", v, known)
	}
	in := input()
	if a.NegotiationNeeded(in) || b.NegotiationNeeded(in) {
		t.Error("negotiation still needed")
	}
	in.Data = false
	if newSession().NegotiationNeeded(in) {
		t.Error("negotiation needed without a channel")
	}
}

func TestOffersWithoutMLinesAreLegal(t *testing.T) {
	a, b := newSession(), newSession()
	in := LocalInput{}
	connect(t, a, b, in, in)
	if a.State() != Stable || len(a.Sections()) != 0 {
		t.Errorf("%v %v", a.State(), a.Sections())
	}
	if v, known := a.CanTrickle(); !v || !known {
		t.Errorf("trickle %v %v", v, known)
	}
	connect(t, b, a, peerInput(), input())
	if s := a.Sections(); len(s) != 1 || s[0].Rejected {
		t.Errorf("%+v", s)
	}
}

func TestAnsweringRole(t *testing.T) {
	offered := must(newSession().CreateOffer(peerInput()))
	for _, c := range []struct{ offer, wanted, want Setup }{
		{Actpass, SetupNone, Active},
		{Actpass, Active, Active},
		{Actpass, Passive, Passive},
		{Active, Active, Passive},
		{Passive, Passive, Active},
		{SetupNone, SetupNone, Active},
	} {
		s := newSession()
		in := input()
		in.AnsweringRole = c.wanted
		line := "a=setup:" + c.offer.String()
		if c.offer == SetupNone {
			line = "a=nothing"
		}
		answer := reply(t, s, in, Answer, swap(t, offered, "a=setup:actpass", line))
		if !strings.Contains(answer, "a=setup:"+c.want.String()+"\r\n") || s.Sections()[0].LocalSetup != c.want {
			t.Errorf("%v, wanted %v: role %v\n%s", c.offer, c.wanted, s.Sections()[0].LocalSetup, answer)
		}
	}
}

// RFC 8842 section 5.5: a re-offer says actpass, its answer keeps the roles, whoever offers, unless a
// new certificate means a new association.
func TestReoffersKeepTheRole(t *testing.T) {
	a, b := newSession(), newSession()
	connect(t, a, b, input(), peerInput())
	for range 3 {
		sdp := offer(t, b, peerInput())
		if !strings.Contains(sdp, "a=setup:actpass") {
			t.Errorf("re-offer:\n%s", sdp)
		}
		if r := b.Sections()[0].LocalSetup; r != Active {
			t.Errorf("role %v while the re-offer waits", r)
		}
		answer := reply(t, a, input(), Answer, sdp)
		must(b.SetRemote(Answer, answer))
		if a.Sections()[0].LocalSetup != Passive || b.Sections()[0].LocalSetup != Active {
			t.Fatalf("roles %v %v", a.Sections()[0].LocalSetup, b.Sections()[0].LocalSetup)
		}
	}
	in := peerInput()
	in.Fingerprints = []Fingerprint{{"sha-256", strings.Replace(otherHash, "01", "02", 1)}}
	reply(t, a, input(), Answer, offer(t, b, in))
	if r := a.Sections()[0].LocalSetup; r != Active {
		t.Errorf("role %v in the new association", r)
	}
}

// W3C section 4.4.2: what is set is what was created last.
func TestSetLocalWantsTheLastCreatedSDP(t *testing.T) {
	s := newSession()
	_, err := s.SetLocal(Offer, "")
	wantKind(t, err, InvalidModification, "no offer was created")
	first := must(s.CreateOffer(input()))
	_, err = s.SetLocal(Offer, first+"a=x\r\n")
	wantKind(t, err, InvalidModification, "not the offer")
	in := input()
	in.Ufrag = "other"
	second := must(s.CreateOffer(in))
	_, err = s.SetLocal(Offer, first)
	wantKind(t, err, InvalidModification, "not the offer")
	_, err = s.SetLocal(Answer, second)
	wantKind(t, err, InvalidModification, "not the answer")
	if s.Created(Offer) != second || s.Created(Answer) != "" || s.Created(Rollback) != "" {
		t.Error("Created")
	}
	if _, err := s.SetLocal(Offer, second); err != nil {
		t.Error(err)
	}
	// An answer is for one offer.
	b := newSession()
	must(b.SetRemote(Offer, first))
	answer := must(b.CreateAnswer(peerInput()))
	must(b.SetRemote(Offer, second))
	_, err = b.SetLocal(Answer, answer)
	wantKind(t, err, InvalidModification, "not the answer")
	must(b.CreateAnswer(peerInput()))
	must(b.SetLocal(Answer, ""))
	// W3C: an answer empties both slots.
	_, err = b.SetLocal(Offer, "")
	wantKind(t, err, InvalidModification, "no offer")
}

// RFC 9429 section 5.2.2: the version goes up with the text, never back, a rollback notwithstanding.
func TestSessionVersion(t *testing.T) {
	s := newSession()
	version := func(sdp string) string { return strings.Fields(strings.SplitN(sdp, "\r\n", 3)[1])[2] }
	in := input()
	one := offer(t, s, in)
	if again := must(s.CreateOffer(in)); again != one || version(one) != "1" {
		t.Errorf("the same offer: %s and %s", version(one), version(again))
	}
	must(s.SetLocal(Rollback, ""))
	in.Ufrag = "next"
	if v := version(must(s.CreateOffer(in))); v != "2" {
		t.Errorf("version %s", v)
	}
	if !strings.HasPrefix(one, "v=0\r\no=- 4711 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n") {
		t.Error(one)
	}
	x, y := New(Config{}), New(Config{})
	if x.cfg.SessionID == y.cfg.SessionID || x.cfg.SessionID>>63 != 0 {
		t.Errorf("session ids %d and %d", x.cfg.SessionID, y.cfg.SessionID)
	}
}

func TestBadLocalInputIsAnOperationError(t *testing.T) {
	for part, change := range map[string]func(*LocalInput){
		"a=ice-ufrag has 1":  func(in *LocalInput) { in.Ufrag = "u" },
		"no a=ice-pwd":       func(in *LocalInput) { in.Pwd = "" },
		"credentials":        func(in *LocalInput) { in.Ufrag = "user\r\na=x" },
		"no a=fingerprint":   func(in *LocalInput) { in.Fingerprints = nil },
		"is not a hash of":   func(in *LocalInput) { in.Fingerprints = []Fingerprint{{"sha-256", "AB"}} },
		"is not pairs of he": func(in *LocalInput) { in.Fingerprints = []Fingerprint{{"x", "GH"}} },
	} {
		s := newSession()
		in := input()
		change(&in)
		before := snapshot(s)
		_, err := s.CreateOffer(in)
		wantKind(t, err, OperationError, part)
		must(s.SetRemote(Offer, must(newSession().CreateOffer(peerInput()))))
		_, err = s.CreateAnswer(in)
		wantKind(t, err, OperationError, part)
		must(s.SetRemote(Rollback, ""))
		if snapshot(s) != before {
			t.Error("the error changed the session")
		}
	}
}

func TestRollbackRestoresWhatWasInForce(t *testing.T) {
	a, b := newSession(), newSession()
	connect(t, a, b, input(), peerInput())
	a.LocalCandidate("0", "candidate:1 1 udp 2130706431 10.0.0.1 1000 typ host")
	before := a.Sections()[0]
	current, _ := a.CurrentLocal()

	in := input()
	in.Ufrag, in.Pwd = "rest", "restartrestartrestart0"
	offered := offer(t, a, in)
	if strings.Contains(offered, "candidate") {
		t.Error("candidates of the old generation in an ICE restart")
	}
	a.LocalCandidate("0", "candidate:2 1 udp 2130706431 10.0.0.1 2000 typ host")
	a.LocalCandidate("0", "candidate:3 1 udp 2130706431 10.0.0.1 3000 typ host ufrag PssU")
	if d, _ := a.PendingLocal(); !strings.Contains(d.SDP, "10.0.0.1 2000") || strings.Contains(d.SDP, "10.0.0.1 3000") {
		t.Error(d.SDP)
	}
	if d, _ := a.CurrentLocal(); !strings.Contains(d.SDP, "10.0.0.1 3000") || strings.Contains(d.SDP, "10.0.0.1 2000") {
		t.Error(d.SDP)
	}
	got := must(a.SetLocal(Rollback, ""))
	if !got.RolledBack || got.From != HaveLocalOffer || got.To != Stable || got.Sections[0].Local.Ufrag != before.Local.Ufrag {
		t.Errorf("%+v", got)
	}
	if _, ok := a.PendingLocal(); ok {
		t.Error("a pending description after rollback")
	}
	if len(a.gathered) != 1 {
		t.Errorf("the candidates of the generation that is gone are kept: %v", a.gathered)
	}
	if d, _ := a.CurrentLocal(); len(d.SDP) <= len(current.SDP) || d.Type != Offer {
		t.Error("the description in force lost something")
	}
	// The remote side.
	must(b.SetRemote(Offer, offered))
	if b.Sections()[0].Remote.Ufrag != "rest" || b.Sections()[0].Local.Ufrag != "peer" || b.Sections()[0].LocalSetup != Active {
		t.Errorf("%+v", b.Sections()[0])
	}
	must(b.SetRemote(Rollback, "ignored"))
	if b.Sections()[0].Remote.Ufrag != "PssU" || b.State() != Stable {
		t.Errorf("%+v", b.Sections()[0])
	}
}

// W3C section 4.4.1.4: a remote offer in have-local-offer rolls back first; a bad one does not.
func TestGlareRollsBackImplicitly(t *testing.T) {
	a, b := newSession(), newSession()
	offer(t, a, input())
	theirs := offer(t, b, peerInput())
	before := snapshot(a)
	if _, err := a.SetRemote(Offer, swap(t, theirs, "peer", "p")); err == nil || snapshot(a) != before {
		t.Fatalf("a bad offer: %v", err)
	}
	got := must(a.SetRemote(Offer, theirs))
	if !got.RolledBack || got.From != HaveLocalOffer || got.To != HaveRemoteOffer {
		t.Errorf("%+v", got)
	}
	if _, ok := a.PendingLocal(); ok {
		t.Error("the local offer is still pending")
	}
	must(b.SetRemote(Answer, func() string { s := must(a.CreateAnswer(input())); must(a.SetLocal(Answer, s)); return s }()))
	if a.State() != Stable || b.State() != Stable || a.NegotiationNeeded(input()) {
		t.Error("glare was not solved")
	}
}

func TestProvisionalAnswersCanBeRepeated(t *testing.T) {
	a, b := newSession(), newSession()
	sdp := offer(t, a, input())
	must(b.SetRemote(Offer, sdp))
	for i := range 3 {
		in := peerInput()
		pr := must(b.CreateAnswer(in))
		x := must(b.SetLocal(Pranswer, pr))
		y := must(a.SetRemote(Pranswer, pr))
		if x.To != HaveLocalPranswer || y.To != HaveRemotePranswer {
			t.Fatalf("%d: %v %v", i, x.To, y.To)
		}
		if x.Sections[0].LocalSetup != Active || y.Sections[0].LocalSetup != Passive {
			t.Fatalf("roles %v %v", x.Sections[0].LocalSetup, y.Sections[0].LocalSetup)
		}
		if d, ok := a.PendingRemote(); !ok || d.Type != Pranswer || d.SDP != pr {
			t.Errorf("%v %v", d, ok)
		}
		if _, ok := a.CurrentRemote(); ok {
			t.Error("a pranswer is in force")
		}
	}
	final := must(b.CreateAnswer(peerInput()))
	must(b.SetLocal(Answer, final))
	must(a.SetRemote(Answer, final))
	if d, _ := a.CurrentRemote(); d.Type != Answer || d.SDP != final {
		t.Errorf("%+v", d)
	}
}

// RFC 9429 section 5.2.2: a re-offer recycles the rejected m-line with a new MID.
func TestARejectedDataMLineIsRecycled(t *testing.T) {
	a, b := newSession(), newSession()
	connect(t, a, b, input(), peerInput())
	reject(t, a, b)
	if a.NegotiationNeeded(input()) {
		t.Error("what the peer refused is offered at once again")
	}
	// b still thinks that it accepted: the answer was changed on the way. Bring it into line.
	in := input()
	in.Data = false
	zero := offer(t, a, in)
	if strings.Contains(zero, "BUNDLE") || !strings.Contains(zero, "m=application 0 ") || !strings.Contains(zero, "a=mid:0\r\n") {
		t.Errorf("offer with the rejected m-line:\n%s", zero)
	}
	must(a.SetRemote(Answer, reply(t, b, peerInput(), Answer, zero)))
	if !b.Sections()[0].Rejected || !a.Sections()[0].Rejected {
		t.Fatalf("%+v", b.Sections())
	}
	if !b.NegotiationNeeded(input()) {
		t.Error("the offerer took the m-line away, a channel needs it")
	}
	got, peer := connect(t, a, b, input(), peerInput())
	for _, s := range [][]Section{got.Sections, peer.Sections} {
		if len(s) != 1 || s[0].MID != "1" || s[0].Rejected || s[0].LocalSetup == SetupNone {
			t.Errorf("%+v", s)
		}
	}
	if d, _ := a.CurrentLocal(); !strings.Contains(d.SDP, "BUNDLE 1") {
		t.Error(d.SDP)
	}
	// The recycled m-line stays in a further offer while the first one waits.
	if sdp := offer(t, a, input()); !strings.Contains(sdp, "a=mid:1") || strings.Count(sdp, "m=") != 1 {
		t.Error(sdp)
	}
}

func TestAMIDIsNeverUsedAgain(t *testing.T) {
	a, b := newSession(), newSession()
	connect(t, a, b, input(), peerInput())
	for i, want := range []string{"a=mid:1\r\n", "a=mid:2\r\n", "a=mid:3\r\n"} {
		offered := offer(t, a, input())
		if i > 0 && !strings.Contains(offered, want) {
			t.Errorf("offer %d:\n%s", i, offered)
		}
		answer := reply(t, b, peerInput(), Answer, offered)
		head, _, _ := strings.Cut(answer, "a=group:BUNDLE")
		answer = head + "a=x\r\n" + swap(t, answer[strings.Index(answer, "m="):], "m=application 9", "m=application 0")
		must(a.SetRemote(Answer, answer))
		if i == 0 {
			must(a.SetLocal(Offer, must(a.CreateOffer(input())))) // "1", rolled back
			must(a.SetLocal(Rollback, ""))
		}
		in := input()
		in.Data = false
		must(a.SetRemote(Answer, reply(t, b, peerInput(), Answer, offer(t, a, in))))
	}
}

func TestARecycledOfferCanBeOfferedAgain(t *testing.T) {
	a, b := newSession(), newSession()
	connect(t, a, b, input(), peerInput())
	reject(t, a, b)
	first := offer(t, a, input())
	in := input()
	in.Ufrag = "again"
	second := offer(t, a, in)
	if !strings.Contains(first, "a=mid:1\r\n") || !strings.Contains(second, "a=mid:1\r\n") || strings.Count(second, "m=application 9") != 1 {
		t.Errorf("%s\n%s", first, second)
	}
}

// A peer that offers media only gets it rejected; data is appended (Firefox takes no m-line that turns from
// media to application).
func TestDataComesBehindRejectedMedia(t *testing.T) {
	s := newSession()
	text := fixture(t, "firefox-media.offer.sdp")
	text = swap(t, text[:strings.Index(text, "m=application")], "BUNDLE 0 1 2", "BUNDLE 0 1")
	reply(t, s, input(), Answer, text)
	if !s.NegotiationNeeded(input()) {
		t.Error("negotiation not needed")
	}
	sdp := offer(t, s, input())
	if strings.Count(sdp, "m=") != 3 || !strings.Contains(sdp, "m=audio 0 ") || strings.Index(sdp, "m=video 0") > strings.Index(sdp, "m=application 9") {
		t.Error(sdp)
	}
	if mid := s.Sections()[2].MID; mid != "2" {
		t.Errorf("mid %s", mid)
	}
	if !strings.Contains(sdp, "a=group:BUNDLE 2\r\n") {
		t.Error(sdp)
	}
}

// An endpoint without RFC 5888 gets no a=mid, and its sections keep their names.
func TestPeersWithoutMIDs(t *testing.T) {
	s := newSession()
	text := fixture(t, "sip-gateway.offer.sdp")
	answer := reply(t, s, input(), Answer, text)
	if strings.Contains(answer, "a=mid") || strings.Contains(answer, "BUNDLE") {
		t.Error(answer)
	}
	mid := s.Sections()[2].MID
	sdp := offer(t, s, input())
	if !strings.Contains(sdp, "a=mid:"+mid) {
		t.Error(sdp)
	}
	if _, err := s.SetRemote(Answer, swap(t, strings.ReplaceAll(text, "m=audio 54400", "m=audio 0"), "a=setup:active", "a=setup:passive")); err != nil {
		t.Fatal(err)
	}
	if got := s.Sections()[2]; got.MID != mid || got.Rejected || got.LocalSetup != Active {
		t.Errorf("%+v", got)
	}
	must(s.SetRemote(Offer, text+"m=audio 0 RTP/AVP 0\n"))
	seen := map[string]bool{}
	for _, sec := range s.Sections() {
		if seen[sec.MID] {
			t.Errorf("mid %s twice", sec.MID)
		}
		seen[sec.MID] = true
	}
}

func TestCanTrickle(t *testing.T) {
	good := must(newSession().CreateOffer(peerInput()))
	for _, c := range []struct {
		with string
		want bool
	}{{"a=ice-options:trickle", true}, {"a=x", false}, {"a=ice-options:ice2 trickle", true}, {"a=ice-options:trickles", false}} {
		s := newSession()
		must(s.SetRemote(Offer, swap(t, good, "a=ice-options:trickle", c.with)))
		if v, known := s.CanTrickle(); v != c.want || !known {
			t.Errorf("%s: %v %v", c.with, v, known)
		}
	}
}

func TestICELiteIsWritten(t *testing.T) {
	in := input()
	in.Lite = true
	sdp := must(newSession().CreateOffer(in))
	if sec := must(newSession().SetRemote(Offer, sdp)).Sections[0]; !sec.Remote.Lite || strings.Index(sdp, "a=ice-lite") > strings.Index(sdp, "m=") {
		t.Error(sdp)
	}
}
