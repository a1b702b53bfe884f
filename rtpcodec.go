package webrtc

import (
	"slices"
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// PayloadType is the number, 0 to 127, under which RTP packets name their codec
// (RFC 3550 section 5.1).
type PayloadType uint8

// SSRC identifies an RTP stream (RFC 3550 section 3).
type SSRC uint32

// RTPCodecCapability describes a codec (webrtc-pc section 5.2.10, RTCRtpCodec).
type RTPCodecCapability struct {
	// MimeType is the kind and the encoding name, for instance "video/VP8". Its
	// case does not matter.
	MimeType string
	// ClockRate is the rate of the RTP timestamp in hertz.
	ClockRate uint32
	// Channels is the number of audio channels; 0 is one, and for Opus two. Leave it
	// 0 for video.
	Channels uint16
	// SDPFmtpLine holds the format's parameters, what follows the payload type in
	// a=fmtp. Empty means that there is no such line.
	SDPFmtpLine string
	// RTCPFeedback is what this end can send and take for the codec.
	RTCPFeedback []RTCPFeedback
}

// RTPCodecParameters are a codec under its payload type (webrtc-pc section
// 5.2.11).
type RTPCodecParameters struct {
	RTPCodecCapability
	// PayloadType is the number that RTP packets carry.
	PayloadType PayloadType
}

// clone returns a copy that shares no slice with c.
func (c RTPCodecCapability) clone() RTPCodecCapability {
	c.RTCPFeedback = slices.Clone(c.RTCPFeedback)
	return c
}

// clone returns a copy that shares no slice with p.
func (p RTPCodecParameters) clone() RTPCodecParameters {
	p.RTPCodecCapability = p.RTPCodecCapability.clone()
	return p
}

// cloneCodecs clones each codec of a list.
func cloneCodecs(codecs []RTPCodecParameters) []RTPCodecParameters {
	var out []RTPCodecParameters
	for _, codec := range codecs {
		out = append(out, codec.clone())
	}
	return out
}

// is compares the MIME type.
func (c RTPCodecCapability) is(mimeType string) bool {
	return strings.EqualFold(c.MimeType, mimeType)
}

// isRTX reports whether c carries packets that are sent again, of either kind.
func (c RTPCodecCapability) isRTX() bool {
	_, name := splitMimeType(c.MimeType)
	return strings.EqualFold(name, "rtx")
}

// validate checks that c can stand in a media section of a kind. The error is a
// TypeError without Op.
func (c RTPCodecCapability) validate(kind RTPCodecType) error {
	media, name := splitMimeType(c.MimeType)
	switch {
	case media != kind:
		return errorf(KindTypeError, "", "codec %s: the MIME type does not begin with %q", quoteShort(c.MimeType), kind.String()+"/")
	case !isSDPToken(name):
		return errorf(KindTypeError, "", "codec %s: want a MIME type such as %s", quoteShort(c.MimeType), MimeTypeVP8)
	case c.ClockRate == 0:
		return errorf(KindTypeError, "", "codec %s without a clock rate", c.MimeType)
	case !isSDPText(c.SDPFmtpLine):
		return errorf(KindTypeError, "", "codec %s: a line break in the fmtp line", c.MimeType)
	}
	for _, feedback := range c.RTCPFeedback {
		if !feedback.isValid() {
			return errorf(KindTypeError, "", "codec %s: RTCP feedback %s cannot stand in SDP", c.MimeType, quoteShort(feedback.Type+" "+feedback.Parameter))
		}
	}
	return nil
}

// matches is W3C's "codec dictionary match" (webrtc-pc section 5.4.2). With
// ignoreAsymmetrical what each end may choose for itself does not count, for
// instance a level.
//
// RTCRtpCodec.channels, where it is absent, is 1 here as in a=rtpmap (RFC 8866
// section 6.6), so that a codec matches whether or not a program wrote the 1.
func (c RTPCodecCapability) matches(other RTPCodecCapability, ignoreAsymmetrical bool) bool {
	if (c.SDPFmtpLine == "") != (other.SDPFmtpLine == "") {
		return false
	}
	if ignoreAsymmetrical {
		return jsep.MatchCodec(c.jsepCodec(), other.jsepCodec())
	}
	return jsep.SameCodec(c.jsepCodec(), other.jsepCodec())
}

// matchesAny reports whether c matches one of codecs.
func (c RTPCodecCapability) matchesAny(codecs []RTPCodecParameters, ignoreAsymmetrical bool) bool {
	for _, codec := range codecs {
		if c.matches(codec.RTPCodecCapability, ignoreAsymmetrical) {
			return true
		}
	}
	return false
}

// validate returns a RangeError, without Op, for a number that cannot be used: up
// to 127, and from 64 to 95 RTCP on the same port needs them (RFC 5761 section 4).
func (t PayloadType) validate() error {
	if t > 127 || t >= 64 && t < 96 {
		return errorf(KindRangeError, "", "payload type %d, want 0 to 63 or 96 to 127", t)
	}
	return nil
}

// jsepCodec is c in the terms of signaling, without a payload type.
func (c RTPCodecCapability) jsepCodec() jsep.Codec {
	kind, name := splitMimeType(c.MimeType)
	codec := jsep.Codec{Kind: kind.mediaKind(), Name: name, ClockRate: c.ClockRate, Channels: c.Channels, Fmtp: c.SDPFmtpLine}
	for _, feedback := range c.RTCPFeedback {
		codec.Feedback = append(codec.Feedback, jsep.Feedback(feedback))
	}
	return codec
}

// jsepCodec is p in the terms of signaling.
func (p RTPCodecParameters) jsepCodec() jsep.Codec {
	codec := p.RTPCodecCapability.jsepCodec()
	codec.PayloadType = uint8(p.PayloadType)
	return codec
}

// jsepCodecs is jsepCodec for a list.
func jsepCodecs(codecs []RTPCodecParameters) []jsep.Codec {
	var out []jsep.Codec
	for _, codec := range codecs {
		out = append(out, codec.jsepCodec())
	}
	return out
}

// newRTPCodecParameters is the reverse of jsepCodec. Its argument kind is that
// of the media section, as a parsed codec does not say it.
func newRTPCodecParameters(c jsep.Codec, kind RTPCodecType) RTPCodecParameters {
	p := RTPCodecParameters{
		RTPCodecCapability: RTPCodecCapability{
			MimeType:    newMimeType(kind, c.Name),
			ClockRate:   c.ClockRate,
			Channels:    c.Channels,
			SDPFmtpLine: c.Fmtp,
		},
		PayloadType: PayloadType(c.PayloadType),
	}
	for _, feedback := range c.Feedback {
		p.RTCPFeedback = append(p.RTCPFeedback, RTCPFeedback(feedback))
	}
	return p
}

// newRTPCodecs is newRTPCodecParameters for a list.
func newRTPCodecs(codecs []jsep.Codec, kind RTPCodecType) []RTPCodecParameters {
	var out []RTPCodecParameters
	for _, codec := range codecs {
		out = append(out, newRTPCodecParameters(codec, kind))
	}
	return out
}
