package jsep

import "slices"

// BundlePolicy is W3C RTCBundlePolicy (section 4.2.5): how many transports an offer prepares for a peer that
// may not know BUNDLE.
type BundlePolicy uint8

// The bundle policies (RFC 9429 section 4.1.1).
const (
	Balanced  BundlePolicy = iota // one for each kind: audio, video, data
	MaxCompat                     // one for each m-line
	MaxBundle                     // one
)

// bundleOnly reports whether a new m-section of an offer is to be marked as bundle-only (RFC 9429 section 5.2.1). kinds
// are those of the m-sections before it in the group.
func (p BundlePolicy) bundleOnly(kind string, kinds []string) bool {
	switch p {
	case MaxBundle:
		return len(kinds) > 0
	case Balanced:
		return slices.Contains(kinds, kind)
	}
	return false
}

// bundleOnly applies the policy to a new m-section, unless a bundle is in force that it just joins.
func (s *Session) bundleOnly(kind string, kinds []string) bool {
	return !s.bundled() && s.cfg.BundlePolicy.bundleOnly(kind, kinds)
}

// settled reports whether m-section mid was negotiated and is in force.
func (s *Session) settled(mid string) bool {
	l, r := s.currentLocal.byMID(mid), s.currentRemote.byMID(mid)
	return l != nil && r != nil && !l.rejected && !r.rejected
}

// together reports whether two m-sections are in one group.
func (d *description) together(i, j int) bool {
	return slices.ContainsFunc(d.groups, func(g []string) bool {
		return slices.Contains(g, d.media[i].mid) && slices.Contains(g, d.media[j].mid)
	})
}

// bundled reports whether an exchange has settled a BUNDLE group that is still alive.
func (s *Session) bundled() bool {
	l, r := s.currentLocal, s.currentRemote
	if l == nil || r == nil {
		return false
	}
	for i := range l.media {
		if m := &l.media[i]; l.grouped(m.mid) && r.grouped(m.mid) && !m.rejected && !r.rejects(i) {
			return true
		}
	}
	return false
}

// offerTags returns for each m-section of a local offer the MID whose transport it uses while there is no answer:
// what is bundled stays so, what is new joins a bundle that there is, and otherwise has its own
// transport unless it is bundle-only, since the peer may not bundle (RFC 9143 section 7.2).
func (s *Session) offerTags(d *description) []string {
	tags := d.bundleTags()
	if s.bundled() {
		return tags
	}
	for i := range d.media {
		if m := &d.media[i]; m.port != 0 {
			tags[i] = m.mid
		}
	}
	return tags
}

// answerGroups are the groups of an answer: those of the offer without what is rejected (RFC 9143 section 7.3).
func (d *description) answerGroups(accepted []bool) [][]string {
	var out [][]string
	for _, g := range d.groups {
		var mids []string
		for _, mid := range g {
			if m := d.byMID(mid); m != nil && accepted[m.index] && !m.midless {
				mids = append(mids, mid)
			}
		}
		if len(mids) > 0 {
			out = append(out, mids)
		}
	}
	return out
}

// offerGroup is the BUNDLE group of a local offer (RFC 9429 section 5.2.2): what is bundled, and what is new, in the
// order of the m-lines, since Chromium takes the first of them for the tagged one whatever the order of
// the group. What the peer left out of the bundle stays out.
func (s *Session) offerGroup(live []string) []string {
	return slices.DeleteFunc(slices.Clone(live), func(mid string) bool {
		return s.settled(mid) && !(s.currentLocal.grouped(mid) && s.currentRemote.grouped(mid))
	})
}

// follow gives the candidates of a transport to the m-section that is tagged for it now: the one that was is rejected, or
// a new one stands before it.
func (s *Session) follow(before, after []Section) {
	was := make(map[string]string, len(before))
	for _, sec := range before {
		if !sec.Rejected {
			was[sec.MID] = sec.BundleTag
		}
	}
	tag := make(map[string]string, len(after)) // of those that are not rejected
	for _, sec := range after {
		if !sec.Rejected {
			tag[sec.MID] = sec.BundleTag
		}
	}
	for _, sec := range after {
		old := was[sec.MID]
		if now, alive := tag[old]; sec.Rejected || old == "" || (alive && now != sec.BundleTag) {
			continue // it left the bundle, which goes on without it
		}
		ufrag := sec.Local.Ufrag
		if c := s.gathered.of(old, ufrag); c != nil && s.gathered.of(sec.BundleTag, ufrag) == nil {
			s.gathered[generation{sec.BundleTag, ufrag}] = c
		}
	}
}

// leaveToTag forgets what was gathered for m-sections that are bundled now: their own transports are gone, and only the
// tagged m-section has candidates (RFC 9143 section 7.5.1).
func (s *Session) leaveToTag() {
	for _, sec := range s.sections() {
		if !sec.Rejected && sec.BundleTag != sec.MID {
			delete(s.gathered, generation{sec.MID, sec.Local.Ufrag})
		}
	}
}
