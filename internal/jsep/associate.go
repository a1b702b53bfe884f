package jsep

import "slices"

// What applying a description does to the transceivers: W3C webrtc-pc section 4.4.1.4, "set the session
// description", and the association of RFC 9429 section 5.9 to section 5.11.

// change is one application of a description to the transceivers.
type change struct {
	s      *Session
	a      *Applied
	tracks trackChanges
}

// remember keeps what a rollback of the offer that comes restores.
func (s *Session) remember() {
	for _, t := range s.transceivers {
		t.stable, t.pending = t.link, false
	}
}

// restore undoes the pending offer. remoteOffer: it was the peer's, whose tracks go back to what they were.
func (c *change) restore(remoteOffer bool) {
	s := c.s
	for _, t := range slices.Clone(s.transceivers) {
		trackID := s.currentRemote.trackID(t.stable.mid)
		t.mid = t.stable.mid
		if len(t.stable.sendRIDs) == 0 {
			t.sendRIDs = nil // a proposed envelope goes with its offer
		}
		if remoteOffer {
			d, ok := negotiatedDirection(s.currentLocal, s.currentRemote, t.mid)
			if !ok || t.stopped {
				d = Stopped
			}
			c.tracks.processRemoteTracks(t, d, t.stable.remoteStreams, trackID)
		}
		if t.pending && !t.addTrack {
			c.stop(t)
			c.remove(t)
		}
		t.pending = false
	}
}

// trackID is the id that the peer gave its track, "" for none. d may be nil.
func (d *description) trackID(mid string) string {
	if m := d.byMID(mid); m != nil && m.rtp != nil {
		return m.rtp.msid.track
	}
	return ""
}

// stop is W3C "stop the RTCRtpTransceiver" (webrtc-pc section 5.4).
func (c *change) stop(t *transceiver) {
	if t.stopped {
		return
	}
	t.stopping, t.stopped, t.direction = true, true, Inactive
	t.receptive = false
	t.remoteStreams, t.stable.remoteStreams = nil, nil
	c.a.Stopped = append(c.a.Stopped, t.id)
}

// remove takes t out of the set of transceivers.
func (c *change) remove(t *transceiver) {
	s := c.s
	s.transceivers = slices.DeleteFunc(s.transceivers, func(o *transceiver) bool { return o == t })
	c.a.Removed = append(c.a.Removed, t.id)
}

// associate finds or creates a transceiver for each RTP m-section of a remote offer (RFC 9429 section 5.10).
func (c *change) associate(d *description) {
	s := c.s
	for _, t := range s.transceivers {
		if t.mid != "" && d.byMID(t.mid) == nil {
			t.mid = "" // its m-line was recycled
		}
	}
	for i := range d.media {
		m := &d.media[i]
		if m.rtp == nil || !s.speaks(m.rtp.kind) {
			continue // there is nothing a transceiver could do
		}
		t := s.associated(m.mid)
		if t == nil && m.rtp.receives() {
			t = s.addedTrack(m.rtp.kind)
		}
		var proposed []string
		if m.rtp.kind == Video { // audio has one encoding
			proposed = m.rtp.simulcast.requested()
		}
		if t == nil {
			t = s.newTransceiver(m.rtp.kind)
			t.byRemote, t.pending, t.direction = true, true, Recvonly
			c.a.Created = append(c.a.Created, t.id)
		}
		t.mid = m.mid
		if len(t.sendRIDs) == 0 && len(proposed) > 1 {
			t.sendRIDs = proposed
		}
	}
}

// remoteMsid is what the newest remote description says of the track of an m-section.
func (s *Session) remoteMsid(mid string) msid {
	if m := s.newestRemote().byMID(mid); m != nil && m.rtp != nil {
		return m.rtp.msid
	}
	return msid{}
}

// addedTrack is the first transceiver of a kind that addTrack made, that is in no m-line and not stopping.
func (s *Session) addedTrack(kind MediaKind) *transceiver {
	for _, t := range s.transceivers {
		if t.kind == kind && t.addTrack && t.mid == "" && !t.stopping {
			return t
		}
	}
	return nil
}

// judge marks the m-sections of a remote offer that an answer can accept: this side speaks the codecs,
// and the bundle policy allows them.
func (s *Session) judge(d *description) {
	for i := range d.media {
		if m := &d.media[i]; m.rtp != nil {
			m.usable = d.usesMux(i) && len(s.answerCodecs(s.associated(m.mid), m.rtp)) > 0
		}
	}
	if s.cfg.BundlePolicy != MaxBundle {
		return
	}
	// RFC 9429 section 5.3.1: all but the first and what is bundled with it.
	first := -1
	for i := range d.media {
		switch m := &d.media[i]; {
		case !m.usable:
		case first < 0:
			first = i
		default:
			m.usable = d.together(first, i)
		}
	}
}

