package jsep

import "slices"

// NegotiationNeeded is W3C "check if negotiation is needed" (webrtc-pc section 4.7.3), of what this package
// knows: data channels and transceivers. The caller adds ICE credentials to replace. It does not look at
// the signaling state.
func (s *Session) NegotiationNeeded(in LocalInput) bool {
	return in.Data && s.dataNeeded() || slices.ContainsFunc(s.transceivers, s.transceiverNeeds)
}

// dataNeeded is step 4: no m-line was negotiated for data. An m-line that the peer
// refused in its answer was negotiated, so that offer and refusal do not go round in
// circles.
func (s *Session) dataNeeded() bool {
	l, r := s.currentLocal, s.currentRemote
	for i := range l.count() {
		m := &l.media[i]
		if m.data == nil {
			continue
		}
		if !m.rejected && !r.rejects(i) {
			return false
		}
		if !m.rejected && r != nil && r.typ == Answer {
			return false
		}
	}
	return true
}

// transceiverNeeds is step 5 for one transceiver.
func (s *Session) transceiverNeeds(t *transceiver) bool {
	l, r := s.currentLocal, s.currentRemote
	m := l.byMID(t.mid)
	switch {
	case t.stopped:
		return t.mid != "" && !l.rejectsMID(t.mid) && !r.rejectsMID(t.mid)
	case t.stopping, t.mid == "", m == nil, m.rtp == nil:
		return true
	case t.direction.Sends() && !sameStreams(m.rtp.msid, t.streamIDs):
		return true
	}
	theirs := Inactive
	if o := r.byMID(t.mid); o != nil && o.rtp != nil {
		theirs = o.rtp.direction.Reverse()
	}
	if l.typ == Offer {
		return t.direction != m.rtp.direction && t.direction != theirs
	}
	return m.rtp.direction != t.direction.Intersect(theirs)
}

// sameStreams compares what a=msid says with the streams of a sender.
func sameStreams(m msid, ids []string) bool {
	return m.present && len(m.streams) == len(ids) &&
		!slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(m.streams, id) })
}
