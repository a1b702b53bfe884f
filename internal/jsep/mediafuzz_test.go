package jsep

import (
	"errors"
	"testing"
	"time"
)

// fuzzMedia is a session that has something of everything, and offers it.
func fuzzMedia(id uint64) (*Session, LocalInput) {
	s := New(mediaConfig(id))
	s.AddTrack(Audio, "mic", []string{"call"})
	s.AddTransceiver(TransceiverInit{Kind: Video, TrackID: "cam", StreamIDs: []string{"call", "too"}, SendRIDs: threeLayers})
	v := s.AddTransceiver(TransceiverInit{Kind: Video, Direction: Recvonly})
	in := input()
	in.CNAME = "me"
	in.Streams = map[TransceiverID]SendStream{1: {SSRC: 1, RTX: 2}, v: {SSRC: 3, RTX: 4, FEC: 5}}
	return s, in
}

// FuzzSetRemoteMedia is FuzzSetRemote for ends that have media: no panic, errors are typed and change nothing, and what was
// accepted can be answered, rolled back and negotiated further; events, sections and transceivers hold together.
func FuzzSetRemoteMedia(f *testing.F) {
	s, in := fuzzMedia(9)
	texts := append(seeds(f), must(s.CreateOffer(in)))
	for _, text := range texts {
		f.Add(text, uint8(0), []byte{})
		f.Add(text, uint8(1), []byte{3, 100, 20, 2, 10, 200})
		f.Add(text, uint8(2), []byte{0, 90, 0, 1, 250, 0, 4, 3, 77})
		f.Add(text, uint8(3), []byte{5, 128, 48, 2, 40, 220})
		f.Add(text, uint8(4), []byte{4, 200, 100})
	}
	// The answer to the offer that modes 1 and 4 have out.
	s, in = fuzzMedia(1)
	answer := reply(f, New(mediaConfig(2)), mediaPeerInput(), Answer, offer(f, s, in))
	f.Add(answer, uint8(1), []byte{})
	f.Add(answer, uint8(4), []byte{1, 200, 7})
	f.Fuzz(func(t *testing.T, text string, mode uint8, ops []byte) {
		text = mutate(text, ops)
		s, in := fuzzMedia(1)
		typ := Offer
		switch mode % 5 {
		case 1, 4:
			typ = Answer
			if mode%5 == 4 {
				typ = Pranswer
			}
			offer(t, s, in)
		case 2: // negotiated before
			p, _ := fuzzMedia(2)
			reply(t, s, in, Answer, offer(t, p, peerInput()))
		case 3: // glare
			offer(t, s, in)
		}
		before := snapshot(s)
		start := time.Now()
		a, err := s.SetRemote(typ, text)
		if d := time.Since(start); d > slowdown*500*time.Millisecond {
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
		holdTogether(t, s, a)
		switch typ {
		case Offer:
			if ops != nil && len(ops)%2 == 1 {
				holdTogether(t, s, must(s.SetRemote(Rollback, "")))
				holdTogether(t, s, must(s.SetRemote(typ, text)))
			}
			if _, err := s.CreateAnswer(in); err != nil {
				t.Fatalf("no answer to an accepted offer: %v\n%s", err, text)
			}
			holdTogether(t, s, must(s.SetLocal(Answer, "")))
		case Pranswer:
			return
		}
		if _, err := s.CreateOffer(in); err != nil {
			t.Fatalf("no re-offer: %v\n%s", err, text)
		}
		holdTogether(t, s, must(s.SetLocal(Offer, "")))
		holdTogether(t, s, must(s.SetLocal(Rollback, "")))
	})
}

func holdTogether(t *testing.T, s *Session, a *Applied) {
	t.Helper()
	for i := range a.Tracks {
		if i > 0 && a.Tracks[i-1].Kind > a.Tracks[i].Kind {
			t.Fatalf("tracks out of order: %+v", a.Tracks)
		}
	}
	byMID := map[string]Section{}
	for i, sec := range a.Sections {
		if _, twice := byMID[sec.MID]; sec.Index != i || sec.MID == "" || twice {
			t.Fatalf("section %d: %+v", i, sec)
		}
		byMID[sec.MID] = sec
		if !sec.Rejected && (sec.Transceiver == 0) != (sec.Kind == "application") {
			t.Fatalf("section %d: %+v", i, sec)
		}
	}
	for _, sec := range a.Sections {
		if tag, ok := byMID[sec.BundleTag]; !ok || (!sec.Rejected && (tag.Rejected || tag.BundleTag != tag.MID)) {
			t.Fatalf("bundle tag of %+v: %+v", sec, tag)
		}
	}
	for _, st := range s.Transceivers() {
		if st.MID != "" && byMID[st.MID].Transceiver != st.ID {
			t.Fatalf("%+v is not in %+v", st, a.Sections)
		}
		if st.Stopped && (len(st.Send.Codecs) > 0 || len(st.Receive.Codecs) > 0 || st.Receptive) {
			t.Fatalf("stopped: %+v", st)
		}
	}
}
