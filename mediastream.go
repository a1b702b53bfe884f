package webrtc

import "slices"

// MediaStream groups tracks that the peer sends under one id. A connection has
// one object for each id, which also tracks that come later join. Its methods
// are safe for concurrent use and may be called in callbacks.
//
// See https://www.w3.org/TR/mediacapture-streams/#mediastream
type MediaStream struct {
	pc *PeerConnection
	id string

	published slot[streamSnapshot]

	onAddTrack    eventHandler[*TrackRemote]
	onRemoveTrack eventHandler[*TrackRemote]
}

type streamSnapshot struct{ tracks []*TrackRemote }

// ID returns the stream's identifier, which the peer chose.
func (s *MediaStream) ID() string { return s.id }

// GetTracks returns the tracks that are in the stream, in the order in which
// they joined it.
func (s *MediaStream) GetTracks() []*TrackRemote { return slices.Clone(s.published.Load().tracks) }

// GetAudioTracks returns the audio tracks of GetTracks.
func (s *MediaStream) GetAudioTracks() []*TrackRemote { return s.tracksOf(RTPCodecTypeAudio) }

// GetVideoTracks returns the video tracks of GetTracks.
func (s *MediaStream) GetVideoTracks() []*TrackRemote { return s.tracksOf(RTPCodecTypeVideo) }

func (s *MediaStream) tracksOf(kind RTPCodecType) []*TrackRemote {
	return slices.DeleteFunc(s.GetTracks(), func(t *TrackRemote) bool { return t.Kind() != kind })
}

// GetTrackByID returns the first track with that id, or nil.
func (s *MediaStream) GetTrackByID(id string) *TrackRemote {
	for _, t := range s.published.Load().tracks {
		if t.ID() == id {
			return t
		}
	}
	return nil
}

// OnAddTrack sets the handler for tracks that join the stream. It is called
// before the track's OnTrack.
//
// See https://www.w3.org/TR/webrtc/#set-description
func (s *MediaStream) OnAddTrack(f func(*TrackRemote)) { s.onAddTrack.set(f) }

// OnRemoveTrack sets the handler for tracks that leave the stream, as when the
// peer ceases to send them.
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

// add lets a track join. On the loop.
func (s *MediaStream) add(track *TrackRemote) {
	tracks := s.published.latest().tracks
	if slices.Contains(tracks, track) {
		return
	}
	s.published.publish(s.pc.loop, &streamSnapshot{append(slices.Clone(tracks), track)})
	s.onAddTrack.emit(s.pc.loop, track)
}

// remove lets a track leave. On the loop.
func (s *MediaStream) remove(track *TrackRemote) {
	tracks := s.published.latest().tracks
	if !slices.Contains(tracks, track) {
		return
	}
	s.published.publish(s.pc.loop, &streamSnapshot{slices.DeleteFunc(slices.Clone(tracks), func(t *TrackRemote) bool { return t == track })})
	s.onRemoveTrack.emit(s.pc.loop, track)
}
