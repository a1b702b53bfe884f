package rtpsession

// router finds the m-section of a packet's stream, as RFC 9143 section 9.2 has it: by MID, then by what is known of the SSRC,
// then by a payload type that only one m-section has. What a packet says is kept for its SSRC, as the header extensions come
// only with the first packets.
type router struct {
	ids      Extensions
	sections []*section
	byMID    map[MID]*section
	unique   [128]*section // the one m-section that has the payload type
	sources  map[SSRC]*source
	moved    *ReceiveStream // whose SSRC has just changed its m-section; for the caller to take away
}

// source is what is known of an SSRC.
type source struct {
	ssrc      SSRC
	section   *section
	rid       RID  // that its packets name, their own or the repaired one; it need not be a layer of the m-section
	primary   SSRC // that it repairs, where signalled; 0: media, or to be found by rid
	signalled bool
	stream    *ReceiveStream // of its packets, or of those that it repairs; nil before the first
	replaced  bool           // another SSRC has taken its place
	ended     bool           // BYE
	named     bool           // a packet with a MID came, midSeq the newest of them
	midSeq    uint16
}

// maxSources bounds the SSRCs that are remembered of what the peer did not signal. Each was on an authenticated packet.
const maxSources = 256

// configure replaces what negotiation says, and returns the SSRCs that became signalled and those that are it no longer.
// Sources whose m-section is gone are forgotten; the others stay, as their packets do not name it again.
func (r *router) configure(ids Extensions, sections []Section) (signalled, unsignalled []SSRC) {
	r.ids = ids
	r.sections = r.sections[:0]
	r.byMID = make(map[MID]*section, len(sections))
	for _, s := range sections {
		made := newSection(s)
		r.sections = append(r.sections, made)
		if s.MID != "" {
			r.byMID[s.MID] = made
		}
	}
	r.findUnique()
	before := make(map[SSRC]bool)
	for ssrc, known := range r.sources {
		if known.signalled {
			before[ssrc], known.signalled = true, false
		}
		if known.section = r.keyed(known.section.Key); known.section == nil {
			delete(r.sources, ssrc)
		}
	}
	for _, s := range r.sections {
		r.signal(s)
	}
	named := 0
	for ssrc, known := range r.sources {
		if !known.signalled {
			continue
		}
		if named++; !before[ssrc] {
			signalled = append(signalled, ssrc)
		}
	}
	for len(r.sources) > maxSources+named && r.forgetOne() {
	}
	for ssrc := range before {
		if known := r.sources[ssrc]; known == nil || !known.signalled {
			unsignalled = append(unsignalled, ssrc)
		}
	}
	return signalled, unsignalled
}

// keyed finds an m-section that something is received for, or nil.
func (r *router) keyed(key uint64) *section {
	for _, s := range r.sections {
		if s.Key == key && len(s.Codecs) > 0 {
			return s
		}
	}
	return nil
}

// findUnique fills the table of payload types that belong to one m-section alone.
func (r *router) findUnique() {
	r.unique = [128]*section{}
	var taken [128]bool
	for _, s := range r.sections {
		for _, c := range s.Codecs {
			switch {
			case c.PayloadType >= 128, c.Offered:
			case taken[c.PayloadType] && r.unique[c.PayloadType] != s:
				r.unique[c.PayloadType] = nil
			default:
				taken[c.PayloadType], r.unique[c.PayloadType] = true, s
			}
		}
	}
}

// signal notes the SSRCs that the peer announced (RFC 5576).
func (r *router) signal(s *section) {
	if len(s.Codecs) == 0 {
		return
	}
	for _, announced := range s.SSRCs {
		r.announce(announced.SSRC, s, 0)
		r.announce(announced.RTX, s, announced.SSRC)
		r.announce(announced.FEC, s, announced.SSRC)
	}
}

func (r *router) announce(ssrc SSRC, s *section, primary SSRC) {
	if ssrc == 0 {
		return
	}
	known := r.sources[ssrc]
	if known == nil {
		r.sources[ssrc] = &source{ssrc: ssrc, section: s, primary: primary, signalled: true}
		return
	}
	if known.stream == nil && !known.named {
		known.section = s
	}
	known.primary, known.signalled = primary, true
}

// route returns what a packet belongs to. Without an m-section it is nil; unknown then says that a description to come
// may explain the packet.
func (r *router) route(h *Header, packet []byte) (found *source, codec *Codec, unknown bool) {
	known := r.sources[h.SSRC]
	if b := h.Extension(packet, r.ids.MID); len(b) > 0 {
		s := r.byMID[MID(b)] // the conversion in the index does not allocate
		if s == nil || len(s.Codecs) == 0 {
			return nil, nil, true
		}
		if known = r.name(h, s, known); known == nil {
			return nil, nil, false
		}
	}
	if known == nil {
		s := r.unique[h.PayloadType]
		if s == nil {
			return nil, nil, true
		}
		if known = r.learn(h.SSRC, s); known == nil {
			return nil, nil, false
		}
	}
	if codec = known.section.codec(h.PayloadType); codec == nil {
		return nil, nil, true
	}
	if known.stream == nil {
		r.learnRID(known, codec, h, packet)
	}
	return known, codec, false
}

// name takes the MID of a packet. One from before the newest that had a MID changes nothing: it was overtaken (RFC 9143
// section 9.2: the extended sequence number has to be greater). An SSRC that moves, as from a stopped m-section to a new
// one, is as new.
func (r *router) name(h *Header, s *section, known *source) *source {
	if known == nil {
		if known = r.learn(h.SSRC, s); known == nil {
			return nil
		}
	}
	if behind := known.midSeq - h.SequenceNumber; known.named && behind < maxMisorder {
		return known
	}
	if known.section != s {
		r.moved = known.stream
		*known = source{ssrc: h.SSRC, section: s, signalled: known.signalled}
	}
	known.named, known.midSeq = true, h.SequenceNumber
	return known
}

// learn remembers the m-section of an SSRC: nil where there is no room.
func (r *router) learn(ssrc SSRC, s *section) *source {
	if len(r.sources) >= maxSources && !r.forgetOne() {
		return nil
	}
	made := &source{ssrc: ssrc, section: s}
	r.sources[ssrc] = made
	return made
}

// forgetOne makes room by forgetting a source whose packets are not those of a track: one that has ended, was replaced,
// was never delivered, or repairs another and will be found again.
func (r *router) forgetOne() bool {
	for ssrc, s := range r.sources {
		if !s.signalled && (s.ended || s.stream == nil || s.stream.SSRC != ssrc) {
			delete(r.sources, ssrc)
			return true
		}
	}
	return false
}

// learnRID notes the layer that a packet names (RFC 8852 section 3): what repairs a layer names it by another extension.
func (r *router) learnRID(known *source, codec *Codec, h *Header, packet []byte) {
	id := r.ids.RID
	if codec.Kind == Retransmission || codec.Kind == Protection {
		id = r.ids.RepairedRID
	}
	if b := h.Extension(packet, id); len(b) > 0 && string(b) != string(known.rid) {
		known.rid = RID(b)
	}
}

// layer is the layer that a source belongs to, "" without simulcast; ok is false while that is not known.
func (s *source) layer() (rid RID, ok bool) {
	if len(s.section.RIDs) == 0 {
		return "", true
	}
	return s.rid, s.section.hasRID(s.rid)
}
