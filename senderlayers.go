package webrtc

import (
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// AddEncoding adds a layer of simulcast to a sender, with a track of its own: its
// RID names the layer. The sender's first track needs a RID too, and the tracks the
// same id, stream and kind. Layers are settled by the first offer, or by Send; later,
// and for those that sendEncodings named, AddEncoding gives one that has no track its
// track. It returns a TypeError for a track that does not fit the first or for audio,
// an InvalidAccessError for a layer that has its track, and an InvalidStateError for
// a sender whose layers are settled or that has ended.
func (s *RTPSender) AddEncoding(track TrackLocal) error {
	const op = "add encoding"
	if track == nil {
		return errorf(KindTypeError, op, "no track")
	}
	return doOn(s.owner.loop, op, func(time.Time) error {
		if err := s.checkLayer(track); err != nil {
			return reop(op, err)
		}
		if s.layers == nil {
			s.layers = make(map[string]TrackLocal)
		}
		rid := track.RID()
		if !slices.ContainsFunc(s.encodings, func(e RTPEncodingParameters) bool { return e.RID == rid }) {
			if err := s.addLayer(rid); err != nil {
				return reop(op, err)
			}
		}
		s.layers[rid] = track
		if pc := s.owner.pc; pc != nil {
			pc.mediaChanged()
		} else {
			s.matchFlows()
		}
		return nil
	})
}

// checkLayer compares the track of a layer with the sender's. The error is an *Error
// without Op. On the loop.
func (s *RTPSender) checkLayer(track TrackLocal) error {
	base, rid := s.published.latest().track, track.RID()
	switch {
	case s.stopped:
		return errorf(KindInvalidState, "", "the sender is stopped")
	case s.owner.kind != RTPCodecTypeVideo:
		return errorf(KindTypeError, "", "audio has no layers")
	case !isRID(rid):
		return errorf(KindTypeError, "", "%s is no RID", quoteShort(rid))
	case base == nil || base.RID() == "":
		return errorf(KindInvalidState, "", "the sender's own track has no RID")
	case base.ID() != track.ID() || base.StreamID() != track.StreamID() || base.Kind() != track.Kind():
		return errorf(KindTypeError, "", "id, stream or kind is not that of the sender's track")
	case base.RID() == rid || s.layers[rid] != nil:
		return errorf(KindInvalidAccess, "", "layer %s has a track already", quoteShort(rid))
	}
	return nil
}

// addLayer adds an encoding while that is possible. The error is an *Error without
// Op. On the loop.
func (s *RTPSender) addLayer(rid string) error {
	if s.sends || s.transceiver != nil && s.transceiver.published.latest().mid != "" {
		return errorf(KindInvalidState, "", "the layers are settled")
	}
	if len(s.encodings) >= maxVideoEncodings {
		return errorf(KindRangeError, "", "more than %d layers", maxVideoEncodings)
	}
	encodings := cloneEncodings(s.encodings)
	if len(encodings) == 1 && encodings[0].RID == "" {
		encodings[0].RID = s.published.latest().track.RID()
	}
	encodings = append(encodings, RTPEncodingParameters{RTPCodingParameters: RTPCodingParameters{RID: rid}}.withDefaults())
	fillScale(encodings)
	pc := s.owner.pc
	if pc == nil {
		s.encodings = encodings
		s.giveSSRCs()
		s.last = nil
		s.publish(func(p *senderSnapshot) { p.encodings = s.encodings })
		return nil
	}
	rids := make([]string, len(encodings))
	for i, e := range encodings {
		rids[i] = e.RID
	}
	if err := pc.session.SetSendRIDs(s.transceiver.id, rids); err != nil {
		return jsepError("", err)
	}
	pc.giveSSRCs(s.owner.kind, encodings)
	s.encodings = encodings
	return nil
}

// pausedLayers are the simulcast layers that are not active, for descriptions. On
// the loop.
func (pc *PeerConnection) pausedLayers() map[jsep.TransceiverID][]string {
	paused := map[jsep.TransceiverID][]string{}
	for _, t := range pc.transceivers {
		for _, e := range t.sender.encodings {
			if e.RID != "" && e.Active != nil && !*e.Active {
				paused[t.id] = append(paused[t.id], e.RID)
			}
		}
	}
	return paused
}
