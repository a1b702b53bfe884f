package webrtc

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// streamTracks are tracks as a stream lists them.
func streamTracks[T MediaStreamTrack](tracks ...T) []MediaStreamTrack {
	var all []MediaStreamTrack
	for _, track := range tracks {
		all = append(all, track)
	}
	return all
}

// W3C section 5.1.4, set the associated remote streams: one object for an id,
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
		if len(stream.GetTracks()) != 2 || len(stream.GetAudioTracks()) != 1 || !slices.Equal(stream.GetVideoTracks(), streamTracks(face.Track())) {
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

// mediacapture-streams section 4.2: a stream of the program's has an id of its own,
// its tracks once and in order, and no events.
func TestAStreamOfTheProgramGroupsTracks(t *testing.T) {
	voice, face := audioTrack("voice"), videoTrack("face")
	stream := NewMediaStream(voice, face, voice, nil)
	if other := NewMediaStream(); stream.ID() == "" || stream.ID() == other.ID() || other.Active() || !stream.Active() {
		t.Errorf("ids %q and %q, active %v and %v", stream.ID(), other.ID(), stream.Active(), other.Active())
	}
	if !slices.Equal(stream.GetTracks(), streamTracks(voice, face)) || !slices.Equal(stream.GetAudioTracks(), streamTracks(voice)) ||
		!slices.Equal(stream.GetVideoTracks(), streamTracks(face)) || stream.GetTrackByID("face") != MediaStreamTrack(face) {
		t.Errorf("tracks %v", stream.GetTracks())
	}
	stream.OnAddTrack(func(*TrackRemote) { t.Error("an event") })
	stream.RemoveTrack(voice)
	stream.RemoveTrack(voice)
	stream.AddTrack(voice)
	if !slices.Equal(stream.GetTracks(), streamTracks(face, voice)) {
		t.Errorf("tracks %v", stream.GetTracks())
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				stream.RemoveTrack(face)
				stream.AddTrack(face)
			}
		})
	}
	all.Wait()
	if len(stream.GetTracks()) != 2 {
		t.Errorf("tracks %v", stream.GetTracks())
	}
}

// mediacapture-streams section 4.2: the program may change a stream of the peer's
// too, also after the connection's end; active falls when the tracks have ended.
func TestAStreamOfThePeerMayBeChanged(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		callingRig(t, r)
		track := r.b.GetReceivers()[0].Track()
		stream := track.Streams()[0]
		face := videoTrack("face")
		stream.AddTrack(face)
		if len(stream.GetTracks()) != 2 || !stream.Active() {
			t.Errorf("tracks %v", stream.GetTracks())
		}
		stream.RemoveTrack(face)
		must(t, r.b.Close())
		if stream.Active() {
			t.Error("active after Close")
		}
		stream.AddTrack(face)
		if len(stream.GetTracks()) != 2 || !stream.Active() {
			t.Errorf("after Close: tracks %v", stream.GetTracks())
		}
	})
}
