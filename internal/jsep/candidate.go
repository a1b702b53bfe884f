package jsep

import (
	"slices"
	"strconv"
	"strings"
)

// RemoteCandidate is the argument of W3C addIceCandidate (RTCIceCandidateInit).
type RemoteCandidate struct {
	Candidate  string  // "candidate:..."; "" says that no more will come
	MID        *string // sdpMid; nil: null
	MLineIndex *uint16 // sdpMLineIndex; nil: null
	Ufrag      *string // usernameFragment; nil or "": null
}

// maxCandidate bounds a candidate line, bytes.
const maxCandidate = 1024

// candidateLine returns the a= value of a candidate: "candidate:..." whatever of the prefixes
// "a=" and "candidate:" it came with.
func candidateLine(c string) string {
	c = strings.TrimPrefix(c, "a=")
	if !strings.HasPrefix(c, "candidate:") {
		c = "candidate:" + c
	}
	return c
}

// checkCandidate checks "candidate:..." against the grammar of RFC 8839 section 5.1 as far as it
// is the same for every kind of candidate; the ICE machine reads the rest.
func checkCandidate(line string) *Error {
	if len(line) > maxCandidate {
		return failf(OperationError, "a candidate of %d bytes, more than %d", len(line), maxCandidate)
	}
	for i := range len(line) {
		if line[i] < ' ' || line[i] == 0x7f {
			return failf(OperationError, "candidate %s has a control character", quote(line))
		}
	}
	bad := func(what string) *Error {
		return failf(OperationError, "candidate %s: %s", quote(line), what)
	}
	f := strings.Fields(strings.TrimPrefix(line, "candidate:"))
	if len(f) < 8 {
		return bad("fewer than 8 fields")
	}
	if len(f[0]) > 32 || !iceChars(f[0]) {
		return bad("not a foundation")
	}
	if n, err := strconv.ParseUint(f[1], 10, 16); err != nil || n < 1 || n > 256 {
		return bad("the component is not a number from 1 to 256")
	}
	if !isToken(f[2]) {
		return bad("not a transport")
	}
	if _, err := strconv.ParseUint(f[3], 10, 32); err != nil {
		return bad("the priority is not a 32-bit number")
	}
	if _, err := strconv.ParseUint(f[5], 10, 16); err != nil {
		return bad("not a port")
	}
	if f[6] != "typ" || !isToken(f[7]) {
		return bad("no typ")
	}
	return nil
}

// extension returns the value of an extension of a candidate, "" when it has none.
func extension(line, name string) string {
	f := strings.Fields(line)
	for i := 8; i+1 < len(f); i += 2 {
		if f[i] == name {
			return f[i+1]
		}
	}
	return ""
}

// RemoteCandidate puts a candidate of the peer, or its end of candidates, into the remote
// descriptions of its generation. It obeys W3C webrtc-pc section 4.4.2 (addIceCandidate):
// TypeError when a candidate says nothing of its m-line, InvalidState without remote
// description, OperationError for an m-line or a usernameFragment that is not there and for
// what is not a candidate. Nothing changes on error.
func (s *Session) RemoteCandidate(c RemoteCandidate) error {
	targets, fail := s.resolve(c)
	if fail != nil {
		return fail
	}
	line := candidateLine(c.Candidate)
	for _, t := range targets {
		if c.Candidate != "" && len(t.in.later[t.index]) >= s.lim.candidates && !t.in.holds(t.index, line) {
			return t.in.media[t.index].operation("more than %d candidates", s.lim.candidates)
		}
	}
	for _, t := range targets {
		switch {
		case c.Candidate == "":
			t.in.laterEnd[t.index] = !t.in.media[t.index].own.EndOfCandidates
		case !t.in.holds(t.index, line):
			t.in.later[t.index] = append(t.in.later[t.index], line)
		}
	}
	return nil
}

