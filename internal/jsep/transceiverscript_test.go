package jsep

import (
	"slices"
	"strings"
	"testing"
)

// mids are the MIDs of the transceivers in order.
func mids(s *Session) []string {
	var out []string
	for _, t := range s.Transceivers() {
		out = append(out, t.MID)
	}
	return out
}

func kinds(cs []TrackChange) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.Kind.String())
	}
	return out
}

// sectionOf is the text of m-line i.
func sectionOf(t testing.TB, sdp string, i int) string {
	t.Helper()
	parts := strings.Split(sdp, "\r\nm=")
	if i+1 >= len(parts) {
		t.Fatalf("no m-line %d in\n%s", i, sdp)
	}
	return "m=" + parts[i+1] + "\r\n"
}

// RFC 9429 section 5.3.1: the answer's direction is the intersection of what is offered and what is wanted;
// webrtc-pc section 5.4: currentDirection is what was negotiated.
func TestTheDirectionIsTheIntersection(t *testing.T) {
	for offered := Sendrecv; offered < Stopped; offered++ {
		for wanted := Sendrecv; wanted < Stopped; wanted++ {
			a, b := mediaPair()
			mine := a.AddTransceiver(TransceiverInit{Kind: Audio, Direction: offered})
			theirs := negotiateFirst(t, a, b)
			if err := b.SetDirection(theirs, wanted); err != nil {
				t.Fatal(err)
			}
			negotiate(t, a, b)
			want := wanted.Intersect(offered.Reverse())
			if got := state(t, b, theirs).CurrentDirection; got != want {
				t.Errorf("%v answered by %v: answerer has %v", offered, wanted, got)
			}
			if got := state(t, a, mine).CurrentDirection; got != want.Reverse() {
				t.Errorf("%v answered by %v: offerer has %v", offered, wanted, got)
			}
		}
	}
}

// negotiateFirst is a first negotiation, and returns the transceiver that it created.
func negotiateFirst(t testing.TB, a, b *Session) TransceiverID {
	t.Helper()
	got, _, _ := negotiate(t, a, b)
	if len(got.Created) != 1 {
		t.Fatalf("created %v", got.Created)
	}
	return got.Created[0]
}

// webrtc-pc section 5.1, addTrack: when a sender is used again, and what that makes of the direction.
func TestAddTrackReusesASenderThatNeverSent(t *testing.T) {
	for name, c := range map[string]struct {
		before func(s *Session) TransceiverID
		reused bool
		after  Direction
	}{
		"recvonly": {func(s *Session) TransceiverID {
			return s.AddTransceiver(TransceiverInit{Kind: Audio, Direction: Recvonly})
		}, true, Sendrecv},
		"inactive": {func(s *Session) TransceiverID {
			return s.AddTransceiver(TransceiverInit{Kind: Audio, Direction: Inactive})
		}, true, Sendonly},
		"sendrecv": {func(s *Session) TransceiverID { return s.AddTransceiver(TransceiverInit{Kind: Audio}) }, true, Sendrecv},
		"another kind": {func(s *Session) TransceiverID {
			return s.AddTransceiver(TransceiverInit{Kind: Video, Direction: Recvonly})
		}, false, Recvonly},
		"it has a track":    {func(s *Session) TransceiverID { return s.AddTransceiver(TransceiverInit{Kind: Audio, TrackID: "x"}) }, false, Sendrecv},
		"its track is gone": {removedTrack, true, Sendrecv},
		"stopping": {func(s *Session) TransceiverID {
			id := s.AddTransceiver(TransceiverInit{Kind: Audio})
			s.StopTransceiver(id)
			return id
		}, false, Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := mediaPair()
			id := c.before(s)
			got, reused := s.AddTrack(Audio, "track", []string{"s"})
			if reused != c.reused || (got == id) != c.reused || state(t, s, id).Direction != c.after {
				t.Errorf("got %d (had %d), reused %v, %v", got, id, reused, state(t, s, id).Direction)
			}
		})
	}
	t.Run("it sent once", func(t *testing.T) {
		a, b := mediaPair()
		id, _ := a.AddTrack(Audio, "track", nil)
		negotiate(t, a, b)
		a.RemoveTrack(id)
		if got, reused := a.AddTrack(Audio, "another", nil); reused || got == id {
			t.Errorf("transceiver %d was used again", got)
		}
	})
}

