package rtpsession

// router finds the m-section, the layer and the role of a packet's stream, as RFC 9143 section 9.2 has it: by MID, then by
// what is known of the SSRC, then by a payload type that only one m-section has. What a packet says is kept for its SSRC, as
// the header extensions come only with the first packets.
type router struct {
	ids      Extensions
	sections []*section
	byMID    map[MID]*section
	unique   [128]*section // the one m-section that has the payload type
	sources  map[SSRC]*source
}

// source is what is known of an SSRC.
type source struct {
	ssrc      SSRC
	section   *section
	rid       RID  // of the layer, its own or the repaired one
	repairs   bool // its packets are retransmissions
	primary   SSRC // that it repairs, where signalled; 0: to be found by rid
	signalled bool
	stream    *ReceiveStream // of its packets, or of those that it repairs; nil before the first
	ended     bool           // BYE
}

// maxSources bounds the SSRCs that are remembered of what the peer did not signal. Each was on an authenticated packet.
const maxSources = 256

// configure replaces what negotiation says. Sources whose m-section is gone are forgotten; the streams of those that
// stay go on.
func (r *router) configure(ids Extensions, sections []Section) (removed []*ReceiveStream) {
	r.ids = ids
	byKey := make(map[uint64]*section, len(sections))
	r.sections = r.sections[:0]
	r.byMID = make(map[MID]*section, len(sections))
	for _, s := range sections {
		made := newSection(s)
		byKey[s.Key] = made
		r.sections = append(r.sections, made)
		if s.MID != "" {
			r.byMID[s.MID] = made
		}
	}
	r.findUnique()
	for ssrc, known := range r.sources {
		known.section = byKey[known.section.Key]
		if known.section != nil && len(known.section.Codecs) > 0 {
			continue
		}
		if known.stream != nil && !known.repairs {
			removed = append(removed, known.stream)
		}
		delete(r.sources, ssrc)
	}
	for _, s := range r.sections {
		r.signal(s)
	}
	return removed
}

// findUnique fills the table of payload types that belong to one m-section alone.
func (r *router) findUnique() {
	r.unique = [128]*section{}
	var taken [128]bool
	for _, s := range r.sections {
		for _, c := range s.Codecs {
			switch {
			case c.PayloadType >= 128:
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
		r.announce(announced.SSRC, s, false, 0)
		if announced.RTX != 0 {
			r.announce(announced.RTX, s, true, announced.SSRC)
		}
	}
}

func (r *router) announce(ssrc SSRC, s *section, repairs bool, primary SSRC) {
	if known := r.sources[ssrc]; known != nil {
		if known.stream == nil {
			known.section, known.repairs, known.primary = s, repairs, primary
		}
		known.signalled = true
		return
	}
	r.sources[ssrc] = &source{ssrc: ssrc, section: s, repairs: repairs, primary: primary, signalled: true}
}

// route returns what a packet belongs to. Without an m-section it is nil; unknown then says that a description to come
// may explain the packet.
func (r *router) route(h *Header, packet []byte) (found *source, unknown bool) {
	known := r.sources[h.SSRC]
	mid := MID("")
	if r.ids.MID != 0 {
		if b := h.Extension(packet, r.ids.MID); len(b) > 0 {
			if s := r.byMID[MID(b)]; s != nil { // the conversion in the index does not allocate
				mid = s.MID
			} else {
				return nil, true
			}
		}
	}
	switch {
	case mid != "" && (known == nil || known.section.MID != mid):
		known = r.learn(h, r.byMID[mid], known)
	case known == nil && h.PayloadType < 128:
		s := r.unique[h.PayloadType]
		if s == nil {
			return nil, true
		}
		known = r.learn(h, s, nil)
	}
	if known == nil {
		return nil, false
	}
	codec := known.section.codec(h.PayloadType)
	if codec == nil {
		return nil, true
	}
	known.repairs = codec.Kind == Retransmission
	r.learnRID(known, h, packet)
	return known, false
}

// learn remembers the m-section of an SSRC. One that moves, as from a stopped m-section to a new one, loses its stream.
func (r *router) learn(h *Header, s *section, known *source) *source {
	if s == nil {
		return nil
	}
	if known != nil {
		*known = source{ssrc: h.SSRC, section: s}
		return known
	}
	if len(r.sources) >= maxSources && !r.forgetOne() {
		return nil
	}
	made := &source{ssrc: h.SSRC, section: s}
	r.sources[h.SSRC] = made
	return made
}

// forgetOne makes room by forgetting a source that nothing came of for sure: one that has ended, or was never delivered.
func (r *router) forgetOne() bool {
	for ssrc, s := range r.sources {
		if !s.signalled && (s.ended || s.stream == nil || s.stream.SSRC != ssrc) {
			delete(r.sources, ssrc)
			return true
		}
	}
	return false
}

// learnRID notes the layer that a packet names (RFC 8852 section 3).
func (r *router) learnRID(known *source, h *Header, packet []byte) {
	if len(known.section.RIDs) == 0 || known.rid != "" {
		return
	}
	id := r.ids.RID
	if known.repairs {
		id = r.ids.RepairedRID
	}
	if id == 0 {
		return
	}
	if rid := h.Extension(packet, id); len(rid) > 0 && known.section.hasRID(RID(rid)) {
		known.rid = RID(rid)
	}
}
