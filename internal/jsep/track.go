package jsep

import "slices"

// TrackChangeKind says what happens to a remote track.
type TrackChangeKind uint8

// The changes, in the order in which W3C makes them.
const (
	TrackMuted    TrackChangeKind = iota // the peer stopped sending: mute the track, unless it is
	StreamRemoved                        // the track leaves the streams
	StreamAdded                          // the track joins the streams
	TrackAdded                           // the track event is to fire, with all streams the track is in
)

var trackChangeNames = [...]string{TrackMuted: "muted", StreamRemoved: "removed", StreamAdded: "joined", TrackAdded: "added"}

// String names the change.
func (k TrackChangeKind) String() string {
	if int(k) < len(trackChangeNames) {
		return trackChangeNames[k]
	}
	return "unknown"
}

// TrackChange is one thing to do to the receiver's track of a transceiver.
type TrackChange struct {
	ID        TransceiverID
	Kind      TrackChangeKind
	TrackID   string   // that the peer gave, "" for none
	StreamIDs []string // empty for TrackMuted
}

// trackChanges collects the lists of W3C's "set a session description" (section 4.4.1.4): muteTracks,
// removeList, addList and trackEventInits.
type trackChanges struct{ lists [TrackAdded + 1][]TrackChange }

func (c *trackChanges) add(k TrackChangeKind, t *transceiver, streams []string, trackID string) {
	c.lists[k] = append(c.lists[k], TrackChange{ID: t.id, Kind: k, TrackID: trackID, StreamIDs: slices.Clone(streams)})
}

func (c *trackChanges) all() []TrackChange { return slices.Concat(c.lists[:]...) }

// processRemoteTracks is W3C "process remote tracks" (webrtc-pc section 5.1.4). direction Stopped stands for null, which a
// rollback leaves of a transceiver that was never negotiated; W3C has no mute event then, but the track was announced
// and nothing will come.
func (c *trackChanges) processRemoteTracks(t *transceiver, direction Direction, streams []string, trackID string) {
	joined := c.setRemoteStreams(t, streams, trackID)
	if direction.Receives() {
		if joined || !t.fired.Receives() {
			c.add(TrackAdded, t, t.remoteStreams, trackID)
		}
	} else {
		t.receptive = false
		if t.fired.Receives() {
			c.add(TrackMuted, t, nil, trackID)
		}
	}
	t.fired = direction
}

// setRemoteStreams is W3C "set the associated remote streams" (webrtc-pc section 5.1.4). It reports whether the track
// joined one.
func (c *trackChanges) setRemoteStreams(t *transceiver, streams []string, trackID string) bool {
	minus := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(id string) bool { return slices.Contains(b, id) })
	}
	left, joined := minus(t.remoteStreams, streams), minus(streams, t.remoteStreams)
	if len(left) > 0 {
		c.add(StreamRemoved, t, left, trackID)
	}
	if len(joined) > 0 {
		c.add(StreamAdded, t, joined, trackID)
	}
	t.remoteStreams = slices.Clone(streams)
	return len(joined) > 0
}
