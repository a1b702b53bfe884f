package jsep

import (
	"errors"
	"slices"

	"github.com/pion/sdp/v3"
)

// rtpProtocols are the profiles of RFC 9429 section 5.1.2: an answer repeats the one of the offer, and all
// mean the same, feedback over SRTP keyed by DTLS.
var rtpProtocols = []string{
	"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP",
	"RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP",
}

const rtpProtocol = "UDP/TLS/RTP/SAVPF"

// rtpMedia is what an audio or video m-section says of RTP, as its writer sees it.
type rtpMedia struct {
	kind       MediaKind
	direction  Direction
	codecs     []Codec
	extensions []Extension
	mux        bool // a=rtcp-mux or a=rtcp-mux-only
	rsize      bool // a=rtcp-rsize
	mixed      bool // a=extmap-allow-mixed in the section
	cryptex    bool // a=cryptex in the section
	msid       msid
	sources    Sources
	simulcast  simulcast
}

// rtpSection reads an audio or video m-section that is not rejected; nil when it is none, or of a profile
// that WebRTC does not know.
func (m *media) rtpSection(r *reader, direction Direction) (*rtpMedia, *Error) {
	kind, ok := ParseMediaKind(m.media)
	if !ok || m.rejected || !slices.Contains(rtpProtocols, m.proto) {
		return nil, nil
	}
	rtp := &rtpMedia{kind: kind, direction: direction, mixed: r.mixed, cryptex: r.cryptex}
	if r.directed {
		rtp.direction = r.direction
	}
	codecs, err := ParseMediaCodecs(m.formats, m.attributes)
	if err == nil {
		rtp.extensions, err = ParseExtensions(m.attributes)
	}
	if err != nil {
		var fail *Error
		if !errors.As(err, &fail) {
			fail = &Error{Kind: SDPSyntax, Err: err}
		}
		return nil, fail
	}
	for i := range codecs {
		codecs[i].Kind = kind
	}
	rtp.codecs = codecs
	rtp.readAttributes(m.attributes, m.formats)
	return rtp, nil
}

func (rtp *rtpMedia) readAttributes(attributes []sdp.Attribute, formats []string) {
	var msids, ssrcMSIDs []string
	var rids []RID
	var layers string
	var ssrcs sourceReader
	for _, a := range attributes {
		switch a.Key {
		case "rtcp-mux", "rtcp-mux-only":
			rtp.mux = true
		case "rtcp-rsize":
			rtp.rsize = true
		case "msid":
			msids = append(msids, a.Value)
		case "ssrc":
			if v, ok := ssrcs.line(a.Value); ok {
				ssrcMSIDs = append(ssrcMSIDs, v)
			}
		case "ssrc-group":
			ssrcs.group(a.Value)
		case "rid":
			if rid, ok := parseRID(a.Value, formats); ok && !slices.ContainsFunc(rids, rid.is) && len(rids) < maxLayers {
				rids = append(rids, rid)
			}
		case "simulcast":
			setFirst(&layers, a.Value)
		}
	}
	if len(msids) == 0 {
		msids = ssrcMSIDs // what browsers wrote before RFC 8830
	}
	rtp.msid = parseMSIDs(msids)
	rtp.sources = ssrcs.sources
	rtp.simulcast = parseSimulcast(layers, rids)
}

// receives reports whether the writer of rtp takes media.
func (rtp *rtpMedia) receives() bool { return rtp != nil && rtp.direction.Receives() }

// usesMux reports whether m-section i multiplexes RTP and RTCP: it says so, or the tagged section of its
// bundle does, since a=rtcp-mux belongs to the transport (RFC 9143 section 7.1.3).
func (d *description) usesMux(i int) bool {
	m := &d.media[i]
	if m.rtp == nil || m.rtp.mux {
		return true
	}
	for _, g := range d.groups {
		if slices.Index(g, m.mid) > 0 {
			// A bundle cannot do without (RFC 9143 section 9.3).
			return true
		}
	}
	return false
}

// allowsMixed reports whether m-section i may mix one- and two-byte header extensions (RFC 8285 section 6).
func (d *description) allowsMixed(i int) bool {
	return d.mixed || (d.media[i].rtp != nil && d.media[i].rtp.mixed)
}
