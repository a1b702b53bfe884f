package jsep

import (
	"slices"
	"strings"
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

// IsRTX reports whether c carries retransmissions (RFC 4588).
func (c Codec) IsRTX() bool { return c.is("rtx") }

// IsFlexFEC reports whether c is forward error correction in a stream of its own (RFC 8627); browsers call the draft
// that they implement flexfec-03.
func (c Codec) IsFlexFEC() bool { return c.is("flexfec") || c.is("flexfec-03") }

// AssociatedPayloadType returns what an rtx retransmits (apt of RFC 4588 section 8.1), and whether it says so.
func (c Codec) AssociatedPayloadType() (payloadType uint8, ok bool) {
	if !c.IsRTX() {
		return 0, false
	}
	return parseFmtp(c.Fmtp).payloadType("apt")
}

// HasFeedback reports whether c has that a=rtcp-fb: in MediaParameters, whether both ends agreed on it.
func (c Codec) HasFeedback(typ, parameter string) bool {
	return slices.ContainsFunc(c.Feedback, Feedback{typ, parameter}.is)
}

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
