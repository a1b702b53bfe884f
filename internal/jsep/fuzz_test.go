package jsep

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// seeds are the texts that fuzzing starts from.
func seeds(f *testing.F) []string {
	files, err := filepath.Glob("testdata/*.sdp")
	if err != nil {
		f.Fatal(err)
	}
	out := []string{"", "v=0\r\n", "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n", must(newSession().CreateOffer(peerInput()))}
	for _, name := range files {
		out = append(out, fixture(f, filepath.Base(name)))
	}
	return out
}

// mutate changes lines of a text as a little program says: each byte of ops deletes, doubles, moves or
// cuts a line, or plants a piece of another one.
func mutate(text string, ops []byte) string {
	ls := strings.SplitAfter(text, "\n")
	for i := 0; i+2 < len(ops) && i < 60 && len(ls) > 0 && len(ls) < 5000; i += 3 {
		at, other := int(ops[i+1])*len(ls)/256, int(ops[i+2])*len(ls)/256
		switch ops[i] % 6 {
		case 0:
			ls = append(ls[:at:at], ls[at+1:]...)
		case 1:
			ls = append(ls[:at:at], append([]string{ls[at]}, ls[at:]...)...)
		case 2:
			ls[at], ls[other] = ls[other], ls[at]
		case 3:
			ls[at] = ls[at][:len(ls[at])*int(ops[i+2])/256] + "\n"
		case 4:
			l := ls[other]
			ls[at] = strings.TrimRight(ls[at], "\r\n") + l[len(l)/2:]
		case 5:
			ls[at] = strings.Replace(ls[at], "9", string(rune(ops[i+2])), 1)
		}
	}
	return strings.Join(ls, "")
}

// FuzzSetRemote: no panic, errors are typed, bounded and change nothing, and what was accepted is kept as
// it came, can be answered, and leaves sections that hold together.
func FuzzSetRemote(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text, uint8(0), []byte{})
		f.Add(text, uint8(1), []byte{3, 100, 20, 2, 10, 200})
		f.Add(text, uint8(2), []byte{0, 90, 0, 1, 250, 0, 4, 3, 77})
		f.Add(text, uint8(7), []byte{5, 128, 48})
	}
	f.Fuzz(func(t *testing.T, text string, mode uint8, ops []byte) {
		text = mutate(text, ops)
		s := newSession()
		typ := Offer
		switch mode % 4 {
		case 1: // have-local-offer, answer
			typ = Answer
			must(s.CreateOffer(input()))
			must(s.SetLocal(Offer, ""))
		case 2: // negotiated before
			must(s.SetRemote(Offer, must(newSession().CreateOffer(peerInput()))))
			must(s.CreateAnswer(input()))
			must(s.SetLocal(Answer, ""))
		case 3: // glare, pranswer
			must(s.CreateOffer(input()))
			must(s.SetLocal(Offer, ""))
			if mode&4 != 0 {
				typ = Pranswer
			}
		}
		before := snapshot(s)
		start := time.Now()
		a, err := s.SetRemote(typ, text)
		if d := time.Since(start); d > slowdown*500*time.Millisecond { // 50 ms on an idle machine: see TestTheDearestInputsStayCheap
			t.Errorf("took %v", d)
		}
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || len(err.Error()) > 1000 {
				t.Fatalf("error %T of %d bytes", err, len(err.Error()))
			}
			if snapshot(s) != before {
				t.Fatal("the error changed the session")
			}
			return
		}
		checkAccepted(t, s, a, typ, text)
	})
}

func checkAccepted(t *testing.T, s *Session, a *Applied, typ Type, text string) {
	d, ok := s.PendingRemote()
	if typ == Answer {
		d, ok = s.CurrentRemote()
	}
	if !ok || d.SDP != text || d.Type != typ {
		t.Fatalf("applied %q, kept %q", text, d.SDP)
	}
	mids := map[string]bool{}
	for i, sec := range a.Sections {
		if sec.Index != i || sec.MID == "" || mids[sec.MID] {
			t.Fatalf("section %d: %+v", i, sec)
		}
		mids[sec.MID] = true
		if !sec.Rejected && (sec.Remote.Ufrag == "" || len(sec.Remote.Fingerprints) == 0 || sec.Data == nil) {
			t.Fatalf("section %d lacks its transport: %+v", i, sec)
		}
	}
	for _, sec := range a.Sections {
		if !mids[sec.BundleTag] {
			t.Fatalf("bundle tag %q", sec.BundleTag)
		}
	}
	if typ != Offer {
		return
	}
	answer, err := s.CreateAnswer(input())
	if err != nil {
		t.Fatalf("no answer to an accepted offer: %v\n%s", err, text)
	}
	b, err := s.SetLocal(Answer, answer)
	if err != nil || len(b.Sections) != len(a.Sections) {
		t.Fatalf("%v, %d sections", err, len(b.Sections))
	}
	for i, sec := range b.Sections {
		if sec.Rejected != a.Sections[i].Rejected || sec.MID != a.Sections[i].MID || (!sec.Rejected && sec.LocalSetup == SetupNone) {
			t.Fatalf("section %d: %+v, was %+v", i, sec, a.Sections[i])
		}
	}
	if _, err := s.CreateOffer(input()); err != nil {
		t.Fatalf("no re-offer: %v", err)
	}
}

// FuzzRemoteCandidate: no panic, typed errors that change nothing; what is accepted leaves a description
// that reads as before, with at most the one line more.
func FuzzRemoteCandidate(f *testing.F) {
	for _, l := range []string{"", hostLine, srflxLine, mdnsLine, tcpLine, v6Line, hostLine + " ufrag peer", "candidate:", hostLine + "\r\na=x", "a=" + hostLine} {
		f.Add(l, "0", uint16(0), "peer", uint8(1))
		f.Add(l, "1", uint16(2), "", uint8(6))
		f.Add(l, "", uint16(1), "x", uint8(3))
	}
	text := must(newSession().CreateOffer(peerInput()))
	f.Fuzz(func(t *testing.T, line, mid string, index uint16, ufrag string, which uint8) {
		s := newSession()
		if _, err := s.SetRemote(Offer, text); err != nil {
			t.Fatal(err)
		}
		c := RemoteCandidate{Candidate: line}
		if which&1 != 0 {
			c.MID = &mid
		}
		if which&2 != 0 {
			c.MLineIndex = &index
		}
		if which&4 != 0 {
			c.Ufrag = &ufrag
		}
		before := snapshot(s)
		_, resolveErr := s.ResolveRemote(c)
		if snapshot(s) != before {
			t.Fatal("ResolveRemote changed the session")
		}
		err := s.RemoteCandidate(c)
		if (err == nil) != (resolveErr == nil) {
			t.Fatalf("%v and %v", err, resolveErr)
		}
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || snapshot(s) != before {
				t.Fatalf("%T, or a change", err)
			}
			return
		}
		d, _ := s.PendingRemote()
		if n := strings.Count(d.SDP, "\n") - strings.Count(text, "\n"); n > 1 {
			t.Fatalf("%d lines more", n)
		}
		if _, err := newSession().SetRemote(Offer, d.SDP); err != nil {
			t.Fatalf("%v in\n%s", err, d.SDP)
		}
		if err := s.RemoteCandidate(c); err != nil {
			t.Fatalf("the second time: %v", err)
		}
		if again, _ := s.PendingRemote(); again != d {
			t.Fatal("added twice")
		}
	})
}
