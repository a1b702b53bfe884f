package jsep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Extension is one a=extmap (RFC 8285 section 8).
type Extension struct {
	URI string
	// ID is 1 to 14 for one-byte headers, to 255 for two-byte ones; 4096 to 4351 in an
	// offer that has more than fit (RFC 8285 section 6). 0 asks ExtensionIDs to choose one.
	ID int
	// Direction is seen from the side that writes the line.
	Direction Direction
	// Encrypted: the element is encrypted with SRTP (RFC 6904 section 4).
	Encrypted bool
}

const (
	encryptURI    = "urn:ietf:params:rtp-hdrext:encrypt"
	maxExtensions = 64 // that are kept of one m-section

	reservedID             = 15 // means "stop" in one-byte headers (RFC 8285 section 4.2)
	lastOneByteID          = 14
	lastTwoByteID          = 255
	firstOffered, lastSuch = 4096, 4351
)

// ParseExtensions reads the a=extmap lines of an m-section. Where a URI or an ID comes twice, the first counts;
// an ID outside the ranges of RFC 8285 section 6 does not count. The error is an *Error of kind SDPSyntax.
func ParseExtensions(attributes []sdp.Attribute) ([]Extension, error) {
	var out []Extension
	for _, a := range attributes {
		if a.Key != "extmap" {
			continue
		}
		e, ok := parseExtension(a.Value)
		if !ok {
			return nil, syntaxf(0, "a=extmap:%s is not an ID, perhaps with a direction, and a URI", quote(a.Value))
		}
		valid := e.ID >= 1 && e.ID <= lastTwoByteID || e.ID >= firstOffered && e.ID <= lastSuch
		if !valid || len(out) >= maxExtensions ||
			slices.ContainsFunc(out, func(o Extension) bool { return o.ID == e.ID || o.is(e) }) {
			continue
		}
		out = append(out, e)
	}
	return out, nil
}

func parseExtension(v string) (Extension, bool) {
	words := strings.Fields(v)
	if len(words) < 2 {
		return Extension{}, false
	}
	id, direction, hasDirection := strings.Cut(words[0], "/")
	n, err := strconv.ParseUint(id, 10, 16)
	e := Extension{URI: words[1], ID: int(n)}
	ok := err == nil
	if hasDirection {
		var known bool
		e.Direction, known = ParseDirection(direction)
		ok = ok && known
	}
	if e.URI == encryptURI {
		if len(words) < 3 {
			return Extension{}, false
		}
		e.URI, e.Encrypted = words[2], true
	}
	return e, ok
}

// Attribute is the a=extmap line of e.
func (e Extension) Attribute() sdp.Attribute {
	v := strconv.Itoa(e.ID)
	if e.Direction != Sendrecv {
		v += "/" + e.Direction.String()
	}
	if e.Encrypted {
		v += " " + encryptURI
	}
	return attributeOf("extmap", v+" "+e.URI)
}

// is reports whether both are the same extension. An encrypted one is another than the plain one: an
// offer may hold both under two IDs (RFC 6904 section 4).
func (e Extension) is(o Extension) bool { return e.URI == o.URI && e.Encrypted == o.Encrypted }

// usableID reports whether headers can carry id: one-byte ones, two-byte ones too with allowMixed.
func usableID(id int, allowMixed bool) bool {
	return id >= 1 && (id <= lastOneByteID || allowMixed && id <= lastTwoByteID && id != reservedID)
}

// NegotiateExtensions answers an offer: the extensions of remote that local has too, in remote's order and
// under remote's IDs, in the directions that both allow (RFC 8285 section 7). Those that remote could not number get
// a number that it has not used. Without allowMixed (both sides wrote a=extmap-allow-mixed) only the IDs of one-byte
// headers are used.
func NegotiateExtensions(local, remote []Extension, allowMixed bool) []Extension {
	var used [lastTwoByteID + 1]bool
	for _, r := range remote {
		if r.ID >= 0 && r.ID <= lastTwoByteID {
			used[r.ID] = true
		}
	}
	var out []Extension
	for _, r := range remote {
		i := slices.IndexFunc(local, r.is)
		if i < 0 || slices.ContainsFunc(out, r.is) {
			continue
		}
		r.Direction = local[i].Direction.Intersect(r.Direction.Reverse())
		if r.Direction == Inactive {
			continue
		}
		if r.ID >= firstOffered {
			r.ID = freeID(func(id int) bool { return used[id] }, allowMixed)
		}
		if usableID(r.ID, allowMixed) {
			used[r.ID] = true
			out = append(out, r)
		}
	}
	return out
}

// freeID returns the lowest usable ID that is not used, 0 when there is none.
func freeID(used func(id int) bool, allowMixed bool) int {
	for id := 1; id <= lastTwoByteID; id++ {
		if !used(id) && usableID(id, allowMixed) {
			return id
		}
	}
	return 0
}
