package jsep

import (
	"fmt"
	"strings"
	"testing"
)

const (
	hostLine  = "candidate:1 1 udp 2130706431 10.0.0.1 1000 typ host"
	srflxLine = "candidate:2 1 udp 1694498815 203.0.113.9 2000 typ srflx raddr 10.0.0.1 rport 1000"
	mdnsLine  = "candidate:3 1 udp 2130706431 3f66a5e2-e13e-4fef-aba4-22632ed83f6b.local 3000 typ host"
	tcpLine   = "candidate:4 1 tcp 1518280447 10.0.0.1 9 typ host tcptype active"
	v6Line    = "candidate:5 1 udp 2130706431 fd00::1 4000 typ host"
)

// W3C section 4.4.2, addIceCandidate: which exception for what.
func TestRemoteCandidateErrors(t *testing.T) {
	s := newSession()
	wantKind(t, s.RemoteCandidate(RemoteCandidate{Candidate: hostLine}), TypeError, "sdpMid or sdpMLineIndex")
	wantKind(t, s.RemoteCandidate(RemoteCandidate{Candidate: hostLine, MID: ptr("0")}), InvalidState, "no remote description")
	wantKind(t, s.RemoteCandidate(RemoteCandidate{}), InvalidState, "no remote description")
	reply(t, s, input(), Answer, must(newSession().CreateOffer(peerInput())))
	before := snapshot(s)
	for name, c := range map[string]struct {
		c    RemoteCandidate
		kind Kind
		part string
	}{
		"neither":      {RemoteCandidate{Candidate: hostLine, Ufrag: ptr("peer")}, TypeError, "sdpMid or"},
		"mid":          {RemoteCandidate{Candidate: hostLine, MID: ptr("7")}, OperationError, `mid "7"`},
		"empty mid":    {RemoteCandidate{Candidate: hostLine, MID: ptr("")}, OperationError, `mid ""`},
		"mid first":    {RemoteCandidate{Candidate: hostLine, MID: ptr("7"), MLineIndex: ptr(uint16(0))}, OperationError, `mid "7"`},
		"index":        {RemoteCandidate{Candidate: hostLine, MLineIndex: ptr(uint16(1))}, OperationError, "no m-line 1"},
		"ufrag":        {RemoteCandidate{Candidate: hostLine, MID: ptr("0"), Ufrag: ptr("nope")}, OperationError, `usernameFragment "nope"`},
		"end ufrag":    {RemoteCandidate{Ufrag: ptr("nope")}, OperationError, `usernameFragment "nope"`},
		"end mid":      {RemoteCandidate{MID: ptr("7")}, OperationError, `mid "7"`},
		"text":         {RemoteCandidate{Candidate: "(Invalid) candidate", MID: ptr("0")}, OperationError, "fewer than 8"},
		"foundation":   {RemoteCandidate{Candidate: strings.Replace(hostLine, ":1 ", ":!! ", 1), MID: ptr("0")}, OperationError, "foundation"},
		"component":    {RemoteCandidate{Candidate: strings.Replace(hostLine, "1 1", "1 257", 1), MID: ptr("0")}, OperationError, "component"},
		"transport":    {RemoteCandidate{Candidate: strings.Replace(hostLine, "udp", "u/dp", 1), MID: ptr("0")}, OperationError, "transport"},
		"priority":     {RemoteCandidate{Candidate: strings.Replace(hostLine, "2130706431", "4294967296", 1), MID: ptr("0")}, OperationError, "priority"},
		"port":         {RemoteCandidate{Candidate: strings.Replace(hostLine, "1000", "65536", 1), MID: ptr("0")}, OperationError, "port"},
		"typ":          {RemoteCandidate{Candidate: strings.Replace(hostLine, "typ", "type", 1), MID: ptr("0")}, OperationError, "typ"},
		"line ending":  {RemoteCandidate{Candidate: hostLine + "\r\na=setup:active", MID: ptr("0")}, OperationError, "control character"},
		"long":         {RemoteCandidate{Candidate: hostLine + strings.Repeat(" a b", 1000), MID: ptr("0")}, OperationError, "bytes"},
		"only its tag": {RemoteCandidate{Candidate: "candidate:", MID: ptr("0")}, OperationError, "fewer than 8"},
	} {
		t.Run(name, func(t *testing.T) {
			wantKind(t, s.RemoteCandidate(c.c), c.kind, c.part)
			_, err := s.ResolveRemote(c.c)
			wantKind(t, err, c.kind, c.part)
			if snapshot(s) != before {
				t.Error("the error changed the session")
			}
		})
	}
}

