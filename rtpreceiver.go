package webrtc

import (
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// RTPReceiver receives the track of a transceiver. Its methods are safe for
// concurrent use and may be called in callbacks. This version negotiates what is
// received and does not receive it yet.
//
// See https://www.w3.org/TR/webrtc/#rtcrtpreceiver-interface
type RTPReceiver struct {
	transceiver *RTPTransceiver
	published   slot[receiverSnapshot]
}

type receiverSnapshot struct {
	tracks     []*TrackRemote // one, or one for each simulcast layer
	transport  *DTLSTransport
	parameters RTPParameters
}

func newRTPReceiver(t *RTPTransceiver) *RTPReceiver {
	r := &RTPReceiver{transceiver: t}
	r.published.init(&receiverSnapshot{tracks: []*TrackRemote{newTrackRemote(r, newConnectionID(), "")}})
	return r
}

// Track returns the track, which is there from the beginning, muted; with
// simulcast that of the first layer.
func (r *RTPReceiver) Track() *TrackRemote { return r.published.Load().tracks[0] }

// Tracks returns the track, or one for each simulcast layer that the peer sends.
func (r *RTPReceiver) Tracks() []*TrackRemote { return slices.Clone(r.published.Load().tracks) }

// Streams returns the streams that the track is in: W3C's
// [[AssociatedRemoteMediaStreams]].
func (r *RTPReceiver) Streams() []*MediaStream { return r.Track().Streams() }

// Transport returns the transport that carries the media, or nil until one has
// been negotiated.
func (r *RTPReceiver) Transport() *DTLSTransport { return r.published.Load().transport }

// RTPTransceiver returns the transceiver that the receiver belongs to.
func (r *RTPReceiver) RTPTransceiver() *RTPTransceiver { return r.transceiver }

// GetParameters returns what was negotiated for receiving.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpreceiver-getparameters
func (r *RTPReceiver) GetParameters() RTPParameters { return r.published.Load().parameters.clone() }

// update takes what was negotiated. On the loop.
func (r *RTPReceiver) update(state jsep.TransceiverState) {
	s := *r.published.latest()
	s.parameters = RTPParameters{
		Codecs:           newRTPCodecs(state.Receive.Codecs, r.transceiver.kind),
		HeaderExtensions: newRTPHeaderExtensions(state.Receive.Extensions),
		RTCP:             RTCPParameters{ReducedSize: state.Receive.ReducedSize},
	}
	s.transport = r.transceiver.pc.transportOf(state)
	s.tracks = r.layers(state, s.tracks)
	for _, track := range s.tracks {
		track.negotiated(state, s.parameters.Codecs)
	}
	r.published.publish(r.transceiver.pc.loop, &s)
}

// layers gives each simulcast layer that the peer names a track, and keeps those
// that are there.
func (r *RTPReceiver) layers(state jsep.TransceiverState, old []*TrackRemote) []*TrackRemote {
	if len(state.Receive.RIDs) == 0 {
		return old
	}
	var tracks []*TrackRemote
	for i, rid := range state.Receive.RIDs {
		at := slices.IndexFunc(old, func(t *TrackRemote) bool { return t.newest().rid == rid.ID })
		switch {
		case at >= 0:
			tracks = append(tracks, old[at])
		case i == 0 && old[0].newest().rid == "":
			old[0].change(func(s *trackSnapshot) { s.rid = rid.ID })
			tracks = append(tracks, old[0])
		default:
			tracks = append(tracks, newTrackRemote(r, old[0].newest().id, rid.ID))
		}
	}
	return tracks
}

// end ends the tracks. On the loop.
func (r *RTPReceiver) end() {
	for _, track := range r.published.latest().tracks {
		track.end()
	}
}
