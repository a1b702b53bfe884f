package webrtc

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// webrtc-pc section 5.1, addTransceiver with a track and encodings; RFC 8853
// section 5.3: the answer settles the layers, and each has a track.
func TestEachLayerOfSimulcastHasATrack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var init RTPTransceiverInit
		for _, rid := range []string{"q", "h", "f"} {
			init.SendEncodings = append(init.SendEncodings, RTPEncodingParameters{RTPCodingParameters: RTPCodingParameters{RID: rid}})
		}
		transceiver, err := r.a.AddTransceiverFromTrack(videoTrack("camera"), init)
		must(t, err)
		if senders := r.a.GetSenders(); len(senders) != 1 || senders[0] != transceiver.Sender() || senders[0].Track().ID() != "camera" {
			t.Errorf("%d senders", len(senders))
		}
		exchange(t, r.a, r.b)
		receiver := r.b.GetReceivers()[0]
		var layers []string
		for _, track := range receiver.Tracks() {
			if track.ID() != "camera" {
				t.Errorf("track %q", track.ID())
			}
			layers = append(layers, track.RID())
		}
		if want := []string{"q", "h", "f"}; !slices.Equal(layers, want) || receiver.Track() != receiver.Tracks()[0] {
			t.Errorf("layers %q, want %q", layers, want)
		}
		if encodings := transceiver.Sender().GetParameters().Encodings; len(encodings) != 3 {
			t.Errorf("%d encodings", len(encodings))
		}
	})
}

// webrtc-pc section 5.2, setStreams: the next exchange moves the track, and the
// peer hears of it again where it joins a stream (section 5.1.1).
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
