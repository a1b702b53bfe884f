package webrtc

import (
	"reflect"
	"slices"
)

// AudioSourceStats describe a track of audio that senders send (webrtc-stats
// section 8.12, RTCAudioSourceStats). Its samples are not known: a track is given
// packets.
type AudioSourceStats struct {
	// Timestamp is when the report was made.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeMediaSource.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// TrackIdentifier is the track's ID.
	TrackIdentifier string `json:"trackIdentifier"`
	// Kind is "audio".
	Kind string `json:"kind"`
}

func (AudioSourceStats) statsMarker()         {}
func (s AudioSourceStats) entryID() string    { return s.ID }
func (AudioSourceStats) references() []string { return nil }

// VideoSourceStats describe a track of video that senders send (webrtc-stats
// section 8.13, RTCVideoSourceStats). Its pictures are not known: a track is given
// packets.
type VideoSourceStats struct {
	// Timestamp is when the report was made.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeMediaSource.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// TrackIdentifier is the track's ID.
	TrackIdentifier string `json:"trackIdentifier"`
	// Kind is "video".
	Kind string `json:"kind"`
}

func (VideoSourceStats) statsMarker()         {}
func (s VideoSourceStats) entryID() string    { return s.ID }
func (VideoSourceStats) references() []string { return nil }

// mediaSources are the tracks that are attached to senders. One that was detached
// is another source when it comes back. Owned by the loop.
type mediaSources []mediaSource

type mediaSource struct {
	track   TrackLocal
	id      string
	kind    RTPCodecType
	statsID string
}

// update follows what the senders have.
func (m *mediaSources) update(transceivers []*RTPTransceiver) {
	var attached mediaSources
	for _, t := range transceivers {
		for _, track := range t.sender.attached() {
			if !reflect.TypeOf(track).Comparable() || attached.id(track) != "" {
				continue
			}
			source := mediaSource{track, track.ID(), t.kind, m.id(track)}
			if source.statsID == "" {
				source.statsID = "M" + newConnectionID()
			}
			attached = append(attached, source)
		}
	}
	*m = attached
}

// sourcesChanged follows the tracks of a sender, on the loop.
func (s *RTPSender) sourcesChanged() {
	if pc := s.owner.pc; pc != nil {
		pc.sources.update(pc.transceivers)
	}
}

// id is that of the entry of a track, "" if the track is not attached.
func (m mediaSources) id(track TrackLocal) string {
	if track == nil || !reflect.TypeOf(track).Comparable() {
		return ""
	}
	i := slices.IndexFunc(m, func(s mediaSource) bool { return s.track == track })
	if i < 0 {
		return ""
	}
	return m[i].statsID
}

// attached are the tracks of a sender. On the loop.
func (s *RTPSender) attached() []TrackLocal {
	var tracks []TrackLocal
	if track := s.published.latest().track; track != nil {
		tracks = append(tracks, track)
	}
	for _, layer := range s.layers {
		tracks = append(tracks, layer)
	}
	return tracks
}

// hasTrack reports whether one of the sender's tracks is track, whose type is
// comparable. On the loop.
func (s *RTPSender) hasTrack(track TrackLocal) bool { return slices.Contains(s.attached(), track) }

// collect adds an entry for each source.
func (m mediaSources) collect(c *statsCollector) {
	for _, s := range m {
		if s.kind == RTPCodecTypeAudio {
			c.add(AudioSourceStats{c.now, StatsTypeMediaSource, s.statsID, s.id, s.kind.String()})
			continue
		}
		c.add(VideoSourceStats{c.now, StatsTypeMediaSource, s.statsID, s.id, s.kind.String()})
	}
}
