package jsep

import (
	"slices"
	"strconv"
	"strings"
)

// document is the text of a description with the places in it where this package reads
// and writes. The text itself never changes: later candidates are spliced in when it is
// rendered.
type document struct {
	text    string
	newline string // what ends a line in this text
	parts   []part // one a m-line
	feed    string // what pion/sdp is given, see scanner
}

// part is one m-section of a document. Ranges are byte offsets into the text, without
// the line's end.
type part struct {
	line       int    // 1-based line of the m-line
	mline      [2]int // the m-line
	connection [2]int // its c-line; zero when absent
	end        int    // after the last line of the section, its end included
	name       mline
	attributes []int // 1-based lines of its attributes
}

// mline is an m-line in its own words: pion/sdp refuses media and protocols it does not
// know, which RFC 8866 section 5.14 has a receiver ignore (this package rejects the m-line).
type mline struct {
	media   string
	port    int
	proto   string
	formats []string
}

// scanner cuts a text into lines and checks the grammar of RFC 8866 section 5 as far as WebRTC
// looks at it, with line numbers. It writes a second text for pion/sdp that
// has what that parser needs and none of what it would refuse without need (unknown
// media and protocols, bandwidth types, repeat times).
type scanner struct {
	lim       limits
	doc       *document
	feed      strings.Builder
	line      int  // 1-based
	rank      int  // of the last session-level line
	timed     bool // a t= line was passed on
	count     int  // attributes of the part that is being read
	sessionAt []int
}

// sessionOrder is the order of the session-level lines (RFC 8866 section 5).
const sessionOrder = "vosiuepcbtrzka"

// mediaLines are the lines that may follow an m-line.
const mediaLines = "icbka"

func scan(text string, lim limits) (*document, []int, *Error) {
	if len(text) > lim.bytes {
		return nil, nil, failf(OperationError, "the SDP has %d bytes, more than %d", len(text), lim.bytes)
	}
	s := &scanner{lim: lim, doc: &document{text: text, newline: "\r\n"}, rank: -1}
	if i := strings.IndexByte(text, '\n'); i == 0 || (i > 0 && text[i-1] != '\r') {
		s.doc.newline = "\n"
	}
	s.feed.Grow(len(text) + 64)
	for start := 0; start < len(text); {
		end, next := len(text), len(text)
		if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
			end, next = start+i, start+i+1
		}
		if end > start && text[end-1] == '\r' {
			end--
		}
		s.line++
		if s.line > lim.lines {
			return nil, nil, failf(OperationError, "the SDP has more than %d lines", lim.lines)
		}
		if end > start { // an empty line says nothing
			if err := s.take(start, end, next); err != nil {
				return nil, nil, err
			}
		}
		start = next
	}
	if err := s.sessionComplete(); err != nil {
		return nil, nil, err
	}
	s.doc.feed = s.feed.String()
	return s.doc, s.sessionAt, nil
}

// take reads one line, text[start:end]; the next one starts at next.
func (s *scanner) take(start, end, next int) *Error {
	l := s.doc.text[start:end]
	if len(l) > s.lim.lineBytes {
		return failf(OperationError, "SDP line %d has %d bytes, more than %d", s.line, len(l), s.lim.lineBytes)
	}
	if len(l) < 2 || l[1] != '=' {
		return syntaxf(s.line, "%s is not of the form <type>=<value>", quote(l))
	}
	if strings.ContainsAny(l, "\r\x00") {
		return syntaxf(s.line, "a control character in %s", quote(l))
	}
	if l[0] == 'm' {
		if err := s.media(l[2:], start, end); err != nil {
			return err
		}
	} else if len(s.doc.parts) == 0 {
		if err := s.session(l[0], l[2:]); err != nil {
			return err
		}
	} else if err := s.inMedia(l[0], l[2:], start, end); err != nil {
		return err
	}
	if n := len(s.doc.parts); n > 0 {
		s.doc.parts[n-1].end = next
	}
	return nil
}

// pass hands a line to pion/sdp.
func (s *scanner) pass(kind byte, value string) {
	s.feed.WriteByte(kind)
	s.feed.WriteByte('=')
	s.feed.WriteString(value)
	s.feed.WriteString("\r\n")
}

func (s *scanner) session(kind byte, v string) *Error {
	rank := strings.IndexByte(sessionOrder, kind)
	switch {
	case rank < 0:
		return syntaxf(s.line, "unknown line type %q", kind)
	case rank < s.rank && !(kind == 't' && s.rank == strings.IndexByte(sessionOrder, 'r')):
		return syntaxf(s.line, "%c= after %c=", kind, sessionOrder[s.rank])
	case rank == s.rank && rank < 3:
		return syntaxf(s.line, "a second %c= line", kind)
	case rank > s.rank+1 && s.rank < 2:
		return syntaxf(s.line, "%c= where %c= is due", kind, sessionOrder[s.rank+1])
	case rank > 9 && s.rank < 9:
		return syntaxf(s.line, "%c= before t=", kind)
	}
	s.rank = rank
	switch kind {
	case 'v':
		if v != "0" {
			return syntaxf(s.line, "version %s, not 0", quote(v))
		}
		s.pass(kind, v)
	case 'o':
		return s.origin(v)
	case 's':
		// pion/sdp does not read the name; RFC 8866 wants one character at least,
		// which gateways leave out.
		s.pass(kind, "-")
	case 't':
		f := strings.Fields(v)
		if len(f) != 2 || !digits(f[0]) || !digits(f[1]) {
			return syntaxf(s.line, "t=%s is not two numbers", quote(v))
		}
		if !s.timed {
			s.timed = true
			s.pass(kind, "0 0")
		}
	case 'c':
		return s.checkConnection(v)
	case 'a':
		return s.attribute(v, &s.sessionAt)
	}
	return nil
}

