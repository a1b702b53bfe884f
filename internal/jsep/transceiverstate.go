package jsep

import "slices"

// TransceiverState is a transceiver as it is now.
type TransceiverState struct {
	ID    TransceiverID
	Kind  MediaKind
	MID   string // "" while it is associated with no m-line
	Index int    // of the m-line; -1 while there is none
	// Direction is W3C's attribute: the preferred one, Stopped once it is stopping.
	Direction Direction
	// CurrentDirection is what was negotiated, Stopped once it is stopped. It means nothing unless HasCurrent.
	CurrentDirection  Direction
	HasCurrent        bool
	Stopping, Stopped bool
	FromAddTrack      bool
	CreatedByRemote   bool
	// Receptive: packets that come are for the receiver (webrtc-pc section 5.4, [[Receptive]]).
	Receptive bool
	// BundleTag is the MID whose transport carries it, see Section; "" while there is no m-line, or a rejected one.
	BundleTag string
	// SendRIDs are those of the send encodings, after what the peer asked for or refused; the caller's encodings
	// follow them. An encoding without RID has none here.
	SendRIDs []string
	// Send is empty unless an answer lets this side send. Receive is what it must be ready for: once an offer
	// is out, all of that.
	Send, Receive MediaParameters
	// HeadersEncrypted: both sides take packets whose header extensions are encrypted as a whole (RFC 9335), by the last answer.
	HeadersEncrypted bool
	// Local and Remote are what the newest description of either side says of the m-line.
	Local, Remote DescribedMedia
}

// MediaParameters are what was negotiated for one direction.
type MediaParameters struct {
	Codecs      []Codec // with the payload types on the wire; empty: nothing flows
	Offered     []Codec // of Receive: what this side offered besides, and the peer did not answer, but may send all the same
	Extensions  []Extension
	RIDs        []RID // the simulcast layers, in order; Direction is this side's
	RTCPMux     bool
	ReducedSize bool // a=rtcp-rsize (RFC 5506)
	AllowMixed  bool // one- and two-byte header extensions may mix (RFC 8285 section 4.1.2)
}

// DescribedMedia is what a description says of an m-line, as its writer sees it. What both agreed on is in
// MediaParameters.
type DescribedMedia struct {
	Direction Direction // Inactive when the m-line is rejected, or not there
	TrackID   string    // of a=msid, "" when it has none
	StreamIDs []string
	Sources   Sources // the SSRCs that the writer says it sends with; none for layers that have RIDs
	RIDs      []RID   // the layers that the writer sends
}

// Transceivers returns the set of transceivers in the order in which they were added, as W3C
// getTransceivers does. Lists may be shared with the Session: callers do not change them.
func (s *Session) Transceivers() []TransceiverState {
	if len(s.transceivers) == 0 {
		return nil
	}
	sections := s.sections()
	out := make([]TransceiverState, 0, len(s.transceivers))
	for _, t := range s.transceivers {
		out = append(out, s.describeTransceiver(t, sections))
	}
	return out
}

// Transceiver returns one of them.
func (s *Session) Transceiver(id TransceiverID) (TransceiverState, bool) {
	t := s.transceiver(id)
	if t == nil {
		return TransceiverState{}, false
	}
	return s.describeTransceiver(t, s.sections()), true
}

func (s *Session) describeTransceiver(t *transceiver, sections []Section) TransceiverState {
	st := TransceiverState{
		ID: t.id, Kind: t.kind, MID: t.mid, Index: -1, Direction: t.direction,
		Stopping: t.stopping, Stopped: t.stopped, FromAddTrack: t.addTrack, CreatedByRemote: t.byRemote,
		Receptive: t.receptive, SendRIDs: slices.Clone(t.sendRIDs),
	}
	if t.stopping {
		st.Direction = Stopped
	}
	st.CurrentDirection, st.HasCurrent = s.currentDirection(t)
	for i := range sections {
		if sec := &sections[i]; t.mid != "" && sec.MID == t.mid {
			st.Index = i
			if !sec.Rejected {
				st.BundleTag = sec.BundleTag
			}
		}
	}
	if t.mid == "" {
		return st
	}
	st.Local, st.Remote = s.newestLocal().described(t.mid), s.newestRemote().described(t.mid)
	if !t.stopped {
		st.Send, st.Receive = s.sendParameters(t), s.receiveParameters(t)
		st.HeadersEncrypted = s.headersEncrypted(t.mid)
	}
	return st
}

// answered is the pair of descriptions that an answer (or provisional answer) settles, nil before the first.
func (s *Session) answered() (l, r *description) {
	if s.state == HaveLocalPranswer || s.state == HaveRemotePranswer {
		return s.newestLocal(), s.newestRemote()
	}
	return s.currentLocal, s.currentRemote
}

// currentDirection is W3C [[CurrentDirection]] as its getter shows it; ok is false for null.
func (s *Session) currentDirection(t *transceiver) (d Direction, ok bool) {
	if t.stopped {
		return Stopped, true
	}
	l, r := s.answered()
	return negotiatedDirection(l, r, t.mid)
}

