package jsep

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// wideConfig knows the codecs that browsers know.
func wideConfig() Config {
	c := mediaConfig(4711)
	nack := c.Video.Codecs[0].Feedback
	c.Audio.Codecs = append(c.Audio.Codecs,
		Codec{Kind: Audio, Name: "G722", ClockRate: 8000, PayloadType: 9},
		Codec{Kind: Audio, Name: "PCMA", ClockRate: 8000, PayloadType: 8},
		Codec{Kind: Audio, Name: "telephone-event", ClockRate: 8000, Fmtp: "0-15", PayloadType: 126})
	c.Video.Codecs = append(c.Video.Codecs,
		Codec{Kind: Video, Name: "VP9", ClockRate: 90000, Fmtp: "profile-id=0", PayloadType: 98, Feedback: nack},
		Codec{Kind: Video, Name: "rtx", ClockRate: 90000, Fmtp: "apt=98", PayloadType: 99},
		Codec{Kind: Video, Name: "AV1", ClockRate: 90000, PayloadType: 45, Feedback: nack},
		Codec{Kind: Video, Name: "rtx", ClockRate: 90000, Fmtp: "apt=45", PayloadType: 46})
	return c
}

// mediaReport is what an application sees of the transceivers after a description.
func mediaReport(s *Session, a *Applied) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v -> %v created=%v stopped=%v removed=%v\n", a.From, a.To, a.Created, a.Stopped, a.Removed)
	for _, c := range a.Tracks {
		fmt.Fprintf(&b, "track of %d %v %q in %q\n", c.ID, c.Kind, c.TrackID, c.StreamIDs)
	}
	for _, sec := range a.Sections {
		fmt.Fprintf(&b, "m-line %d mid=%s %s rejected=%v transport=%s transceiver=%d\n", sec.Index, sec.MID, sec.Kind, sec.Rejected, sec.BundleTag, sec.Transceiver)
	}
	for _, t := range s.Transceivers() {
		fmt.Fprintf(&b, "transceiver %d %v mid=%q %v", t.ID, t.Kind, t.MID, t.Direction)
		if t.HasCurrent {
			fmt.Fprintf(&b, " now %v", t.CurrentDirection)
		}
		fmt.Fprintf(&b, " rids=%q\n", t.SendRIDs)
		for _, p := range []struct {
			name string
			p    MediaParameters
		}{{"send", t.Send}, {"receive", t.Receive}} {
			if len(p.p.Codecs) == 0 {
				continue
			}
			fmt.Fprintf(&b, "  %s mux=%v rsize=%v mixed=%v rids=%+v\n", p.name, p.p.RTCPMux, p.p.ReducedSize, p.p.AllowMixed, p.p.RIDs)
			for _, c := range p.p.Codecs {
				fmt.Fprintf(&b, "    %+v\n", c)
			}
			for _, e := range p.p.Extensions {
				fmt.Fprintf(&b, "    %+v\n", e)
			}
		}
		fmt.Fprintf(&b, "  remote %+v\n", t.Remote)
	}
	return b.String()
}

// The media of browsers and other stacks is accepted (RFC 9429 section 5.3): what is read, the track events, and
// the answer of an end that has a track of its own to send.
func TestMediaOffersAreAnsweredAsTheGoldenFilesSay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.offer.sdp")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".offer.sdp")
		text := fixture(t, name+".offer.sdp")
		if !strings.Contains(text, "m=audio") && !strings.Contains(text, "m=video") {
			continue
		}
		n++
		t.Run(name, func(t *testing.T) {
			cfg := wideConfig()
			cfg.RTCPMuxNegotiate = name == "sip-gateway"
			s := New(cfg)
			s.AddTrack(Video, "camera", []string{"call"})
			a, err := s.SetRemote(Offer, text)
			if err != nil {
				t.Fatal(err)
			}
			got := mediaReport(s, a)
			answer, err := s.CreateAnswer(input())
			if err != nil {
				t.Fatal(err)
			}
			b, err := s.SetLocal(Answer, answer)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".media.golden", got+mediaReport(s, b)+answer)
		})
	}
	if n < 8 {
		t.Fatalf("only %d offers with media", n)
	}
}

// callOffer is the offer of audio, video and data that the peers whose answers are
// in testdata were given.
func callOffer(t *testing.T) (*Session, string) {
	s := New(wideConfig())
	s.AddTrack(Audio, "microphone", []string{"call"})
	s.AddTrack(Video, "camera", []string{"call"})
	sdp := offer(t, s, input())
	golden(t, "call.golden", sdp)
	return s, sdp
}

// The answers of browsers and other stacks to our audio, video and data (RFC 9429 section 5.11).
func TestMediaAnswersAreAppliedAsTheGoldenFilesSay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.media-answer.sdp")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d answers, %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".sdp")
		t.Run(name, func(t *testing.T) {
			s, _ := callOffer(t)
			a, err := s.SetRemote(Answer, fixture(t, name+".sdp"))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".golden", report(a)+mediaReport(s, a))
		})
	}
}
