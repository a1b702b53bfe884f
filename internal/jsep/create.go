package jsep

import (
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// CreateOffer makes an offer (RFC 9429 section 5.2) and remembers it as the last created one: of the
// m-lines there are, in their order, and one for data where there is none and one is
// wanted. It may be called in Stable and HaveLocalOffer. The same input gives the same text; any
// difference raises the session version.
func (s *Session) CreateOffer(in LocalInput) (string, error) {
	if s.state == Closed {
		return "", closedError()
	}
	if s.state != Stable && s.state != HaveLocalOffer {
		return "", failf(InvalidState, "an offer cannot be created in state %s", s.state)
	}
	was := s.newestLocal()
	w := &writer{s: s, in: in, typ: Offer, mids: s.nextMID}
	recycle := -1
	if in.Data && !s.hasLiveData(was) {
		recycle = s.deadSection(was)
		if recycle < 0 {
			recycle = was.count()
		}
	}
	for i := range was.count() {
		m := &was.media[i]
		switch {
		case i == recycle:
			w.addData(w.newMID(), "UDP/DTLS/SCTP", []string{"webrtc-datachannel"}, Actpass)
		case m.rejected || s.currentRemote.rejects(i) && !s.repending(i):
			w.addRejected(m.mline, m.mid)
		case m.data != nil:
			// Offers say actpass at all times; the answer keeps the roles of an association
			// that goes on (RFC 8842 section 5.5).
			w.addData(m.mid, m.proto, m.formats, Actpass)
		default:
			w.addRejected(m.mline, m.mid)
		}
	}
	if recycle >= 0 && recycle == was.count() {
		w.addData(w.newMID(), "UDP/DTLS/SCTP", []string{"webrtc-datachannel"}, Actpass)
	}
	c, err := w.finish(true)
	if err != nil {
		return "", err
	}
	s.lastOffer = c
	return c.sdp, nil
}

// repending reports whether the pending offer has recycled m-section i, which the current
// remote description still rejects.
func (s *Session) repending(i int) bool {
	p, was := s.pendingLocal.section(i), s.currentLocal.section(i)
	return p != nil && !p.rejected && (was == nil || was.mid != p.mid)
}

// hasLiveData reports whether d has a data m-line that neither side rejects.
func (s *Session) hasLiveData(d *description) bool {
	for i := range d.count() {
		if m := &d.media[i]; m.usable && (!s.currentRemote.rejects(i) || s.repending(i)) {
			return true
		}
	}
	return false
}

// deadSection is the m-line to recycle for data (RFC 9429 section 5.2.2): a data one that the description
// in force of either side rejects; -1: none. One of another kind could be taken too, but
// Firefox refuses an m-line that turns from media to application.
func (s *Session) deadSection(d *description) int {
	for i := range d.count() {
		dead := s.currentLocal.rejects(i) || s.currentRemote.rejects(i)
		if dead && !s.repending(i) && d.media[i].media == "application" {
			return i
		}
	}
	return -1
}

// CreateAnswer makes an answer to the pending remote offer (RFC 9429 section 5.3) and remembers it as
// the last created one. It may be called in HaveRemoteOffer and HaveLocalPranswer. What this side
// does not support is rejected.
func (s *Session) CreateAnswer(in LocalInput) (string, error) {
	if s.state == Closed {
		return "", closedError()
	}
	if s.state != HaveRemoteOffer && s.state != HaveLocalPranswer {
		return "", failf(InvalidState, "an answer cannot be created in state %s", s.state)
	}
	offer := s.pendingRemote
	w := &writer{s: s, in: in, typ: Answer, mids: s.nextMID, mixed: offer.mixed}
	for i := range offer.media {
		m := &offer.media[i]
		w.midless = m.midless
		if !m.usable {
			w.addRejected(m.mline, m.mid)
			continue
		}
		existing := s.existingSetup(offer, i)
		if existing != SetupNone && !sameFingerprints(s.currentLocal.transport(i, nil).Fingerprints, normal(in.Fingerprints)) {
			existing = SetupNone
		}
		setup := answerSetup(offer.transport(i, nil).Setup, in.AnsweringRole, existing)
		w.addData(m.mid, m.proto, m.formats, setup)
	}
	c, err := w.finish(len(offer.groups) > 0)
	if err != nil {
		return "", err
	}
	if err := checkAnswer(offer, c.desc); err != nil {
		return "", err
	}
	s.lastAnswer = c
	return c.sdp, nil
}

// normal is how parsed fingerprints are written.
func normal(fs []Fingerprint) []Fingerprint {
	out := make([]Fingerprint, len(fs))
	for i, f := range fs {
		out[i] = Fingerprint{strings.ToLower(f.Algorithm), strings.ToUpper(f.Value)}
	}
	return out
}

// writer puts a local description together.
type writer struct {
	s       *Session
	in      LocalInput
	typ     Type
	mids    int  // next number to try as MID
	mixed   bool // the offer allows mixed header extensions
	midless bool // the offered section has no MID, so the answer has none
	bundle  []string
	media   []*sdp.MediaDescription
}

// newMID draws a MID from the session's counter (RFC 9429 section 5.2.1: nothing that tells of the
// user) that no description has.
func (w *writer) newMID() string {
	for {
		mid := strconv.Itoa(w.mids)
		w.mids++
		s := w.s
		if s.currentLocal.byMID(mid) == nil && s.currentRemote.byMID(mid) == nil && s.pendingLocal.byMID(mid) == nil {
			return mid
		}
	}
}

func attribute(key string) sdp.Attribute          { return sdp.Attribute{Key: key} }
func attributeOf(key, value string) sdp.Attribute { return sdp.Attribute{Key: key, Value: value} }

func (w *writer) add(n mline, port int, mid string) *sdp.MediaDescription {
	md := &sdp.MediaDescription{
		MediaName: sdp.MediaName{
			Media:   n.media,
			Port:    sdp.RangedPort{Value: port},
			Protos:  strings.Split(n.proto, "/"),
			Formats: n.formats,
		},
		ConnectionInformation: &sdp.ConnectionInformation{
			NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: "0.0.0.0"},
		},
	}
	if !w.midless {
		md.Attributes = append(md.Attributes, attributeOf("mid", mid))
	}
	w.media = append(w.media, md)
	return md
}

