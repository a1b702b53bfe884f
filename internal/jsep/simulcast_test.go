package jsep

import (
	"slices"
	"strings"
	"testing"
)

var threeLayers = []string{"q", "h", "f"}

// RFC 9429 section 5.2.1, RFC 8853 section 5.3: layers are offered in the order of the encodings, all are answered, and both ends
// know them.
func TestSimulcastIsOfferedAndAnswered(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Video, TrackID: "cam", SendRIDs: threeLayers})
	theirs := negotiateFirst(t, a, b)
	sdp, _ := a.CurrentLocal()
	for _, want := range []string{"a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"} {
		if !strings.Contains(sdp.SDP, want) {
			t.Error(sdp.SDP)
		}
	}
	if sdp, _ := b.CurrentLocal(); !strings.Contains(sdp.SDP, "a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;h;f\r\n") {
		t.Error(sdp.SDP)
	}
	if st := state(t, a, id); !slices.Equal(ridIDs(st.Send.RIDs), threeLayers) || !slices.Equal(st.SendRIDs, threeLayers) {
		t.Errorf("%+v", st)
	}
	if st := state(t, b, theirs); !slices.Equal(ridIDs(st.Receive.RIDs), threeLayers) || !slices.Equal(ridIDs(st.Remote.RIDs), threeLayers) {
		t.Errorf("%+v", st)
	}
	// An offer of the receiving end asks for them again, or the sender would give them up.
	b.AddTransceiver(TransceiverInit{Kind: Audio})
	negotiate(t, b, a)
	if st := state(t, a, id); !slices.Equal(st.SendRIDs, threeLayers) || !slices.Equal(ridIDs(st.Send.RIDs), threeLayers) {
		t.Errorf("after an offer of the other end: %+v", st)
	}
	// On hold nothing is said of them, and they stay.
	_ = b.SetDirection(theirs, Inactive)
	negotiate(t, b, a)
	negotiate(t, a, b)
	_ = b.SetDirection(theirs, Recvonly)
	negotiate(t, a, b)
	if st := state(t, a, id); !slices.Equal(st.SendRIDs, threeLayers) || !slices.Equal(ridIDs(st.Send.RIDs), threeLayers) {
		t.Errorf("after hold: %+v", st)
	}
}

// RFC 8853 section 5.1: "~" marks a layer that sends nothing for now, in offers and in answers; the peer knows it
// and has it like the others.
func TestPausedLayersAreMarked(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Video, TrackID: "cam", SendRIDs: threeLayers})
	in := mediaInput()
	in.Paused = map[TransceiverID][]string{id: {"q", "f"}}
	connect(t, a, b, in, mediaPeerInput())
	if sdp, _ := a.CurrentLocal(); !strings.Contains(sdp.SDP, "a=simulcast:send ~q;h;~f\r\n") {
		t.Error(sdp.SDP)
	}
	layers := b.Transceivers()[0].Remote.RIDs
	if !slices.Equal(ridIDs(layers), threeLayers) || !layers[0].Paused || layers[1].Paused || !layers[2].Paused {
		t.Errorf("%+v", layers)
	}
	if sdp, _ := b.CurrentLocal(); !strings.Contains(sdp.SDP, "a=simulcast:recv q;h;f\r\n") {
		t.Error(sdp.SDP)
	}
	connect(t, b, a, mediaPeerInput(), in)
	if sdp, _ := a.CurrentLocal(); !strings.Contains(sdp.SDP, "a=simulcast:send ~q;h;~f\r\n") {
		t.Error(sdp.SDP)
	}
}

// webrtc-pc section 4.4.1.4: an answer may take layers away, or simulcast as a whole; it adds none.
func TestAnAnswerNarrowsTheEnvelope(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(text string) string
		want   []string
		err    string
	}{
		"two layers": {func(s string) string {
			return strings.Replace(strings.Replace(s, "a=rid:h recv\r\n", "", 1), "q;h;f", "q;f", 1)
		}, []string{"q", "f"}, ""},
		"a layer without a=rid does not count": {func(s string) string { return strings.Replace(s, "a=rid:f recv\r\n", "", 1) }, []string{"q", "h"}, ""},
		"none": {func(s string) string {
			for _, id := range threeLayers {
				s = strings.Replace(s, "a=rid:"+id+" recv\r\n", "", 1)
			}
			return strings.Replace(s, "a=simulcast:recv q;h;f\r\n", "", 1)
		}, []string{"q"}, ""},
		"inactive": {func(s string) string {
			return strings.Replace(strings.Replace(s, "a=simulcast:recv q;h;f\r\n", "", 1), "a=recvonly", "a=inactive", 1)
		}, threeLayers, ""},
		"another one": {func(s string) string {
			return strings.Replace(s, "a=rid:h recv\r\n", "a=rid:x recv\r\n", 1)[:len(s)-len("q;h;f\r\n")] + "q;x;f\r\n"
		}, nil, "a=rid:\"x\" answers a layer that was not offered"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := mediaPair()
			id := a.AddTransceiver(TransceiverInit{Kind: Video, SendRIDs: threeLayers})
			text := c.answer(reply(t, b, mediaPeerInput(), Answer, offer(t, a, mediaInput())))
			_, err := a.SetRemote(Answer, text)
			if c.err != "" {
				wantKind(t, err, InvalidAccess, c.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := state(t, a, id).SendRIDs; !slices.Equal(got, c.want) {
				t.Errorf("layers %q, want %q\n%s", got, c.want, text)
			}
		})
	}
}

