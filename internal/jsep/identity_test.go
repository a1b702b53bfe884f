package jsep

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func encoded(t *testing.T, id Identity) string {
	t.Helper()
	text, err := id.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// RFC 8827 section 7.4.1: the attribute stands at session level, in offers and answers.
func TestIdentityIsWrittenAndReadAtSessionLevel(t *testing.T) {
	id := Identity{Domain: "example.org", Protocol: "jws", Assertion: "a.b.c"}
	text := encoded(t, id)
	in, peer := input(), peerInput()
	in.Identity, peer.Identity = text, text
	a, b := newSession(), newSession()
	offered := offer(t, a, in)
	session, _, _ := strings.Cut(offered, "m=")
	if strings.Count(session, "a=identity:"+text+"\r\n") != 1 || strings.Count(offered, "a=identity") != 1 {
		t.Fatalf("offer:\n%s", offered)
	}
	applied, err := b.SetRemote(Offer, offered)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeIdentity(applied.Identity.Text); err != nil || got != id {
		t.Errorf("read %+v, %v", got, err)
	}
	if f := applied.Identity.Fingerprints; len(f) != 1 || f[0] != (Fingerprint{"sha-256", testHash}) {
		t.Errorf("fingerprints %v", f)
	}
	answer := must(b.CreateAnswer(peer))
	if strings.Count(answer, "a=identity:"+text+"\r\n") != 1 {
		t.Errorf("answer:\n%s", answer)
	}
}

func TestCheckRemoteReadsTheIdentityAndChangesNothing(t *testing.T) {
	offered := offer(t, newSession(), input())
	for name, c := range map[string]struct{ was, is, want string }{
		"none":                  {"", "", ""},
		"with extensions":       {"t=0 0\r\n", "t=0 0\r\na=identity:QUJD ext=1; other\r\n", "QUJD"},
		"two: the first counts": {"t=0 0\r\n", "t=0 0\r\na=identity:QUJD\r\na=identity:REVG\r\n", "QUJD"},
		"malformed is read":     {"t=0 0\r\n", "t=0 0\r\na=identity:*\r\n", "*"},
		"not in an m-section":   {"a=mid:0\r\n", "a=mid:0\r\na=identity:QUJD\r\n", ""},
	} {
		s := newSession()
		text := strings.Replace(offered, c.was, c.is, 1)
		r, err := s.CheckRemote(Offer, text)
		if err != nil || r.Text != c.want || len(r.Fingerprints) != 1 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if s.State() != Stable || s.newestRemote() != nil {
			t.Errorf("%s: CheckRemote changed the session", name)
		}
		applied, err := s.SetRemote(Offer, text)
		if err != nil || applied.Identity.Text != c.want {
			t.Errorf("%s: applied %v", name, err)
		}
	}
	if _, err := newSession().CheckRemote(Answer, offered); err == nil {
		t.Error("an answer was accepted in stable")
	}
}

// webrtc-identity section 6: every a=fingerprint counts, those of rejected m-lines too.
func TestEveryFingerprintIsToBeCovered(t *testing.T) {
	offered := offer(t, newSession(), input())
	rejected := "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:x\r\na=fingerprint:SHA-256 " + strings.ToLower(otherHash) + "\r\n"
	r, err := newSession().CheckRemote(Offer, offered+rejected)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Fingerprints) != 2 {
		t.Fatalf("fingerprints %v", r.Fingerprints)
	}
	contents, err := IdentityContents([]Fingerprint{{"SHA-256", strings.ToLower(testHash)}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"fingerprint":[{"algorithm":"sha-256","digest":"` + testHash + `"}]}`; contents != want {
		t.Errorf("contents %s", contents)
	}
	covered, err := ParseIdentityContents(contents)
	if err != nil {
		t.Fatal(err)
	}
	if f, missing := r.Uncovered(covered); !missing || f.Value != otherHash {
		t.Errorf("uncovered %v, %v", f, missing)
	}
	covered = append(covered, Fingerprint{"sha-256", otherHash})
	if f, missing := r.Uncovered(covered); missing {
		t.Errorf("uncovered %v", f)
	}
}

func TestMalformedIdentitiesAreRefused(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for text, want := range map[string]string{
		"*":                                     "base64",
		b64(`{`):                                "JSON",
		b64(`{}`):                               "no domain",
		b64(`{"idp":1}`):                        "JSON",
		b64(`{"idp":{"domain":"example.org"}}`): "empty",
		b64(`{"idp":{"domain":"example.org","protocol":"../x"},"assertion":"a"}`): "protocol",
		b64(`{"idp":{"domain":"example.org","protocol":"a\\b"},"assertion":"a"}`): "protocol",
		strings.Repeat("QUJD", maxIdentity/4+1):                                   "more than",
	} {
		if _, err := DecodeIdentity(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
		in := input()
		in.Identity = text
		var e *Error
		if _, err := newSession().CreateOffer(in); !errors.As(err, &e) || e.Kind != OperationError {
			t.Errorf("%.60s written: %v", text, err)
		}
	}
	id, err := DecodeIdentity(b64(`{"idp":{"domain":"example.org"},"assertion":"a","more":1}`))
	if err != nil || id != (Identity{"example.org", "default", "a"}) {
		t.Errorf("%+v, %v", id, err)
	}
	if _, err := (Identity{Domain: "example.org", Assertion: strings.Repeat("a", maxIdentity)}).Encode(); err == nil {
		t.Error("an assertion of 12 KiB was encoded")
	}
}

func FuzzDecodeIdentity(f *testing.F) {
	f.Add("eyJpZHAiOnsiZG9tYWluIjoiZXhhbXBsZS5vcmcifSwiYXNzZXJ0aW9uIjoiYSJ9")
	f.Add("*")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := DecodeIdentity(text)
		if err != nil {
			return
		}
		again, err := id.Encode()
		if err != nil {
			return // JSON that escapes more than the peer's
		}
		if back, err := DecodeIdentity(again); err != nil || (back != id && strings.ToValidUTF8(id.Assertion, "") == id.Assertion) {
			t.Errorf("%+v became %+v, %v", id, back, err)
		}
	})
}