// addRejected adds an m-line with port zero. It keeps one format, which RFC 3264 section 6 wants and
// nobody reads.
func (w *writer) addRejected(n mline, mid string) {
	n.formats = n.formats[:1]
	md := w.add(n, 0, mid)
	if n.media == "audio" || n.media == "video" {
		md.Attributes = append(md.Attributes, attribute("inactive"))
	}
}

// addData adds an SCTP m-line (RFC 8841 section 4). The port of the older form, DTLS/SCTP, is its format.
func (w *writer) addData(mid, proto string, formats []string, setup Setup) {
	n := mline{media: "application", proto: proto, formats: formats}
	old := proto == "DTLS/SCTP"
	port := strconv.Itoa(int(w.s.cfg.SCTPPort))
	if old {
		n.formats = []string{port}
	}
	md := w.add(n, 9, mid)
	md.Attributes = append(md.Attributes,
		attributeOf("ice-ufrag", w.in.Ufrag),
		attributeOf("ice-pwd", w.in.Pwd))
	for _, f := range normal(w.in.Fingerprints) {
		md.Attributes = append(md.Attributes, attributeOf("fingerprint", f.Algorithm+" "+f.Value))
	}
	md.Attributes = append(md.Attributes, attributeOf("setup", setup.String()))
	if old {
		md.Attributes = append(md.Attributes, attributeOf("sctpmap", port+" webrtc-datachannel 65535"))
	} else {
		md.Attributes = append(md.Attributes, attributeOf("sctp-port", port))
	}
	md.Attributes = append(md.Attributes,
		attributeOf("max-message-size", strconv.FormatUint(w.s.cfg.LocalMaxMessageSize, 10)))
	if !w.midless && (w.typ == Offer || w.s.pendingRemote.grouped(mid)) {
		w.bundle = append(w.bundle, mid)
	}
}

// finish writes the text, and reads it back as the description that it is.
func (w *writer) finish(bundles bool) (*created, *Error) {
	s := w.s
	if !iceChars(w.in.Ufrag) || !iceChars(w.in.Pwd) {
		return nil, failf(OperationError, "the local ICE credentials have a character that RFC 8839 does not allow")
	}
	d := sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: s.cfg.SessionID,
			NetworkType: "IN", AddressType: "IP4", UnicastAddress: "127.0.0.1",
		},
		SessionName:       "-",
		TimeDescriptions:  []sdp.TimeDescription{{}},
		MediaDescriptions: w.media,
	}
	if bundles && len(w.bundle) > 0 {
		d.Attributes = append(d.Attributes, attributeOf("group", "BUNDLE "+strings.Join(w.bundle, " ")))
	}
	if w.typ == Offer || w.mixed {
		d.Attributes = append(d.Attributes, attribute("extmap-allow-mixed"))
	}
	if w.in.Lite {
		d.Attributes = append(d.Attributes, attribute("ice-lite"))
	}
	d.Attributes = append(d.Attributes, attributeOf("ice-options", "trickle"))
	// RFC 9429 section 5.2.2: the version goes up when the text might differ from the one
	// that was created before, candidates included.
	_, body, err := s.read(&d, w.typ)
	if err != nil {
		return nil, err
	}
	version := s.version
	if body != s.lastBody {
		version++
	}
	d.Origin.SessionVersion = version
	desc, text, err := s.read(&d, w.typ)
	if err != nil {
		return nil, err
	}
	s.version, s.lastBody = version, body
	return &created{sdp: text, desc: desc, mids: w.mids}, nil
}

// read returns d as description without candidates, and as text with those gathered before
// for the same generation.
func (s *Session) read(d *sdp.SessionDescription, t Type) (*description, string, *Error) {
	text, err := d.Marshal()
	if err != nil {
		return nil, "", &Error{Kind: OperationError, Err: err}
	}
	lim := s.lim
	// What the peer's limits let in, our answer may repeat.
	lim.bytes, lim.lines, lim.lineBytes = 4*lim.bytes, 16*lim.lines, 2*lim.lineBytes
	desc, fail := parse(string(text), t, lim)
	if fail != nil {
		// It is this side's input that does not make a description.
		return nil, "", &Error{Kind: OperationError, Err: fail}
	}
	desc.isLocal = true
	return desc, desc.render(s.gathered), nil
}

// Created returns the text that CreateOffer (t is Offer) or CreateAnswer returned last, W3C
// [[LastCreatedOffer]] and [[LastCreatedAnswer]]; "" when there is none.
func (s *Session) Created(t Type) string {
	c := s.lastAnswer
	if t == Offer {
		c = s.lastOffer
	}
	if t == Rollback || c == nil {
		return ""
	}
	return c.sdp
}
