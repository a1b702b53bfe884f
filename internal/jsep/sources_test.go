package jsep

import (
	"slices"
	"strings"
	"testing"
)

// protectedConfig knows every kind of repair: rtx, red, ulpfec and FlexFEC.
func protectedConfig(id uint64) Config {
	c := mediaConfig(id)
	c.Video.Codecs = append(c.Video.Codecs,
		Codec{Kind: Video, Name: "red", ClockRate: 90000, PayloadType: 114},
		Codec{Kind: Video, Name: "rtx", ClockRate: 90000, Fmtp: "apt=114", PayloadType: 115},
		Codec{Kind: Video, Name: "ulpfec", ClockRate: 90000, PayloadType: 118},
		Codec{Kind: Video, Name: "flexfec-03", ClockRate: 90000, Fmtp: "repair-window=10000000", PayloadType: 49})
	return c
}

// RFC 5576 section 4: SSRCs are written where the caller has them, with cname, with the msid that older peers look for, and
// with the groups of what the m-section negotiates: FID with rtx (RFC 4588 section 8), FEC-FR with FlexFEC (RFC 5956 section 4.3).
func TestSSRCsAreWrittenAndRead(t *testing.T) {
	for name, c := range map[string]struct {
		peer   Config
		offer  []SSRCGroup
		answer []SSRCGroup // in the answer of an end with the peer's codecs
	}{
		"with all repair": {protectedConfig(2), []SSRCGroup{{GroupFID, []uint32{7, 4294967295}}, {GroupFECFR, []uint32{7, 9}}}, []SSRCGroup{{GroupFID, []uint32{17, 18}}, {GroupFECFR, []uint32{17, 19}}}},
		"with rtx":        {mediaConfig(2), []SSRCGroup{{GroupFID, []uint32{7, 4294967295}}, {GroupFECFR, []uint32{7, 9}}}, []SSRCGroup{{GroupFID, []uint32{17, 18}}}},
		"with none": {Config{Video: MediaSupport{Codecs: mediaConfig(2).Video.Codecs[:1]}},
			[]SSRCGroup{{GroupFID, []uint32{7, 4294967295}}, {GroupFECFR, []uint32{7, 9}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := New(protectedConfig(1)), New(c.peer)
			id := a.AddTransceiver(TransceiverInit{Kind: Video, TrackID: "cam", StreamIDs: []string{"s"}})
			in := mediaInput()
			in.CNAME = "me"
			in.Streams = map[TransceiverID]SendStream{id: {SSRC: 7, RTX: 4294967295, FEC: 9}}
			back, _ := b.AddTrack(Video, "back", nil)
			text := offer(t, a, in)
			if !strings.Contains(text, "a=ssrc:7 cname:me\r\na=ssrc:7 msid:s cam\r\n") {
				t.Error(text)
			}
			answer := mediaPeerInput()
			answer.CNAME = "you"
			answer.Streams = map[TransceiverID]SendStream{back: {SSRC: 17, RTX: 18, FEC: 19}}
			must(a.SetRemote(Answer, reply(t, b, answer, Answer, text)))
			wantGroups(t, state(t, b, back).Remote.Sources, "me", 7, c.offer)
			wantGroups(t, state(t, a, id).Local.Sources, "me", 7, c.offer)
			wantGroups(t, state(t, a, id).Remote.Sources, "you", 17, c.answer)
			wantGroups(t, state(t, b, back).Local.Sources, "you", 17, c.answer)
		})
	}
}

func wantGroups(t *testing.T, s Sources, cname string, first uint32, want []SSRCGroup) {
	t.Helper()
	ssrcs := []uint32{first}
	for _, g := range want {
		ssrcs = append(ssrcs, g.SSRCs[1])
		if beside, ok := s.Group(g.Semantics, first); !ok || beside != g.SSRCs[1] {
			t.Errorf("beside %d in %s: %d, %v", first, g.Semantics, beside, ok)
		}
	}
	same := func(a, b SSRCGroup) bool { return a.Semantics == b.Semantics && slices.Equal(a.SSRCs, b.SSRCs) }
	if s.CNAME != cname || !slices.Equal(s.SSRCs, ssrcs) || !slices.EqualFunc(s.Groups, want, same) || !slices.Equal(s.Streams(), ssrcs[:1]) {
		t.Errorf("%+v", s)
	}
}

// Layers with RIDs are told apart by those (RFC 8853 section 5.5): no SSRC is named. Neither is that of a sender that does not send.
func TestNoSSRCsWithoutNeed(t *testing.T) {
	a := New(mediaConfig(1))
	layers := a.AddTransceiver(TransceiverInit{Kind: Video, SendRIDs: threeLayers})
	quiet := a.AddTransceiver(TransceiverInit{Kind: Video, Direction: Recvonly})
	in := mediaInput()
	in.Streams = map[TransceiverID]SendStream{layers: {SSRC: 1, RTX: 2}, quiet: {SSRC: 3, RTX: 4}}
	if text := offer(t, a, in); strings.Contains(text, "a=ssrc") {
		t.Error(text)
	}
}

func TestSourcesTellStreamsFromTheirRepair(t *testing.T) {
	for name, c := range map[string]struct {
		lines string
		want  []uint32
	}{
		"none":         {"", nil},
		"one":          {"a=ssrc:1 cname:x\r\n", []uint32{1}},
		"rtx":          {"a=ssrc-group:FID 1 2\r\na=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\n", []uint32{1}},
		"rtx and fec":  {"a=ssrc-group:FID 1 2\r\na=ssrc-group:FEC-FR 1 3\r\na=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\na=ssrc:3 cname:x\r\n", []uint32{1}},
		"SIM with rtx": {"a=ssrc-group:SIM 5 3 1\r\na=ssrc-group:FID 1 2\r\na=ssrc-group:FID 3 4\r\na=ssrc-group:FID 5 6\r\na=ssrc:1 cname:x\r\na=ssrc:3 cname:x\r\na=ssrc:5 cname:x\r\n", []uint32{5, 3, 1}},
		"a bad group":  {"a=ssrc-group:FID 1 x\r\na=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\n", []uint32{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := mediaPair()
			a.AddTransceiver(TransceiverInit{Kind: Video})
			applied := must(b.SetRemote(Offer, offer(t, a, mediaInput())+c.lines))
			if got := state(t, b, applied.Created[0]).Remote.Sources.Streams(); !slices.Equal(got, c.want) {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// RFC 4588 section 8.6, RFC 2198, RFC 5109, RFC 8627: repair is agreed with the media, under the numbers of the offer, and rtx
// names the codec by that of this m-section.
func TestRepairIsNegotiated(t *testing.T) {
	renumbered := protectedConfig(2)
	for i := range renumbered.Video.Codecs {
		c := &renumbered.Video.Codecs[i]
		if apt, ok := c.AssociatedPayloadType(); ok {
			c.Fmtp = setParameter(c.Fmtp, "apt", map[uint8]string{96: "30", 102: "32", 114: "34"}[apt])
		}
	}
	for i, pt := range []uint8{30, 31, 32, 33, 34, 35, 36, 37} {
		renumbered.Video.Codecs[i].PayloadType = pt
	}
	a, b := New(protectedConfig(1)), New(renumbered)
	id := a.AddTransceiver(TransceiverInit{Kind: Video})
	back, _ := b.AddTrack(Video, "back", nil)
	negotiate(t, a, b)
	const want = "96 VP8/90000, 97 rtx/90000, 102 H264/90000, 103 rtx/90000, 114 red/90000, 115 rtx/90000, 118 ulpfec/90000, 49 flexfec-03/90000"
	for _, st := range []TransceiverState{state(t, a, id), state(t, b, back)} {
		for _, p := range []MediaParameters{st.Send, st.Receive} {
			if got := codecNames(p); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			for _, c := range p.Codecs {
				apt, ok := c.AssociatedPayloadType()
				if ok != c.IsRTX() || ok && apt != c.PayloadType-1 {
					t.Errorf("%+v retransmits %d, %v", c, apt, ok)
				}
				if c.IsFlexFEC() != (c.PayloadType == 49) || c.IsFlexFEC() && !strings.Contains(c.Fmtp, "repair-window=") {
					t.Errorf("%+v", c)
				}
			}
		}
	}
}

// RFC 4585 section 4.2: only feedback that both ends name is used.
func TestFeedbackNeedsBothEnds(t *testing.T) {
	poor := mediaConfig(2)
	poor.Video.Codecs[0].Feedback = []Feedback{{"NACK", ""}, {"goog-remb", ""}}
	a, b := New(mediaConfig(1)), New(poor)
	id := a.AddTransceiver(TransceiverInit{Kind: Video})
	back, _ := b.AddTrack(Video, "back", nil)
	negotiate(t, a, b)
	for _, st := range []TransceiverState{state(t, a, id), state(t, b, back)} {
		for _, c := range []Codec{st.Send.Codecs[0], st.Receive.Codecs[0]} {
			if !c.HasFeedback("nack", "") || c.HasFeedback("nack", "pli") || c.HasFeedback("transport-cc", "") || c.HasFeedback("goog-remb", "") {
				t.Errorf("%+v", c)
			}
		}
		if h264 := st.Send.Codecs[2]; !h264.HasFeedback("nack", "PLI") || !h264.HasFeedback("transport-cc", "") {
			t.Errorf("%+v", h264)
		}
	}
}

// RFC 5506 section 5 (a=rtcp-rsize) and RFC 8285 section 6 (a=extmap-allow-mixed): each is offered, answered where the peer offers
// it, and in force only where both have written it.
func TestReducedSizeAndMixedExtensionsNeedBothEnds(t *testing.T) {
	without := func(line string) func(string) string {
		return func(text string) string { return strings.ReplaceAll(text, line+"\r\n", "") }
	}
	whole := func(text string) string { return text }
	for name, c := range map[string]struct {
		offer, answer func(string) string
		rsize, mixed  bool
		answerLacks   string
	}{
		"both":                      {whole, whole, true, true, ""},
		"no rtcp-rsize offered":     {without("a=rtcp-rsize"), whole, false, true, "a=rtcp-rsize"},
		"no rtcp-rsize answered":    {whole, without("a=rtcp-rsize"), false, true, ""},
		"no allow-mixed offered":    {without("a=extmap-allow-mixed"), whole, true, false, "a=extmap-allow-mixed"},
		"no allow-mixed answered":   {whole, without("a=extmap-allow-mixed"), true, false, ""},
		"allow-mixed in the m-line": {func(s string) string { return without("a=extmap-allow-mixed")(s) + "a=extmap-allow-mixed\r\n" }, whole, true, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := mediaPair()
			id := a.AddTransceiver(TransceiverInit{Kind: Video})
			back, _ := b.AddTrack(Video, "back", nil)
			text := offer(t, a, mediaInput())
			if !strings.Contains(text, "a=rtcp-rsize\r\n") || strings.Index(text, "a=extmap-allow-mixed\r\n") > strings.Index(text, "m=") {
				t.Fatal(text)
			}
			answer := reply(t, b, mediaPeerInput(), Answer, c.offer(text))
			if c.answerLacks != "" && strings.Contains(answer, c.answerLacks) {
				t.Error(answer)
			}
			must(a.SetRemote(Answer, c.answer(answer)))
			st := state(t, a, id)
			offered := c.offer(text) == text
			for _, p := range []MediaParameters{st.Send, st.Receive} {
				if p.ReducedSize != c.rsize || (p.AllowMixed != c.mixed && offered) {
					t.Errorf("offerer: rsize %v, mixed %v", p.ReducedSize, p.AllowMixed)
				}
			}
			if p := state(t, b, back).Send; c.answer(answer) == answer && (p.ReducedSize != c.rsize || p.AllowMixed != c.mixed) {
				t.Errorf("answerer: rsize %v, mixed %v", p.ReducedSize, p.AllowMixed)
			}
		})
	}
}
