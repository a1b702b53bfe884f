package jsep

import "slices"

// TransceiverID names an RtpTransceiver of a Session; 0 names none. IDs are not used again.
type TransceiverID int

// MediaSupport is what this side can do with one kind of media.
type MediaSupport struct {
	Codecs     []Codec
	Extensions []Extension
}

// TransceiverInit is what a transceiver starts with.
type TransceiverInit struct {
	Kind      MediaKind
	Direction Direction // not Stopped
	// TrackID is the id of the sender's track, "" for none. The first that a sender has is the one that a=msid says.
	TrackID    string
	StreamIDs  []string
	Codecs     []Codec     // preferences, see SetCodecPreferences
	Extensions []Extension // nil: those of Config
	// SendRIDs are those of the send encodings, in their order; simulcast needs two at least.
	SendRIDs []string
	// FromAddTrack: an offer of the peer may take the transceiver for one of its m-lines (RFC 9429 section 5.10).
	FromAddTrack bool
}

// transceiver is the record of an RtpTransceiver: what the application wants of it, and the little that
// negotiation leaves behind and no description tells. All else is computed from the descriptions.
type transceiver struct {
	id          TransceiverID
	kind        MediaKind
	byRemote    bool
	direction   Direction // W3C [[Direction]]
	stopping    bool      // [[Stopping]]: the next offer rejects the m-line
	stopped     bool      // [[Stopped]], for good
	addTrack    bool      // addTrack gave it a track once
	hasTrack    bool
	senderID    string // the appdata of a=msid, "" until it is settled
	streamIDs   []string
	preferences []Codec
	extensions  []Extension

	link
	stable link // as it was in the last stable state: what a rollback restores

	pending   bool      // the pending remote offer created it
	fired     Direction // W3C [[FiredDirection]], Stopped for null
	receptive bool      // W3C [[Receptive]]
	sent      bool      // an answer once let it send
}

// link is what an offer changes in a transceiver and a rollback takes back.
type link struct {
	mid           string   // W3C [[JsepMid]], "" for null
	sendRIDs      []string // of [[SendEncodings]]; those without a rid have none here
	remoteStreams []string // ids of [[AssociatedRemoteMediaStreams]]
}

// AddTransceiver adds a transceiver (W3C addTransceiver, section 5.1). Offers to come have an m-line for it.
func (s *Session) AddTransceiver(init TransceiverInit) TransceiverID {
	t := s.newTransceiver(init.Kind)
	t.direction = init.Direction
	t.addTrack = init.FromAddTrack
	t.streamIDs = msidTokens(init.StreamIDs)
	t.preferences = slices.Clone(init.Codecs)
	t.extensions = slices.Clone(init.Extensions)
	t.sendRIDs = usableRIDs(init.SendRIDs)
	t.stable = t.link
	s.attach(t, init.TrackID)
	return t.id
}

func (s *Session) newTransceiver(kind MediaKind) *transceiver {
	s.lastTransceiver++
	t := &transceiver{id: s.lastTransceiver, kind: kind, fired: Stopped}
	s.transceivers = append(s.transceivers, t)
	return t
}

// usableRIDs drops what an SDP could not say.
func usableRIDs(ids []string) []string {
	var out []string
	for _, id := range ids {
		if isRID(id) && !slices.Contains(out, id) && len(out) < maxLayers {
			out = append(out, id)
		}
	}
	return out
}

// attach gives the sender of t a track. Its id names the sender for as long as no description has another name: a
// replaced track needs no negotiation. A track that several send names the first of them only, since
// Chromium refuses the same a=msid in two m-sections.
func (s *Session) attach(t *transceiver, trackID string) {
	t.hasTrack = trackID != ""
	id := msidToken(trackID)
	if t.senderID == "" && !slices.ContainsFunc(s.transceivers, func(o *transceiver) bool { return o.senderID == id }) {
		t.senderID = id
	}
}

// reuse is the direction of a transceiver whose sender gets a track from addTrack; release, of
// one that loses it by removeTrack. (webrtc-pc section 5.1; what is absent stays as it is.)
var (
	reuse   = map[Direction]Direction{Recvonly: Sendrecv, Inactive: Sendonly}
	release = map[Direction]Direction{Sendrecv: Recvonly, Sendonly: Inactive}
)

// AddTrack adds a track (W3C addTrack, section 5.1): to the first transceiver of the kind that has no track, is not
// stopping and never was used to send, else to a new one. It reports whether it was reused.
func (s *Session) AddTrack(kind MediaKind, trackID string, streamIDs []string) (id TransceiverID, reused bool) {
	for _, t := range s.transceivers {
		if t.kind != kind || t.hasTrack || t.stopping || t.sent {
			continue
		}
		s.attach(t, trackID)
		t.addTrack = true
		t.streamIDs = msidTokens(streamIDs)
		if d, ok := reuse[t.direction]; ok {
			t.direction = d
		}
		return t.id, true
	}
	return s.AddTransceiver(TransceiverInit{Kind: kind, TrackID: trackID, StreamIDs: streamIDs, FromAddTrack: true}), false
}