func removedTrack(s *Session) TransceiverID {
	id, _ := s.AddTrack(Audio, "x", nil)
	s.RemoveTrack(id)
	return id
}

// webrtc-pc section 5.1, removeTrack.
func TestRemoveTrackStopsSending(t *testing.T) {
	a, b := mediaPair()
	id, _ := a.AddTrack(Audio, "track", []string{"s"})
	theirs := negotiateFirst(t, a, b)
	a.RemoveTrack(id)
	if got := state(t, a, id).Direction; got != Recvonly || !a.NegotiationNeeded(mediaInput()) {
		t.Errorf("direction %v", got)
	}
	a.RemoveTrack(id) // no track: nothing
	offered, _, _ := negotiate(t, a, b)
	// webrtc-pc section 5.1.4: the track leaves its streams and is muted.
	if got := kinds(offered.Tracks); !slices.Equal(got, []string{"muted", "removed"}) || offered.Tracks[0].ID != theirs {
		t.Errorf("tracks %+v", offered.Tracks)
	}
	if st := state(t, b, theirs); st.CurrentDirection != Inactive || st.Receptive || len(st.Receive.Codecs) > 0 {
		t.Errorf("%+v", st)
	}
	b.SetDirection(theirs, Stopped)
	wantKind(t, b.SetDirection(theirs, Stopped), TypeError, "stopped")
}

// RFC 9429 section 5.10: an m-line of a remote offer takes a transceiver that addTrack made, of its kind and in their order, if the
// peer wants to receive; one of addTransceiver never.
func TestARemoteOfferTakesTransceiversOfAddTrack(t *testing.T) {
	for name, c := range map[string]struct {
		offered Direction
		prepare func(b *Session)
		taken   bool
	}{
		"addTrack":                     {Sendrecv, func(b *Session) { b.AddTrack(Video, "v", nil) }, true},
		"addTrack, receives only":      {Recvonly, func(b *Session) { b.AddTrack(Video, "v", nil) }, true},
		"addTrack, sends only":         {Sendonly, func(b *Session) { b.AddTrack(Video, "v", nil) }, false},
		"addTrack, inactive":           {Inactive, func(b *Session) { b.AddTrack(Video, "v", nil) }, false},
		"addTrack of another kind":     {Sendrecv, func(b *Session) { b.AddTrack(Audio, "v", nil) }, false},
		"addTransceiver":               {Sendrecv, func(b *Session) { b.AddTransceiver(TransceiverInit{Kind: Video, TrackID: "v"}) }, false},
		"addTrack took addTransceiver": {Sendrecv, func(b *Session) { b.AddTransceiver(TransceiverInit{Kind: Video}); b.AddTrack(Video, "v", nil) }, true},
		"addTrack, stopped":            {Sendrecv, func(b *Session) { id, _ := b.AddTrack(Video, "v", nil); b.StopTransceiver(id) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := mediaPair()
			a.AddTransceiver(TransceiverInit{Kind: Video, Direction: c.offered})
			c.prepare(b)
			got, _, _ := negotiate(t, a, b)
			if taken := len(got.Created) == 0; taken != c.taken {
				t.Errorf("created %v", got.Created)
			}
			if !c.taken && state(t, b, got.Created[0]).Direction != Recvonly {
				t.Error("a transceiver of a remote offer is recvonly")
			}
		})
	}
}

