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
			return m.failf("no a=rtcp-mux, which the policy requires") // W3C section 4.4.1.5
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
	return s.checkBundledNumbers(d)
}

// checkBundledNumbers checks that a payload type and an extension ID stand for one thing in a bundle (RFC 9143
// section 9.1).
func (s *Session) checkBundledNumbers(d *description) *Error {
	for _, g := range d.groups {
		if len(g) < 2 {
			continue
		}
		var types PayloadTypes
		var ids ExtensionIDs
		for _, mid := range g {
			m := d.byMID(mid)
			if m.rtp == nil || !s.speaks(m.rtp.kind) {
				continue
			}
			err := types.Learn(m.rtp.codecs)
			if err == nil {
				err = ids.Learn(m.rtp.extensions)
			}
			if err != nil {
				return m.failf("%w", err)
			}
		}
	}
	return nil
}
