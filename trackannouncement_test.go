package webrtc

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// simulcastOffer makes a offer three layers, and returns its transceiver and the offer.
func simulcastOffer(t *testing.T, r *rig) (*RTPTransceiver, SessionDescription) {
	t.Helper()
	var init RTPTransceiverInit
	for _, rid := range []string{"q", "h", "f"} {
		init.SendEncodings = append(init.SendEncodings, RTPEncodingParameters{RTPCodingParameters: RTPCodingParameters{RID: rid}})
	}
	transceiver, err := r.a.AddTransceiverFromTrack(videoTrack("camera"), init)
	must(t, err)
	must(t, r.a.SetLocalDescription(SessionDescription{}))
	return transceiver, *r.a.LocalDescription()
}

// heard collects what OnTrack is told, in order, once everything has settled. It
// listens beneath the goroutines that handlers get, which the scheduler may swap.
func heard(pc *PeerConnection) (tracks func() []*TrackRemote) {
	var mu sync.Mutex
	var got []*TrackRemote
	pc.onTrack.add(func(e trackEvent) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, e.track)
	})
	return func() []*TrackRemote {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		tracks := got
		got = nil
		return tracks
	}
}

func ridsOf[T MediaStreamTrack](tracks []T) string {
	var rids []string
	for _, track := range tracks {
		rids = append(rids, track.RID())
	}
	return strings.Join(rids, " ")
}

// webrtc-pc section 5.1.4, process remote tracks, for each layer that the offer names (RFC 8853 section 5.3): OnTrack
// comes with the offer, before there is an answer, and the answer changes nothing.
func TestEachLayerOfSimulcastHasATrack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		told := heard(r.b)
		transceiver, offer := simulcastOffer(t, r)
		if senders := r.a.GetSenders(); len(senders) != 1 || senders[0] != transceiver.Sender() || senders[0].Track().ID() != "camera" {
			t.Errorf("%d senders", len(senders))
		}
		must(t, r.b.SetRemoteDescription(offer))
		tracks := told()
		receiver := r.b.GetReceivers()[0]
		if ridsOf(tracks) != "q h f" || !slices.Equal(tracks, receiver.Tracks()) || receiver.Track() != tracks[0] {
			t.Fatalf("with the offer: layers %s, of the receiver %s", ridsOf(tracks), ridsOf(receiver.Tracks()))
		}
		for _, track := range tracks {
			if track.ID() != "camera" || track.StreamID() != "stream" || !track.Muted() || !slices.Contains(track.Streams()[0].GetTracks(), MediaStreamTrack(track)) {
				t.Errorf("layer %s: track %q of %q", track.RID(), track.ID(), track.StreamID())
			}
		}
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		if again := told(); len(again) != 0 || !slices.Equal(tracks, receiver.Tracks()) {
			t.Errorf("with the answer: layers %s again, of the receiver %s", ridsOf(again), ridsOf(receiver.Tracks()))
		}
		if encodings := transceiver.Sender().GetParameters().Encodings; len(encodings) != 3 {
			t.Errorf("%d encodings", len(encodings))
		}
	})
}

// RFC 8851 section 6.3: an answer leaves out a layer of formats that this end does not have, whose track then ends.
func TestALayerThatTheAnswerRefusesEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		told := heard(r.b)
		_, offer := simulcastOffer(t, r)
		offer.SDP = strings.Replace(offer.SDP, "UDP/TLS/RTP/SAVPF 96", "UDP/TLS/RTP/SAVPF 50 96", 1)
		offer.SDP = strings.Replace(offer.SDP, "a=rid:h send", "a=rtpmap:50 theora/90000\r\na=rid:h send pt=50", 1)
		must(t, r.b.SetRemoteDescription(offer))
		tracks := told()
		if ridsOf(tracks) != "q h f" {
			t.Fatalf("layers %s", ridsOf(tracks))
		}
		ended := make(chan struct{})
		tracks[1].OnEnded(func() { close(ended) })
		stream := tracks[1].Streams()[0]
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		wait(t, "end of the layer", ended, time.Minute)
		if rest := r.b.GetReceivers()[0].Tracks(); ridsOf(rest) != "q f" || !slices.Equal(stream.GetTracks(), streamTracks(rest...)) {
			t.Errorf("layers %s, in the stream %s", ridsOf(rest), ridsOf(stream.GetTracks()))
		}
	})
}

// webrtc-pc section 4.4.1.4, rollback: a track that was there before the offer goes on without layers, and those of the
// offer end.
func TestRollbackTakesLayersBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.b.AddTrack(videoTrack("back"))
		must(t, err)
		receiver := r.b.GetReceivers()[0]
		track := receiver.Track()
		_, offer := simulcastOffer(t, r)
		must(t, r.b.SetRemoteDescription(offer))
		layers := receiver.Tracks()
		if ridsOf(layers) != "q h f" || layers[0] != track {
			t.Fatalf("layers %s", ridsOf(layers))
		}
		ended := make(chan struct{})
		layers[2].OnEnded(func() { close(ended) })
		must(t, r.b.SetRemoteDescription(SessionDescription{Type: SDPTypeRollback}))
		wait(t, "end of a layer", ended, time.Minute)
		if rest := receiver.Tracks(); len(rest) != 1 || rest[0] != track || track.RID() != "" {
			t.Errorf("after rollback %d tracks, layers %q", len(rest), ridsOf(rest))
		}
	})
}

