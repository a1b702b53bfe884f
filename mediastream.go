package webrtc

import (
	"slices"
	"sync"
	"time"
)

// MediaStreamTrack is a track in a [MediaStream]: a [TrackLocal] of the program's,
// or a *[TrackRemote] that the peer sends.
type MediaStreamTrack interface {
	// ID identifies the track within its stream.
	ID() string
	// RID is the restriction identifier of the simulcast layer that the track
	// is, or empty.
	RID() string
	// StreamID is the id of a stream that the track is in, or empty.
	StreamID() string
	// Kind is audio or video.
	Kind() RTPCodecType
}

// MediaStream groups tracks. A program makes its own with [NewMediaStream]. Of
// those that a peer sends, a connection has one object for each id, which also
// tracks that come later join. Its methods are safe for concurrent use and may be
// called in callbacks.
//
// See https://www.w3.org/TR/mediacapture-streams/#mediastream
type MediaStream struct {
	pc *PeerConnection // nil: the program's
	id string

	mu        sync.Mutex // of writers off the loop
	published slot[streamSnapshot]

	onAddTrack    eventHandler[*TrackRemote]
	onRemoveTrack eventHandler[*TrackRemote]
}

type streamSnapshot struct{ tracks []MediaStreamTrack }

// NewMediaStream makes a stream with an id of its own and the given tracks, each
// once.
//
// See https://www.w3.org/TR/mediacapture-streams/#dom-mediastream-constructor
func NewMediaStream(tracks ...MediaStreamTrack) *MediaStream {
	s := &MediaStream{id: newConnectionID()}
	s.published.init(&streamSnapshot{})
	for _, track := range tracks {
		s.AddTrack(track)
	}
	return s
}

// ID returns the stream's identifier; of a remote stream the peer chose it.
func (s *MediaStream) ID() string { return s.id }

// Active reports whether a track of the stream has not ended; one of the
// program's never does.
//
// See https://www.w3.org/TR/mediacapture-streams/#dom-mediastream-active
func (s *MediaStream) Active() bool {
	return slices.ContainsFunc(s.published.Load().tracks, func(t MediaStreamTrack) bool {
		remote, ok := t.(*TrackRemote)
		return !ok || !remote.identity().ended
	})
}

// GetTracks returns the tracks that are in the stream, in the order in which
// they joined it.
func (s *MediaStream) GetTracks() []MediaStreamTrack {
	return slices.Clone(s.published.Load().tracks)
}

// GetAudioTracks returns the audio tracks of GetTracks.
func (s *MediaStream) GetAudioTracks() []MediaStreamTrack { return s.tracksOf(RTPCodecTypeAudio) }

// GetVideoTracks returns the video tracks of GetTracks.
func (s *MediaStream) GetVideoTracks() []MediaStreamTrack { return s.tracksOf(RTPCodecTypeVideo) }

func (s *MediaStream) tracksOf(kind RTPCodecType) []MediaStreamTrack {
	return slices.DeleteFunc(s.GetTracks(), func(t MediaStreamTrack) bool { return t.Kind() != kind })
}

// GetTrackByID returns the first track with that id, or nil.
func (s *MediaStream) GetTrackByID(id string) MediaStreamTrack {
	for _, t := range s.published.Load().tracks {
		if t.ID() == id {
			return t
		}
	}
	return nil
}

// AddTrack lets a track join, unless it is nil or in the stream already. There is
// no event: the program knows. What a connection sends does not change: see
// [PeerConnection.AddTrack].
//
// See https://www.w3.org/TR/mediacapture-streams/#dom-mediastream-addtrack
func (s *MediaStream) AddTrack(track MediaStreamTrack) {
	if track == nil {
		return
	}
	s.change(func(tracks []MediaStreamTrack) []MediaStreamTrack { return with(tracks, track) })
}

// RemoveTrack takes a track out of the stream, without an event. What a connection
// sends does not change.
//
// See https://www.w3.org/TR/mediacapture-streams/#dom-mediastream-removetrack
func (s *MediaStream) RemoveTrack(track MediaStreamTrack) {
	s.change(func(tracks []MediaStreamTrack) []MediaStreamTrack { return without(tracks, track) })
}

func with(tracks []MediaStreamTrack, track MediaStreamTrack) []MediaStreamTrack {
	if slices.Contains(tracks, track) {
		return tracks
	}
	return append(slices.Clone(tracks), track)
}

func without(tracks []MediaStreamTrack, track MediaStreamTrack) []MediaStreamTrack {
	return slices.DeleteFunc(slices.Clone(tracks), func(t MediaStreamTrack) bool { return t == track })
}

// change replaces the tracks for the program: on the loop where there is one that
// lives, as the peer's descriptions change them there.
func (s *MediaStream) change(f func([]MediaStreamTrack) []MediaStreamTrack) {
	if s.pc != nil && s.pc.do("change a stream", func(time.Time) error {
		s.published.publish(s.pc.loop, &streamSnapshot{f(s.published.latest().tracks)})
		return nil
	}) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published.init(&streamSnapshot{f(s.published.latest().tracks)})
}

// OnAddTrack sets the handler for tracks of the peer that join the stream. It is
// called before the track's OnTrack.
//
// See https://www.w3.org/TR/webrtc/#set-description
func (s *MediaStream) OnAddTrack(f func(*TrackRemote)) { s.onAddTrack.set(f) }

// OnRemoveTrack sets the handler for tracks of the peer that leave the stream, as
// when it ceases to send them.
func (s *MediaStream) OnRemoveTrack(f func(*TrackRemote)) { s.onRemoveTrack.set(f) }

// AddEventListener adds a listener for addtrack or removetrack. See
// [PeerConnection.AddEventListener].
func (s *MediaStream) AddEventListener(event string, listener any) (remove func(), err error) {
	return addEventListener(map[string]eventSource{
		"addtrack": &s.onAddTrack, "removetrack": &s.onRemoveTrack,
	}, event, listener)
}

// remoteStreams are the streams of a connection by their ids. Owned by the loop.
type remoteStreams map[string]*MediaStream

// stream returns the one object with the id, and makes it where there is none.
// On the loop.
func (pc *PeerConnection) stream(id string) *MediaStream {
	if s := pc.streams[id]; s != nil {
		return s
	}
	s := &MediaStream{pc: pc, id: id}
	s.published.init(&streamSnapshot{})
	if pc.streams == nil {
		pc.streams = make(remoteStreams)
	}
	pc.streams[id] = s
	return s
}

// streamsWith returns the objects with the ids. On the loop.
func (pc *PeerConnection) streamsWith(ids []string) []*MediaStream {
	var streams []*MediaStream
	for _, id := range ids {
		streams = append(streams, pc.stream(id))
	}
	return streams
}

// add lets a track of the peer join. On the loop.
func (s *MediaStream) add(track *TrackRemote) {
	tracks := s.published.latest().tracks
	if slices.Contains(tracks, MediaStreamTrack(track)) {
		return
	}
	s.published.publish(s.pc.loop, &streamSnapshot{with(tracks, track)})
	s.onAddTrack.emit(s.pc.loop, track)
	s.pc.legacy.joined(s.pc.loop, s)
}

// remove lets a track of the peer leave. On the loop.
func (s *MediaStream) remove(track *TrackRemote) {
	tracks := s.published.latest().tracks
	if slices.Contains(tracks, MediaStreamTrack(track)) {
		s.published.publish(s.pc.loop, &streamSnapshot{without(tracks, track)})
		s.onRemoveTrack.emit(s.pc.loop, track)
	}
	s.pc.legacy.left(s.pc.loop, s)
}
