package webrtc

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// RTPSender sends the track of a transceiver, or stands alone (ORTC): see
// [API.NewRTPSender]. Its methods are safe for concurrent use, and those that do
// not read may be called in callbacks.
//
// See https://www.w3.org/TR/webrtc/#rtcrtpsender-interface
type RTPSender struct {
	transceiver *RTPTransceiver // nil for one that stands alone
	owner       *mediaOwner
	dtmf        *DTMFSender // nil for video

	// Owned by the loop.
	encodings []RTPEncodingParameters
	ridless   []RTPEncodingParameters // encodings as before the layers that the peer asked for, nil once they are agreed
	streamIDs []string
	last      *RTPSendParameters    // [[LastReturnedParameters]]
	flows     []*sendEncoding       // one for each of encodings, once negotiated
	layers    map[string]TrackLocal // by RID, of AddEncoding
	stopped   bool                  // by Stop, until AddTrack uses the sender again
	sends     bool                  // Send was called (ORTC)

	transform atomic.Pointer[FrameTransform] // nil without

	published slot[senderSnapshot]
}

type senderSnapshot struct {
	track      TrackLocal
	transport  *DTLSTransport
	parameters RTPParameters // without the encodings
	encodings  []RTPEncodingParameters
	flows      []*sendEncoding
}

// Track returns what is sent, or nil.
func (s *RTPSender) Track() TrackLocal { return s.published.Load().track }

// Transport returns the transport that carries the media, or nil until one has
// been negotiated.
func (s *RTPSender) Transport() *DTLSTransport { return s.published.Load().transport }

// ReplaceTrack sends another track of the same kind, or none, from now on; this
// needs no negotiation. It returns a TypeError for a track of another kind, an
// InvalidModificationError for one that would need to be negotiated, as its codec
// was not, and an InvalidStateError for a stopped transceiver or a closed
// connection; then the old track goes on.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpsender-replacetrack
func (s *RTPSender) ReplaceTrack(track TrackLocal) error {
	return s.owner.await(s.replaceTrack(track))
}

func (s *RTPSender) replaceTrack(track TrackLocal) operation {
	o := operation{name: "replace track"}
	id := ""
	if track != nil {
		id = track.ID()
		if kind := track.Kind(); kind != s.owner.kind {
			o.invalid = errorf(KindTypeError, o.name, "%w: %v, the sender is of %v", ErrRTPSenderNewTrackHasIncorrectKind, kind, s.owner.kind)
		}
	}
	o.prepare = func(now time.Time, then func(time.Time, error)) {
		s.tryTrack(track, func(err error) { then(now, reop(o.name, err)) })
	}
	o.run = func(time.Time) (func(), error) {
		if s.stopped {
			return nil, errorf(KindInvalidState, o.name, "the sender is stopped")
		}
		if pc := s.owner.pc; pc != nil {
			if err := pc.session.SetSender(s.transceiver.id, id, s.streamIDs); err != nil {
				return nil, jsepError(o.name, err)
			}
		}
		s.setTrack(track)
		s.reflow()
		return nil, nil
	}
	return o
}

// SetStreams sets the ids of the streams that the peer puts the track into; the
// next negotiation tells it. It returns a TypeError for an id that cannot stand
// in SDP, and an InvalidStateError after the connection's Close.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpsender-setstreams
func (s *RTPSender) SetStreams(streamIDs ...string) error {
	const op = "set streams"
	ids, err := validatedStreamIDs(streamIDs)
	if err != nil {
		return reop(op, err)
	}
	pc := s.owner.pc
	if pc == nil {
		return errorf(KindInvalidState, op, "the sender stands alone: nothing is signalled")
	}
	return pc.do(op, func(time.Time) error {
		id := ""
		if track := s.published.latest().track; track != nil {
			id = track.ID()
		}
		if err := pc.session.SetSender(s.transceiver.id, id, ids); err != nil {
			return jsepError(op, err)
		}
		s.streamIDs = ids
		pc.mediaChanged()
		return nil
	})
}

// GetParameters returns how the track is sent. Changed, they can be given back
// to SetParameters. Codecs are those that were negotiated, under the peer's payload
// types and in its order: a track chooses one of them when it is bound, those of RTX,
// error correction and telephone events are for what accompanies it. They are empty
// until an answer lets this end send.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpsender-getparameters
func (s *RTPSender) GetParameters() RTPSendParameters {
	var parameters RTPSendParameters
	err := doOn(s.owner.loop, "get parameters", func(time.Time) error {
		if s.last == nil {
			fresh := s.published.latest().sendParameters()
			fresh.TransactionID = newConnectionID()
			s.last = &fresh
		}
		parameters = s.last.clone()
		return nil
	})
	if err != nil {
		parameters = s.published.Load().sendParameters()
	}
	return parameters
}

