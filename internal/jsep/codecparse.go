package jsep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// maxFeedback bounds the a=rtcp-fb that are kept of one codec; browsers write five.
const maxFeedback = 16

// ParseMediaCodecs reads the formats of an RTP m-line in their order: a=rtpmap (RFC 8866 section 6.6),
// a=fmtp (section 6.15), a=rtcp-fb (RFC 4585 section 4.2). Kind is left zero.
//
// Formats that nothing explains (no a=rtpmap, no static payload type of RFC 3551) and rtx without its codec
// are left out. Where a line comes twice that may not, the first counts; lines of formats that are not in the
// m-line do not count. The error is an *Error of kind SDPSyntax.
func ParseMediaCodecs(formats []string, attributes []sdp.Attribute) ([]Codec, error) {
	r := formatReader{listed: make([]format, 0, min(len(formats), 128))}
	for _, f := range formats {
		pt, ok := parsePayloadType(f)
		if !ok {
			return nil, syntaxf(0, "m=: %s is not a payload type", quote(f))
		}
		if r.find(pt) == nil {
			r.listed = append(r.listed, format{payloadType: pt})
			r.place[pt] = uint8(len(r.listed))
		}
	}
	for _, a := range attributes {
		if err := r.attribute(a); err != nil {
			return nil, err
		}
	}
	return r.codecs(), nil
}

// format is what the lines of an m-section say about one payload type.
type format struct {
	payloadType uint8
	mapped      bool
	codec       Codec
	feedback    []Feedback
	fmtp        string
	hasFmtp     bool
}

type formatReader struct {
	listed   []format   // in the order of the m-line
	place    [128]uint8 // in listed, from 1; 0: it is not there
	wildcard []Feedback
}

// find returns what was read of a payload type; nil: the m-line does not list it.
func (r *formatReader) find(pt uint8) *format {
	if r.place[pt] == 0 {
		return nil
	}
	return &r.listed[r.place[pt]-1]
}

func (r *formatReader) attribute(a sdp.Attribute) *Error {
	switch a.Key {
	case "rtpmap", "fmtp", "rtcp-fb":
	default:
		return nil
	}
	name, value, _ := strings.Cut(strings.TrimSpace(a.Value), " ")
	value = strings.TrimSpace(value)
	if name == "*" && a.Key == "rtcp-fb" {
		return readFeedback(&r.wildcard, value)
	}
	pt, ok := parsePayloadType(name)
	if !ok {
		return syntaxf(0, "a=%s:%s names no payload type", a.Key, quote(a.Value))
	}
	f := r.find(pt)
	if f == nil {
		return nil
	}
	switch a.Key {
	case "rtpmap":
		if f.mapped {
			return nil
		}
		f.mapped = true
		return f.readMap(value)
	case "rtcp-fb":
		return readFeedback(&f.feedback, value)
	}
	if !f.hasFmtp {
		f.fmtp, f.hasFmtp = value, true
	}
	return nil
}

// readMap reads "VP8/90000" or "opus/48000/2".
func (f *format) readMap(v string) *Error {
	name, rest, _ := strings.Cut(v, "/")
	clock, channels, hasChannels := strings.Cut(rest, "/")
	rate, err := strconv.ParseUint(clock, 10, 32)
	if !isToken(name) || err != nil || rate == 0 {
		return syntaxf(0, "a=rtpmap: %s is not a name and a clock rate", quote(v))
	}
	f.codec.Name, f.codec.ClockRate = name, uint32(rate)
	if hasChannels {
		n, err := strconv.ParseUint(channels, 10, 16)
		if err != nil || n == 0 {
			return syntaxf(0, "a=rtpmap: %s has no number of channels", quote(v))
		}
		f.codec.Channels = uint16(n)
	}
	return nil
}

func readFeedback(to *[]Feedback, v string) *Error {
	words := strings.Fields(v)
	if len(words) == 0 {
		return syntaxf(0, "a=rtcp-fb says no type of feedback")
	}
	addFeedback(to, Feedback{words[0], strings.Join(words[1:], " ")})
	return nil
}

func addFeedback(to *[]Feedback, fb Feedback) {
	if len(*to) < maxFeedback && !slices.ContainsFunc(*to, fb.is) {
		*to = append(*to, fb)
	}
}

// is compares without regard to case (RFC 4585 section 4.2 has its words as ABNF strings).
func (fb Feedback) is(o Feedback) bool {
	return strings.EqualFold(fb.Type, o.Type) && strings.EqualFold(fb.Parameter, o.Parameter)
}

// codecs puts together what was read.
func (r *formatReader) codecs() []Codec {
	// The list is shared by all codecs that have nothing of their own, so that it costs nothing to have many.
	r.wildcard = slices.Clip(r.wildcard)
	var out []Codec
	for i := range r.listed {
		f := &r.listed[i]
		if !f.mapped {
			if f.codec, f.mapped = staticCodec(f.payloadType); !f.mapped {
				continue
			}
		}
		c := &f.codec
		c.PayloadType, c.Fmtp, c.Feedback = f.payloadType, f.fmtp, r.wildcard
		if f.feedback != nil {
			for _, fb := range r.wildcard {
				addFeedback(&f.feedback, fb)
			}
			c.Feedback = slices.Clip(f.feedback)
		}
		if c.is("rtx") && !r.protects(c) {
			continue
		}
		out = append(out, *c)
	}
	return out
}

// protects reports whether an rtx names a format that is there and is not itself a retransmission.
func (r *formatReader) protects(rtx *Codec) bool {
	apt, ok := parseFmtp(rtx.Fmtp).payloadType("apt")
	if !ok {
		return false
	}
	f := r.find(apt)
	if f == nil {
		return false
	}
	if !f.mapped {
		_, ok = staticCodec(apt)
		return ok
	}
	return !f.codec.is("rtx")
}

// Attributes are the lines of c: rtpmap (for static payload types too, RFC 9429 section 5.2.1), fmtp, rtcp-fb.
func (c Codec) Attributes() []sdp.Attribute {
	pt := strconv.Itoa(int(c.PayloadType))
	mapping := pt + " " + c.Name + "/" + strconv.FormatUint(uint64(c.ClockRate), 10)
	if c.Channels > 1 {
		mapping += "/" + strconv.Itoa(int(c.Channels))
	}
	out := []sdp.Attribute{attributeOf("rtpmap", mapping)}
	if c.Fmtp != "" {
		out = append(out, attributeOf("fmtp", pt+" "+c.Fmtp))
	}
	for _, fb := range c.Feedback {
		out = append(out, attributeOf("rtcp-fb", strings.TrimRight(pt+" "+fb.Type+" "+fb.Parameter, " ")))
	}
	return out
}
