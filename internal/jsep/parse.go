package jsep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// parse reads a description: the scanner's grammar, pion/sdp, the attributes that matter
// here, and the rules that concern one description alone (RFC 9429 section 5.8). What concerns
// the other side's description is checked by checkAnswer and checkRemoteOffer.
func parse(text string, t Type, lim limits) (*description, *Error) {
	doc, sessionAt, fail := scan(text, lim)
	if fail != nil {
		return nil, fail
	}
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(doc.feed); err != nil {
		return nil, &Error{Kind: SDPSyntax, Err: err}
	}
	doc.feed = ""
	if len(parsed.Attributes) != len(sessionAt) || len(parsed.MediaDescriptions) != len(doc.parts) {
		return nil, syntaxf(0, "the SDP does not read the same twice")
	}
	d := &description{typ: t, doc: doc, session: parsed.Attributes}
	session := reader{sections: len(doc.parts), direction: Sendrecv}
	for i, a := range parsed.Attributes {
		if fail := session.attribute(a, sessionAt[i], true); fail != nil {
			return nil, fail
		}
	}
	d.trickle = session.transport.Trickle
	d.groups, d.mixed, d.cryptex = session.groups, session.mixed, session.cryptex
	d.identity, d.fingerprints = session.identity, session.transport.Fingerprints
	d.media = make([]media, len(doc.parts))
	for i, md := range parsed.MediaDescriptions {
		if fail := d.readMedia(i, md, &session); fail != nil {
			return nil, fail
		}
	}
	if fail := d.identify(); fail != nil {
		return nil, fail
	}
	if fail := d.checkGroups(); fail != nil {
		return nil, fail
	}
	d.choose()
	d.later, d.laterEnd = make([][]string, len(d.media)), make([]bool, len(d.media))
	if fail := d.checkTransports(); fail != nil {
		return nil, fail
	}
	return d, nil
}

// reader collects what the attributes of one section (or of the session) say.
type reader struct {
	transport  Transport
	sections   int // how many m-lines there are
	grouped    int // MIDs in groups
	groups     [][]string
	mixed      bool
	cryptex    bool
	direction  Direction // valid when directed, and for the session
	directed   bool
	mid        string
	bundleOnly bool
	data       DataSection
	portSet    bool
	sctpmap    string
	init       signalledInit
	identity   string
}

const endOfCandidates = "end-of-candidates"

// attribute reads one attribute. Where an attribute comes twice that may not, the first counts.
func (r *reader) attribute(a sdp.Attribute, line int, session bool) *Error {
	switch a.Key {
	case "group":
		if f := strings.Fields(a.Value); session && len(f) > 1 && f[0] == "BUNDLE" {
			// Each mid stands in one group once, which bounds what a peer can make us keep.
			if r.grouped += len(f) - 1; r.grouped > r.sections {
				return failf(InvalidAccess, "SDP line %d: a=group:BUNDLE names more mids than there are m-lines", line)
			}
			r.groups = append(r.groups, f[1:])
		}
	case "extmap-allow-mixed":
		r.mixed = true
	case "cryptex":
		r.cryptex = true
	case "sendrecv", "sendonly", "recvonly", "inactive":
		if !r.directed {
			r.direction, _ = ParseDirection(a.Key)
			r.directed = true
		}
	case "ice-lite":
		r.transport.Lite = r.transport.Lite || session // session level only: RFC 8839 section 5.3
	case "ice-ufrag":
		setFirst(&r.transport.Ufrag, a.Value)
	case "ice-pwd":
		setFirst(&r.transport.Pwd, a.Value)
	case "ice-options":
		for _, o := range strings.Fields(a.Value) {
			r.transport.Trickle = r.transport.Trickle || o == "trickle"
			r.transport.Renomination = r.transport.Renomination || o == "renomination"
		}
	case "fingerprint":
		f, err := parseFingerprint(a.Value, line)
		if err != nil {
			return err
		}
		if !slices.Contains(r.transport.Fingerprints, f) {
			if len(r.transport.Fingerprints) >= maxFingerprints {
				return failf(OperationError, "SDP line %d: more than %d fingerprints in one section", line, maxFingerprints)
			}
			r.transport.Fingerprints = append(r.transport.Fingerprints, f)
		}
	case "setup":
		setup, ok := parseSetup(a.Value)
		if !ok {
			return syntaxf(line, "a=setup:%s is not a role", quote(a.Value))
		}
		if r.transport.Setup == SetupNone {
			r.transport.Setup = setup
		}
	default:
		if !session {
			return r.mediaAttribute(a, line)
		}
		if a.Key == "identity" { // session level only: RFC 8827 section 5
			value, _, _ := strings.Cut(a.Value, " ") // without its extensions
			setFirst(&r.identity, value)
		}
	}
	return nil
}