// RemoveTrack takes the sender's track away (W3C removeTrack, section 5.1). Nothing happens when there is none, or when the
// transceiver is stopping or gone.
func (s *Session) RemoveTrack(id TransceiverID) {
	t := s.transceiver(id)
	if t == nil || t.stopping || !t.hasTrack {
		return
	}
	t.hasTrack = false
	if d, ok := release[t.direction]; ok {
		t.direction = d
	}
}

// SetSender is W3C replaceTrack and setStreams: the track the sender has now ("" for none), and the streams it is in. A
// track alone never needs negotiation.
func (s *Session) SetSender(id TransceiverID, trackID string, streamIDs []string) error {
	t, err := s.mutable(id)
	if err != nil {
		return err
	}
	s.attach(t, trackID)
	t.streamIDs = msidTokens(streamIDs)
	return nil
}

// SetSendRIDs sets the RIDs of the send encodings. W3C settles them in addTransceiver or by a remote offer.
func (s *Session) SetSendRIDs(id TransceiverID, rids []string) error {
	t, err := s.mutable(id)
	if err != nil {
		return err
	}
	t.sendRIDs = usableRIDs(rids)
	t.stable.sendRIDs = t.sendRIDs // a rollback does not take back what the application did
	return nil
}

// SetDirection sets the preferred direction (webrtc-pc section 5.4, direction). Stopped is a TypeError; a
// stopping transceiver, InvalidState.
func (s *Session) SetDirection(id TransceiverID, d Direction) error {
	t, err := s.mutable(id)
	switch {
	case err != nil:
		return err
	case d >= Stopped:
		return failf(TypeError, "%s is not a direction to set", d)
	}
	t.direction = d
	return nil
}

// SetCodecPreferences orders and restricts what offers and answers to come say (webrtc-pc section 5.4,
// setCodecPreferences); payload types may be left 0. An empty list restores the default. That they are among the
// capabilities is for the caller to check; those that are not do not count.
func (s *Session) SetCodecPreferences(id TransceiverID, codecs []Codec) error {
	t, err := s.mutable(id)
	if err != nil {
		return err
	}
	t.preferences = slices.Clone(codecs)
	return nil
}

// StopTransceiver marks the transceiver as stopping (webrtc-pc section 5.4, stop). It is stopped when the
// m-line is rejected; one that never had an m-line, when the next exchange ends.
func (s *Session) StopTransceiver(id TransceiverID) {
	if t := s.transceiver(id); t != nil && !t.stopping {
		t.stopping, t.direction = true, Inactive
	}
}

func (s *Session) transceiver(id TransceiverID) *transceiver {
	i := slices.IndexFunc(s.transceivers, func(t *transceiver) bool { return t.id == id })
	if i < 0 {
		return nil
	}
	return s.transceivers[i]
}

// mutable is a transceiver that is not stopping.
func (s *Session) mutable(id TransceiverID) (*transceiver, error) {
	t := s.transceiver(id)
	switch {
	case t == nil:
		return nil, failf(InvalidState, "transceiver %d is gone", id)
	case t.stopping:
		return nil, failf(InvalidState, "transceiver %d is stopped", id)
	}
	return t, nil
}

// associated is the transceiver of the m-section with that MID, nil when there is none.
func (s *Session) associated(mid string) *transceiver {
	for _, t := range s.transceivers {
		if t.mid == mid && mid != "" {
			return t
		}
	}
	return nil
}

// support is what this side can do with a kind of media.
func (s *Session) support(kind MediaKind) MediaSupport {
	if kind == Audio {
		return s.cfg.Audio
	}
	return s.cfg.Video
}

// codecsOf is what t offers and answers, in order of preference; of a transceiver that is still to be created where t is
// nil. Preferences that leave nothing do not count (webrtc-pc section 4.4.2, createOffer).
func (s *Session) codecsOf(t *transceiver, kind MediaKind) []Codec {
	all := s.support(kind).Codecs
	switch {
	case t == nil || len(t.preferences) == 0:
		return all
	case len(all) == 0:
		return t.preferences
	}
	if preferred := PreferCodecs(t.preferences, all); len(preferred) > 0 {
		return preferred
	}
	return all
}

func (s *Session) extensionsOf(t *transceiver) []Extension {
	if t.extensions != nil {
		return t.extensions
	}
	return s.support(t.kind).Extensions
}

// answerCodecs is the answer of t (nil: of a transceiver to be created) to what the peer offers: its order, or this
// side's where the application has preferences. Empty: the m-line is to be rejected.
func (s *Session) answerCodecs(t *transceiver, offered *rtpMedia) []Codec {
	if t != nil && t.stopped {
		return nil
	}
	common := NegotiateCodecs(s.codecsOf(t, offered.kind), offered.codecs)
	if t == nil || len(t.preferences) == 0 {
		return common
	}
	if preferred := PreferCodecs(t.preferences, common); len(preferred) > 0 {
		return preferred
	}
	return common
}

// msid is what a=msid says while t sends.
func (s *Session) msid(t *transceiver) msid {
	if t.senderID == "" {
		t.senderID = randomID(s.cfg.Random)
	}
	return msid{present: true, streams: t.streamIDs, track: t.senderID}
}