// negotiatedDirection reads off an offer and its answer what this side does in the m-section of a MID. An answer that
// allows more than was offered is brought down to that (RFC 3264 section 6.1).
func negotiatedDirection(l, r *description, mid string) (d Direction, ok bool) {
	lm, rm := l.byMID(mid), r.byMID(mid)
	switch {
	case mid == "" || lm == nil || rm == nil:
		return 0, false
	case lm.rtp == nil || rm.rtp == nil:
		return Inactive, true // rejected
	}
	return lm.rtp.direction.Intersect(rm.rtp.direction.Reverse()), true
}

// agreed is what the two descriptions of one m-section agree on, as base says it.
func agreed(base, other *description, mid string) MediaParameters {
	b, o := base.byMID(mid), other.byMID(mid)
	mixed := base.allowsMixed(b.index) && other.allowsMixed(o.index)
	return MediaParameters{
		Codecs:      CommonCodecs(b.rtp.codecs, o.rtp.codecs),
		Extensions:  b.rtp.extensions,
		RTCPMux:     base.usesMux(b.index) && other.usesMux(o.index),
		ReducedSize: b.rtp.rsize && o.rtp.rsize,
		AllowMixed:  mixed,
	}
}

// sendParameters are what this side may send: the codecs with the peer's payload types and in its order.
func (s *Session) sendParameters(t *transceiver) MediaParameters {
	l, r := s.answered()
	if d, ok := negotiatedDirection(l, r, t.mid); !ok || !d.Sends() {
		return MediaParameters{}
	}
	p := agreed(r, l, t.mid)
	lm, rm := l.byMID(t.mid).rtp, r.byMID(t.mid).rtp
	p.Extensions = commonExtensions(lm.extensions, rm.extensions, l.typ == Offer, Sendonly)
	for _, rid := range rm.simulcast.receive {
		rid.Direction = Sendonly
		if rm.simulcast.sim && slices.ContainsFunc(lm.simulcast.send, rid.is) {
			p.RIDs = append(p.RIDs, rid)
		}
	}
	return p
}

// receiveParameters are what this side must be ready to receive: what was agreed, and all of an offer that waits for
// its answer, as media may overtake that (RFC 9429 section 5.9).
func (s *Session) receiveParameters(t *transceiver) MediaParameters {
	if m := s.pendingLocal.byMID(t.mid); s.state == HaveLocalOffer && m != nil {
		if !m.rtp.receives() {
			return MediaParameters{}
		}
		return MediaParameters{
			Codecs: slices.Clone(m.rtp.codecs), Extensions: slices.Clone(m.rtp.extensions), RTCPMux: true,
			ReducedSize: m.rtp.rsize, AllowMixed: s.pendingLocal.allowsMixed(m.index),
		}
	}
	l, r := s.answered()
	if d, ok := negotiatedDirection(l, r, t.mid); !ok || !d.Receives() {
		return MediaParameters{}
	}
	p := agreed(l, r, t.mid)
	lm, rm := l.byMID(t.mid).rtp, r.byMID(t.mid).rtp
	if l.typ == Offer {
		p.Offered = offeredOnly(lm.codecs, p.Codecs)
	}
	p.Extensions = commonExtensions(lm.extensions, rm.extensions, l.typ == Offer, Recvonly)
	for _, rid := range rm.simulcast.send {
		rid.Direction = Recvonly
		if slices.ContainsFunc(lm.simulcast.receive, rid.is) {
			p.RIDs = append(p.RIDs, rid)
		}
	}
	return p
}

// offeredOnly are the codecs of an offer that its answer left out, with the kinds of feedback that it took for others. An
// offerer is ready for all that it offered (RFC 3264 section 5.1), and browsers whose preferences were set after the offer
// came have been seen to send what they did not answer.
func offeredOnly(offered, agreed []Codec) []Codec {
	var out []Codec
	for _, c := range offered {
		if slices.ContainsFunc(agreed, func(a Codec) bool { return a.PayloadType == c.PayloadType }) {
			continue
		}
		c.Feedback = slices.DeleteFunc(slices.Clone(c.Feedback), func(f Feedback) bool {
			return !slices.ContainsFunc(agreed, func(a Codec) bool { return slices.ContainsFunc(a.Feedback, f.is) })
		})
		out = append(out, c)
	}
	return out
}

// commonExtensions are those in both lists, under the number of the answer, which has the last word, and that
// may be used in direction want of this side.
func commonExtensions(l, r []Extension, localOffered bool, want Direction) []Extension {
	var out []Extension
	for _, e := range l {
		i := slices.IndexFunc(r, e.is)
		if i < 0 {
			continue
		}
		e.Direction = e.Direction.Intersect(r[i].Direction.Reverse())
		if localOffered {
			e.ID = r[i].ID
		}
		if e.Direction.Intersect(want) == want {
			out = append(out, e)
		}
	}
	return out
}

// described is what d, which may be nil, says of a MID.
func (d *description) described(mid string) DescribedMedia {
	m := d.byMID(mid)
	if m == nil || m.rtp == nil {
		return DescribedMedia{Direction: Inactive}
	}
	return DescribedMedia{
		Direction: m.rtp.direction,
		TrackID:   m.rtp.msid.track,
		StreamIDs: slices.Clone(m.rtp.msid.streams),
		Sources:   m.rtp.sources.clone(),
		RIDs:      slices.Clone(m.rtp.simulcast.send),
	}
}