// webrtc-pc section 4.4.1.4 and section 5.4.3: an offer to receive simulcast proposes an envelope to a sender without RIDs, of the
// first alternatives, each once; a rollback takes it back, and one that is established does not change.
func TestAnOfferToReceiveSimulcastProposesAnEnvelope(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Video, Direction: Recvonly})
	text := offer(t, a, mediaInput()) + "a=rid:1 recv max-width=640;max-fps=30\r\na=rid:2 recv pt=96,97\r\na=rid:3 recv\r\na=simulcast:recv 1,3;~2;1;4\r\n"
	mine, _ := b.AddTrack(Video, "cam", nil)
	must(b.SetRemote(Offer, text))
	if got := state(t, b, mine).SendRIDs; !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("proposed %q", got)
	}
	must(b.SetRemote(Rollback, ""))
	if got := state(t, b, mine).SendRIDs; len(got) != 0 {
		t.Errorf("after rollback %q", got)
	}
	answer := reply(t, b, mediaPeerInput(), Answer, text)
	if !strings.Contains(answer, "a=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1;2\r\n") {
		t.Error(answer)
	}
	st := state(t, b, mine)
	if !slices.Equal(st.SendRIDs, []string{"1", "2"}) || len(st.Send.RIDs) != 2 || st.Send.RIDs[0].Restrictions != "max-width=640;max-fps=30" || !slices.Equal(st.Send.RIDs[1].PayloadTypes, []uint8{96, 97}) || !st.Send.RIDs[1].Paused {
		t.Errorf("%+v", st)
	}
	must(b.SetRemote(Offer, strings.Replace(text, "a=simulcast:recv 1,3;~2;1;4", "a=simulcast:recv 3;2", 1)))
	must(b.CreateAnswer(mediaPeerInput()))
	must(b.SetLocal(Answer, ""))
	if got := state(t, b, mine).SendRIDs; !slices.Equal(got, []string{"2"}) {
		t.Errorf("an established envelope is narrowed, not replaced: %q", got)
	}
}

func TestRIDLines(t *testing.T) {
	formats := []string{"96", "97"}
	for v, want := range map[string]string{
		"1 send":                           "1 send",
		"hi recv":                          "hi recv",
		"a-b_c send pt=96":                 "a-b_c send pt=96",
		"1 send max-br=1;pt=97,96;x=y":     "1 send pt=97,96;max-br=1;x=y",
		"1 send max-width=1;max-height=":   "1 send max-width=1;max-height=",
		"1":                                "",
		"":                                 "",
		"1 both":                           "",
		"1. send":                          "",
		" send":                            "",
		"1 send pt=98":                     "",
		"1 send pt=96,96":                  "",
		"1 send pt=x":                      "",
		strings.Repeat("1", 256) + " send": "",
	} {
		got := ""
		if r, ok := parseRID(v, formats); ok {
			got = r.value(map[Direction]string{Sendonly: "send", Recvonly: "recv"}[r.Direction])
		}
		if got != want {
			t.Errorf("%q reads as %q, want %q", v, got, want)
		}
	}
}

func TestSimulcastLines(t *testing.T) {
	rids := []RID{{ID: "1", Direction: Sendonly}, {ID: "2", Direction: Sendonly}, {ID: "3", Direction: Recvonly}}
	for v, want := range map[string][2]string{
		"send 2;1":          {"2 1", ""},
		"send 1,2;2":        {"1 2", ""},
		"recv 3 send ~1":    {"1", "3"},
		"send 1 recv 3;~3":  {"1", "3"},
		"send 3 recv 1":     {"", ""},
		"":                  {"1 2", "3"}, // lone RIDs
		"send":              {"1 2", "3"},
		"send 1 send 2":     {"1 2", "3"},
		"send ;;,~;1":       {"1", ""},
		"upward 1 recv 3":   {"", "3"},
		"send 1 recv 3 x y": {"1 2", "3"},
	} {
		s := parseSimulcast(v, rids)
		if got := [2]string{strings.Join(ridIDs(s.send), " "), strings.Join(ridIDs(s.receive), " ")}; got != want {
			t.Errorf("%q reads as %q, want %q", v, got, want)
		}
	}
}