// ResolveRemote returns the MIDs of the m-sections whose transports get c, with the errors
// of RemoteCandidate. An m-section that this side rejects passes its candidates on to one that
// is bundled with it and has none of its own: a peer with policy max-bundle gathers for the first
// section only. Empty: c is right, but nobody's.
func (s *Session) ResolveRemote(c RemoteCandidate) (mids []string, err error) {
	targets, fail := s.resolve(c)
	if fail != nil {
		return nil, fail
	}
	add := func(mid string) {
		if !slices.Contains(mids, mid) {
			mids = append(mids, mid)
		}
	}
	for _, t := range targets {
		m := &t.in.media[t.index]
		if m.usable {
			add(m.mid)
			continue
		}
		if c.Candidate == "" {
			continue // the others of the bundle may still gather
		}
		for i := range t.in.media {
			if o := &t.in.media[i]; o.usable && slices.Contains(t.in.sources(i), t.index) {
				add(o.mid)
			}
		}
	}
	return mids, nil
}

// target is an m-section of a remote description that a candidate belongs to.
type target struct {
	in    *description
	index int
}

func (s *Session) resolve(c RemoteCandidate) ([]target, *Error) {
	if c.Candidate != "" && c.MID == nil && c.MLineIndex == nil {
		return nil, failf(TypeError, "a candidate needs sdpMid or sdpMLineIndex")
	}
	if s.state == Closed {
		return nil, closedError()
	}
	newest := s.newestRemote()
	if newest == nil {
		return nil, failf(InvalidState, "there is no remote description")
	}
	if c.Candidate != "" {
		if err := checkCandidate(candidateLine(c.Candidate)); err != nil {
			return nil, err
		}
	}
	first, last := 0, len(newest.media)
	if c.MID != nil || c.MLineIndex != nil {
		i, err := newest.locate(c)
		if err != nil {
			return nil, err
		}
		first, last = i, i+1
	}
	var out []target
	found := false
	for i := first; i < last; i++ {
		ufrag, known := s.generation(c, i)
		found = found || known
		if !known {
			continue
		}
		for _, d := range []*description{s.pendingRemote, s.currentRemote} {
			if m := d.section(i); m != nil && !m.rejected && d.ufrag(i) == ufrag {
				out = append(out, target{d, i})
			}
		}
	}
	if !found && c.Ufrag != nil && *c.Ufrag != "" {
		return nil, failf(OperationError, "no remote description has usernameFragment %s there", quote(*c.Ufrag))
	}
	return out, nil
}

// locate finds the m-section that c names in d: sdpMid first, then sdpMLineIndex.
func (d *description) locate(c RemoteCandidate) (int, *Error) {
	if c.MID != nil && (*c.MID != "" || c.MLineIndex == nil) {
		m := d.byMID(*c.MID)
		if m == nil {
			return 0, failf(OperationError, "the remote description has no m-line with mid %s", quote(*c.MID))
		}
		return m.index, nil
	}
	i := int(*c.MLineIndex)
	if i >= len(d.media) {
		return 0, failf(OperationError, "the remote description has no m-line %d", i)
	}
	return i, nil
}

// generation is the ufrag of the ICE generation that c belongs to in m-section i: the one it names, else
// that of the newest description. known is false when c names one that no description has.
func (s *Session) generation(c RemoteCandidate, i int) (ufrag string, known bool) {
	has := func(ufrag string) bool {
		return s.pendingRemote.section(i) != nil && s.pendingRemote.ufrag(i) == ufrag ||
			s.currentRemote.section(i) != nil && s.currentRemote.ufrag(i) == ufrag
	}
	if c.Ufrag != nil && *c.Ufrag != "" {
		return *c.Ufrag, has(*c.Ufrag)
	}
	// The line may say it too; if that is from an older generation, W3C still
	// counts the candidate to the newest.
	if u := extension(c.Candidate, "ufrag"); u != "" && has(u) {
		return u, true
	}
	return s.newestRemote().ufrag(i), true
}

// holds reports whether section i has the candidate.
func (d *description) holds(i int, line string) bool {
	return slices.Contains(d.media[i].own.Candidates, line) || slices.Contains(d.later[i], line)
}

func (m *media) operation(format string, args ...any) *Error {
	err := m.failf(format, args...)
	err.Kind = OperationError
	return err
}