func TestRemoteCandidatesAppearInTheirSection(t *testing.T) {
	text := fixture(t, "chromium-media.offer.sdp")
	for name, eol := range map[string]string{"CRLF": "\r\n", "LF": "\n"} {
		t.Run(name, func(t *testing.T) {
			text := strings.ReplaceAll(text, "\r\n", eol)
			s := newSession()
			must(s.SetRemote(Offer, text))
			for _, c := range []RemoteCandidate{
				{Candidate: srflxLine, MID: ptr("0")},
				{Candidate: "a=" + srflxLine, MLineIndex: ptr(uint16(1))},
				{Candidate: strings.TrimPrefix(srflxLine, "candidate:"), MID: ptr("2"), MLineIndex: ptr(uint16(0))},
				{Candidate: srflxLine, MID: ptr("2")}, // once is enough
				{MID: ptr("2")},
			} {
				if err := s.RemoteCandidate(c); err != nil {
					t.Fatal(err)
				}
			}
			d, _ := s.PendingRemote()
			video, app := strings.Index(text, "m=video"), strings.Index(text, "m=application")
			want := text[:video] + "a=" + srflxLine + eol + text[video:app] + "a=" + srflxLine + eol + text[app:] + "a=" + srflxLine + eol + "a=end-of-candidates" + eol
			if d.SDP != want {
				t.Errorf("got\n%s", d.SDP)
			}
			r := s.Sections()[2].Remote
			if len(r.Candidates) != 3 || r.Candidates[2] != srflxLine || !r.EndOfCandidates {
				t.Errorf("%+v", r)
			}
			// They stay when the description comes into force.
			must(s.CreateAnswer(input()))
			must(s.SetLocal(Answer, ""))
			if d, _ := s.CurrentRemote(); d.SDP != want {
				t.Error("lost")
			}
		})
	}
}

func TestALastLineWithoutEndIsEnded(t *testing.T) {
	s := newSession()
	text := strings.TrimSuffix(must(newSession().CreateOffer(peerInput())), "\r\n")
	must(s.SetRemote(Offer, text))
	if d, _ := s.PendingRemote(); d.SDP != text {
		t.Error("the text changed")
	}
	if err := s.RemoteCandidate(RemoteCandidate{Candidate: hostLine, MID: ptr("0")}); err != nil {
		t.Fatal(err)
	}
	if d, _ := s.PendingRemote(); d.SDP != text+"\r\na="+hostLine+"\r\n" {
		t.Errorf("%q", d.SDP)
	}
}

func TestCandidatesGoToTheirGeneration(t *testing.T) {
	a, b := newSession(), newSession()
	connect(t, a, b, input(), peerInput())
	in := peerInput()
	in.Ufrag, in.Pwd = "next", "nextnextnextnextnextnext"
	must(a.SetRemote(Offer, offer(t, b, in)))
	for _, c := range []RemoteCandidate{
		{Candidate: hostLine, MID: ptr("0"), Ufrag: ptr("peer")},
		{Candidate: srflxLine, MID: ptr("0")},                           // the newest
		{Candidate: mdnsLine + " ufrag peer", MID: ptr("0")},            // by its extension
		{Candidate: tcpLine + " ufrag gone", MID: ptr("0")},             // of a generation that is over
		{Candidate: v6Line, MLineIndex: ptr(uint16(0)), Ufrag: ptr("")}, // "" is null
		{Ufrag: ptr("peer")},
	} {
		if err := a.RemoteCandidate(c); err != nil {
			t.Fatal(err)
		}
	}
	cur, _ := a.CurrentRemote()
	pend, _ := a.PendingRemote()
	for _, c := range []struct {
		line     string
		cur, new bool
	}{{hostLine, true, false}, {srflxLine, false, true}, {mdnsLine, true, false}, {tcpLine, false, true}, {v6Line, false, true}, {endOfCandidates, true, false}} {
		if strings.Contains(cur.SDP, c.line) != c.cur || strings.Contains(pend.SDP, c.line) != c.new {
			t.Errorf("%s: %v %v", c.line, strings.Contains(cur.SDP, c.line), strings.Contains(pend.SDP, c.line))
		}
	}
	// Without a restart both descriptions are of the same generation.
	must(a.SetRemote(Rollback, ""))
	must(b.SetLocal(Rollback, ""))
	must(a.SetRemote(Offer, offer(t, b, peerInput())))
	if err := a.RemoteCandidate(RemoteCandidate{Candidate: tcpLine, MID: ptr("0")}); err != nil {
		t.Fatal(err)
	}
	cur, _ = a.CurrentRemote()
	pend, _ = a.PendingRemote()
	if !strings.Contains(cur.SDP, tcpLine) || !strings.Contains(pend.SDP, tcpLine) {
		t.Error("the candidate is not in both")
	}
}