// mediaAttribute reads the attributes that only an m-section has.
func (r *reader) mediaAttribute(a sdp.Attribute, line int) *Error {
	switch a.Key {
	case "mid":
		if !isToken(a.Value) {
			return syntaxf(line, "a=mid:%s is not a token", quote(a.Value))
		}
		if r.mid != "" && r.mid != a.Value {
			return syntaxf(line, "a second a=mid:%s in one m-section", quote(a.Value))
		}
		r.mid = a.Value
	case "bundle-only":
		r.bundleOnly = true
	case "candidate":
		c := "candidate:" + a.Value
		if err := checkCandidate(c); err != nil {
			return syntaxf(line, "%w", err)
		}
		r.transport.Candidates = append(r.transport.Candidates, c)
	case endOfCandidates:
		r.transport.EndOfCandidates = true
	case "sctp-port":
		n, err := strconv.ParseUint(a.Value, 10, 16)
		if err != nil {
			return syntaxf(line, "a=sctp-port:%s is not a port", quote(a.Value))
		}
		if !r.portSet {
			r.data.Port, r.portSet = uint16(n), true
		}
	case "max-message-size":
		if !digits(a.Value) {
			return syntaxf(line, "a=max-message-size:%s is not a number", quote(a.Value))
		}
		if !r.data.MaxMessageSizeSet {
			// A number that does not fit leaves the largest that does.
			n, _ := strconv.ParseUint(a.Value, 10, 64)
			r.data.MaxMessageSize, r.data.MaxMessageSizeSet = n, true
		}
	case "sctpmap":
		setFirst(&r.sctpmap, a.Value)
	case sctpInitKey:
		if r.init.text == "" {
			r.init = signalledInit{text: a.Value, line: line}
		}
	}
	return nil
}

func setFirst(to *string, v string) {
	if *to == "" {
		*to = v
	}
}

// maxFingerprints bounds those of one section: one a certificate and hash.
const maxFingerprints = 32

