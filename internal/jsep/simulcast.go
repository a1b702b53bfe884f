package jsep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// RID is one layer of simulcast: an a=rid line (RFC 8851) and its place in a=simulcast (RFC 8853).
type RID struct {
	ID           string
	Paused       bool      // "~" in a=simulcast
	Direction    Direction // Sendonly or Recvonly, as the writer of the line sees it
	PayloadTypes []uint8   // pt=; nil: all of the m-section
	Restrictions string    // the other parameters, "max-width=1280;max-fps=30"
}

// is compares what names a RID: a direction has an identifier once (RFC 8851 section 5).
func (r RID) is(o RID) bool { return r.ID == o.ID && r.Direction == o.Direction }

// maxLayers bounds the RIDs that are kept of one m-section, and the layers that a peer can ask for.
const maxLayers = 16

// simulcast holds the layers of an m-section in the order of a=simulcast, as its writer sees them. Where
// alternatives are given only the first counts (webrtc-pc section 5.4.3, Simulcast functionality).
type simulcast struct {
	send, receive []RID
	sim           bool // there was an a=simulcast
}

// parseRID reads an a=rid; what RFC 8851 section 4 does not allow is left out, as section 6.2.1 wants.
func parseRID(v string, formats []string) (RID, bool) {
	f := strings.SplitN(strings.TrimSpace(v), " ", 3)
	if len(f) < 2 || !isRID(f[0]) {
		return RID{}, false
	}
	r := RID{ID: f[0]}
	switch f[1] {
	case "send":
		r.Direction = Sendonly
	case "recv":
		r.Direction = Recvonly
	default:
		return RID{}, false
	}
	if len(f) < 3 {
		return r, true
	}
	var rest []string
	for p := range strings.SplitSeq(f[2], ";") {
		p = strings.TrimSpace(p)
		list, ok := strings.CutPrefix(p, "pt=")
		if !ok {
			rest = append(rest, p)
			continue
		}
		for pt := range strings.SplitSeq(list, ",") {
			n, ok := parsePayloadType(pt)
			if !ok || !slices.Contains(formats, pt) || slices.Contains(r.PayloadTypes, n) {
				return RID{}, false
			}
			r.PayloadTypes = append(r.PayloadTypes, n)
		}
	}
	r.Restrictions = strings.Join(rest, ";")
	return r, true
}

// isRID reports whether v is a rid-id (RFC 8851 section 10, with "-" and "_" of its errata).
func isRID(v string) bool {
	for i := range len(v) {
		c := v[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return v != "" && len(v) <= 255
}

// parseSimulcast orders rids as a=simulcast says (RFC 8853 section 5.1). RIDs without an a=rid of the direction
// do not count; without the attribute the RIDs stand in their own order.
func parseSimulcast(v string, rids []RID) simulcast {
	f := strings.Fields(v)
	if len(f) != 2 && len(f) != 4 || len(f) == 4 && f[0] == f[2] {
		var s simulcast
		for _, r := range rids {
			if r.Direction == Sendonly {
				s.send = append(s.send, r)
			} else {
				s.receive = append(s.receive, r)
			}
		}
		return s
	}
	s := simulcast{sim: true}
	for i := 0; i < len(f); i += 2 {
		switch f[i] {
		case "send":
			s.send = parseLayers(f[i+1], rids, Sendonly)
		case "recv":
			s.receive = parseLayers(f[i+1], rids, Recvonly)
		}
	}
	return s
}

func parseLayers(list string, rids []RID, d Direction) []RID {
	var out []RID
	for layer := range strings.SplitSeq(list, ";") {
		first, _, _ := strings.Cut(layer, ",")
		id, paused := strings.CutPrefix(first, "~")
		i := slices.IndexFunc(rids, RID{ID: id, Direction: d}.is)
		if i < 0 || slices.ContainsFunc(out, rids[i].is) {
			continue
		}
		r := rids[i]
		r.Paused = paused
		out = append(out, r)
	}
	return out
}

// requested are the RIDs of the layers that the writer asks to receive, none unless it asks for simulcast.
func (s simulcast) requested() []string {
	if !s.sim {
		return nil
	}
	return ridIDs(s.receive)
}

func ridIDs(rids []RID) []string {
	var out []string
	for _, r := range rids {
		out = append(out, r.ID)
	}
	return out
}

// simulcastAttributes are the lines for layers to send and to receive. One layer to send is no simulcast.
func simulcastAttributes(send, receive []RID) []sdp.Attribute {
	var out []sdp.Attribute
	var parts []string
	for _, half := range []struct {
		direction string
		layers    []RID
	}{{"send", send}, {"recv", receive}} {
		if len(half.layers) == 0 {
			continue
		}
		ids := make([]string, len(half.layers))
		for i, r := range half.layers {
			out = append(out, attributeOf("rid", r.value(half.direction)))
			ids[i] = r.ID
			if r.Paused {
				ids[i] = "~" + r.ID
			}
		}
		parts = append(parts, half.direction, strings.Join(ids, ";"))
	}
	if len(parts) > 0 {
		out = append(out, attributeOf("simulcast", strings.Join(parts, " ")))
	}
	return out
}

// value is the a=rid of r in a direction.
func (r RID) value(direction string) string {
	v := r.ID + " " + direction
	var params []string
	if len(r.PayloadTypes) > 0 {
		var pts []string
		for _, pt := range r.PayloadTypes {
			pts = append(pts, strconv.Itoa(int(pt)))
		}
		params = append(params, "pt="+strings.Join(pts, ","))
	}
	if r.Restrictions != "" {
		params = append(params, r.Restrictions)
	}
	if len(params) > 0 {
		v += " " + strings.Join(params, ";")
	}
	return v
}
