package jsep

import (
	"fmt"
	"slices"
	"strconv"
)

// RFC 8839 section 5.4.
const (
	minUfrag, maxUfrag = 4, 256
	minPwd, maxPwd     = 22, 256
)

// name is how errors call an m-section.
func (m *media) name() string {
	s := "m-line " + strconv.Itoa(m.index) + " (" + quoteless(m.media)
	if m.mid != "" && !m.midless {
		s += ", mid " + quoteless(m.mid)
	}
	return s + ")"
}

// quoteless bounds a token for an error; a token needs no quotes.
func quoteless(s string) string {
	if len(s) > 40 || !isToken(s) {
		return quote(s)
	}
	return s
}

func (m *media) failf(format string, args ...any) *Error {
	return failf(InvalidAccess, "%s: %w", m.name(), fmt.Errorf(format, args...))
}

// identify checks the MIDs. A description without any and without a group comes from an
// endpoint that does not know RFC 5888: its sections go by their index. Rejected
// sections may lack theirs.
func (d *description) identify() *Error {
	named := len(d.groups) > 0
	for i := range d.media {
		named = named || d.media[i].mid != ""
	}
	seen := make(map[string]int, len(d.media))
	for i := range d.media {
		m := &d.media[i]
		if m.mid == "" {
			if named && !m.rejected {
				return m.failf("no a=mid")
			}
			m.midless = true
			continue
		}
		if j, twice := seen[m.mid]; twice {
			return m.failf("m-line %d has the same mid", j)
		}
		seen[m.mid] = i
	}
	d.nameMidless(nil)
	return nil
}

// nameMidless chooses MIDs for the sections without one that no other section has (RFC 9429
// section 5.10): that of the same m-line in force, where was gives one, else by index.
func (d *description) nameMidless(was func(i int) string) {
	taken := make(map[string]bool, len(d.media))
	for i := range d.media {
		m := &d.media[i]
		if m.midless {
			m.mid = ""
			if was != nil {
				m.mid = was(i)
			}
		}
		if m.mid != "" {
			taken[m.mid] = true
		}
	}
	for i := range d.media {
		m := &d.media[i]
		for n := i; m.mid == ""; n += len(d.media) {
			if mid := strconv.Itoa(n); !taken[mid] {
				m.mid, taken[mid] = mid, true
			}
		}
	}
	d.nameAll()
}

// checkGroups checks the BUNDLE groups (RFC 9143 section 7, RFC 5888 section 5).
func (d *description) checkGroups() *Error {
	if len(d.groups) == 0 {
		return nil
	}
	known := make(map[string]bool, len(d.media))
	for i := range d.media {
		known[d.media[i].mid] = !d.media[i].midless
	}
	in := make(map[string]bool, len(d.media))
	for _, g := range d.groups {
		for _, mid := range g {
			if !known[mid] {
				return failf(InvalidAccess, "a=group:BUNDLE names mid %s, which no m-line has", quote(mid))
			}
			if in[mid] {
				return d.byMID(mid).failf("a=group:BUNDLE names its mid twice")
			}
			in[mid] = true
		}
	}
	return nil
}

// checkTransports checks that each section that is not rejected has a whole transport, its own,
// the session's, or that of the tagged section of its bundle (RFC 9429 section 5.8.3).
func (d *description) checkTransports() *Error {
	tagged := make(map[string]int)
	for _, g := range d.groups {
		tag := d.tagged(g)
		for _, mid := range g {
			tagged[mid] = tag
		}
	}
	for i := range d.media {
		m := &d.media[i]
		if m.rejected || (m.data == nil && m.media != "audio" && m.media != "video") {
			continue
		}
		if tag, ok := tagged[m.mid]; ok && tag != i && tag >= 0 && m.own.Ufrag == "" && m.own.Pwd == "" {
			m.inherited = tag
			continue
		}
		if err := m.checkTransport(d.typ); err != nil {
			return err
		}
	}
	for i := range d.media {
		if m := &d.media[i]; m.inherited >= 0 {
			if err := d.media[m.inherited].checkTransport(d.typ); err != nil {
				return err
			}
		}
	}
	return nil
}

// tagged is the index of the first section of a group that describes a transport, -1: none.
func (d *description) tagged(group []string) int {
	for _, mid := range group {
		if m := d.byMID(mid); m != nil && !m.rejected && m.own.Ufrag != "" {
			return m.index
		}
	}
	return -1
}

