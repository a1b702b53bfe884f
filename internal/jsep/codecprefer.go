package jsep

import "slices"

// PreferCodecs brings codecs into the order of preferences and drops those that are not among them
// (RFC 9429 section 5.2.1 and 5.3.1). Each rtx follows its codec, when preferences have an rtx for it: one
// without apt, as GetCapabilities lists it, stands for all; one with apt for the preference with that payload
// type. What red and rtx need and do not find is dropped too. The list is nil when no media codec is left.
func PreferCodecs(preferences, codecs []Codec) []Codec {
	prefs, have := prepare(preferences), prepare(codecs)
	p := &pairing{base: prefs, other: have, partner: make([]int, len(prefs)), taken: make([]bool, len(have))}
	for i := range p.partner {
		p.partner[i] = -1
	}
	p.join((*prepared).plain, (*prepared).equals)
	p.join((*prepared).plain, (*prepared).matches)
	if !p.media() {
		return nil
	}
	kept := make([]bool, 128) // payload types of codecs
	for _, j := range p.partner {
		if j >= 0 {
			kept[have[j].PayloadType&0x7f] = true
		}
	}
	// The payload types in a red of preferences mean nothing here; those of codecs do.
	p.join(func(b *prepared) bool { return b.red }, func(b, o *prepared) bool {
		return o.red && sameEncoding(b.Codec, o.Codec) &&
			!slices.ContainsFunc(o.blocks, func(pt uint8) bool { return !kept[pt] })
	})
	var out []Codec
	for i, j := range p.partner {
		if j < 0 {
			continue
		}
		out = append(out, codecs[j])
		for k, c := range have {
			if c.rtx && c.hasApt && c.apt == have[j].PayloadType && wantsRTX(prefs, prefs[i], c) {
				out = append(out, codecs[k])
			}
		}
	}
	for k, c := range have {
		if c.rtx && !c.hasApt && wantsRTX(prefs, nil, c) {
			out = append(out, codecs[k])
		}
	}
	return out
}

// wantsRTX reports whether the preferences have an rtx like c for one of them; nil stands for all.
func wantsRTX(prefs []*prepared, preferred, c *prepared) bool {
	return slices.ContainsFunc(prefs, func(p *prepared) bool {
		return p.rtx && sameEncoding(p.Codec, c.Codec) &&
			(!p.hasApt || (preferred != nil && p.apt == preferred.PayloadType))
	})
}
