package jsep

import (
	"slices"
	"strconv"

	"github.com/pion/sdp/v3"
)

// learnNumbers takes over the payload types and extension IDs in force, this side's first, since the peer may have
// named more than was agreed on; and then what once was.
func (w *writer) learnNumbers() {
	s := w.s
	for _, d := range []*description{s.pendingLocal, s.currentLocal, s.currentRemote} {
		for i := range d.count() {
			if m := &d.media[i]; m.rtp != nil {
				// Two meanings of one number can only be those of a peer that does not bundle.
				_ = w.types.Learn(m.rtp.codecs)
				_ = w.extensions.Learn(m.rtp.extensions)
			}
		}
	}
	w.types.Inherit(s.payloadTypes)
	w.extensions.Inherit(s.extensionIDs)
}

// offerMedia adds the m-section of a transceiver to an offer (RFC 9429 section 5.2.1).
func (w *writer) offerMedia(t *transceiver, mid, proto string) {
	s := w.s
	codecs, err := w.types.Assign(s.codecsOf(t, t.kind))
	switch {
	case w.fail != nil:
		return
	case err != nil:
		w.fail = err
		return
	case len(codecs) == 0:
		w.fail = failf(OperationError, "transceiver %d has no %s codec to offer", t.id, t.kind)
		return
	}
	w.transceivers[len(w.media)] = t.id
	sec := mediaSection{
		t: t, direction: t.direction, codecs: codecs, rsize: true, muxOnly: !s.cfg.RTCPMuxNegotiate,
		extensions: w.extensions.Assign(s.extensionsOf(t), w.mixed),
	}
	if t.direction.Sends() && len(t.sendRIDs) > 1 {
		sec.send = w.sendLayers(t, t.sendRIDs)
	}
	// A section whose layers this side receives asks for them again: their sender takes an offer without as their end.
	// The layers are those that the peer has in force.
	if m := s.currentRemote.byMID(mid); t.direction.Receives() && m != nil && m.rtp != nil && m.rtp.simulcast.sim {
		sec.receive = answerLayers(m.rtp.simulcast.send, codecs)
		sec.sim = true
	}
	// In the session, not in each section: libdatachannel answers with the attributes of a section that it does not know.
	w.cryptex = s.cfg.Cryptex != CryptexOff
	w.addMedia(sec, mid, proto, Actpass)
}

// answerMedia adds an m-section that is accepted to an answer (RFC 9429 section 5.3.1).
func (w *writer) answerMedia(m *media, codecs []Codec, setup Setup, n *numbers) {
	s, offer := w.s, w.s.pendingRemote
	t := s.associated(m.mid)
	sec := mediaSection{
		t: t, direction: t.direction.Intersect(m.rtp.direction.Reverse()), codecs: codecs, rsize: m.rtp.rsize,
		mixed:      m.rtp.mixed && !offer.mixed,
		cryptex:    s.cfg.Cryptex != CryptexOff && offer.takesCryptex(m.index),
		extensions: NegotiateExtensions(s.extensionsOf(t), m.rtp.extensions, offer.allowsMixed(m.index)),
	}
	if n != nil {
		sec.extensions = n.distinctExtensions(sec.extensions)
	}
	if sec.direction.Receives() {
		sec.receive = answerLayers(m.rtp.simulcast.send, codecs)
		sec.sim = m.rtp.simulcast.sim
	}
	if sec.direction.Sends() && len(t.sendRIDs) > 1 {
		requested := slices.DeleteFunc(m.rtp.simulcast.requested(), func(id string) bool { return !slices.Contains(t.sendRIDs, id) })
		sec.send = w.sendLayers(t, requested)
	}
	w.addMedia(sec, m.mid, m.proto, setup)
}

// sendLayers are the layers of the encodings with these RIDs.
func (w *writer) sendLayers(t *transceiver, rids []string) []RID {
	var out []RID
	for _, id := range rids {
		out = append(out, RID{ID: id, Direction: Sendonly, Paused: slices.Contains(w.in.Paused[t.id], id)})
	}
	return out
}

// answerLayers are the peer's layers that this side takes: all, but for formats that it does not have (RFC 8851
// section 6.3).
func answerLayers(offered []RID, codecs []Codec) []RID {
	var out []RID
	for _, r := range offered {
		has := len(r.PayloadTypes) == 0
		r.PayloadTypes = slices.DeleteFunc(slices.Clone(r.PayloadTypes), func(pt uint8) bool {
			return !slices.ContainsFunc(codecs, func(c Codec) bool { return c.PayloadType == pt })
		})
		if has || len(r.PayloadTypes) > 0 {
			r.Paused = false
			out = append(out, r)
		}
	}
	return out
}

// mediaSection is what an audio or video m-section is to say.
type mediaSection struct {
	t              *transceiver
	direction      Direction
	codecs         []Codec
	extensions     []Extension
	muxOnly, rsize bool
	mixed          bool // a=extmap-allow-mixed in the section
	cryptex        bool // a=cryptex in the section
	send, receive  []RID
	sim            bool // receive is simulcast, not one lone RID
}

// addMedia adds an audio or video m-section.
func (w *writer) addMedia(sec mediaSection, mid, proto string, setup Setup) {
	s, t := w.s, sec.t
	formats := make([]string, len(sec.codecs))
	for i, c := range sec.codecs {
		formats[i] = strconv.Itoa(int(c.PayloadType))
	}
	md := w.addLive(mline{media: t.kind.String(), proto: proto, formats: formats}, mid, setup)
	add := func(as ...sdp.Attribute) { md.Attributes = append(md.Attributes, as...) }
	if sec.mixed {
		add(attribute("extmap-allow-mixed"))
	}
	if sec.cryptex {
		add(attribute("cryptex"))
	}
	for _, e := range sec.extensions {
		add(e.Attribute())
	}
	add(attribute(sec.direction.String()))
	// As far as this side wants to send, even if the peer does not let it: webrtc-pc section 4.7.3 compares it with that.
	if t.direction.Sends() {
		add(s.msid(t).attributes()...)
	}
	add(attribute("rtcp-mux"))
	if sec.muxOnly {
		add(attribute("rtcp-mux-only"))
	}
	if sec.rsize {
		add(attribute("rtcp-rsize"))
	}
	for _, c := range sec.codecs {
		add(c.Attributes()...)
	}
	if len(sec.receive) > 0 && !sec.sim {
		add(attributeOf("rid", sec.receive[0].value("recv")))
		sec.receive = nil
	}
	add(simulcastAttributes(sec.send, sec.receive)...)
	if stream, ok := w.in.Streams[t.id]; ok && sec.direction.Sends() && len(sec.send) == 0 {
		add(stream.sources(sec.codecs, w.in.CNAME).attributes(s.msid(t).values())...)
	}
}
