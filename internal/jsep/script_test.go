package jsep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	testHash  = "9C:B1:6A:D9:EC:D8:E9:C6:0D:7C:D6:BA:E8:69:7A:A2:7C:9E:DD:BB:BE:DA:03:98:D3:AA:39:4A:40:17:12:C5"
	otherHash = "01:6D:52:C3:E3:DE:9D:8C:A7:F9:86:AF:ED:58:53:B6:0A:F6:42:7F:1C:D8:9E:87:D6:BB:CD:4B:79:80:B5:06"
	testPwd   = "PasserellePasserelle0001"
)

// input is the local side of most tests; the browsers' answers in testdata are to its offer.
func input() LocalInput {
	return LocalInput{Ufrag: "PssU", Pwd: testPwd, Fingerprints: []Fingerprint{{"sha-256", testHash}}, Data: true}
}

func newSession() *Session { return New(Config{SessionID: 4711}) }

// peerInput is another end's.
func peerInput() LocalInput {
	return LocalInput{Ufrag: "peer", Pwd: "peerpeerpeerpeerpeer0001", Fingerprints: []Fingerprint{{"sha-256", otherHash}}, Data: true}
}

// fixture is a description of testdata. Lines before it that begin with # say
// where it comes from.
func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for strings.HasPrefix(text, "#") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func offer(t testing.TB, s *Session, in LocalInput) string {
	t.Helper()
	sdp, err := s.CreateOffer(in)
	if err != nil {
		t.Fatalf("CreateOffer: %v", err)
	}
	if _, err := s.SetLocal(Offer, sdp); err != nil {
		t.Fatalf("SetLocal(offer): %v", err)
	}
	return sdp
}

// reply applies an offer and answers it.
func reply(t testing.TB, s *Session, in LocalInput, typ Type, offered string) string {
	t.Helper()
	if _, err := s.SetRemote(Offer, offered); err != nil {
		t.Fatalf("SetRemote(offer): %v", err)
	}
	sdp, err := s.CreateAnswer(in)
	if err != nil {
		t.Fatalf("CreateAnswer: %v", err)
	}
	if _, err := s.SetLocal(typ, sdp); err != nil {
		t.Fatalf("SetLocal(%v): %v", typ, err)
	}
	return sdp
}

// connect negotiates from a to b and returns the last Applied of each.
func connect(t testing.TB, a, b *Session, ain, bin LocalInput) (*Applied, *Applied) {
	t.Helper()
	answer := reply(t, b, bin, Answer, offer(t, a, ain))
	got, err := a.SetRemote(Answer, answer)
	if err != nil {
		t.Fatalf("SetRemote(answer): %v\n%s", err, answer)
	}
	return got, &Applied{Sections: b.Sections()}
}

// snapshot is all that can be seen of a Session.
func snapshot(s *Session) string {
	var b strings.Builder
	fmt.Fprintln(&b, s.State())
	for _, f := range []func() (Description, bool){s.CurrentLocal, s.PendingLocal, s.CurrentRemote, s.PendingRemote} {
		d, ok := f()
		fmt.Fprintln(&b, ok, d.Type, d.SDP)
	}
	for _, sec := range s.Sections() {
		fmt.Fprintf(&b, "%s\n", describeSection(sec))
	}
	for _, t := range s.Transceivers() {
		fmt.Fprintf(&b, "%+v\n", t)
	}
	v, known := s.CanTrickle()
	fmt.Fprintln(&b, v, known, s.NegotiationNeeded(input()), s.Created(Offer), s.Created(Answer))
	return b.String()
}

func describeSection(sec Section) string {
	data := sec.Data
	sec.Data = nil
	text := fmt.Sprintf("%+v data=%+v", sec, data)
	return strings.NewReplacer(" Transceiver:0", "", " SCTPInit:[]", "").Replace(text)
}

// wantKind fails unless err is an *Error of the kind whose text has part.
func wantKind(t testing.TB, err error, kind Kind, part string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an %v", err, kind)
	}
	if e.Kind != kind || !strings.Contains(e.Error(), part) {
		t.Fatalf("got %v %q, want %v with %q", e.Kind, e, kind, part)
	}
}

// edit changes a text, and fails when there is nothing to change.
func swap(t testing.TB, text, old, with string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in\n%s", old, text)
	}
	return strings.Replace(text, old, with, 1)
}

func ptr[T any](v T) *T { return &v }