// webrtc-pc section 5.4, stop: the next offer rejects the m-line, both ends stop and remove the transceiver, and
// RFC 9429 section 5.2.2: the next transceiver takes its place under a new MID.
func TestAStoppedTransceiverIsRejectedRemovedAndRecycled(t *testing.T) {
	a, b := mediaPair()
	keep := a.AddTransceiver(TransceiverInit{Kind: Audio})
	stop := a.AddTransceiver(TransceiverInit{Kind: Video})
	got, _, _ := negotiate(t, a, b)
	theirs := got.Created[1]
	a.StopTransceiver(stop)
	if st := state(t, a, stop); !st.Stopping || st.Stopped || st.Direction != Stopped || !a.NegotiationNeeded(mediaInput()) {
		t.Errorf("stopping: %+v", st)
	}
	wantKind(t, a.SetDirection(stop, Sendrecv), InvalidState, "stopped")
	// It does not affect an answer but for its direction.
	b.AddTransceiver(TransceiverInit{Kind: Audio})
	negotiate(t, b, a)
	if st := state(t, a, stop); st.Stopped || st.CurrentDirection != Inactive || a.Sections()[1].Rejected {
		t.Errorf("after an answer: %+v", st)
	}
	offered, answered, done := negotiate(t, a, b)
	if !slices.Equal(offered.Stopped, []TransceiverID{theirs}) || len(offered.Removed) != 0 || !slices.Equal(answered.Removed, []TransceiverID{theirs}) {
		t.Errorf("peer: %+v, then %+v", offered, answered)
	}
	if !slices.Equal(done.Stopped, []TransceiverID{stop}) || !slices.Equal(done.Removed, []TransceiverID{stop}) {
		t.Errorf("offerer: %+v", done)
	}
	if _, ok := a.Transceiver(stop); ok || !done.Sections[1].Rejected || done.Sections[1].Transceiver != 0 || state(t, a, keep).Stopping {
		t.Errorf("%+v", done.Sections)
	}
	if got := kinds(offered.Tracks); !slices.Equal(got, []string(nil)) {
		t.Errorf("tracks that were not received any more: %v", got)
	}
	fresh := a.AddTransceiver(TransceiverInit{Kind: Audio}) // of another kind
	negotiate(t, a, b)
	if st := state(t, a, fresh); st.Index != 1 || st.MID == "1" || len(a.Sections()) != 3 {
		t.Errorf("recycled: %+v", st)
	}
}

// A transceiver that was stopped before it had an m-line gets none, and leaves with the next exchange, so that negotiation is not
// needed for ever.
func TestATransceiverStoppedBeforeItsFirstOfferGetsNoMLine(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Audio})
	a.StopTransceiver(id)
	if !a.NegotiationNeeded(mediaInput()) {
		t.Error("webrtc-pc section 4.7.3 step 5.1: it is stopping and not stopped")
	}
	_, _, done := negotiate(t, a, b)
	if len(done.Sections) != 0 || !slices.Equal(done.Removed, []TransceiverID{id}) || a.NegotiationNeeded(mediaInput()) {
		t.Errorf("%+v", done)
	}
}

// webrtc-pc section 4.4.1.4: a rejected m-line in a remote description stops the transceiver, in an offer and in an answer;
// the one that was offered it may recycle it.
func TestARejectedMLineStopsTheTransceiver(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	video := a.AddTransceiver(TransceiverInit{Kind: Video})
	b.cfg.Video = MediaSupport{} // no codec in common
	got, answered, done := negotiate(t, a, b)
	if len(got.Created) != 1 || len(answered.Sections) != 2 || !answered.Sections[1].Rejected {
		t.Errorf("%+v", answered.Sections)
	}
	if !slices.Equal(done.Stopped, []TransceiverID{video}) || !slices.Equal(done.Removed, []TransceiverID{video}) || a.NegotiationNeeded(mediaInput()) {
		t.Errorf("%+v", done)
	}
	if sec := done.Sections[0]; sec.Rejected || sec.BundleTag != "0" {
		t.Errorf("%+v", sec)
	}
}

// webrtc-pc section 4.4.1.4: without a codec in common the answer rejects the m-line (RFC 9429 section 5.3.1) and the transceiver
// that the offer created ends with it.
func TestNoCommonCodecRejectsTheMLine(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio, Codecs: a.cfg.Audio.Codecs[1:]})
	b.cfg.Audio.Codecs = b.cfg.Audio.Codecs[:1]
	offered, answered, done := negotiate(t, a, b)
	if len(offered.Created) != 1 || !offered.Sections[0].Rejected {
		t.Errorf("%+v", offered)
	}
	if !slices.Equal(answered.Removed, offered.Created) || len(done.Removed) != 1 || len(a.Transceivers())+len(b.Transceivers()) != 0 {
		t.Errorf("%+v, %+v", answered, done)
	}
}

