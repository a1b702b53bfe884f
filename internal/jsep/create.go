package jsep

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// CreateOffer makes an offer (RFC 9429 section 5.2) and remembers it as the last created one: of the
// m-lines there are, in their order, one for each transceiver that has none, and one for data where there is none and one is
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
	w := &writer{s: s, in: in, typ: Offer, mids: s.nextMID, mixed: true, transceivers: map[int]TransceiverID{}}
	w.learnNumbers()
	fresh, added := s.additions(was, in)
	for i := range was.count() {
		if f, ok := fresh[i]; ok {
			w.offerNew(f)
		} else {
			w.offerAgain(&was.media[i])
		}
	}
	for _, f := range added {
		w.offerNew(f)
	}
	if w.fail != nil {
		return "", w.fail
	}
	if group := s.offerGroup(w.live); len(group) > 0 {
		w.groups = [][]string{group}
	}
	c, err := w.finish()
	if err != nil {
		return "", err
	}
	c.transceivers = w.transceivers
	s.lastOffer = c
	return c.sdp, nil
}

// addition is an m-line that an offer adds: for a transceiver, or for data where that is nil.
type addition struct{ t *transceiver }

// additions are the new m-lines of an offer: those that take the place of a rejected one, by index, and those that come
// behind the others (RFC 9429 section 5.2.2).
func (s *Session) additions(was *description, in LocalInput) (fresh map[int]addition, added []addition) {
	fresh = map[int]addition{}
	place := func(a addition, fits func(m *media) bool) {
		for i := range was.count() {
			if _, taken := fresh[i]; !taken && s.dead(was, i) && fits(&was.media[i]) {
				fresh[i] = a
				return
			}
		}
		added = append(added, a)
	}
	for _, t := range s.transceivers {
		if t.mid == "" && !t.stopping {
			place(addition{t}, (*media).wasRTP)
		}
	}
	if in.Data && !s.hasLiveData(was) {
		// One of another kind could be taken too, but Firefox refuses an m-line that turns from media to
		// application.
		place(addition{}, func(m *media) bool { return m.media == "application" })
	}
	return fresh, added
}

// wasRTP reports whether m is an audio or video m-line, maybe rejected.
func (m *media) wasRTP() bool {
	_, ok := ParseMediaKind(m.media)
	return ok
}

// dead reports whether a description in force rejects m-section i, so that it can be recycled.
func (s *Session) dead(d *description, i int) bool {
	return (s.currentLocal.rejects(i) || s.currentRemote.rejects(i)) && !s.repending(i)
}

// offerNew adds a new m-section.
func (w *writer) offerNew(a addition) {
	mid := w.newMID()
	if a.t == nil {
		w.bundleOnly = w.s.bundleOnly("application", w.kinds)
		w.addData(mid, "UDP/DTLS/SCTP", []string{"webrtc-datachannel"}, Actpass, nil)
		return
	}
	w.bundleOnly = w.s.bundleOnly(a.t.kind.String(), w.kinds)
	w.offerMedia(a.t, mid, rtpProtocol)
}

// offerAgain adds an m-section that there was before. Offers say actpass at all times; the answer keeps the roles of an
// association that goes on (RFC 8842 section 5.5).
func (w *writer) offerAgain(m *media) {
	s := w.s
	w.bundleOnly = false
	t := s.associated(m.mid)
	if m.rejected || s.dead(s.currentRemote, m.index) || (t != nil && t.stopping) {
		w.addRejected(m)
		return
	}
	if !s.settled(m.mid) {
		w.bundleOnly = s.bundleOnly(m.media, w.kinds)
	}
	switch {
	case m.data != nil:
		w.addData(m.mid, m.proto, m.formats, Actpass, nil)
	case t != nil:
		w.offerMedia(t, m.mid, m.proto)
	default:
		w.addRejected(m)
	}
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
		if m := &d.media[i]; m.usable && m.data != nil && (!s.currentRemote.rejects(i) || s.repending(i)) {
			return true
		}
	}
	return false
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
	accepted, codecs := s.accept(offer)
	w.groups = offer.answerGroups(accepted)
	setups := s.answerSetups(offer, accepted, w.groups, in)
	numbers := offer.numbersOf()
	for i := range offer.media {
		m := &offer.media[i]
		w.midless = m.midless
		switch {
		case !accepted[i]:
			w.addRejected(m)
		case m.data != nil:
			w.addData(m.mid, m.proto, m.formats, setups[i], m)
		default:
			w.answerMedia(m, codecs[i], setups[i], numbers[i])
		}
	}
	c, err := w.finish()
	if err != nil {
		return "", err
	}
	if err := checkAnswer(offer, c.desc); err != nil {
		return "", err
	}
	s.lastAnswer = c
	return c.sdp, nil
}