func TestResolveRemote(t *testing.T) {
	resolve := func(s *Session, c RemoteCandidate) string {
		t.Helper()
		return strings.Join(must(s.ResolveRemote(c)), " ")
	}
	// Chromium with policy max-bundle gathers for audio only, which this side rejects.
	s := newSession()
	text := fixture(t, "chromium-maxbundle.offer.sdp")
	must(s.SetRemote(Offer, text))
	if got := resolve(s, RemoteCandidate{Candidate: hostLine, MID: ptr("0")}); got != "2" {
		t.Errorf("max-bundle: %q", got)
	}
	if got := resolve(s, RemoteCandidate{MID: ptr("0")}); got != "" {
		t.Errorf("end of candidates of another section: %q", got)
	}
	if n := len(s.Sections()[2].Remote.Candidates); n != strings.Count(text, "a=candidate") {
		t.Errorf("%d candidates", n)
	}
	// With separate transports each section has its own.
	s = newSession()
	must(s.SetRemote(Offer, fixture(t, "chromium-media.offer.sdp")))
	for mid, want := range map[string]string{"0": "", "1": "", "2": "2"} {
		if got := resolve(s, RemoteCandidate{Candidate: hostLine, MID: ptr(mid)}); got != want {
			t.Errorf("mid %s: %q", mid, got)
		}
	}
	if got := resolve(s, RemoteCandidate{}); got != "2" {
		t.Errorf("end of all: %q", got)
	}
	must(s.ResolveRemote(RemoteCandidate{}))
	if err := s.RemoteCandidate(RemoteCandidate{}); err != nil {
		t.Fatal(err)
	}
	if d, _ := s.PendingRemote(); strings.Count(d.SDP, "a=end-of-candidates") != 3 {
		t.Error(d.SDP)
	}
	// A section whose port the peer zeroed has no transport.
	s = newSession()
	must(s.SetRemote(Offer, fixture(t, "chromium-rejected.offer.sdp")))
	before := snapshot(s)
	if err := s.RemoteCandidate(RemoteCandidate{Candidate: hostLine, MID: ptr("0")}); err != nil || snapshot(s) != before {
		t.Errorf("a candidate of a rejected section: %v", err)
	}
}

func TestAddedRemoteCandidatesAreBounded(t *testing.T) {
	s := New(Config{MaxCandidates: 10})
	must(s.SetRemote(Offer, must(newSession().CreateOffer(peerInput()))))
	c := RemoteCandidate{MID: ptr("0")}
	for i := range 10 {
		c.Candidate = fmt.Sprintf("candidate:%d 1 udp 1 10.0.0.1 %d typ host", i, i+1)
		if err := s.RemoteCandidate(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RemoteCandidate(c); err != nil {
		t.Errorf("one that is known: %v", err)
	}
	c.Candidate = hostLine
	wantKind(t, s.RemoteCandidate(c), OperationError, "m-line 0 (application, mid 0): more than 10 candidates")
}

// RFC 9429 section 5.2.2: candidates gathered since are in the local descriptions and in re-offers, and the
// m-line and c-line say the default one.
func TestLocalCandidatesAreRendered(t *testing.T) {
	s := newSession()
	sdp := offer(t, s, input())
	get := func() string { d, _ := s.PendingLocal(); return d.SDP }
	s.LocalCandidate("0", mdnsLine)
	s.LocalCandidate("0", tcpLine)
	if got := get(); got != sdp+"a="+mdnsLine+"\r\na="+tcpLine+"\r\n" {
		t.Errorf("names and TCP are no default:\n%s", got)
	}
	s.LocalCandidate("0", v6Line)
	if got := get(); !strings.Contains(got, "m=application 4000 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP6 fd00::1\r\n") {
		t.Error(got)
	}
	s.LocalCandidate("0", hostLine)
	s.LocalCandidate("0", hostLine)
	s.LocalCandidate("7", hostLine) // nobody's
	s.LocalEnd("7")
	if got := get(); !strings.Contains(got, "m=application 1000 ") || !strings.Contains(got, "c=IN IP4 10.0.0.1\r\n") || strings.Count(got, hostLine) != 1 {
		t.Error(got)
	}
	s.LocalCandidate("0", srflxLine)
	s.LocalEnd("0")
	got := get()
	if !strings.Contains(got, "m=application 2000 ") || !strings.Contains(got, "c=IN IP4 203.0.113.9\r\n") || !strings.HasSuffix(got, "a="+srflxLine+"\r\na=end-of-candidates\r\n") {
		t.Error(got)
	}
	if again := must(s.CreateOffer(input())); body(again) != body(got) {
		t.Errorf("the re-offer:\n%s", again)
	}
	l := s.Sections()[0].Local
	if len(l.Candidates) != 5 || !l.EndOfCandidates {
		t.Errorf("%+v", l)
	}
	// The peer reads it, and a restart starts anew.
	r := must(newSession().SetRemote(Offer, got)).Sections[0].Remote
	if len(r.Candidates) != 5 || !r.EndOfCandidates {
		t.Errorf("%+v", r)
	}
	in := input()
	in.Ufrag = "again"
	if sdp := must(s.CreateOffer(in)); strings.Contains(sdp, "candidate") || !strings.Contains(sdp, "m=application 9 ") {
		t.Error(sdp)
	}
}

// body is an SDP without its o= line.
func body(sdp string) string {
	parts := strings.SplitN(sdp, "\r\n", 3)
	return parts[0] + parts[2]
}
