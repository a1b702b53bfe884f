package jsep

import (
	"slices"
	"strconv"
	"strings"
)

// NegotiateCodecs answers an offer: the formats of remote that local has too, in remote's order
// (RFC 9429 section 5.3.1), with remote's payload types, local's fmtp brought down to what the
// codec's RFC allows in an answer, and the feedback that both have. One local format answers one of remote's.
// An rtx of local without apt stands for each one. The list is nil when they share no media codec.
// Where the application has set preferences, PreferCodecs orders the result.
func NegotiateCodecs(local, remote []Codec) []Codec {
	l, r := prepare(local), prepare(remote)
	var out []Codec
	for i, j := range pair(r, l) {
		if j >= 0 {
			c := common(remote[i], local[j])
			c.Fmtp = answerFmtp(l[j], r[i])
			out = append(out, c)
		}
	}
	return out
}

// CommonCodecs keeps the formats of base that other has too, as base describes them (payload type,
// fmtp, order) with the feedback both have. With both descriptions in force, a sender's codecs are
// CommonCodecs(remote, local), a receiver's CommonCodecs(local, remote) (webrtc-pc, RTCRtpCodecParameters).
func CommonCodecs(base, other []Codec) []Codec {
	var out []Codec
	for i, j := range pair(prepare(base), prepare(other)) {
		if j >= 0 {
			out = append(out, common(base[i], other[j]))
		}
	}
	return out
}

func common(base, other Codec) Codec {
	if base.Kind == 0 {
		base.Kind = other.Kind
	}
	var fbs []Feedback
	for _, fb := range base.Feedback {
		if slices.ContainsFunc(other.Feedback, fb.is) {
			fbs = append(fbs, fb)
		}
	}
	base.Feedback = fbs
	return base
}

func answerFmtp(local, remote *prepared) string {
	switch {
	case local.rtx:
		// apt is the number of the codec in this m-line; rtx-time is how long we keep packets (RFC 4588 section 8.1).
		return setParameter(local.Fmtp, "apt", strconv.Itoa(int(remote.apt)))
	case local.red:
		return remote.Fmtp // numbers of this m-line
	case local.rule.answer != nil:
		return local.rule.answer(local.Fmtp, remote.Fmtp)
	}
	return local.Fmtp
}

// prepared is a codec with its fmtp read once.
type prepared struct {
	Codec
	parameters parameters
	rule       rule
	rtx, red   bool
	apt        uint8 // of rtx
	hasApt     bool
	blocks     []uint8 // of red: the formats it carries, the primary first; nil when not said
}

func prepare(codecs []Codec) []*prepared {
	out, all := make([]*prepared, len(codecs)), make([]prepared, len(codecs))
	for i, c := range codecs {
		p := &all[i]
		*p = prepared{Codec: c, parameters: parseFmtp(c.Fmtp), rule: c.rule(), rtx: c.is("rtx"), red: c.is("red")}
		switch {
		case p.rtx:
			p.apt, p.hasApt = p.parameters.payloadType("apt")
		case p.red:
			p.blocks = redBlocks(c.Fmtp)
		}
		out[i] = p
	}
	return out
}

// redBlocks reads the fmtp of red, "111/111" (RFC 2198 section 5); nil when it is not such a list.
func redBlocks(fmtp string) []uint8 {
	const most = 32
	words := strings.SplitN(fmtp, "/", most+1)
	if fmtp == "" || len(words) > most {
		return nil
	}
	out := make([]uint8, len(words))
	for i, w := range words {
		pt, ok := parsePayloadType(strings.TrimSpace(w))
		if !ok {
			return nil
		}
		out[i] = pt
	}
	return out
}

func (p *prepared) matches(o *prepared) bool {
	return sameEncoding(p.Codec, o.Codec) && (p.rule.same == nil || p.rule.same(p.parameters, o.parameters))
}

func (p *prepared) equals(o *prepared) bool {
	return p.matches(o) && p.parameters.within(o.parameters) && o.parameters.within(p.parameters)
}

// pairing finds for each format of base its partner in other. Formats that are equal find each other
// before those that only match.
type pairing struct {
	base, other []*prepared
	partner     []int // index into other, -1: none
	taken       []bool
}

// pair returns the partners; all are -1 when base and other share no media codec.
func pair(base, other []*prepared) []int {
	p := &pairing{base: base, other: other, partner: make([]int, len(base)), taken: make([]bool, len(other))}
	for i := range p.partner {
		p.partner[i] = -1
	}
	p.join((*prepared).plain, (*prepared).equals)
	p.join((*prepared).plain, (*prepared).matches)
	if !p.media() {
		return p.partner[:0]
	}
	p.join(func(b *prepared) bool { return b.red }, p.carries)
	p.join(func(b *prepared) bool { return b.rtx }, p.retransmits)
	return p.partner
}

// plain reports whether a format stands on its own.
func (p *prepared) plain() bool { return !p.rtx && !p.red }

func (p *pairing) join(which func(b *prepared) bool, fits func(b, o *prepared) bool) {
	for i, b := range p.base {
		if p.partner[i] >= 0 || !which(b) || rtcpRange(b.PayloadType) {
			continue
		}
		for j, o := range p.other {
			if !p.taken[j] && fits(b, o) {
				// An rtx without apt stands for all.
				p.partner[i], p.taken[j] = j, !o.rtx || o.hasApt
				break
			}
		}
	}
}

// media reports whether a media codec has found a partner.
func (p *pairing) media() bool {
	for i, j := range p.partner {
		if j >= 0 && !p.base[i].IsResiliency() {
			return true
		}
	}
	return false
}

// partnerOf is the partner of the format with a payload type in base.
func (p *pairing) partnerOf(payloadType uint8) *prepared {
	for i, b := range p.base {
		if b.PayloadType == payloadType && !b.rtx {
			if p.partner[i] < 0 {
				return nil
			}
			return p.other[p.partner[i]]
		}
	}
	return nil
}

// carries: all that b carries has a partner, and the primary is also what o carries.
func (p *pairing) carries(b, o *prepared) bool {
	if !o.red || !sameEncoding(b.Codec, o.Codec) {
		return false
	}
	for i, pt := range b.blocks {
		c := p.partnerOf(pt)
		if c == nil || (i == 0 && o.blocks != nil && o.blocks[0] != c.PayloadType) {
			return false
		}
	}
	return true
}

// retransmits: the codec that b protects is the one that o protects.
func (p *pairing) retransmits(b, o *prepared) bool {
	if !o.rtx || !sameEncoding(b.Codec, o.Codec) {
		return false
	}
	if !b.hasApt {
		return true
	}
	c := p.partnerOf(b.apt)
	return c != nil && (!o.hasApt || c.PayloadType == o.apt)
}