// webrtc-pc section 4.4.1.4, rollback: MIDs go back, transceivers that the remote offer created go, unless addTrack gave them a
// track; remote tracks go back to what was negotiated.
func TestRollbackRestoresTransceivers(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		a, _ := mediaPair()
		id := a.AddTransceiver(TransceiverInit{Kind: Audio})
		before := a.Transceivers()
		offer(t, a, mediaInput())
		if state(t, a, id).MID != "0" {
			t.Error("not associated")
		}
		got := must(a.SetLocal(Rollback, ""))
		if len(got.Removed) != 0 || a.Transceivers()[0].MID != before[0].MID || !a.NegotiationNeeded(mediaInput()) {
			t.Errorf("%+v %+v", got, a.Transceivers())
		}
		if sdp := offer(t, a, mediaInput()); strings.Contains(sdp, "a=mid:0\r\n") {
			t.Error("a MID is never used again")
		}
	})
	t.Run("remote", func(t *testing.T) {
		a, b := mediaPair()
		a.AddTransceiver(TransceiverInit{Kind: Audio, StreamIDs: []string{"s"}})
		a.AddTransceiver(TransceiverInit{Kind: Video})
		mine, _ := b.AddTrack(Video, "v", nil)
		got := must(b.SetRemote(Offer, offer(t, a, mediaInput())))
		back := must(b.SetRemote(Rollback, ""))
		if !slices.Equal(back.Removed, got.Created) || !slices.Equal(back.Stopped, got.Created) || len(got.Created) != 1 {
			t.Errorf("%+v, then %+v", got, back)
		}
		if want := []string{"muted", "muted", "removed"}; !slices.Equal(kinds(back.Tracks), want) {
			t.Errorf("tracks %+v", back.Tracks)
		}
		if st := state(t, b, mine); st.MID != "" || st.HasCurrent || st.Stopping || len(b.Transceivers()) != 1 {
			t.Errorf("%+v", st)
		}
	})
	t.Run("remote, a track was added", func(t *testing.T) {
		a, b := mediaPair()
		a.AddTransceiver(TransceiverInit{Kind: Audio})
		got := must(b.SetRemote(Offer, offer(t, a, mediaInput())))
		if id, reused := b.AddTrack(Audio, "mic", nil); !reused || id != got.Created[0] {
			t.Fatal(id, reused)
		}
		back := must(b.SetRemote(Rollback, ""))
		if len(back.Removed) != 0 || !slices.Equal(mids(b), []string{""}) || state(t, b, got.Created[0]).Direction != Sendrecv {
			t.Errorf("%+v %+v", back, b.Transceivers())
		}
	})
	t.Run("remote, renegotiation", func(t *testing.T) {
		a, b := mediaPair()
		id, _ := a.AddTrack(Audio, "mic", []string{"s"})
		theirs := negotiateFirst(t, a, b)
		before := snapshot(b)
		a.RemoveTrack(id)
		got := must(b.SetRemote(Offer, offer(t, a, mediaInput())))
		if !slices.Equal(kinds(got.Tracks), []string{"muted", "removed"}) {
			t.Errorf("tracks %+v", got.Tracks)
		}
		back := must(b.SetRemote(Rollback, ""))
		if !slices.Equal(kinds(back.Tracks), []string{"joined", "added"}) || back.Tracks[1].StreamIDs[0] != "s" {
			t.Errorf("tracks %+v", back.Tracks)
		}
		// [[Receptive]] waits for the next local description; all else is as it was.
		if after := snapshot(b); strings.Replace(after, "Receptive:false", "Receptive:true", 1) != before {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
		if state(t, b, theirs).CurrentDirection != Recvonly {
			t.Error(state(t, b, theirs))
		}
	})
	t.Run("implicit", func(t *testing.T) {
		a, b := mediaPair()
		mine, _ := b.AddTrack(Audio, "b", nil)
		offer(t, b, mediaPeerInput())
		a.AddTrack(Audio, "a", nil)
		got := must(b.SetRemote(Offer, offer(t, a, mediaInput())))
		if !got.RolledBack || len(got.Created) != 0 || state(t, b, mine).MID != "0" {
			t.Errorf("the transceiver of the offer that was rolled back is not taken: %+v", got)
		}
	})
}