// A later offer may name another layer: that one is announced, in the streams of the others, and they are not
// announced again.
func TestALayerThatIsAddedIsAnnouncedAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		told := heard(r.b)
		_, offer := simulcastOffer(t, r)
		must(t, r.b.SetRemoteDescription(SessionDescription{Type: SDPTypeOffer,
			SDP: strings.Replace(strings.Replace(offer.SDP, "a=rid:f send\r\n", "", 1), "q;h;f", "q;h", 1)}))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		first := told()
		must(t, r.b.SetRemoteDescription(offer))
		added := told()
		if ridsOf(first) != "q h" || ridsOf(added) != "f" || added[0].StreamID() != "stream" || added[0].ID() != "camera" {
			t.Errorf("layers %q, then %q", ridsOf(first), ridsOf(added))
		}
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		if got := ridsOf(r.b.GetReceivers()[0].Tracks()); got != "q h f" {
			t.Errorf("layers %q", got)
		}
	})
}

// What pion/webrtc does by default, and with SetFireOnTrackBeforeFirstRTP(false) this package: a layer is announced by its first packet,
// with codec and SSRC known; once, until the peer has ceased to send and begun again.
func TestTheTrackEventMayWaitForTheFirstPacket(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		told := heard(r.b)
		transceiver, offer := simulcastOffer(t, r)
		must(t, r.b.SetRemoteDescription(offer))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		if early := told(); len(early) != 0 {
			t.Errorf("layers %s before any packet", ridsOf(early))
		}
		receiver := r.b.GetReceivers()[0]
		unmuted := make(chan struct{}, 4)
		receiver.Tracks()[1].OnUnmute(func() { unmuted <- struct{}{} })
		packet := func(layer int) {
			must(t, r.b.do("packet", func(time.Time) error {
				receiver.firstPacket(receiver.Tracks()[layer], receiver.GetParameters().Codecs[0], SSRC(100+layer))
				return nil
			}))
		}
		packet(1)
		packet(1)
		tracks := told()
		if ridsOf(tracks) != "h" || tracks[0].SSRC() != 101 || tracks[0].Codec().MimeType != MimeTypeVP8 || tracks[0].Muted() {
			t.Fatalf("layers %q", ridsOf(tracks))
		}
		wait(t, "unmute", unmuted, time.Minute)
		must(t, transceiver.SetDirection(RTPTransceiverDirectionInactive))
		exchange(t, r.a, r.b)
		if !tracks[0].Muted() {
			t.Error("not muted while the peer does not send")
		}
		must(t, transceiver.SetDirection(RTPTransceiverDirectionSendonly))
		exchange(t, r.a, r.b)
		if early := told(); len(early) != 0 {
			t.Errorf("layers %s before any packet", ridsOf(early))
		}
		packet(1)
		if again := told(); ridsOf(again) != "h" || again[0] != tracks[0] {
			t.Errorf("layers %q after the rest", ridsOf(again))
		}
	}, withEngines(func(_, b *SettingEngine) { b.SetFireOnTrackBeforeFirstRTP(false) }))
}

// webrtc-pc section 5.2, setStreams: the next exchange moves the track, and the
// peer hears of it again where it joins a stream (section 5.1.4).
func TestSetStreamsMovesTheTrack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender, err := r.a.AddTrack(videoTrack("camera"))
		must(t, err)
		exchange(t, r.a, r.b)
		synctest.Wait()
		needed := make(chan struct{}, 1)
		r.a.OnNegotiationNeeded(func() { needed <- struct{}{} })
		tracks := make(chan *TrackRemote, 1)
		r.b.OnTrack(func(track *TrackRemote, _ *RTPReceiver) { tracks <- track })
		must(t, sender.SetStreams("stage", "wings", "stage"))
		wait(t, "negotiationneeded", needed, time.Minute)
		exchange(t, r.a, r.b)
		track := wait(t, "track", tracks, time.Minute)
		if got, want := track.StreamIDs(), []string{"stage", "wings"}; !slices.Equal(got, want) {
			t.Errorf("streams %q, want %q", got, want)
		}
	})
}

// pion fires OnTrack with the first packet, so programs may set it behind
// SetRemoteDescription: it is called for what was announced to nobody, once, but
// not for what has left meanwhile.
func TestALateTrackHandlerHearsWhatIsStillSent(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var senders []*RTPSender
		for _, id := range []string{"camera", "screen"} {
			sender, err := r.a.AddTrack(videoTrack(id))
			must(t, err)
			senders = append(senders, sender)
		}
		exchange(t, r.a, r.b)
		must(t, r.a.RemoveTrack(senders[1]))
		exchange(t, r.a, r.b)
		synctest.Wait()
		tracks := make(chan *TrackRemote, 4)
		late := func(track *TrackRemote, _ *RTPReceiver) { tracks <- track }
		r.b.OnTrack(late)
		synctest.Wait()
		if len(tracks) != 1 || <-tracks != r.b.GetReceivers()[0].Track() {
			t.Fatal("not the camera alone")
		}
		r.b.OnTrack(late)
		synctest.Wait()
		if len(tracks) != 0 {
			t.Errorf("%d tracks again", len(tracks))
		}
	})
}
