package jsep

import (
	"slices"
	"strings"
	"testing"
)

// webrtc-pc section 5.1, addTrack: a sender that an answer of this side let send has been used.
func TestAnAnswererThatSentIsNotReused(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	id, _ := b.AddTrack(Audio, "b", nil)
	negotiate(t, a, b)
	b.RemoveTrack(id)
	if got, reused := b.AddTrack(Audio, "c", nil); reused || got == id {
		t.Errorf("transceiver %d was used again", got)
	}
}

// webrtc-pc section 4.4.1.4 and section 5.4: what a rejected m-line stopped stays stopped when its offer is rolled back, and the
// next offer of this side rejects the m-line.
func TestRollbackDoesNotReviveWhatIsStopped(t *testing.T) {
	a, b := mediaPair()
	id, _ := a.AddTrack(Audio, "mic", []string{"s"})
	theirs := negotiateFirst(t, a, b)
	a.StopTransceiver(id)
	got := must(b.SetRemote(Offer, offer(t, a, mediaInput())))
	if !slices.Equal(got.Stopped, []TransceiverID{theirs}) || !slices.Equal(kinds(got.Tracks), []string{"muted", "removed"}) {
		t.Errorf("%+v", got)
	}
	back := must(b.SetRemote(Rollback, ""))
	if st := state(t, b, theirs); len(back.Tracks) != 0 || len(back.Removed) != 0 || !st.Stopped || st.MID != "0" || st.CurrentDirection != Stopped {
		t.Errorf("%+v, %+v", back, st)
	}
	must(a.SetLocal(Rollback, ""))
	if !b.NegotiationNeeded(mediaPeerInput()) {
		t.Error("webrtc-pc section 4.7.3 step 5.4: stopped, and the m-line is not rejected")
	}
	if _, _, done := negotiate(t, b, a); !done.Sections[0].Rejected || len(a.Transceivers())+len(b.Transceivers()) != 0 {
		t.Errorf("%+v", done)
	}
}

// webrtc-pc section 4.4.1.4: an offer that follows another one is checked as if that had been answered.
func TestBackToBackOffers(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio, StreamIDs: []string{"s"}})
	first := must(b.SetRemote(Offer, offer(t, a, mediaInput())))
	a.AddTransceiver(TransceiverInit{Kind: Video})
	text := offer(t, a, mediaInput())
	for part, bad := range map[string]string{
		"its mid was 0":           swap(t, swap(t, text, "a=mid:0", "a=mid:x"), "BUNDLE 0 1", "BUNDLE x 1"),
		"it was audio":            swap(t, text, "m=audio 9 UDP/TLS/RTP/SAVPF 111 0", "m=video 9 UDP/TLS/RTP/SAVPF 111 0"),
		"the offer has 0 m-lines": text[:strings.Index(text, "m=")][:strings.Index(text, "a=group")],
	} {
		_, err := b.SetRemote(Offer, bad)
		wantKind(t, err, InvalidAccess, part)
	}
	second := must(b.SetRemote(Offer, text))
	if len(second.Created) != 1 || !slices.Equal(kinds(second.Tracks), []string{"added"}) || len(b.Transceivers()) != 2 {
		t.Errorf("%+v, then %+v", first, second)
	}
	back := must(b.SetRemote(Rollback, ""))
	if !slices.Equal(back.Removed, append(first.Created, second.Created...)) || len(b.Transceivers()) != 0 {
		t.Errorf("%+v", back)
	}
}

// What a first offer rejects, a second one that follows at once may recycle (RFC 9429 section 5.10).
func TestBackToBackOffersRecycle(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Audio})
	theirs := negotiateFirst(t, a, b)
	a.StopTransceiver(id)
	zero := offer(t, a, mediaInput())
	must(b.SetRemote(Offer, zero))
	c, _ := mediaPair()
	c.AddTransceiver(TransceiverInit{Kind: Audio})
	fresh := strings.Replace(strings.Replace(offer(t, c, mediaInput()), "a=mid:0", "a=mid:9", 1), "BUNDLE 0", "BUNDLE 9", 1)
	got := must(b.SetRemote(Offer, fresh))
	if len(got.Created) != 1 || state(t, b, theirs).MID != "" {
		t.Errorf("%+v %+v", got, b.Transceivers())
	}
	must(b.CreateAnswer(mediaPeerInput()))
	if done := must(b.SetLocal(Answer, "")); !slices.Equal(done.Removed, []TransceiverID{theirs}) || !slices.Equal(mids(b), []string{"9"}) {
		t.Errorf("%+v", done)
	}
}