// webrtc-pc section 4.7.3: each reason that a transceiver can have.
func TestWhenATransceiverNeedsNegotiation(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *Session, id TransceiverID)
		want   bool
	}{
		"nothing":                       {func(*Session, TransceiverID) {}, false},
		"stopping":                      {func(a *Session, id TransceiverID) { a.StopTransceiver(id) }, true},
		"a new one":                     {func(a *Session, _ TransceiverID) { a.AddTransceiver(TransceiverInit{Kind: Audio, Direction: Inactive}) }, true},
		"direction":                     {func(a *Session, id TransceiverID) { _ = a.SetDirection(id, Inactive) }, true},
		"direction that was negotiated": {func(a *Session, id TransceiverID) { _ = a.SetDirection(id, Sendonly) }, false},
		"another track":                 {func(a *Session, id TransceiverID) { _ = a.SetSender(id, "another", []string{"s"}) }, false},
		"no track":                      {func(a *Session, id TransceiverID) { _ = a.SetSender(id, "", []string{"s"}) }, false},
		"another stream":                {func(a *Session, id TransceiverID) { _ = a.SetSender(id, "mic", []string{"t"}) }, true},
		"a second stream":               {func(a *Session, id TransceiverID) { _ = a.SetSender(id, "mic", []string{"s", "t"}) }, true},
		"no stream":                     {func(a *Session, id TransceiverID) { _ = a.SetSender(id, "mic", nil) }, true},
		"codec preferences": {func(a *Session, id TransceiverID) {
			_ = a.SetCodecPreferences(id, a.cfg.Audio.Codecs[1:])
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := mediaPair()
			id := a.AddTransceiver(TransceiverInit{Kind: Audio, TrackID: "mic", StreamIDs: []string{"s"}})
			negotiateFirst(t, a, b)
			c.change(a, id)
			if got := a.NegotiationNeeded(mediaInput()); got != c.want {
				t.Errorf("as offerer: %v", got)
			}
			if c.want {
				negotiate(t, a, b)
				if a.NegotiationNeeded(mediaInput()) {
					t.Error("still needed after negotiation")
				}
			}
		})
	}
	t.Run("answerer", func(t *testing.T) {
		a, b := mediaPair()
		id := a.AddTransceiver(TransceiverInit{Kind: Audio, Direction: Sendonly})
		theirs := negotiateFirst(t, a, b)
		_ = b.SetDirection(theirs, Sendrecv)
		if !b.NegotiationNeeded(mediaPeerInput()) {
			t.Error("the answer has no msid, and it wants to send")
		}
		negotiate(t, a, b)
		// It wants to send and was not asked to: its a=msid stands in the answer, its direction is that of the offer.
		if b.NegotiationNeeded(mediaPeerInput()) {
			t.Error("what the offer did not allow needs no negotiation")
		}
		_ = a.SetDirection(id, Sendrecv)
		if !a.NegotiationNeeded(mediaInput()) {
			t.Error("no negotiation needed")
		}
	})
}

// RFC 9429 section 5.2.1: codecs in the order of preference, and only those (webrtc-pc section 5.4, setCodecPreferences).
func TestCodecPreferencesOrderOffersAndAnswers(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Audio})
	all := a.cfg.Audio.Codecs
	if err := a.SetCodecPreferences(id, []Codec{all[1], all[0]}); err != nil {
		t.Fatal(err)
	}
	theirs := negotiateFirst(t, a, b)
	if sdp, _ := a.CurrentLocal(); !strings.Contains(sdp.SDP, "SAVPF 0 111\r\n") {
		t.Error(sdp.SDP)
	}
	// The answerer without preferences keeps the order of the offer.
	if got := codecNames(state(t, b, theirs).Receive); got != "0 PCMU/8000, 111 opus/48000/2" {
		t.Error(got)
	}
	_ = b.SetCodecPreferences(theirs, all[:1])
	negotiate(t, a, b)
	if got := codecNames(state(t, a, id).Send); got != "111 opus/48000/2" {
		t.Error(got)
	}
	_ = b.SetCodecPreferences(theirs, nil)
	negotiate(t, a, b)
	if got := codecNames(state(t, a, id).Send); got != "0 PCMU/8000, 111 opus/48000/2" {
		t.Error(got)
	}
}

