package jsep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// SendStream is what this side sends one encoding with. RTX and FEC are of use only where the m-section has rtx
// (RFC 4588) or flexfec (RFC 8627) too; 0 is none.
type SendStream struct{ SSRC, RTX, FEC uint32 }

// sources are the SSRCs that an m-section with these codecs needs.
func (s SendStream) sources(codecs []Codec, cname string) Sources {
	out := Sources{SSRCs: []uint32{s.SSRC}, CNAME: cname}
	group := func(semantics string, ssrc uint32, is func(c Codec) bool) {
		if ssrc != 0 && slices.ContainsFunc(codecs, is) {
			out.SSRCs = append(out.SSRCs, ssrc)
			out.Groups = append(out.Groups, SSRCGroup{semantics, []uint32{s.SSRC, ssrc}})
		}
	}
	group(GroupFID, s.RTX, Codec.IsRTX)
	group(GroupFECFR, s.FEC, Codec.IsFlexFEC)
	return out
}

// Sources are the SSRCs of the streams that one side sends in an m-section (RFC 5576).
type Sources struct {
	SSRCs  []uint32 // in order of appearance
	Groups []SSRCGroup
	CNAME  string // of the first that has one
}

// Semantics of a=ssrc-group.
const (
	GroupFID   = "FID"    // a stream and its retransmissions (RFC 5576 section 4.2, RFC 4588)
	GroupFECFR = "FEC-FR" // a stream and what repairs it (RFC 5956 section 4.3)
	GroupSIM   = "SIM"    // the layers of simulcast, the smallest first: of peers from before RFC 8853
)

// SSRCGroup is one a=ssrc-group.
type SSRCGroup struct {
	Semantics string
	SSRCs     []uint32
}

// maxSSRCs bounds those that are kept of one m-section.
const maxSSRCs = 64

// sourceReader collects the a=ssrc and a=ssrc-group of one m-section.
type sourceReader struct{ sources Sources }

// line reads one a=ssrc and returns its msid, if it is about that. A line that is none is left out, as RFC 5576
// section 4.1 has unknown ones ignored.
func (r *sourceReader) line(v string) (msid string, ok bool) {
	id, attribute, _ := strings.Cut(v, " ")
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return "", false
	}
	s := &r.sources
	if !slices.Contains(s.SSRCs, uint32(n)) {
		if len(s.SSRCs) >= maxSSRCs {
			return "", false
		}
		s.SSRCs = append(s.SSRCs, uint32(n))
	}
	key, value, _ := strings.Cut(attribute, ":")
	if key == "cname" {
		setFirst(&s.CNAME, value)
	}
	return value, key == "msid"
}

func (r *sourceReader) group(v string) {
	f := strings.Fields(v)
	if len(f) < 2 || len(f) > maxSSRCs || len(r.sources.Groups) >= maxSSRCs {
		return
	}
	g := SSRCGroup{Semantics: f[0]}
	for _, id := range f[1:] {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return
		}
		g.SSRCs = append(g.SSRCs, uint32(n))
	}
	r.sources.Groups = append(r.sources.Groups, g)
}

// attributes are the lines of s, with the msid where older peers look for it.
func (s Sources) attributes(msids []string) []sdp.Attribute {
	var out []sdp.Attribute
	for _, g := range s.Groups {
		v := g.Semantics
		for _, n := range g.SSRCs {
			v += " " + strconv.FormatUint(uint64(n), 10)
		}
		out = append(out, attributeOf("ssrc-group", v))
	}
	for _, n := range s.SSRCs {
		id := strconv.FormatUint(uint64(n), 10)
		if s.CNAME != "" {
			out = append(out, attributeOf("ssrc", id+" cname:"+s.CNAME))
		}
		for _, v := range msids {
			out = append(out, attributeOf("ssrc", id+" msid:"+v))
		}
	}
	return out
}

// Group returns the SSRC that stands beside ssrc in a group of two of these semantics, such as the retransmissions of a
// stream, and whether there is one.
func (s Sources) Group(semantics string, ssrc uint32) (beside uint32, ok bool) {
	for _, g := range s.Groups {
		if strings.EqualFold(g.Semantics, semantics) && len(g.SSRCs) == 2 && g.SSRCs[0] == ssrc {
			return g.SSRCs[1], true
		}
	}
	return 0, false
}

// Streams are the SSRCs that carry media of their own: those of a SIM group in its order, else all that do not
// accompany another one.
func (s Sources) Streams() []uint32 {
	for _, g := range s.Groups {
		if strings.EqualFold(g.Semantics, GroupSIM) {
			return slices.Clone(g.SSRCs)
		}
	}
	return slices.DeleteFunc(slices.Clone(s.SSRCs), func(ssrc uint32) bool {
		return slices.ContainsFunc(s.Groups, func(g SSRCGroup) bool { return slices.Index(g.SSRCs, ssrc) > 0 })
	})
}

func (s Sources) clone() Sources {
	s.SSRCs, s.Groups = slices.Clone(s.SSRCs), slices.Clone(s.Groups)
	return s
}