// accept decides which m-sections of an offer are accepted, with which codecs. Those that are in force come
// first, so that a number keeps its meaning.
func (s *Session) accept(offer *description) (accepted []bool, codecs [][]Codec) {
	accepted, codecs = make([]bool, len(offer.media)), make([][]Codec, len(offer.media))
	numbers := offer.numbersOf()
	for _, settled := range []bool{true, false} {
		for i := range offer.media {
			m := &offer.media[i]
			if s.settled(m.mid) != settled {
				continue
			}
			accepted[i] = m.usable
			if !m.usable || m.rtp == nil {
				continue
			}
			if t := s.associated(m.mid); t != nil {
				codecs[i] = s.answerCodecs(t, m.rtp)
			}
			if numbers[i] != nil {
				codecs[i] = numbers[i].distinctCodecs(codecs[i])
			}
			accepted[i] = len(codecs[i]) > 0
		}
	}
	return accepted, codecs
}

// answerSetups chooses the DTLS role in each m-section that is accepted: one for all of a bundle, as they share
// an association. If that goes on, its roles do.
func (s *Session) answerSetups(offer *description, accepted []bool, groups [][]string, in LocalInput) []Setup {
	out := make([]Setup, len(offer.media))
	role := func(i int) Setup {
		existing := s.existingSetup(offer, i)
		if existing != SetupNone && !sameFingerprints(s.currentLocal.transport(i, nil).Fingerprints, normal(in.Fingerprints)) {
			return SetupNone
		}
		return existing
	}
	for i := range out {
		if accepted[i] {
			out[i] = answerSetup(offer.transport(i, nil).Setup, in.AnsweringRole, role(i))
		}
	}
	for _, g := range groups {
		existing := SetupNone
		for _, mid := range g {
			if existing == SetupNone {
				existing = role(offer.byMID(mid).index)
			}
		}
		tag := offer.byMID(g[0]).index
		setup := answerSetup(offer.transport(tag, nil).Setup, in.AnsweringRole, existing)
		for _, mid := range g {
			out[offer.byMID(mid).index] = setup
		}
	}
	return out
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
	mixed   bool // a=extmap-allow-mixed at session level
	cryptex bool // a=cryptex at session level
	midless bool // the offered section has no MID, so the answer has none
	groups  [][]string
	media   []*sdp.MediaDescription
	fail    error

	// Of an offer.
	bundleOnly   bool     // the section is
	live         []string // MIDs of the sections so far that are not rejected
	kinds        []string // their media
	types        PayloadTypes
	extensions   ExtensionIDs
	transceivers map[int]TransceiverID
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
// nobody reads, with its a=rtpmap, without which pion/webrtc refuses the offer.
func (w *writer) addRejected(m *media) {
	n := m.mline
	n.formats = n.formats[:1]
	md := w.add(n, 0, m.mid)
	if !m.wasRTP() {
		return
	}
	md.Attributes = append(md.Attributes, attribute("inactive"))
	for _, a := range m.attributes {
		if a.Key == "rtpmap" && strings.HasPrefix(a.Value, n.formats[0]+" ") {
			md.Attributes = append(md.Attributes, a)
			return
		}
	}
}

// addData adds an SCTP m-line (RFC 8841 section 4). The port of the older form, DTLS/SCTP, is its format. was is the
// m-line that it answers, nil in an offer.
func (w *writer) addData(mid, proto string, formats []string, setup Setup, was *media) {
	n := mline{media: "application", proto: proto, formats: formats}
	old := proto == "DTLS/SCTP"
	port := strconv.Itoa(int(w.s.cfg.SCTPPort))
	if old {
		n.formats = []string{port}
	}
	md := w.addLive(n, mid, setup)
	if old {
		md.Attributes = append(md.Attributes, attributeOf("sctpmap", port+" webrtc-datachannel 65535"))
	} else {
		md.Attributes = append(md.Attributes, attributeOf("sctp-port", port))
	}
	md.Attributes = append(md.Attributes,
		attributeOf("max-message-size", strconv.FormatUint(w.s.cfg.LocalMaxMessageSize, 10)))
	if w.wantsSCTPInit(old, was) {
		md.Attributes = append(md.Attributes, attributeOf(sctpInitKey, base64.StdEncoding.EncodeToString(w.in.SCTPInit)))
	}
}

// addLive adds an m-section that is not rejected, with its transport. It is written into each section of a bundle:
// RFC 9429 section 5.2.1 wants it in the tagged one alone, but there are peers that look for it in
// theirs, and none that minds.
func (w *writer) addLive(n mline, mid string, setup Setup) *sdp.MediaDescription {
	port := 9 // RFC 9429 section 5.2.1: no candidate yet
	if w.bundleOnly {
		port = 0
	}
	md := w.add(n, port, mid)
	md.Attributes = append(md.Attributes, w.transport()...)
	md.Attributes = append(md.Attributes, attributeOf("setup", setup.String()))
	if w.bundleOnly {
		md.Attributes = append(md.Attributes, attribute("bundle-only"))
	}
	w.live, w.kinds = append(w.live, mid), append(w.kinds, n.media)
	return md
}

// transport is this side's transport, without its DTLS role.
func (w *writer) transport() []sdp.Attribute {
	out := []sdp.Attribute{attributeOf("ice-ufrag", w.in.Ufrag), attributeOf("ice-pwd", w.in.Pwd)}
	for _, f := range normal(w.in.Fingerprints) {
		out = append(out, attributeOf("fingerprint", f.Algorithm+" "+f.Value))
	}
	return out
}

// finish writes the text, and reads it back as the description that it is.
func (w *writer) finish() (*created, *Error) {
	s := w.s
	if !iceChars(w.in.Ufrag) || !iceChars(w.in.Pwd) {
		return nil, failf(OperationError, "the local ICE credentials have a character that RFC 8839 does not allow")
	}
	if w.in.Identity != "" {
		if _, err := DecodeIdentity(w.in.Identity); err != nil {
			return nil, &Error{Kind: OperationError, Err: err}
		}
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
	for _, g := range w.groups {
		d.Attributes = append(d.Attributes, attributeOf("group", "BUNDLE "+strings.Join(g, " ")))
	}
	if w.mixed {
		d.Attributes = append(d.Attributes, attribute("extmap-allow-mixed"))
	}
	if w.cryptex {
		d.Attributes = append(d.Attributes, attribute("cryptex"))
	}
	if w.in.Identity != "" {
		d.Attributes = append(d.Attributes, attributeOf("identity", w.in.Identity))
	}
	if w.in.Lite {
		d.Attributes = append(d.Attributes, attribute("ice-lite"))
	}
	d.Attributes = append(d.Attributes, attributeOf("ice-options", "trickle"))
	if len(w.live) == 0 && w.in.Ufrag != "" {
		// Of no use to anybody, but pion/webrtc refuses a description without.
		d.Attributes = append(d.Attributes, w.transport()...)
	}
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