// hashBytes is the length of the hashes of RFC 8122 section 5; others are taken as they come.
var hashBytes = map[string]int{"md2": 16, "md5": 16, "sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}

func parseFingerprint(v string, line int) (Fingerprint, *Error) {
	alg, hash, _ := strings.Cut(v, " ")
	alg, hash = strings.ToLower(alg), strings.ToUpper(strings.TrimSpace(hash))
	if !isToken(alg) {
		return Fingerprint{}, syntaxf(line, "a=fingerprint:%s names no hash", quote(v))
	}
	n := (len(hash) + 1) / 3
	if want := hashBytes[alg]; n == 0 || n > 128 || len(hash)%3 != 2 || (want != 0 && n != want) {
		return Fingerprint{}, syntaxf(line, "a=fingerprint: %s is not a hash of %s", quote(hash), quote(alg))
	}
	for i := range len(hash) {
		if c := hash[i]; (i%3 == 2) != (c == ':') || (c != ':' && !isHex(c)) {
			return Fingerprint{}, syntaxf(line, "a=fingerprint: %s is not pairs of hexadecimal digits", quote(hash))
		}
	}
	return Fingerprint{Algorithm: alg, Value: hash}, nil
}

func isHex(c byte) bool { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') }

// isToken reports whether v is a token of RFC 8866 section 9.
func isToken(v string) bool {
	for i := range len(v) {
		if c := v[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]`, c) >= 0 {
			return false
		}
	}
	return v != ""
}

// readMedia fills in section i; of holds the session-level values it inherits.
func (d *description) readMedia(i int, md *sdp.MediaDescription, of *reader) *Error {
	session := of.transport
	p := &d.doc.parts[i]
	if len(md.Attributes) != len(p.attributes) {
		return syntaxf(p.line, "the m-section does not read the same twice")
	}
	r := reader{transport: Transport{Lite: session.Lite}}
	for j, a := range md.Attributes {
		if err := r.attribute(a, p.attributes[j], false); err != nil {
			return err
		}
	}
	t := &r.transport
	if t.Ufrag == "" && t.Pwd == "" {
		t.Ufrag, t.Pwd = session.Ufrag, session.Pwd
	}
	if len(t.Fingerprints) == 0 {
		t.Fingerprints = session.Fingerprints
	}
	if t.Setup == SetupNone {
		t.Setup = session.Setup
	}
	t.Trickle = t.Trickle || session.Trickle
	t.Renomination = t.Renomination || session.Renomination
	m := &d.media[i]
	*m = media{mline: p.name, index: i, mid: r.mid, own: *t, inherited: -1, attributes: md.Attributes}
	m.rejected = m.port == 0 && !(r.bundleOnly && d.typ == Offer && d.grouped(m.mid))
	if m.media == "application" {
		return m.readData(&r, p.line)
	}
	rtp, err := m.rtpSection(&r, of.direction)
	if err != nil && err.Line == 0 {
		err.Line = p.line
	}
	m.rtp = rtp
	return err
}

// readData recognises an SCTP m-line: the form of RFC 8841 section 4 and the older one with the port
// as format and a=sctpmap.
func (m *media) readData(r *reader, line int) *Error {
	data := r.data
	if !data.MaxMessageSizeSet {
		data.MaxMessageSize = defaultMaxMessageSize
	}
	switch m.proto {
	case "UDP/DTLS/SCTP", "TCP/DTLS/SCTP":
		if m.formats[0] != "webrtc-datachannel" {
			return nil
		}
		if !r.portSet {
			data.Port = defaultSCTPPort
		}
	case "DTLS/SCTP":
		n, err := strconv.ParseUint(m.formats[0], 10, 16)
		if err != nil && m.formats[0] != "webrtc-datachannel" {
			return syntaxf(line, "m=: %s is not an SCTP port", quote(m.formats[0]))
		}
		if f := strings.Fields(r.sctpmap); len(f) > 1 && f[1] != "webrtc-datachannel" {
			return nil
		}
		if !r.portSet {
			data.Port = uint16(n)
			if err != nil {
				data.Port = defaultSCTPPort
			}
		}
	default:
		return nil
	}
	m.data, m.init = &data, r.init
	return nil
}

// grouped reports whether a BUNDLE group names mid.
func (d *description) grouped(mid string) bool {
	return mid != "" && slices.ContainsFunc(d.groups, func(g []string) bool { return slices.Contains(g, mid) })
}

// choose marks what this package negotiates: RTP, as far as judge leaves it, and the first SCTP m-line. (RFC 9429 section 5.2.1 knows one
// at most; a=sctp-port:0 says the association is closed, RFC 8841 section 5.1.)
func (d *description) choose() {
	data := false
	for i := range d.media {
		m := &d.media[i]
		m.usable = m.rtp != nil
		if !data && !m.rejected && m.data != nil && m.data.Port != 0 {
			m.usable, data = true, true
		}
	}
}
