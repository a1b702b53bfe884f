package jsep

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

var errNoInit = errors.New("no INIT")

// snapSession takes INIT chunks that begin with a 1.
func snapSession() *Session {
	return New(Config{SessionID: 4711, CheckSCTPInit: func(b []byte) error {
		if b[0] != 1 {
			return errNoInit
		}
		return nil
	}})
}

func withInit(in LocalInput, init string) LocalInput {
	in.SCTPInit = []byte(init)
	return in
}

const (
	initA, initB = "\x01a", "\x01bb"
	lineA, lineB = "a=sctp-init:AWE=", "a=sctp-init:AWJi"
)

// draft-hancke-tsvwg-snap-00: each side's INIT chunk is in its description, and both have the other's after the exchange
// and after those that follow, which "MUST include the a=sctp-init line [...] with the same value".
func TestInitChunksAreExchanged(t *testing.T) {
	a, b := snapSession(), snapSession()
	ain, bin := withInit(input(), initA), withInit(peerInput(), initB)
	for range 2 {
		got, peer := connect(t, a, b, ain, bin)
		if i := got.Sections[0].SCTPInit; string(i) != initB {
			t.Errorf("a has %q", i)
		}
		if i := peer.Sections[0].SCTPInit; string(i) != initA {
			t.Errorf("b has %q", i)
		}
		for s, line := range map[*Session]string{a: lineA, b: lineB} {
			if d, _ := s.CurrentLocal(); strings.Count(d.SDP, line+"\r\n") != 1 {
				t.Errorf("no %s in %s", line, d.SDP)
			}
		}
		a, b, ain, bin = b, a, bin, ain
		a, b, ain, bin = b, a, bin, ain
	}
}

// "An endpoint not supporting the extension [...] MUST NOT include [it] in its answer", and one that does answers it only
// where the offer has it.
func TestInitChunksAreNotNegotiatedByOneSide(t *testing.T) {
	for name, c := range map[string]struct {
		a, b     *Session
		ain, bin LocalInput
		offered  bool
	}{
		"the answerer does not know it":  {snapSession(), newSession(), withInit(input(), initA), withInit(peerInput(), initB), true},
		"the answerer does not want it":  {snapSession(), snapSession(), withInit(input(), initA), peerInput(), true},
		"the offerer does not know it":   {newSession(), snapSession(), withInit(input(), initA), withInit(peerInput(), initB), false},
		"the answerer cannot read it":    {snapSession(), newSession(), withInit(input(), "\x00"), peerInput(), true},
		"the older form of m-line is in": {snapSession(), snapSession(), withInit(input(), initA), withInit(peerInput(), initB), true},
	} {
		text := offer(t, c.a, c.ain)
		if strings.Contains(text, "a=sctp-init") != c.offered {
			t.Errorf("%s: %s", name, text)
		}
		if strings.HasPrefix(name, "the older form") {
			text = strings.Replace(text, "UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000", 1)
			c.a = nil
		}
		answer := reply(t, c.b, c.bin, Answer, text)
		if strings.Contains(answer, "a=sctp-init") {
			t.Errorf("%s: %s", name, answer)
		}
		if i := c.b.Sections()[0].SCTPInit; i != nil {
			t.Errorf("%s: the answerer has %q", name, i)
		}
		if c.a == nil {
			continue
		}
		if got, err := c.a.SetRemote(Answer, answer); err != nil || got.Sections[0].SCTPInit != nil {
			t.Errorf("%s: %v, the offerer has %q", name, err, got.Sections[0].SCTPInit)
		}
	}
}

// "If the data is not properly base64-encoded this results in an error [...] If the series of bytes is not a valid SCTP
// INIT chunk this results in an error", in offers and answers, and nothing changes.
func TestBadInitChunksAreErrors(t *testing.T) {
	for value, want := range map[string]struct {
		kind Kind
		part string
	}{
		"*":         {SDPSyntax, `a=sctp-init:"*" is not base64`},
		"AWE":       {SDPSyntax, `a=sctp-init:"AWE" is not base64`},
		"AGE=":      {InvalidAccess, "m-line 0 (application, mid 0): a=sctp-init: no INIT"},
		"AWE= AWE=": {SDPSyntax, "is not base64"},
	} {
		a, b := snapSession(), snapSession()
		text := offer(t, a, withInit(input(), initA))
		before := snapshot(b)
		_, err := b.SetRemote(Offer, swap(t, text, lineA, "a=sctp-init:"+value))
		wantKind(t, err, want.kind, want.part)
		if snapshot(b) != before {
			t.Errorf("%q changed the session", value)
		}
		answer := reply(t, b, withInit(peerInput(), initB), Answer, text)
		_, err = a.SetRemote(Answer, swap(t, answer, lineB, "a=sctp-init:"+value))
		wantKind(t, err, want.kind, want.part)
		if want.kind == InvalidAccess && !errors.Is(err, errNoInit) {
			t.Errorf("%v does not wrap its cause", err)
		}
		if a.State() != HaveLocalOffer {
			t.Errorf("%q: %v", value, a.State())
		}
		// Who does not read it does not mind.
		if _, err := newSession().SetRemote(Offer, swap(t, text, lineA, "a=sctp-init:"+value)); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// Modifying the session: a value changes only with a new association, which a new DTLS association brings (RFC 8842
// section 5.5).
func TestInitChunksStayThoseOfTheAssociation(t *testing.T) {
	a, b := snapSession(), snapSession()
	connect(t, a, b, withInit(input(), initA), withInit(peerInput(), initB))
	text := offer(t, a, withInit(input(), "\x01c"))
	_, err := b.SetRemote(Offer, text)
	wantKind(t, err, InvalidAccess, "a=sctp-init is another than that of the association in use")
	other := swap(t, text, testHash, otherHash)
	if _, err := b.SetRemote(Offer, other); err != nil {
		t.Errorf("with another certificate: %v", err)
	}
	// One that begins to signal where nothing was negotiated is not answered with ours, and harms nothing.
	a, b = snapSession(), snapSession()
	connect(t, a, b, input(), peerInput())
	answer := reply(t, b, peerInput(), Answer, offer(t, a, withInit(input(), initA)))
	if got, err := a.SetRemote(Answer, answer); err != nil || got.Sections[0].SCTPInit != nil {
		t.Errorf("%v", err)
	}
}

// FuzzSCTPInit: no value of the attribute panics, and what is taken is what base64 says.
func FuzzSCTPInit(f *testing.F) {
	a := snapSession()
	text := must(a.CreateOffer(withInit(input(), initA)))
	for _, v := range []string{"AWE=", "AQ==", "*", "", "=", "AWE\r\na=sctp-init:AGE=", strings.Repeat("AQEB", 1000)} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		b := snapSession()
		before := snapshot(b)
		if _, err := b.SetRemote(Offer, strings.Replace(text, "AWE=", v, 1)); err != nil {
			if snapshot(b) != before {
				t.Fatal("a refused description changed the session")
			}
			return
		}
		if i := b.pendingRemote.media[0].init.chunk; i != nil && !bytes.HasPrefix(i, []byte{1}) {
			t.Fatalf("took %x", i)
		}
	})
}
