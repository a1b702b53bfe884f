package jsep

import "slices"

// speaks reports whether this side uses media of a kind at all; what it does not use is rejected
// unread.
func (s *Session) speaks(kind MediaKind) bool {
	return len(s.support(kind).Codecs) > 0 ||
		slices.ContainsFunc(s.transceivers, func(t *transceiver) bool { return t.kind == kind })
}

// checkRemoteMedia checks what a remote description says of RTP.
func (s *Session) checkRemoteMedia(d *description) *Error {
	for i := range d.media {
		m := &d.media[i]
		if m.rtp == nil || !s.speaks(m.rtp.kind) {
			continue
		}
		if !s.cfg.RTCPMuxNegotiate && !d.usesMux(i) {
			return m.failf("no a=rtcp-mux, which the policy requires") // W3C section 4.4.1.4
		}
		if s.cfg.Cryptex == CryptexRequire && !d.takesCryptex(i) {
			return m.failf("no a=cryptex (RFC 9335), which the policy requires") // webrtc-extensions, RTCRtpHeaderEncryptionPolicy
		}
		if d.typ == Offer {
			continue
		}
		// RFC 8853 section 5.3.2: an answer takes away from the layers, and adds none.
		if o := s.pendingLocal.section(i); o != nil && o.rtp != nil {
			for _, r := range m.rtp.simulcast.receive {
				if !slices.ContainsFunc(o.rtp.simulcast.send, RID{ID: r.ID, Direction: Sendonly}.is) {
					return m.failf("a=rid:%s answers a layer that was not offered", quote(r.ID))
				}
			}
		}
	}
	return nil
}

// numbers are the payload types and extension IDs that an answer has accepted so far in one bundle.
type numbers struct {
	types PayloadTypes
	ids   ExtensionIDs
}

// distinctCodecs leaves out of an answer what would give a payload type a second meaning in its bundle, which RFC 9143
// section 9.1 forbids. Firefox makes such offers when it mixes the numbers of its peer with its own.
func (n *numbers) distinctCodecs(codecs []Codec) []Codec {
	var out []Codec
	for _, c := range codecs {
		if n.types.Learn([]Codec{c}) == nil {
			out = append(out, c)
		}
	}
	if len(out) < len(codecs) {
		out = NegotiateCodecs(out, out) // without rtx and red that lost their codec
	}
	return out
}

func (n *numbers) distinctExtensions(es []Extension) []Extension {
	var out []Extension
	for _, e := range es {
		if n.ids.Learn([]Extension{e}) == nil {
			out = append(out, e)
		}
	}
	return out
}

// numbersOf returns for each m-section of an offer the numbers of its bundle, which sections share.
func (d *description) numbersOf() []*numbers {
	out := make([]*numbers, len(d.media))
	for _, g := range d.groups {
		if len(g) < 2 {
			continue
		}
		shared := &numbers{}
		for _, mid := range g {
			out[d.byMID(mid).index] = shared
		}
	}
	return out
}