func (m *media) checkTransport(t Type) *Error {
	ufrag, pwd := m.own.Ufrag, m.own.Pwd
	switch {
	case ufrag == "":
		return m.failf("no a=ice-ufrag")
	case pwd == "":
		return m.failf("no a=ice-pwd")
	case len(ufrag) < minUfrag || len(ufrag) > maxUfrag:
		return m.failf("a=ice-ufrag has %d characters, not %d to %d", len(ufrag), minUfrag, maxUfrag)
	case len(pwd) < minPwd || len(pwd) > maxPwd:
		return m.failf("a=ice-pwd has %d characters, not %d to %d", len(pwd), minPwd, maxPwd)
	case !iceChars(ufrag):
		return m.failf("a=ice-ufrag:%s has a character that RFC 8839 does not allow", quote(ufrag))
	case !iceChars(pwd):
		return m.failf("a=ice-pwd has a character that RFC 8839 does not allow")
	case len(m.own.Fingerprints) == 0:
		return m.failf("no a=fingerprint")
	case m.own.Setup == Holdconn:
		return m.failf("a=setup:holdconn is not supported")
	case t != Offer && m.own.Setup == Actpass:
		return m.failf("a=setup:actpass in an answer") // RFC 8842 section 5.3
	}
	return nil
}

// iceChars reports whether v is made of the ice-char of RFC 8839 section 5.1. Some peers write
// base64url, so that "-", "_" and "=" pass too.
func iceChars(v string) bool {
	for i := range len(v) {
		c := v[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
			c != '+' && c != '/' && c != '-' && c != '_' && c != '=' {
			return false
		}
	}
	return true
}

// checkRemoteOffer checks an offer against what was negotiated before (RFC 9429 section 5.2.2 and
// section 5.10): m-lines stay in their place, and only a rejected one may change kind and MID.
func (s *Session) checkRemoteOffer(d *description) *Error {
	had := max(s.currentLocal.count(), s.currentRemote.count())
	if s.state == HaveRemoteOffer {
		had = max(had, s.pendingRemote.count())
	}
	if len(d.media) < had {
		return failf(InvalidAccess, "the offer has %d m-lines, fewer than the %d negotiated before", len(d.media), had)
	}
	d.nameMidless(func(i int) string {
		if was, dead := s.negotiated(i); was != nil && !dead {
			return was.mid
		}
		return ""
	})
	for i := range d.media {
		m := &d.media[i]
		was, dead := s.negotiated(i)
		if was == nil || dead {
			continue
		}
		if m.media != was.media {
			return m.failf("it was %s in the description before", quoteless(was.media))
		}
		if m.mid != was.mid {
			return m.failf("its mid was %s in the description before", quoteless(was.mid))
		}
	}
	return nil
}

// negotiated is m-section i in force, nil when there is none; dead: a side rejects it, so that it
// may be recycled. An offer that follows another one is checked as if that had been answered (W3C section 4.4.1.4).
func (s *Session) negotiated(i int) (was *media, dead bool) {
	if was = s.pendingRemote.section(i); was != nil && s.state == HaveRemoteOffer {
		return was, was.rejected
	}
	was = s.currentRemote.section(i)
	if was == nil {
		return nil, false
	}
	return was, was.rejected || s.currentLocal.rejects(i)
}

// checkAnswer checks an answer (or provisional answer) against its offer: RFC 3264 section 6,
// RFC 9429 section 5.11, RFC 9143 section 7.3. It names sections that the answer leaves without
// MID.
func checkAnswer(offer, d *description) *Error {
	if len(d.media) != len(offer.media) {
		return failf(InvalidAccess, "the answer has %d m-lines, the offer %d", len(d.media), len(offer.media))
	}
	renamed := false
	for i := range d.media {
		m, o := &d.media[i], &offer.media[i]
		if m.midless {
			m.mid = o.mid
			renamed = true
		}
		switch {
		case m.media != o.media:
			return m.failf("the offer has %s there", quoteless(o.media))
		case m.mid != o.mid:
			return m.failf("the offer has mid %s there", quoteless(o.mid))
		case m.rejected:
			continue
		case o.rejected:
			return m.failf("it is rejected in the offer")
		case m.proto != o.proto:
			return m.failf("the protocol is %s, in the offer %s", quote(m.proto), quote(o.proto))
		}
		offered, got := offer.transport(i, nil).Setup, d.transport(i, nil).Setup
		if got != SetupNone && got == offered {
			return m.failf("a=setup:%s answers a=setup:%s", got, offered) // RFC 4145 section 4.1
		}
	}
	if renamed {
		d.nameAll()
	}
	for _, g := range d.groups {
		for _, mid := range g {
			if !slices.ContainsFunc(offer.groups, func(o []string) bool { return slices.Contains(o, mid) }) {
				return d.byMID(mid).failf("the answer bundles it, the offer does not")
			}
		}
	}
	return nil
}
