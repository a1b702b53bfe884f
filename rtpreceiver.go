package webrtc

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// RTPReceiver receives the track of a transceiver, or stands alone (ORTC): see
// [API.NewRTPReceiver]. Its methods are safe for concurrent use, and those that do
// not read may be called in callbacks.
//
// See https://www.w3.org/TR/webrtc/#rtcrtpreceiver-interface
type RTPReceiver struct {
	transceiver *RTPTransceiver // nil for one that stands alone
	owner       *mediaOwner

	// Owned by the loop.
	agreedRIDs []string            // of the tracks when signaling was last stable
	announced  bool                // the peer said that it sends, and not since that it ceased to
	standalone *standaloneReceiver // once Receive was called (ORTC)

	transform atomic.Pointer[FrameTransform] // nil without

	published slot[receiverSnapshot]

	sources            sourceLog
	jitterBufferTarget atomic.Pointer[time.Duration] // nil: none
}

type receiverSnapshot struct {
	tracks     []*TrackRemote // one, or one for each simulcast layer
	transport  *DTLSTransport
	parameters RTPParameters
	offered    []RTPCodecParameters // that the peer did not answer, see jsep.MediaParameters
}

func newRTPReceiver(t *RTPTransceiver, owner *mediaOwner) *RTPReceiver {
	r := &RTPReceiver{transceiver: t, owner: owner, agreedRIDs: []string{""}}
	r.published.init(&receiverSnapshot{tracks: []*TrackRemote{newTrackRemote(r, newConnectionID(), "")}})
	return r
}

// Track returns the track, which is there from the beginning, muted; with
// simulcast that of the first layer that is left.
func (r *RTPReceiver) Track() *TrackRemote { return r.published.Load().tracks[0] }

// Tracks returns the track, or one for each simulcast layer that the peer sends.
func (r *RTPReceiver) Tracks() []*TrackRemote { return slices.Clone(r.published.Load().tracks) }

// Streams returns the streams that the track is in: W3C's
// [[AssociatedRemoteMediaStreams]].
func (r *RTPReceiver) Streams() []*MediaStream { return r.Track().Streams() }

// Transport returns the transport that carries the media, or nil until one has
// been negotiated.
func (r *RTPReceiver) Transport() *DTLSTransport { return r.published.Load().transport }

// RTPTransceiver returns the transceiver that the receiver belongs to, nil for one
// that stands alone.
func (r *RTPReceiver) RTPTransceiver() *RTPTransceiver { return r.transceiver }

// GetParameters returns what was negotiated for receiving. Codecs are those of which
// packets may come, those of retransmissions and error correction included, under the
// payload types of this end's description and in its order. While an offer of this end
// waits for its answer they are all that it offers (RFC 9429 section 5.9); they are
// empty while nothing is received. A packet of a codec that was offered and is not in
// the answer is received all the same: [TrackRemote.Codec] tells.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpreceiver-getparameters
func (r *RTPReceiver) GetParameters() RTPParameters { return r.published.Load().parameters.clone() }

// update takes what was negotiated. On the loop.
func (r *RTPReceiver) update(state jsep.TransceiverState) {
	s := *r.published.latest()
	s.parameters = RTPParameters{
		Codecs:           newRTPCodecs(state.Receive.Codecs, r.owner.kind),
		HeaderExtensions: newRTPHeaderExtensions(state.Receive.Extensions),
		RTCP:             RTCPParameters{ReducedSize: state.Receive.ReducedSize},
	}
	s.offered = newRTPCodecs(state.Receive.Offered, r.owner.kind)
	s.transport = r.owner.pc.transportOf(state)
	old := s.tracks
	s.tracks = r.layers(r.wantedRIDs(state), old)
	for _, track := range s.tracks {
		track.negotiated(state, s.parameters.Codecs)
	}
	r.published.publish(r.owner.loop, &s)
	for _, track := range old {
		if !slices.Contains(s.tracks, track) {
			r.dropLayer(track)
		}
	}
}

// end ends the tracks. On the loop.
func (r *RTPReceiver) end() {
	for _, track := range r.published.latest().tracks {
		track.end()
	}
}
