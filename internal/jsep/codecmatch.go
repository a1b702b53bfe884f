package jsep

import "strings"

// rule is what the RFC of a codec says of its fmtp in offers and answers.
type rule struct {
	// same compares the parameters that both sides have to use alike; nil: there are none.
	same func(a, b parameters) bool
	// answer makes the fmtp of an answer; nil: local's as it is.
	answer func(local, remote string) string
}

// rules holds the codecs that this package knows, by their name in lower case.
var rules = map[string]rule{
	// "stereo", "useinbandfec" and the others declare what the writer likes to receive (RFC 7587 section 7.1).
	"opus": {},
	// Their m-lines have no parameters (RFC 3551 section 4.5, RFC 3389 section 5).
	"pcmu": {}, "pcma": {}, "g722": {}, "cn": {},
	// The events that the writer can receive (RFC 4733 section 2.4.1).
	"telephone-event": {},
	// max-fr and max-fs declare limits of the decoder (RFC 7741 section 6.2.2).
	"vp8": {},
	// profile-id is used symmetrically and is 0 when absent; max-fr and max-fs declare (RFC 9628 section 6).
	"vp9":  {same: func(a, b parameters) bool { return sameNumber(a, b, "profile-id", 0) }},
	"h264": {same: sameH264, answer: answerH264},
	"h265": {same: sameH265, answer: answerH265},
	// level-idx (5) and tier (0) declare what the writer can receive. So may profile, 0 when absent (AV1 RTP
	// specification section 7.2.3), but no browser decodes another profile than the one it named, and leaving a format out is
	// always allowed: so a profile is a format of its own.
	"av1": {same: func(a, b parameters) bool { return sameNumber(a, b, "profile", 0) }},
	// What these protect is compared by their users (RFC 4588 section 8.6, RFC 2198 section 5).
	"rtx": {}, "red": {},
	// repair-window declares (RFC 8627 section 5.1).
	"ulpfec": {}, "flexfec": {}, "flexfec-03": {},
}

// rule returns that of c; codecs that are not known must not contradict each other.
func (c Codec) rule() rule {
	r, ok := rules[strings.ToLower(c.Name)]
	if !ok {
		r.same = noConflict
	}
	return r
}

// MatchCodec reports whether two formats are the same configuration, so that an answer may keep it,
// by the rules of the codec's own RFC (W3C's "codec dictionary match" with ignoreAsymmetricalParameters).
// Payload types, levels and what is only declared do not matter. For rtx and red it says nothing
// of the codecs they protect: NegotiateCodecs does.
func MatchCodec(local, remote Codec) bool {
	if !sameEncoding(local, remote) {
		return false
	}
	same := local.rule().same
	return same == nil || same(parseFmtp(local.Fmtp), parseFmtp(remote.Fmtp))
}

// SameCodec reports whether two formats are equal but for payload type and feedback: they match, and
// what they declare is the same too (W3C's "codec dictionary match"). apt of rtx is not compared.
func SameCodec(a, b Codec) bool {
	if !MatchCodec(a, b) {
		return false
	}
	return a.is("rtx") || equalParameters(a.Fmtp, b.Fmtp)
}

// sameEncoding compares all of a=rtpmap but the payload type.
func sameEncoding(a, b Codec) bool {
	return (a.Kind == b.Kind || a.Kind == 0 || b.Kind == 0) && strings.EqualFold(a.Name, b.Name) &&
		a.ClockRate == b.ClockRate && max(a.Channels, 1) == max(b.Channels, 1)
}