// webrtc-pc section 5.4, setCodecPreferences, and RFC 3264 section 8.3.2: the number of a codec that was dropped is not given to
// another one.
func TestARetiredPayloadTypeIsNotUsedAgain(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Video})
	negotiate(t, a, b)
	_ = a.SetCodecPreferences(id, a.cfg.Video.Codecs[2:])
	negotiate(t, a, b)
	if got := codecNames(state(t, a, id).Send); strings.Contains(got, "96 ") {
		t.Fatal(got)
	}
	a.cfg.Audio.Codecs = slices.Clone(a.cfg.Audio.Codecs)
	a.cfg.Audio.Codecs[0].PayloadType = 96
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	negotiate(t, a, b)
	if sdp, _ := a.CurrentLocal(); strings.Contains(sdp.SDP, ":96 opus") || !strings.Contains(sdp.SDP, " opus/48000/2") {
		t.Error(sdp.SDP)
	}
}

// An m-line that is in force keeps its numbers against a new one in front of it.
func TestANewMLineDoesNotTakeTheNumbersOfOneInForce(t *testing.T) {
	a, b := mediaPair()
	first := a.AddTransceiver(TransceiverInit{Kind: Video})
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	negotiate(t, a, b)
	a.StopTransceiver(first)
	negotiate(t, a, b)
	a.AddTransceiver(TransceiverInit{Kind: Video})
	text := offer(t, a, mediaInput())
	text = swap(t, text, "SAVPF 96 97 102 103", "SAVPF 111 97 102 103")
	text = swap(t, text, "rtpmap:96 VP8", "rtpmap:111 VP8")
	text = swap(t, text, "fmtp:97 apt=96", "fmtp:97 apt=111")
	answer := reply(t, b, mediaPeerInput(), Answer, text)
	if !strings.HasPrefix(sectionOf(t, answer, 0), "m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\n") || !strings.HasPrefix(sectionOf(t, answer, 1), "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n") {
		t.Error(answer)
	}
}

// RFC 9429 section 5.9: once an offer is out, its media may come at once.
func TestAnOfferIsReadyToReceive(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Audio})
	quiet := a.AddTransceiver(TransceiverInit{Kind: Audio, Direction: Sendonly})
	offer(t, a, mediaInput())
	if st := state(t, a, id); codecNames(st.Receive) != "111 opus/48000/2, 0 PCMU/8000" || len(st.Send.Codecs) != 0 || !st.Receptive || st.HasCurrent {
		t.Errorf("%+v", st)
	}
	if st := state(t, a, quiet); len(st.Receive.Codecs) != 0 || st.Receptive {
		t.Errorf("%+v", st)
	}
	must(a.SetLocal(Rollback, ""))
	_ = b
}

// Peers from before RFC 8830 name streams in a=ssrc lines.
func TestStreamsOfOlderPeers(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio, TrackID: "mic", StreamIDs: []string{"s"}})
	text := swap(t, offer(t, a, mediaInput()), "a=msid:s mic\r\n", "a=ssrc:1 cname:x\r\na=ssrc:1 msid:old track\r\na=ssrc:x\r\na=ssrc-group:FID 1\r\na=ssrc-group:FID\r\na=ssrc-group:FID 1 y\r\n")
	got := must(b.SetRemote(Offer, text))
	r := state(t, b, got.Created[0]).Remote
	if r.TrackID != "track" || !slices.Equal(r.StreamIDs, []string{"old"}) || !slices.Equal(r.Sources.SSRCs, []uint32{1}) || len(r.Sources.Groups) != 1 {
		t.Errorf("%+v", r)
	}
	// Without any the track is in no stream (webrtc-pc section 5.1.4).
	again := must(b.SetRemote(Offer, swap(t, text, "a=ssrc:1 msid:old track\r\n", "")))
	if !slices.Equal(kinds(again.Tracks), []string{"removed"}) {
		t.Errorf("%+v", again.Tracks)
	}
}