func (s *scanner) sessionComplete() *Error {
	if s.rank >= 9 {
		return nil
	}
	due := byte('t')
	if s.rank < 2 {
		due = sessionOrder[s.rank+1]
	}
	return syntaxf(s.line+1, "the SDP ends before %c=", due)
}

func (s *scanner) origin(v string) *Error {
	f := strings.Fields(v)
	switch {
	case len(f) != 6:
		return syntaxf(s.line, "o= has %d fields, not 6", len(f))
	case !digits(f[1]) || !digits(f[2]):
		return syntaxf(s.line, "o=: the session id and version are numbers, not %s and %s", quote(f[1]), quote(f[2]))
	case f[3] != "IN" || (f[4] != "IP4" && f[4] != "IP6"):
		return syntaxf(s.line, "o=: unknown network %s %s", quote(f[3]), quote(f[4]))
	}
	s.pass('o', strings.Join(f, " "))
	return nil
}

func (s *scanner) checkConnection(v string) *Error {
	f := strings.Fields(v)
	if len(f) != 3 || f[0] != "IN" || (f[1] != "IP4" && f[1] != "IP6") {
		return syntaxf(s.line, "c=%s is not an IN IP4 or IN IP6 address", quote(v))
	}
	return nil
}

func (s *scanner) attribute(v string, at *[]int) *Error {
	if v == "" || v[0] == ':' {
		return syntaxf(s.line, "an attribute without a name")
	}
	if s.count++; s.count > s.lim.attributes {
		return failf(OperationError, "SDP line %d: more than %d attributes in one section", s.line, s.lim.attributes)
	}
	*at = append(*at, s.line)
	s.pass('a', v)
	return nil
}

// pionMedia and pionProtos are what pion/sdp accepts in an m-line.
var (
	pionMedia  = []string{"audio", "video", "text", "application", "message"}
	pionProtos = []string{"UDP", "RTP", "AVP", "SAVP", "SAVPF", "TLS", "DTLS", "SCTP", "AVPF", "TCP"}
)

func (s *scanner) media(v string, start, end int) *Error {
	if s.rank < 9 {
		return s.sessionCompleteAt()
	}
	if len(s.doc.parts) >= s.lim.mLines {
		return failf(OperationError, "the SDP has more than %d m-lines", s.lim.mLines)
	}
	f := strings.Fields(v)
	if len(f) < 4 {
		return syntaxf(s.line, "m=%s lacks media, port, protocol or format", quote(v))
	}
	number, span, ranged := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil || (ranged && (!digits(span) || len(span) > 5)) {
		return syntaxf(s.line, "m=: %s is not a port", quote(f[1]))
	}
	name := mline{media: f[0], port: int(port), proto: f[2], formats: f[3:]}
	s.doc.parts = append(s.doc.parts, part{line: s.line, mline: [2]int{start, end}, name: name})
	s.count = 0

	media, proto := name.media, name.proto
	if !slices.Contains(pionMedia, media) {
		media = "application"
	}
	for p := range strings.SplitSeq(proto, "/") {
		if !slices.Contains(pionProtos, p) {
			proto = "UDP"
			break
		}
	}
	s.pass('m', media+" "+number+" "+proto+" "+strings.Join(name.formats, " "))
	return nil
}

// sessionCompleteAt is sessionComplete for an m-line that comes too early.
func (s *scanner) sessionCompleteAt() *Error {
	err := s.sessionComplete()
	return syntaxf(s.line, "m= too early: %w", err.Err)
}

func (s *scanner) inMedia(kind byte, v string, start, end int) *Error {
	if strings.IndexByte(mediaLines, kind) < 0 {
		return syntaxf(s.line, "%c= in an m-section", kind)
	}
	p := &s.doc.parts[len(s.doc.parts)-1]
	switch kind {
	case 'c':
		if err := s.checkConnection(v); err != nil {
			return err
		}
		if p.connection == [2]int{} {
			p.connection = [2]int{start, end}
		}
	case 'a':
		return s.attribute(v, &p.attributes)
	}
	return nil
}

// digits reports whether v is a decimal number that pion/sdp and this package read.
func digits(v string) bool {
	if v == "" || len(v) > 20 {
		return false
	}
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return false
		}
	}
	return true
}

// edit is text to put in the place of text[from:to] of a document.
type edit struct {
	from, to int
	text     string
}

// render returns the text with edits made; they are in order and do not overlap.
func (d *document) render(edits []edit) string {
	if len(edits) == 0 {
		return d.text
	}
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(d.text[at:e.from])
		b.WriteString(e.text)
		at = e.to
	}
	b.WriteString(d.text[at:])
	return b.String()
}

// appendLines is the edit that adds attribute lines to the end of part i.
func (d *document) appendLines(i int, lines []string) edit {
	at := d.parts[i].end
	var b strings.Builder
	if at > 0 && d.text[at-1] != '\n' {
		b.WriteString(d.newline)
	}
	for _, l := range lines {
		b.WriteString("a=")
		b.WriteString(l)
		b.WriteString(d.newline)
	}
	return edit{at, at, b.String()}
}
