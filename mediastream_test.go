package webrtc

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// W3C section 5.1.1, set the associated remote streams: one object for an id,
// and the streams' events before the track's.
func TestTracksOfOneStreamIDShareAMediaStream(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var got []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
		}
		_, err := r.b.AddEventListener("track", func(track *TrackRemote, _ *RTPReceiver) { note("track " + track.ID()) })
		must(t, err)
		_, err = r.a.AddTrack(audioTrack("voice"))
		must(t, err)
		exchange(t, r.a, r.b)
		streams := r.b.GetReceivers()[0].Track().Streams()
		if len(streams) != 1 || streams[0].ID() != "stream" {
			t.Fatalf("streams %v", streams)
		}
		stream := streams[0]
		stream.OnAddTrack(func(track *TrackRemote) { note("join " + track.ID()) })
		stream.OnRemoveTrack(func(track *TrackRemote) { note("leave " + track.ID()) })
		sender, err := r.a.AddTrack(videoTrack("face"))
		must(t, err)
		exchange(t, r.a, r.b)
		face := r.b.GetReceivers()[1]
		if again := face.Streams(); len(again) != 1 || again[0] != stream {
			t.Error("another object for the same id")
		}
		if len(stream.GetTracks()) != 2 || len(stream.GetAudioTracks()) != 1 || !slices.Equal(stream.GetVideoTracks(), []*TrackRemote{face.Track()}) {
			t.Errorf("tracks %v, audio %v, video %v", stream.GetTracks(), stream.GetAudioTracks(), stream.GetVideoTracks())
		}
		if stream.GetTrackByID("face") != face.Track() || stream.GetTrackByID("nobody") != nil {
			t.Error("GetTrackByID finds another track")
		}
		must(t, r.a.RemoveTrack(sender))
		exchange(t, r.a, r.b)
		synctest.Wait()
		if len(stream.GetVideoTracks()) != 0 || len(face.Streams()) != 0 {
			t.Error("a track that is not sent is in its stream")
		}
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"track voice", "join face", "track face", "leave face"}; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}
