package jsep

import (
	"slices"

	"github.com/pion/sdp/v3"
)

// Description is a session description as the API shows it, with the candidates that
// have come since it was applied.
type Description struct {
	Type Type
	SDP  string
}

// description is one that was parsed: the peer's, or our own text.
type description struct {
	typ      Type
	doc      *document
	session  []sdp.Attribute
	trickle  bool       // a=ice-options:trickle at session level
	mixed    bool       // a=extmap-allow-mixed at session level
	cryptex  bool       // a=cryptex at session level
	identity string     // a=identity, without its extensions
	groups   [][]string // MIDs of each BUNDLE group
	media    []media
	names    map[string]int // index by MID, kept by nameAll
	isLocal  bool
	later    [][]string // candidates of the peer that came after, one list a section
	laterEnd []bool

	fingerprints []Fingerprint // at session level
}

// media is one m-section of a description.
type media struct {
	mline
	index   int
	mid     string
	midless bool // the peer gave no a=mid; mid is ours
	// rejected: port 0 without a=bundle-only (RFC 9429 section 5.3.1, RFC 9143 section 6).
	rejected bool
	// usable: not rejected, and of a kind and form that this package negotiates.
	usable     bool
	own        Transport // what the section and the session say
	inherited  int       // index of the section whose transport it shares; -1: none
	data       *DataSection
	init       signalledInit // of an m-line with data
	rtp        *rtpMedia     // nil unless it is an audio or video m-line, not rejected, of a profile of WebRTC
	attributes []sdp.Attribute
}

// section returns m-section i, nil when there is none. d may be nil.
func (d *description) section(i int) *media {
	if d == nil || i >= len(d.media) {
		return nil
	}
	return &d.media[i]
}

// count is the number of m-lines. d may be nil.
func (d *description) count() int {
	if d == nil {
		return 0
	}
	return len(d.media)
}

// rejects reports whether m-section i exists with a zero port. d may be nil.
func (d *description) rejects(i int) bool {
	m := d.section(i)
	return m != nil && m.rejected
}

func (d *description) byMID(mid string) *media {
	if d == nil {
		return nil
	}
	if i, ok := d.names[mid]; ok {
		return &d.media[i]
	}
	return nil
}

// nameAll makes the index of byMID, whenever MIDs have changed.
func (d *description) nameAll() {
	d.names = make(map[string]int, len(d.media))
	for i := range d.media {
		if _, twice := d.names[d.media[i].mid]; !twice {
			d.names[d.media[i].mid] = i
		}
	}
}

// as returns d with another type: one created answer serves as pranswer and answer.
func (d *description) as(t Type) *description {
	c := *d
	c.typ = t
	return &c
}

// transport is the whole transport of section i, candidates that came later included; in
// a local description those in g. The lists are shared: nobody changes them.
func (d *description) transport(i int, g gathered) Transport {
	m := &d.media[i]
	t := m.own
	if m.inherited >= 0 {
		t = d.media[m.inherited].own
		if m.own.Setup != SetupNone {
			t.Setup = m.own.Setup
		}
	}
	t.Candidates, t.EndOfCandidates = nil, false
	for _, j := range d.sources(i) {
		own := &d.media[j].own
		if t.Candidates == nil {
			t.Candidates = slices.Clip(own.Candidates)
		} else {
			t.Candidates = append(t.Candidates, own.Candidates...)
		}
		t.EndOfCandidates = t.EndOfCandidates || own.EndOfCandidates
		if !d.isLocal {
			t.Candidates = append(t.Candidates, d.later[j]...)
			t.EndOfCandidates = t.EndOfCandidates || d.laterEnd[j]
		}
	}
	if c := g.of(m.mid, m.own.Ufrag); c != nil {
		t.Candidates = append(t.Candidates, c.lines...)
		t.EndOfCandidates = t.EndOfCandidates || c.end
	}
	return t
}

// ufrag is that of the transport of section i.
func (d *description) ufrag(i int) string {
	if j := d.media[i].inherited; j >= 0 {
		i = j
	}
	return d.media[i].own.Ufrag
}

// sources are the sections whose candidates count for section i: itself and, if it has none (as
// when the peer gathers for the first section of a bundle only), those of its bundle with the
// same transport that this side does not use.
func (d *description) sources(i int) []int {
	m := &d.media[i]
	out := []int{i}
	if d.isLocal || !m.usable || len(m.own.Candidates) > 0 || len(d.later[i]) > 0 || !d.hasRefusable() {
		return out
	}
	for _, g := range d.groups {
		if !slices.Contains(g, m.mid) {
			continue
		}
		for _, mid := range g {
			if o := d.byMID(mid); o != nil && o.index != i && !o.usable && !o.rejected && d.ufrag(o.index) == d.ufrag(i) {
				out = append(out, o.index)
			}
		}
	}
	return out
}

// hasRefusable reports whether there is a section that the peer has not rejected and this side does not use.
func (d *description) hasRefusable() bool {
	for i := range d.media {
		if m := &d.media[i]; !m.usable && !m.rejected {
			return true
		}
	}
	return false
}

// bundleTags returns for each section the MID whose transport it uses: the first usable
// member of its BUNDLE group (RFC 9143 section 7.3.1).
func (d *description) bundleTags() []string {
	tags := make([]string, len(d.media))
	first := make(map[string]string)
	usable := make(map[string]bool, len(d.media))
	for i := range d.media {
		usable[d.media[i].mid] = d.media[i].usable
	}
	for _, g := range d.groups {
		tag := slices.IndexFunc(g, func(mid string) bool { return usable[mid] })
		if tag < 0 {
			continue
		}
		for _, mid := range g {
			first[mid] = g[tag]
		}
	}
	for i := range d.media {
		tags[i] = d.media[i].mid
		if tag, ok := first[tags[i]]; ok && d.media[i].usable {
			tags[i] = tag
		}
	}
	return tags
}

// render returns the text with the candidates that came since.
func (d *description) render(g gathered) string {
	var edits []edit
	for i := range d.media {
		var lines []string
		if !d.isLocal {
			lines = append(lines, d.later[i]...)
			if d.laterEnd[i] {
				lines = append(lines, endOfCandidates)
			}
		}
		if m := &d.media[i]; !m.rejected {
			if c := g.of(m.mid, m.own.Ufrag); c != nil {
				edits = c.appendDefault(edits, d.doc, i)
				lines = append(lines, c.attributes()...)
			}
		}
		if len(lines) > 0 {
			edits = append(edits, d.doc.appendLines(i, lines))
		}
	}
	return d.doc.render(edits)
}

// describe is what a getter returns for slot d.
func (s *Session) describe(d *description) (Description, bool) {
	if d == nil {
		return Description{}, false
	}
	g := s.gathered
	if !d.isLocal {
		g = nil
	}
	return Description{Type: d.typ, SDP: d.render(g)}, true
}

// CurrentLocal is W3C currentLocalDescription; false when it is null.
func (s *Session) CurrentLocal() (Description, bool) { return s.describe(s.currentLocal) }

// PendingLocal is W3C pendingLocalDescription; false when it is null.
func (s *Session) PendingLocal() (Description, bool) { return s.describe(s.pendingLocal) }

// CurrentRemote is W3C currentRemoteDescription; false when it is null.
func (s *Session) CurrentRemote() (Description, bool) { return s.describe(s.currentRemote) }

// PendingRemote is W3C pendingRemoteDescription; false when it is null.
func (s *Session) PendingRemote() (Description, bool) { return s.describe(s.pendingRemote) }
