package jsep

import (
	"strings"

	"github.com/pion/sdp/v3"
)

// Feedback is one a=rtcp-fb of a codec (RFC 4585 section 4.2): type "nack", parameter "pli" or "".
type Feedback struct{ Type, Parameter string }

// Codec is one format of an RTP m-line: a=rtpmap, a=fmtp and a=rtcp-fb under one payload type.
// The functions of this package never change a codec's Feedback in place; lists may share it.
type Codec struct {
	// Kind is zero when it is not known, as after ParseMediaCodecs; that matches either kind.
	Kind MediaKind
	// Name is the encoding name of a=rtpmap; its case does not matter (RFC 4855 section 3).
	Name string
	// ClockRate is in Hz, of the RTP timestamp; for G722 that is 8000 (RFC 3551 section 4.5.2).
	ClockRate uint32
	// Channels is meant for audio; 0 is 1.
	Channels uint16
	// Fmtp is what follows the format in a=fmtp, "" for no line.
	Fmtp     string
	Feedback []Feedback
	// PayloadType is 0 to 127. Unless the codec is PCMU, 0 asks PayloadTypes to choose one.
	PayloadType uint8
}

// is compares the encoding name.
func (c Codec) is(name string) bool { return strings.EqualFold(c.Name, name) }

// IsResiliency reports whether c only accompanies media codecs: retransmission, redundancy,
// forward error correction, comfort noise, telephone events. An m-line cannot live on these alone.
func (c Codec) IsResiliency() bool {
	switch strings.ToLower(c.Name) {
	case "rtx", "red", "ulpfec", "flexfec", "flexfec-03", "telephone-event", "cn":
		return true
	default:
		return false
	}
}

// MatchCodec reports whether two formats are the same configuration, so that an answer may keep it,
// by the rules of the codec's own RFC. Payload types, levels and what is only declared do not
// matter. For rtx and red it says nothing of the codecs they protect: NegotiateCodecs does.
func MatchCodec(local, remote Codec) bool { return false }

// NegotiateCodecs answers an offer: the formats of remote that local has too, in remote's order
// (RFC 9429 section 5.3.1), with remote's payload types, local's fmtp brought down to what the
// codec's RFC allows in an answer, and the feedback that both have. It is nil when they share
// no media codec. Where the application has set preferences, PreferCodecs orders the result.
func NegotiateCodecs(local, remote []Codec) []Codec { return nil }

// CommonCodecs keeps the formats of base that other has too, as base describes them (payload type,
// fmtp, order) with the feedback both have. With both descriptions in force, a sender's codecs are
// CommonCodecs(remote, local), a receiver's CommonCodecs(local, remote) (webrtc-pc, RTCRtpCodecParameters).
func CommonCodecs(base, other []Codec) []Codec { return nil }

// PreferCodecs brings codecs into the order of preferences and drops those that are not in it
// (RFC 9429 section 5.2.1 and 5.3.1). An rtx without apt in preferences stands for each rtx, which follows its codec.
func PreferCodecs(preferences, codecs []Codec) []Codec { return codecs }

// ParseMediaCodecs reads the formats of an RTP m-line in their order. Kind is left zero. Formats that
// nothing explains (no a=rtpmap, no static payload type of RFC 3551) and rtx without its codec are left out.
// The error is an *Error of kind SDPSyntax.
func ParseMediaCodecs(formats []string, attributes []sdp.Attribute) ([]Codec, error) { return nil, nil }

// Attributes are the lines of c: rtpmap, fmtp, rtcp-fb.
func (c Codec) Attributes() []sdp.Attribute { return nil }
