package webrtc

import (
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// wantedRIDs are the layers that are to have a track, [""] without simulcast:
// while an exchange is under way also all that the peer has just named, and once
// it has ended those that were agreed. On the loop.
func (r *RTPReceiver) wantedRIDs(state jsep.TransceiverState) []string {
	if r.owner.pc.session.State() != jsep.Stable {
		rids := r.rids()
		if !state.Remote.Direction.Sends() || len(state.Remote.RIDs) == 0 {
			return rids
		}
		rids = slices.DeleteFunc(rids, func(rid string) bool { return rid == "" })
		for _, layer := range state.Remote.RIDs {
			if !slices.Contains(rids, layer.ID) {
				rids = append(rids, layer.ID)
			}
		}
		return rids
	}
	if len(state.Receive.Codecs) > 0 { // else it rests, or was rolled back
		r.agreedRIDs = nil
		for _, layer := range state.Receive.RIDs {
			r.agreedRIDs = append(r.agreedRIDs, layer.ID)
		}
		if len(r.agreedRIDs) == 0 {
			r.agreedRIDs = []string{""}
		}
	}
	return r.agreedRIDs
}

// rids are those of the tracks that are there. On the loop.
func (r *RTPReceiver) rids() []string {
	var rids []string
	for _, track := range r.published.latest().tracks {
		rids = append(rids, track.newest().rid)
	}
	return rids
}

// layers gives each RID its track: the one that it has, for the first of them the
// track that the receiver was made with, or a new one. On the loop.
func (r *RTPReceiver) layers(rids []string, old []*TrackRemote) []*TrackRemote {
	of := func(rid string) *TrackRemote {
		i := slices.IndexFunc(old, func(t *TrackRemote) bool { return t.newest().rid == rid })
		if i < 0 {
			return nil
		}
		return old[i]
	}
	if first := old[0]; of(rids[0]) == nil && !slices.Contains(rids, first.newest().rid) {
		first.change(func(s *trackSnapshot) { s.rid = rids[0] })
	}
	tracks := make([]*TrackRemote, len(rids))
	for i, rid := range rids {
		if tracks[i] = of(rid); tracks[i] == nil {
			tracks[i] = newTrackRemote(r, old[0].newest().id, rid)
		}
	}
	return tracks
}

// dropLayer ends the track of a layer that the peer does not send any more. On
// the loop.
func (r *RTPReceiver) dropLayer(track *TrackRemote) {
	for _, stream := range track.newest().streams {
		stream.remove(track)
	}
	track.change(func(s *trackSnapshot) { s.streamIDs, s.streams = nil, nil })
	track.end()
}

// changed does to the receiver's tracks what a description says. On the loop.
func (r *RTPReceiver) changed(change jsep.TrackChange) {
	switch change.Kind {
	case jsep.TrackMuted:
		r.announced = false
	case jsep.TrackAdded:
		r.announced = true
	}
	for _, track := range r.published.latest().tracks {
		switch change.Kind {
		case jsep.TrackMuted:
			track.told, track.flows = false, false
			r.owner.pc.onTrack.forget(r.owner.loop, track)
			track.mute()
		case jsep.StreamRemoved:
			for _, id := range change.StreamIDs {
				r.owner.pc.stream(id).remove(track)
			}
			track.leave(change.StreamIDs)
		case jsep.StreamAdded:
			track.join(change.StreamIDs)
		case jsep.TrackAdded:
			track.tell()
		}
	}
}

// announceLayers announces the layers that a description has added to a track
// that is announced already. On the loop.
func (r *RTPReceiver) announceLayers() {
	if !r.announced {
		return
	}
	tracks := r.published.latest().tracks
	for _, track := range tracks[1:] {
		if !track.told {
			track.join(tracks[0].newest().streamIDs)
			track.tell()
		}
	}
}

// firstPacket is to be called with the first packet of a track, and after it was
// muted with the next: it makes known what signaling left open, unmutes, and with
// SetFireOnTrackBeforeFirstRTP(false) announces the track. On the loop.
func (r *RTPReceiver) firstPacket(track *TrackRemote, codec RTPCodecParameters, ssrc SSRC) {
	if track.newest().ended {
		return
	}
	track.flows = true
	muted := track.newest().muted
	track.change(func(s *trackSnapshot) { s.codec, s.ssrc, s.muted = codec, ssrc, false })
	if r.announced && !track.told {
		track.tell()
	}
	if muted {
		track.onUnmute.emit(r.owner.loop)
	}
}

// tell calls OnTrack, unless that is to wait for the first packet. On the loop.
func (t *TrackRemote) tell() {
	pc := t.receiver.owner.pc
	if pc.api.settings.trackAtFirstPacket && (!t.flows || t.told) {
		return
	}
	t.told = true
	pc.onTrack.emit(pc.loop, trackEvent{t, t.receiver})
}

// mute says that nothing comes any more. On the loop.
func (t *TrackRemote) mute() {
	if t.newest().muted {
		return
	}
	t.change(func(s *trackSnapshot) { s.muted = true })
	t.onMute.emit(t.receiver.owner.loop)
}

// join puts the track into the streams that it is not in yet. On the loop.
func (t *TrackRemote) join(ids []string) {
	pc := t.receiver.owner.pc
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(t.newest().streamIDs, id) })
	if len(ids) == 0 {
		return
	}
	t.change(func(s *trackSnapshot) {
		s.streamIDs = append(slices.Clone(s.streamIDs), ids...)
		s.streams = pc.streamsWith(s.streamIDs)
	})
	for _, stream := range pc.streamsWith(ids) {
		stream.add(t)
	}
}

// leave takes the track out of streams. On the loop.
func (t *TrackRemote) leave(ids []string) {
	t.change(func(s *trackSnapshot) {
		s.streamIDs = slices.DeleteFunc(slices.Clone(s.streamIDs), func(id string) bool { return slices.Contains(ids, id) })
		s.streams = t.receiver.owner.pc.streamsWith(s.streamIDs)
	})
}
