package webrtc

import (
	"errors"
	"slices"
	"strings"
)

// preferredCodecs checks what SetCodecPreferences was given and returns
// [[PreferredCodecs]] (webrtc-pc section 5.4.2): implemented are the codecs of
// the media engine for the transceiver's kind. An empty list means the default
// order. Payload types and RTCP feedback that codecs leave out are implemented's.
// RTX either stands once, without parameters, for that of every codec in the
// list, as in W3C's capabilities, or once a codec, with apt, as in pion's lists,
// where one whose codec is not in the list is dropped. The error is an
// InvalidModificationError, or a RangeError for a payload type that cannot be
// used, without Op.
func preferredCodecs(codecs, implemented []RTPCodecParameters) ([]RTPCodecParameters, error) {
	if len(codecs) == 0 {
		return nil, nil
	}
	var out []RTPCodecParameters
	for _, codec := range codecs {
		if err := codec.PayloadType.validate(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, codec.isDuplicateOf) {
			continue
		}
		known := codec.implementation(implemented)
		if known == nil {
			return nil, errorf(KindInvalidModification, "", "codec %s is not supported", describeCodec(codec.RTPCodecCapability))
		}
		out = append(out, codec.completed(*known))
	}
	out = withoutStrayRTX(out)
	if !slices.ContainsFunc(out, RTPCodecParameters.isMedia) {
		return nil, newError(KindInvalidModification, "", errors.New("codec preferences without a codec that carries media"))
	}
	return out, nil
}

// withoutStrayRTX drops RTX whose apt names no codec of the list (RFC 4588 section
// 8.1).
func withoutStrayRTX(codecs []RTPCodecParameters) []RTPCodecParameters {
	var out []RTPCodecParameters
	for _, c := range codecs {
		if !c.isRTX() || c.SDPFmtpLine == "" || slices.ContainsFunc(codecs, c.isRepairOf) {
			out = append(out, c)
		}
	}
	return out
}

// isDuplicateOf reports whether two preferences are the same, whatever their
// payload types.
func (p RTPCodecParameters) isDuplicateOf(other RTPCodecParameters) bool {
	if p.isRTX() && p.SDPFmtpLine != other.SDPFmtpLine {
		return false
	}
	return p.matches(other.RTPCodecCapability, false)
}

// implementation returns the codec of implemented that p means, or nil.
func (p RTPCodecParameters) implementation(implemented []RTPCodecParameters) *RTPCodecParameters {
	for i := range implemented {
		c := implemented[i].RTPCodecCapability
		if p.isRTX() && c.isRTX() {
			c.SDPFmtpLine = p.SDPFmtpLine
		}
		if p.matches(c, false) {
			return &implemented[i]
		}
	}
	return nil
}

// completed returns the preference p with what it leaves out taken from the
// implementation. RTX gets its number in negotiation, with its codec.
func (p RTPCodecParameters) completed(known RTPCodecParameters) RTPCodecParameters {
	p = p.clone()
	if p.PayloadType == 0 && !p.isRTX() {
		p.PayloadType = known.PayloadType
	}
	if p.RTCPFeedback == nil {
		p.RTCPFeedback = known.clone().RTCPFeedback
		return p
	}
	p.RTCPFeedback = slices.DeleteFunc(p.RTCPFeedback, func(f RTCPFeedback) bool {
		return !slices.ContainsFunc(known.RTCPFeedback, f.equal)
	})
	return p
}

// isMedia reports whether p is more than RTX, RED, FEC or comfort noise, the
// entries that W3C does not accept alone.
func (p RTPCodecParameters) isMedia() bool {
	return p.is(MimeTypeTelephoneEvent) || !p.jsepCodec().IsResiliency()
}

// describeCodec names a codec in an error.
func describeCodec(c RTPCodecCapability) string {
	return quoteShort(strings.TrimSpace(c.MimeType + " " + c.SDPFmtpLine))
}