// RFC 9143 section 9.1: a number stands for one thing in a bundle, whoever offers; a peer's numbers are kept.
func TestNumbersStayTheSameWhoeverOffers(t *testing.T) {
	a, b := mediaPair()
	b.cfg.Audio.Codecs = slices.Clone(b.cfg.Audio.Codecs)
	b.cfg.Audio.Codecs[0].PayloadType = 96 // that is VP8 for a
	b.cfg.Audio.Extensions = []Extension{{URI: b.cfg.Audio.Extensions[1].URI, ID: 1}}
	a.AddTransceiver(TransceiverInit{Kind: Video})
	negotiate(t, a, b)
	b.AddTransceiver(TransceiverInit{Kind: Audio})
	text := offer(t, b, mediaPeerInput())
	audio, video := sectionOf(t, text, 1), sectionOf(t, text, 0)
	if !strings.Contains(video, "a=rtpmap:96 VP8/90000") || strings.Contains(audio, "a=rtpmap:96 ") || !strings.Contains(video, "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid") || strings.Contains(audio, "a=extmap:1 ") {
		t.Error(text)
	}
	if answer := reply(t, a, mediaInput(), Answer, text); sectionOf(t, answer, 1)[:20] != audio[:20] {
		t.Error(answer)
	}
}

// Firefox mixes its peer's payload types with its own. The second meaning of a number is left out of the answer.
func TestAnOfferThatGivesANumberTwoMeaningsIsAnsweredWithOne(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	a.AddTransceiver(TransceiverInit{Kind: Video})
	text := strings.ReplaceAll(offer(t, a, mediaInput()), "\r\n", "\n")
	text = swap(t, text, "SAVPF 96 97 102 103", "SAVPF 111 97 102 103")
	text = swap(t, text, "rtpmap:96 VP8", "rtpmap:111 VP8")
	text = swap(t, text, "a=fmtp:97 apt=96", "a=fmtp:97 apt=111")
	text = swap(t, text, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", "a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id")
	answer := reply(t, b, mediaPeerInput(), Answer, text)
	video := sectionOf(t, answer, 1)
	if !strings.HasPrefix(video, "m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\n") || strings.Contains(video, "a=extmap:2 ") {
		t.Error(answer)
	}
}

// webrtc-pc section 4.4.1.4: a description that does not multiplex RTCP is an InvalidAccessError with policy "require".
func TestRTCPHasToBeMultiplexed(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	text := strings.ReplaceAll(offer(t, a, mediaInput()), "a=rtcp-mux\r\na=rtcp-mux-only\r\n", "")
	before := snapshot(b)
	_, err := b.SetRemote(Offer, text)
	wantKind(t, err, InvalidAccess, "m-line 0 (audio, mid 0): no a=rtcp-mux")
	if snapshot(b) != before {
		t.Error("the error changed the session")
	}
	b.cfg.RTCPMuxNegotiate = true
	if got := must(b.SetRemote(Offer, text)); !got.Sections[0].Rejected {
		t.Errorf("%+v", got.Sections)
	}
}

// RFC 8830: the ids of an application that are no tokens are made ones, and a sender has a name even if it never had a track.
func TestMSIDs(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio, TrackID: "my mic", StreamIDs: []string{"a stream", "", "x", "x", strings.Repeat("y", 80)}})
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	a.AddTransceiver(TransceiverInit{Kind: Audio, TrackID: "my mic"})
	a.AddTransceiver(TransceiverInit{Kind: Audio, Direction: Recvonly, TrackID: "quiet"})
	negotiate(t, a, b)
	sdp, _ := a.CurrentLocal()
	first := sectionOf(t, sdp.SDP, 0)
	for _, want := range []string{"a=msid:a_stream my_mic\r\n", "a=msid:x my_mic\r\n", "a=msid:" + strings.Repeat("y", 64) + " my_mic\r\n"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in %s", want, first)
		}
	}
	if strings.Count(sdp.SDP, "a=msid:- ") != 2 || strings.Count(sdp.SDP, "my_mic") != 3 || strings.Contains(sdp.SDP, "quiet") {
		t.Error(sdp.SDP)
	}
	if a.NegotiationNeeded(mediaInput()) {
		t.Error("negotiation is needed again")
	}
	if ts := b.Transceivers(); len(ts[0].Remote.StreamIDs) != 3 || ts[0].Remote.TrackID != "my_mic" || len(ts[1].Remote.StreamIDs) != 0 || ts[1].Remote.TrackID == "" {
		t.Errorf("%+v", ts)
	}
}