func (s *senderSnapshot) sendParameters() RTPSendParameters {
	return RTPSendParameters{
		RTPParameters: s.parameters.clone(),
		Encodings:     cloneEncodings(s.encodings),
	}
}

// SetParameters changes the encodings as W3C allows: those of the last
// GetParameters, in their order. It returns an InvalidStateError without one
// before it, an InvalidModificationError for a change of what is read-only, and a
// RangeError for a value out of range; then nothing has changed.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpsender-setparameters
func (s *RTPSender) SetParameters(parameters RTPSendParameters) error {
	return s.owner.await(s.setParameters(parameters))
}

func (s *RTPSender) setParameters(parameters RTPSendParameters) operation {
	o := operation{name: "set parameters"}
	parameters = parameters.clone()
	o.run = func(time.Time) (func(), error) {
		if s.transceiver != nil && s.transceiver.published.latest().direction == RTPTransceiverDirectionStopped {
			return nil, newError(KindInvalidState, o.name, errors.New("the transceiver is stopped"))
		}
		encodings, err := parameters.validateChange(s.last, s.owner.kind, s.owner.api.media.codecs(s.owner.kind))
		if err != nil {
			return nil, reop(o.name, err)
		}
		s.last, s.encodings = nil, encodings
		s.publish(func(p *senderSnapshot) { p.encodings = encodings })
		s.reflow()
		return nil, nil
	}
	return o
}

// setTrack publishes the track. On the loop.
func (s *RTPSender) setTrack(track TrackLocal) {
	s.publish(func(p *senderSnapshot) { p.track = track })
	s.sourcesChanged()
}

// publish replaces the snapshot by a changed copy. On the loop.
func (s *RTPSender) publish(change func(*senderSnapshot)) {
	changed := *s.published.latest()
	change(&changed)
	s.published.publish(s.owner.loop, &changed)
}

// update takes what was negotiated. On the loop.
func (s *RTPSender) update(state jsep.TransceiverState) {
	parameters := RTPParameters{
		Codecs:           newRTPCodecs(state.Send.Codecs, s.owner.kind),
		HeaderExtensions: newRTPHeaderExtensions(state.Send.Extensions),
		RTCP:             RTCPParameters{CNAME: s.owner.cname, ReducedSize: state.Send.ReducedSize},
	}
	s.followRIDs(state)
	s.last = nil
	s.publish(func(p *senderSnapshot) {
		p.parameters, p.encodings = parameters, s.encodings
		p.transport = s.owner.pc.transportOf(state)
	})
	s.flow(state)
}

// followRIDs follows what the peer asked of the simulcast layers: it may propose
// them to a sender that has none, until the exchange has ended, and it may take
// some away.
//
// See https://www.w3.org/TR/webrtc/#simulcast-functionality
func (s *RTPSender) followRIDs(state jsep.TransceiverState) {
	switch {
	case len(s.encodings) == 1 && s.encodings[0].RID == "" && len(state.SendRIDs) > 1:
		s.ridless = s.encodings
		s.propose(state.SendRIDs)
	case s.ridless != nil && len(state.SendRIDs) == 0: // rolled back
		s.encodings = s.ridless
	}
	if len(state.SendRIDs) == 0 || len(state.Send.Codecs) > 0 {
		s.ridless = nil
	}
	s.keepEncodings(state.SendRIDs)
}

// propose takes layers that an offer asks for, with the defaults of webrtc-pc
// section 4.4.1.4. The first goes on with what the one encoding had.
func (s *RTPSender) propose(rids []string) {
	layers := make([]RTPEncodingParameters, len(rids))
	for i, rid := range rids {
		layers[i].RID = rid
	}
	layers = completeSendEncodings(s.owner.kind, layers)
	coding := &layers[0].RTPCodingParameters
	old := s.encodings[0].RTPCodingParameters
	coding.SSRC, coding.RTX, coding.FEC = old.SSRC, old.RTX, old.FEC
	s.owner.pc.giveSSRCs(s.owner.kind, layers)
	s.encodings = layers
}

// keepEncodings follows what the peer left of the simulcast layers.
//
// See https://www.w3.org/TR/webrtc/#simulcast-functionality
func (s *RTPSender) keepEncodings(rids []string) {
	if len(s.encodings) <= 1 {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(s.encodings), func(e RTPEncodingParameters) bool {
		return e.RID != "" && !slices.Contains(rids, e.RID)
	})
	if len(kept) == 0 {
		kept = s.encodings[:1]
	}
	s.encodings = kept
}