// webrtc-pc section 4.4.1.4: provisional answers settle directions and parameters, and can be followed by others.
func TestProvisionalAnswersOfMedia(t *testing.T) {
	a, b := mediaPair()
	mine := a.AddTransceiver(TransceiverInit{Kind: Audio, StreamIDs: []string{"s"}})
	got := must(b.SetRemote(Offer, offer(t, a, mediaInput())))
	theirs := got.Created[0]
	step := func(typ Type, d Direction) (*Applied, *Applied) {
		t.Helper()
		if err := b.SetDirection(theirs, d); err != nil {
			t.Fatal(err)
		}
		text := must(b.CreateAnswer(mediaPeerInput()))
		l := must(b.SetLocal(typ, text))
		r := must(a.SetRemote(typ, text))
		if state(t, b, theirs).CurrentDirection != d || state(t, a, mine).CurrentDirection != d.Reverse() {
			t.Errorf("%v %v: %+v and %+v", typ, d, state(t, b, theirs), state(t, a, mine))
		}
		return l, r
	}
	l, r := step(Pranswer, Inactive)
	if !slices.Equal(kinds(l.Tracks), []string{"muted", "removed"}) || len(r.Tracks) != 0 || len(state(t, a, mine).Send.Codecs) != 0 {
		t.Errorf("%+v %+v", l.Tracks, r.Tracks)
	}
	// The track that a provisional answer took away is announced again.
	l, r = step(Pranswer, Sendrecv)
	if !slices.Equal(kinds(l.Tracks), []string{"joined", "added"}) || !slices.Equal(kinds(r.Tracks), []string{"added"}) || len(state(t, a, mine).Send.Codecs) != 2 {
		t.Errorf("%+v %+v", l.Tracks, r.Tracks)
	}
	if l, r = step(Answer, Sendrecv); len(l.Tracks)+len(r.Tracks) != 0 {
		t.Errorf("%+v %+v", l.Tracks, r.Tracks)
	}
}

// RFC 3264 section 6.1: an answer that allows more than was offered is brought down to that.
func TestAnAnswerThatAllowsTooMuch(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Audio, Direction: Recvonly})
	_, _ = b.AddTrack(Audio, "b", nil)
	answer := swap(t, reply(t, b, mediaPeerInput(), Answer, offer(t, a, mediaInput())), "a=sendonly", "a=sendrecv")
	must(a.SetRemote(Answer, answer))
	if st := state(t, a, id); st.CurrentDirection != Recvonly || len(st.Send.Codecs) != 0 {
		t.Errorf("%+v", st)
	}
}

func TestTransceiversThatAreGone(t *testing.T) {
	s, _ := mediaPair()
	wantKind(t, s.SetDirection(7, Sendrecv), InvalidState, "transceiver 7 is gone")
	wantKind(t, s.SetCodecPreferences(7, nil), InvalidState, "gone")
	wantKind(t, s.SetSender(7, "", nil), InvalidState, "gone")
	wantKind(t, s.SetSendRIDs(7, nil), InvalidState, "gone")
	s.StopTransceiver(7)
	s.RemoveTrack(7)
	if _, ok := s.Transceiver(7); ok || s.Transceivers() != nil {
		t.Error("there is one")
	}
	// An end that has no codec of a kind cannot offer it.
	s.cfg.Audio.Codecs = nil
	s.AddTransceiver(TransceiverInit{Kind: Audio})
	_, err := s.CreateOffer(mediaInput())
	wantKind(t, err, OperationError, "transceiver 1 has no audio codec")
}

// webrtc-pc section 5.1.4: a track event fires again when the track joins a stream.
func TestAChangeOfStreamsFiresTheTrackAgain(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Audio, TrackID: "mic", StreamIDs: []string{"s", "t"}})
	theirs := negotiateFirst(t, a, b)
	_ = a.SetSender(id, "mic", []string{"t", "u"})
	got, _, _ := negotiate(t, a, b)
	want := []TrackChange{{theirs, StreamRemoved, "mic", []string{"s"}}, {theirs, StreamAdded, "mic", []string{"u"}}, {theirs, TrackAdded, "mic", []string{"t", "u"}}}
	if !sameChanges(got.Tracks, want) {
		t.Errorf("%+v", got.Tracks)
	}
	_ = a.SetSender(id, "mic", []string{"u"})
	if got, _, _ = negotiate(t, a, b); !slices.Equal(kinds(got.Tracks), []string{"removed"}) {
		t.Errorf("%+v", got.Tracks)
	}
}

// RFC 9143 section 7.1.3: a=rtcp-mux belongs to the transport, so that only the tagged m-section of a bundle has to say it.
func TestABundledMLineNeedNotSayMux(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	a.AddTransceiver(TransceiverInit{Kind: Video})
	text := offer(t, a, mediaInput())
	at := strings.Index(text, "m=video")
	text = text[:at] + strings.ReplaceAll(text[at:], "a=rtcp-mux\r\na=rtcp-mux-only\r\n", "")
	if got := must(b.SetRemote(Offer, text)); got.Sections[1].Rejected {
		t.Errorf("%+v", got.Sections)
	}
	_, err := New(mediaConfig(3)).SetRemote(Offer, strings.Replace(text, "BUNDLE 0 1", "BUNDLE 1 0", 1))
	wantKind(t, err, InvalidAccess, "m-line 1 (video, mid 1): no a=rtcp-mux")
}
