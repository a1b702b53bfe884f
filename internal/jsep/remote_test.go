package jsep

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lines joins lines as SDP wants.
func lines(ls ...string) string { return strings.Join(ls, "\r\n") + "\r\n" }

// What is not SDP is an error with the line where reading stopped (W3C: RTCError sdp-syntax-error, sdpLineNumber).
func TestMalformedSDPIsASyntaxErrorWithItsLine(t *testing.T) {
	good := must(newSession().CreateOffer(input()))
	head := []string{"v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"}
	for name, c := range map[string]struct {
		text string
		line int
		part string
	}{
		"empty":                {"", 1, "before v="},
		"not SDP":              {"hello", 1, "<type>=<value>"},
		"JSON":                 {`{"type":"offer"}`, 1, "<type>=<value>"},
		"version":              {lines("v=1", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"), 1, "version"},
		"order":                {lines("o=- 1 1 IN IP4 0.0.0.0", "v=0", "s=-", "t=0 0"), 1, "v= is due"},
		"two origins":          {lines(head[0], head[1], head[1], "s=-", "t=0 0"), 3, "second o="},
		"no name":              {lines(head[0], head[1], "t=0 0"), 3, "s= is due"},
		"no time":              {lines(head[:3]...), 4, "before t="},
		"attribute before t=":  {lines(head[0], head[1], head[2], "a=x", "t=0 0"), 4, "before t="},
		"m-line before t=":     {lines(head[0], head[1], head[2], "m=audio 9 X 0"), 4, "before t="},
		"short origin":         {lines("v=0", "o=- 1 1 IN IP4", "s=-", "t=0 0"), 2, "5 fields"},
		"origin not a number":  {lines("v=0", "o=- x 1 IN IP4 0.0.0.0", "s=-", "t=0 0"), 2, "numbers"},
		"origin network":       {lines("v=0", "o=- 1 1 XX IP4 0.0.0.0", "s=-", "t=0 0"), 2, "network"},
		"times":                {lines("v=0", head[1], "s=-", "t=0"), 4, "two numbers"},
		"line type":            {lines(append(head, "q=1")...), 5, "unknown line type"},
		"session c= after a=":  {lines(append(head, "a=x", "c=IN IP4 0.0.0.0")...), 6, "c= after a="},
		"no equals sign":       {swap(t, good, "a=setup:actpass", "a setup"), 14, "<type>=<value>"},
		"bare CR":              {swap(t, good, "a=setup:actpass", "a=set\rup"), 14, "control"},
		"NUL":                  {swap(t, good, "a=setup:actpass", "a=\x00"), 14, "control"},
		"attribute name":       {swap(t, good, "a=setup:actpass", "a=:x"), 14, "without a name"},
		"setup":                {swap(t, good, "a=setup:actpass", "a=setup:maybe"), 14, "not a role"},
		"m-line fields":        {swap(t, good, "DTLS/SCTP webrtc-datachannel", "DTLS/SCTP"), 8, "lacks"},
		"m-line port":          {swap(t, good, "m=application 9", "m=application 65536"), 8, "not a port"},
		"m-line port range":    {swap(t, good, "m=application 9", "m=application 9/x"), 8, "not a port"},
		"t= in media":          {swap(t, good, "a=setup:actpass", "t=0 0"), 14, "in an m-section"},
		"c= in media":          {swap(t, good, "c=IN IP4 0.0.0.0", "c=IN 0.0.0.0"), 9, "c="},
		"fingerprint length":   {swap(t, good, testHash, testHash[:50]), 13, "fingerprint"},
		"fingerprint digits":   {swap(t, good, "9C:B1", "9C:BX"), 13, "hexadecimal"},
		"fingerprint hash":     {swap(t, good, "sha-256 ", ""), 13, "fingerprint"},
		"sctp-port":            {swap(t, good, "sctp-port:5000", "sctp-port:70000"), 15, "not a port"},
		"max-message-size":     {swap(t, good, "max-message-size:65536", "max-message-size:-1"), 16, "not a number"},
		"mid":                  {swap(t, good, "a=mid:0", "a=mid:a b"), 10, "not a token"},
		"two mids":             {swap(t, good, "a=mid:0", "a=mid:0\r\na=mid:1"), 11, "second a=mid"},
		"candidate":            {good + "a=candidate:1 1 udp\r\n", 17, "fewer than 8"},
		"candidate component":  {good + "a=candidate:1 0 udp 1 10.0.0.1 9 typ host\r\n", 17, "component"},
		"old SCTP port":        {swap(t, good, "UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP port"), 8, "SCTP port"},
		"session-level finger": {swap(t, good, "a=ice-options", "a=fingerprint:x\r\na=ice-options"), 7, "fingerprint"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession()
			before := snapshot(s)
			_, err := s.SetRemote(Offer, c.text)
			wantKind(t, err, SDPSyntax, c.part)
			var e *Error
			if errors.As(err, &e); e.Line != c.line {
				t.Errorf("line %d, want %d: %v", e.Line, c.line, err)
			}
			if snapshot(s) != before {
				t.Error("the error changed the session")
			}
		})
	}
}

// What is SDP but says the wrong thing names the m-line (RFC 9429 section 5.8.3).
func TestInvalidContentNamesTheMLine(t *testing.T) {
	good := must(newSession().CreateOffer(input()))
	second := good[strings.Index(good, "m="):]
	const name = "m-line 0 (application, mid 0): "
	for label, c := range map[string]struct{ text, part string }{
		"no ufrag":          {swap(t, good, "a=ice-ufrag:PssU\r\n", ""), name + "no a=ice-ufrag"},
		"no pwd":            {swap(t, good, "a=ice-pwd:"+testPwd+"\r\n", ""), name + "no a=ice-pwd"},
		"short ufrag":       {swap(t, good, "PssU", "Pss"), name + "a=ice-ufrag has 3 characters"},
		"long ufrag":        {swap(t, good, "PssU", strings.Repeat("u", 257)), name + "a=ice-ufrag has 257"},
		"short pwd":         {swap(t, good, testPwd, testPwd[:21]), name + "a=ice-pwd has 21 characters"},
		"long pwd":          {swap(t, good, testPwd, strings.Repeat("p", 257)), name + "a=ice-pwd has 257"},
		"ufrag characters":  {swap(t, good, "PssU", "Ps U"), name + "a=ice-ufrag"},
		"no fingerprint":    {swap(t, good, "a=fingerprint:sha-256 "+testHash+"\r\n", ""), name + "no a=fingerprint"},
		"holdconn":          {swap(t, good, "setup:actpass", "setup:holdconn"), name + "a=setup:holdconn"},
		"no mid in a group": {swap(t, good, "a=mid:0\r\n", ""), "m-line 0 (application): no a=mid"},
		"same mid twice":    {good + second, "m-line 1 (application, mid 0): m-line 0 has the same mid"},
		"one mid missing":   {swap(t, good, "a=group:BUNDLE 0\r\n", "") + swap(t, second, "a=mid:0\r\n", ""), "m-line 1 (application): no a=mid"},
		"bundle unknown":    {swap(t, good, "BUNDLE 0", "BUNDLE 7"), `names mid "7"`},
		"bundle twice":      {swap(t, good, "BUNDLE 0", "BUNDLE 0 0"), "more mids than there are m-lines"},
		"two groups":        {swap(t, good, "BUNDLE 0", "BUNDLE 0\r\na=group:BUNDLE 0") + swap(t, second, "a=mid:0", "a=mid:1"), name + "a=group:BUNDLE names its mid twice"},
	} {
		t.Run(label, func(t *testing.T) {
			s := newSession()
			before := snapshot(s)
			_, err := s.SetRemote(Offer, c.text)
			wantKind(t, err, InvalidAccess, c.part)
			if snapshot(s) != before {
				t.Error("the error changed the session")
			}
		})
	}
}

func TestAnswerHasToFitItsOffer(t *testing.T) {
	good := reply(t, newSession(), peerInput(), Answer, offer(t, newSession(), input()))
	second := swap(t, good[strings.Index(good, "m="):], "a=mid:0", "a=mid:1")
	for label, c := range map[string]struct{ text, part string }{
		"more m-lines":      {good + second, "the answer has 2 m-lines, the offer 1"},
		"fewer m-lines":     {swap(t, good[:strings.Index(good, "m=")], "a=group:BUNDLE 0\r\n", ""), "the answer has 0 m-lines, the offer 1"},
		"other kind":        {swap(t, good, "m=application", "m=audio"), "the offer has application there"},
		"other mid":         {strings.ReplaceAll(swap(t, good, "BUNDLE 0", "BUNDLE 7"), "mid:0", "mid:7"), "the offer has mid 0 there"},
		"other protocol":    {swap(t, good, "UDP/DTLS", "TCP/DTLS"), "the protocol is"},
		"actpass":           {swap(t, good, "setup:active", "setup:actpass"), "m-line 0 (application, mid 0): a=setup:actpass in an answer"},
		"bundle-only is no": {swap(t, good, "m=application 9", "m=application 0"), ""},
	} {
		t.Run(label, func(t *testing.T) {
			for _, typ := range []Type{Answer, Pranswer} {
				s := newSession()
				offer(t, s, input())
				before := snapshot(s)
				_, err := s.SetRemote(typ, c.text)
				if c.part == "" {
					if err != nil || !s.Sections()[0].Rejected {
						t.Fatalf("%v, %+v", err, s.Sections())
					}
					continue
				}
				wantKind(t, err, InvalidAccess, c.part)
				if snapshot(s) != before {
					t.Error("the error changed the session")
				}
			}
		})
	}

	t.Run("accepts what was offered rejected", func(t *testing.T) {
		a, b := newSession(), newSession()
		connect(t, a, b, input(), peerInput())
		reject(t, a, b)
		in := input()
		in.Data = false
		text := must(a.CreateOffer(in))
		if !strings.Contains(text, "m=application 0 ") {
			t.Fatalf("not rejected:\n%s", text)
		}
		must(a.SetLocal(Offer, text))
		_, err := a.SetRemote(Answer, good)
		wantKind(t, err, InvalidAccess, "m-line 0 (application, mid 0): it is rejected in the offer")
	})
	t.Run("bundles what was not offered so", func(t *testing.T) {
		s := newSession()
		must(s.CreateOffer(input()))
		must(s.SetLocal(Offer, ""))
		s.pendingLocal.groups = nil
		_, err := s.SetRemote(Answer, good)
		wantKind(t, err, InvalidAccess, "the answer bundles it, the offer does not")
	})
	t.Run("same role", func(t *testing.T) { // RFC 4145 section 4.1
		s := newSession()
		must(s.SetRemote(Offer, swap(t, must(newSession().CreateOffer(peerInput())), "setup:actpass", "setup:active")))
		text := must(s.CreateAnswer(input()))
		if !strings.Contains(text, "a=setup:passive") {
			t.Errorf("an active offer is answered with\n%s", text)
		}
	})
}

// reject has b's answer reject the data m-line of a's next offer.
func reject(t *testing.T, a, b *Session) {
	t.Helper()
	offered := offer(t, a, input())
	answer := reply(t, b, peerInput(), Answer, offered)
	answer = swap(t, swap(t, answer, "m=application 9", "m=application 0"), "a=group:BUNDLE 0\r\n", "")
	if _, err := a.SetRemote(Answer, answer); err != nil {
		t.Fatal(err)
	}
	if sec := a.Sections()[0]; !sec.Rejected || sec.LocalSetup != SetupNone {
		t.Fatalf("%+v", sec)
	}
}

// RFC 9429 section 5.2.2: m-lines keep their order; only a rejected one may be recycled.
func TestReofferKeepsItsMLines(t *testing.T) {
	a, b := newSession(), newSession()
	connect(t, a, b, input(), peerInput())
	good := must(a.CreateOffer(input()))
	for part, text := range map[string]string{
		"it was application":  swap(t, good, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 UDP/TLS/RTP/SAVPF 0"),
		"its mid was 0":       strings.ReplaceAll(swap(t, good, "BUNDLE 0", "BUNDLE 1"), "a=mid:0", "a=mid:1"),
		"fewer than the 1":    swap(t, good[:strings.Index(good, "m=")], "a=group:BUNDLE 0\r\n", ""),
		"m-line 0 (audio, mi": swap(t, good, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 UDP/TLS/RTP/SAVPF 0"),
	} {
		before := snapshot(b)
		_, err := b.SetRemote(Offer, text)
		wantKind(t, err, InvalidAccess, part)
		if snapshot(b) != before {
			t.Error("the error changed the session")
		}
	}
	if _, err := b.SetRemote(Offer, good); err != nil {
		t.Error(err)
	}
}

func TestUnknownMediaAndAttributesAreToleratedAndRejected(t *testing.T) {
	s := newSession()
	text := lines("v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=a call", "i=info", "u=http://x/%zz", "e=me", "p=1", "c=IN IP4 10.0.0.1", "b=FOO:x",
		"t=0 0", "r=7d 1h 0", "t=1 1", "z=1 1h", "k=prompt", "a=msid-semantic: WMS *", "a=group:LS 1 2", "a=group:BUNDLE",
		"m=image 9 udptl t38", "b=XX:1", "a=mid:i", "m=application 9 TCP/BFCP *", "a=mid:b", "m=text 1/2 FOO/BAR a b", "a=mid:t", "k=x", "i=y")
	if _, err := s.SetRemote(Offer, text); err != nil {
		t.Fatal(err)
	}
	got := must(s.CreateAnswer(input()))
	for _, want := range []string{"m=image 0 udptl t38\r\n", "m=application 0 TCP/BFCP *\r\n", "m=text 0 FOO/BAR a\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "BUNDLE") || strings.Contains(got, "extmap-allow-mixed") {
		t.Errorf("the answer has more than the offer:\n%s", got)
	}
}

func TestASecondDataMLineIsRejected(t *testing.T) {
	good := must(newSession().CreateOffer(peerInput()))
	second := swap(t, good[strings.Index(good, "m="):], "a=mid:0", "a=mid:1")
	s := newSession()
	a := must(s.SetRemote(Offer, swap(t, good, "BUNDLE 0", "BUNDLE 0 1")+second))
	if a.Sections[0].Rejected || !a.Sections[1].Rejected {
		t.Fatalf("%+v", a.Sections)
	}
	got := must(s.CreateAnswer(input()))
	if !strings.Contains(got, "a=group:BUNDLE 0\r\n") || strings.Count(got, "m=application 0 ") != 1 {
		t.Error(got)
	}
}

// RFC 9143 section 7.3: a section without a transport of its own shares that of its bundle's tagged one.
func TestABundledSectionSharesTheTaggedTransport(t *testing.T) {
	good := must(newSession().CreateOffer(peerInput()))
	cut := strings.Index(good, "m=")
	media := lines("m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:a", "a=ice-ufrag:tagg", "a=ice-pwd:tagtagtagtagtagtagtag0",
		"a=fingerprint:sha-256 "+otherHash, "a=setup:actpass", "a=candidate:1 1 udp 1 10.0.0.1 1000 typ host")
	text := swap(t, good[:cut], "BUNDLE 0", "BUNDLE a 0") + media +
		lines("m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:0", "a=bundle-only", "a=sctp-port:5001")
	s := newSession()
	a, err := s.SetRemote(Offer, text)
	if err != nil {
		t.Fatal(err)
	}
	sec := a.Sections[1]
	if sec.Rejected || sec.Remote.Ufrag != "tagg" || sec.Remote.Setup != Actpass || len(sec.Remote.Candidates) != 1 || sec.Data.Port != 5001 {
		t.Errorf("%+v", sec)
	}
	mids, err := s.ResolveRemote(RemoteCandidate{Candidate: "candidate:2 1 udp 1 10.0.0.2 1000 typ host", MID: ptr("a")})
	if err != nil || len(mids) != 1 || mids[0] != "0" {
		t.Errorf("a candidate of the tagged section goes to %v, %v", mids, err)
	}
	// Bundle-only outside of a bundle is a zero port like others.
	if a := must(newSession().SetRemote(Offer, swap(t, text, "BUNDLE a 0", "BUNDLE a"))); !a.Sections[1].Rejected {
		t.Errorf("%+v", a.Sections[1])
	}
	_, err = newSession().SetRemote(Offer, swap(t, text, "a=ice-ufrag:tagg\r\na=ice-pwd:tagtagtagtagtagtagtag0\r\n", ""))
	wantKind(t, err, InvalidAccess, "m-line 0 (audio, mid a): no a=ice-ufrag")
}

func TestSessionLevelValuesAreInherited(t *testing.T) {
	good := must(newSession().CreateOffer(peerInput()))
	text := good
	for _, l := range []string{"a=ice-ufrag:peer\r\n", "a=ice-pwd:peerpeerpeerpeerpeer0001\r\n", "a=fingerprint:sha-256 " + otherHash + "\r\n", "a=setup:actpass\r\n"} {
		text = swap(t, swap(t, text, l, ""), "a=ice-options:trickle\r\n", l+"a=ice-options:trickle renomination\r\n")
		text = strings.ReplaceAll(text, "trickle renomination", "trickle")
	}
	text = swap(t, text, "a=ice-options:trickle", "a=ice-lite\r\na=ice-options:renomination trickle")
	sec := must(newSession().SetRemote(Offer, text)).Sections[0]
	r := sec.Remote
	if r.Ufrag != "peer" || len(r.Fingerprints) != 1 || r.Setup != Actpass || !r.Lite || !r.Trickle || !r.Renomination {
		t.Errorf("%+v", r)
	}
	// RFC 8122 section 5: those of the m-section take the place of the session's.
	text = swap(t, text, "a=mid:0", "a=mid:0\r\na=fingerprint:sha-1 "+testHash[:59]+"\r\na=fingerprint:sha-256 "+strings.ToLower(testHash))
	r = must(newSession().SetRemote(Offer, text)).Sections[0].Remote
	if len(r.Fingerprints) != 2 || r.Fingerprints[1] != (Fingerprint{"sha-256", testHash}) {
		t.Errorf("%+v", r.Fingerprints)
	}
}

func TestMaxMessageSize(t *testing.T) {
	good := must(newSession().CreateOffer(peerInput()))
	for line, want := range map[string]DataSection{
		"":                      {5000, 65536, false}, // RFC 8841 section 6.1
		"a=max-message-size:0":  {5000, 0, true},
		"a=max-message-size:77": {5000, 77, true},
		"a=max-message-size:99999999999999999999": {5000, 1<<64 - 1, true},
	} {
		sec := must(newSession().SetRemote(Offer, swap(t, good, "a=max-message-size:65536", "a=x\r\n"+line))).Sections[0]
		if *sec.Data != want {
			t.Errorf("%q: %+v, want %+v", line, *sec.Data, want)
		}
	}
}

// Limits are checked before pion/sdp reads anything.
func TestLimits(t *testing.T) {
	good := must(newSession().CreateOffer(peerInput()))
	mline := "m=audio 0 RTP/AVP 0\r\n"
	for name, c := range map[string]struct{ text, part string }{
		"bytes":      {good + strings.Repeat("a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", 30000), "bytes, more than 1048576"},
		"lines":      {good + strings.Repeat("b=AS:1\r\n", 17000), "more than 16384 lines"},
		"line":       {good + "a=" + strings.Repeat("x", 17000) + "\r\n", "has 17002 bytes"},
		"m-lines":    {good + strings.Repeat(mline, 257), "more than 256 m-lines"},
		"attributes": {good + strings.Repeat("a=x\r\n", 2049), "more than 2048 attributes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newSession().SetRemote(Offer, c.text)
			wantKind(t, err, OperationError, c.part)
		})
	}
	s := New(Config{MaxSDPBytes: 100})
	_, err := s.SetRemote(Offer, good)
	wantKind(t, err, OperationError, "more than 100")
}

// The issue: an input costs less than 50 ms and 16 MiB.
func TestTheDearestInputsStayCheap(t *testing.T) {
	good := must(newSession().CreateOffer(peerInput()))
	many := good
	for i := range 7 {
		many += "m=audio 9 RTP/AVP 0\r\na=mid:x" + string(rune('a'+i)) + "\r\na=ice-ufrag:peer\r\na=ice-pwd:peerpeerpeerpeerpeer0001\r\n" +
			"a=fingerprint:sha-256 " + otherHash + "\r\n" + strings.Repeat("a=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n", 2000)
	}
	bundled := strings.Builder{}
	mids := ""
	for i := range 511 {
		mid := "z" + strings.Repeat("y", i%20) + string(rune('a'+i%26)) + string(rune('a'+i/26))
		mids += " " + mid
		bundled.WriteString("m=audio 9 RTP/AVP 0\r\na=mid:" + mid + "\r\n")
	}
	formats, maps, rids := "", "", ""
	for pt := 96; pt < 128; pt++ {
		formats += " " + strconv.Itoa(pt)
		maps += "a=rtpmap:" + strconv.Itoa(pt) + " H264/90000\r\na=fmtp:" + strconv.Itoa(pt) + " profile-level-id=42e01f" + strings.Repeat(";p=1", 60) + "\r\n"
		rids += "a=rid:" + strconv.Itoa(pt) + " send\r\na=ssrc:" + strconv.Itoa(pt) + " msid:a b\r\n"
	}
	codecs := strings.ReplaceAll(swap(t, good, "a=group:BUNDLE 0", "a=group:BUNDLE 0"+mids)+strings.ReplaceAll(bundled.String(), "audio 9 RTP/AVP 0", "video 9 RTP/AVP"+formats), "a=mid:z", "a=rtcp-mux\r\na=msid:x y\r\na=mid:z")
	codecs = codecs[:strings.Index(codecs, "m=video")] + strings.ReplaceAll(codecs[strings.Index(codecs, "m=video"):], "a=mid:", "a=rtpmap:96 H264/90000\r\na=rtpmap:97 VP8/90000\r\na=rid:1 send\r\na=simulcast:send 1\r\na=mid:")
	for name, text := range map[string]string{
		"codecs": codecs,
		"one long m-line": good + "m=video 9 RTP/AVP" + formats + "\r\na=mid:v\r\na=rtcp-mux\r\na=ice-ufrag:peer\r\na=ice-pwd:peerpeerpeerpeerpeer0001\r\n" +
			"a=fingerprint:sha-256 " + otherHash + "\r\n" + maps + rids + "a=simulcast:send" + strings.Repeat(" 1;2,3;~4", 1000) + "\r\n" + strings.Repeat("a=extmap:1 x\r\na=extmap:5000 y\r\n", 400),
		"100,000 lines": strings.Repeat("a=x\r\n", 100000),
		"a huge line":   "v=0\r\n" + strings.Repeat("x", 10<<20),
		"as allowed":    many,
		"fingerprints":  good + strings.Repeat("a=fingerprint:sha-256 "+testHash+"\r\n", 2000),
		"groups":        swap(t, good, "a=group:BUNDLE 0", strings.Repeat("a=group:BUNDLE"+strings.Repeat(" q", 500)+"\r\n", 1000)+"a=group:BUNDLE 0"),
		"bundled":       swap(t, good, "a=group:BUNDLE 0", "a=group:BUNDLE 0"+mids) + strings.ReplaceAll(bundled.String(), "\r\na=mid", "\r\na=sendrecv\r\na=mid"),
		"empty lines":   good + strings.Repeat("\r\n", 16000),
		"blank groups":  swap(t, good, "a=group:BUNDLE 0", strings.Repeat("a=group:BUNDLE\r\n", 2000)+"a=group:BUNDLE 0"),
	} {
		for _, cfg := range []Config{{SessionID: 4711}, mediaConfig(4711)} {
			name := name
			if len(cfg.Audio.Codecs) > 0 {
				name += " with media"
			}
			stayCheap(t, name, text, cfg)
		}
	}
}

// stayCheap applies an offer, which may be refused, within 50 ms and 16 MiB.
func stayCheap(t *testing.T, name, text string, cfg Config) {
	t.Run(name, func(t *testing.T) {
		best := time.Hour
		var spent uint64
		var err error
		for range 3 {
			s := New(cfg)
			var m0, m1 runtime.MemStats
			runtime.ReadMemStats(&m0)
			start := time.Now()
			_, err = s.SetRemote(Offer, text)
			best = min(best, time.Since(start))
			runtime.ReadMemStats(&m1)
			spent = m1.TotalAlloc - m0.TotalAlloc
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("an untyped error: %v", err)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		}
		t.Logf("%v, %d KiB, %v", best, spent>>10, err)
		if best > slowdown*50*time.Millisecond || spent > 16<<20 {
			t.Errorf("%v and %d KiB", best, spent>>10)
		}
	})
}
