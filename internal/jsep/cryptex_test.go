package jsep

import (
	"strings"
	"testing"
)

// cryptexConfig is mediaConfig with a policy.
func cryptexConfig(id uint64, p CryptexPolicy) Config {
	c := mediaConfig(id)
	c.Cryptex = p
	return c
}

// cryptexPair lets a offer audio, video and data, and b answer.
func cryptexPair(t *testing.T, a, b CryptexPolicy, edit func(string) string) (offered, answered string, sa, sb *Session) {
	t.Helper()
	sa, sb = New(cryptexConfig(1, a)), New(cryptexConfig(2, b))
	sa.AddTrack(Audio, "microphone", []string{"call"})
	sa.AddTrack(Video, "camera", []string{"call"})
	offered = offer(t, sa, input())
	if edit != nil {
		offered = edit(offered)
	}
	answered = reply(t, sb, peerInput(), Answer, offered)
	return offered, answered, sa, sb
}

// RFC 9335 section 4: the attribute says that its writer can receive such packets, and stands in all sections of a
// bundle that carry RTP. An answer has it where the offer does, in the session or in the section.
func TestCryptexIsAgreedWhereBothHaveIt(t *testing.T) {
	const line = "a=cryptex\r\n"
	const mux = "a=rtcp-mux\r\n"
	sections := func(s string) string { return strings.ReplaceAll(strings.Replace(s, line, "", 1), mux, line+mux) }
	second := func(s string) string { return strings.Replace(sections(s), line, "", 1) }
	for _, test := range []struct {
		name              string
		a, b              CryptexPolicy
		edit              func(string) string
		offered, answered int
		audio, video      bool
	}{
		{name: "both", a: CryptexNegotiate, b: CryptexNegotiate, offered: 1, answered: 2, audio: true, video: true},
		{name: "both require it", a: CryptexRequire, b: CryptexRequire, offered: 1, answered: 2, audio: true, video: true},
		{name: "not offered", a: CryptexOff, b: CryptexNegotiate},
		{name: "not answered", a: CryptexNegotiate, b: CryptexOff, offered: 1},
		{name: "in the sections", a: CryptexNegotiate, b: CryptexNegotiate, edit: sections, offered: 2, answered: 2, audio: true, video: true},
		{name: "in one section", a: CryptexNegotiate, b: CryptexNegotiate, edit: second, offered: 1, answered: 1, video: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			offered, answered, sa, sb := cryptexPair(t, test.a, test.b, test.edit)
			if o, a := strings.Count(offered, line), strings.Count(answered, line); o != test.offered || a != test.answered {
				t.Errorf("%d lines offered, %d answered, want %d, %d", o, a, test.offered, test.answered)
			}
			must(sa.SetRemote(Answer, answered))
			for _, s := range []*Session{sa, sb} {
				if test.edit != nil && s == sa {
					continue // it knows what it wrote
				}
				for _, state := range s.Transceivers() {
					want := test.audio
					if state.Kind == Video {
						want = test.video
					}
					if state.HeadersEncrypted != want {
						t.Errorf("%v: encrypted %v, want %v", state.Kind, state.HeadersEncrypted, want)
					}
				}
			}
		})
	}
}

// webrtc-extensions, RTCRtpHeaderEncryptionPolicy: require rejects a remote description without it with an InvalidAccessError; a
// description of data alone is none of its business.
func TestCryptexThatIsRequiredAndMissing(t *testing.T) {
	plain := New(cryptexConfig(1, CryptexOff))
	plain.AddTrack(Audio, "microphone", []string{"call"})
	strict := New(cryptexConfig(2, CryptexRequire))
	_, err := strict.SetRemote(Offer, offer(t, plain, input()))
	wantKind(t, err, InvalidAccess, "cryptex")

	asking := New(cryptexConfig(3, CryptexRequire))
	asking.AddTrack(Audio, "microphone", []string{"call"})
	answer := reply(t, New(cryptexConfig(4, CryptexOff)), peerInput(), Answer, offer(t, asking, input()))
	_, err = asking.SetRemote(Answer, answer)
	wantKind(t, err, InvalidAccess, "cryptex")

	in := input()
	in.Data = true
	if _, err := New(cryptexConfig(5, CryptexRequire)).SetRemote(Offer, offer(t, New(cryptexConfig(6, CryptexOff)), in)); err != nil {
		t.Errorf("a description of data alone: %v", err)
	}
}

// RFC 9335 section 4: a later exchange may change it.
func TestCryptexIsTakenBackByTheNextExchange(t *testing.T) {
	_, answered, sa, sb := cryptexPair(t, CryptexNegotiate, CryptexNegotiate, nil)
	must(sa.SetRemote(Answer, answered))
	again := strings.ReplaceAll(offer(t, sb, peerInput()), "a=cryptex\r\n", "")
	answered = reply(t, sa, input(), Answer, again)
	if strings.Contains(answered, "a=cryptex") {
		t.Errorf("answered although it was not offered:\n%s", answered)
	}
	for _, state := range sa.Transceivers() {
		if state.HeadersEncrypted {
			t.Errorf("%v: still encrypted", state.Kind)
		}
	}
}