// applyLocal runs W3C's steps for a local description. assigned are the transceivers that an offer was made of.
func (c *change) applyLocal(d *description, assigned map[int]TransceiverID) {
	s := c.s
	for i := range d.media {
		m := &d.media[i]
		if id, ok := assigned[i]; ok && d.typ == Offer {
			if t := s.transceiver(id); t != nil {
				t.mid = m.mid
			}
		}
		t := s.associated(m.mid)
		if t == nil || t.stopped {
			continue
		}
		direction := Inactive
		if m.rtp != nil {
			direction = m.rtp.direction
		}
		t.receptive = direction.Receives()
		if d.typ == Offer {
			continue
		}
		if m.rtp != nil && m.rtp.direction.Sends() && len(t.sendRIDs) > 1 {
			t.narrow(ridIDs(m.rtp.simulcast.send))
		}
		theirs := s.remoteMsid(t.mid)
		switch {
		case !direction.Receives() && t.fired.Receives():
			c.tracks.setRemoteStreams(t, nil, theirs.track)
			c.tracks.add(TrackMuted, t, nil, theirs.track)
		case direction.Receives() && !t.fired.Receives():
			// Only a provisional answer that did not receive can have come between. W3C forgets the track then.
			c.tracks.processRemoteTracks(t, direction, theirs.streams, theirs.track)
		}
		t.fired = direction
		t.sent = t.sent || direction.Sends()
		if d.typ == Answer && m.rejected {
			// W3C is silent. The m-line is free now, so the peer may recycle it, and a transceiver that
			// stayed would want negotiation for ever.
			c.stop(t)
		}
	}
}

// applyRemote runs W3C's steps for a remote description whose m-sections are associated.
func (c *change) applyRemote(d *description) {
	s := c.s
	for i := range d.media {
		m := &d.media[i]
		t := s.associated(m.mid)
		if t == nil {
			continue
		}
		direction := Inactive
		var streams []string
		if m.rtp != nil {
			direction = m.rtp.direction.Reverse()
			if d.typ != Offer {
				if got, ok := negotiatedDirection(s.newestLocal(), d, m.mid); ok {
					direction = got
				}
			}
		}
		if d.typ != Offer {
			c.narrowToAnswer(t, m)
			t.sent = t.sent || direction.Sends()
		}
		if direction.Receives() {
			streams = m.rtp.msid.streams
		}
		if !t.stopped {
			c.tracks.processRemoteTracks(t, direction, streams, d.trackID(m.mid))
		}
		if m.rejected && !t.stopped {
			c.stop(t)
		}
	}
}

// narrowToAnswer removes the layers that an answer does not take. An answer that takes no media for now says
// nothing of them, so a call on hold keeps its simulcast.
func (c *change) narrowToAnswer(t *transceiver, answer *media) {
	offered := c.s.newestLocal().byMID(t.mid)
	if len(t.sendRIDs) < 2 || !answer.rtp.receives() || offered == nil || offered.rtp == nil || len(offered.rtp.simulcast.send) < 2 {
		return
	}
	t.narrow(answer.rtp.simulcast.requested())
}

// narrow keeps the layers that are left, and the first when none is (webrtc-pc section 4.4.1.4).
func (t *transceiver) narrow(left []string) {
	kept := slices.DeleteFunc(slices.Clone(t.sendRIDs), func(id string) bool { return !slices.Contains(left, id) })
	if len(kept) == 0 {
		kept = t.sendRIDs[:1:1]
	}
	t.sendRIDs = kept
}

// settle ends an exchange: stopped transceivers whose m-line is rejected leave the set (W3C section 4.4.1.4), and
// so do those that were stopped before they ever had one.
func (c *change) settle() {
	s := c.s
	for _, t := range slices.Clone(s.transceivers) {
		if t.stopping && t.mid == "" {
			c.stop(t)
			c.remove(t)
			continue
		}
		if t.stopped && t.mid != "" && (s.currentLocal.rejectsMID(t.mid) || s.currentRemote.rejectsMID(t.mid)) {
			c.remove(t)
		}
	}
	for _, d := range []*description{s.currentLocal, s.currentRemote} {
		for i := range d.media {
			if m := &d.media[i]; m.rtp != nil {
				// What a peer that does not bundle uses twice stays with the first.
				_ = s.payloadTypes.Learn(m.rtp.codecs)
				_ = s.extensionIDs.Learn(m.rtp.extensions)
			}
		}
	}
}

func (d *description) rejectsMID(mid string) bool {
	m := d.byMID(mid)
	return m != nil && m.rejected
}
