package webrtc

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// Causes of a MediaEngine's errors, under pion's names.
var (
	// ErrCodecAlreadyRegistered: the payload type is that of another codec.
	ErrCodecAlreadyRegistered = errors.New("payload type of another codec")
	// ErrRegisterHeaderExtensionInvalidDirection: a header extension is sent,
	// received, or both; other directions say nothing.
	ErrRegisterHeaderExtensionInvalidDirection = errors.New("direction of a header extension is neither sendonly nor recvonly")
)

// URIs of the header extensions that negotiation itself needs.
const (
	uriMID         = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriTransportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// A MediaEngine holds the codecs and header extensions that connections may
// negotiate. The zero value has no codecs and is ready to use. It is for one
// goroutine at a time; what is given to NewAPI is copied.
type MediaEngine struct {
	audio, video engineMedia
}

// engineMedia is what a MediaEngine has for one kind.
type engineMedia struct {
	codecs     []RTPCodecParameters
	extensions []engineExtension
}

type engineExtension struct {
	uri             string
	sends, receives bool
}

// clone returns a copy that shares nothing that can change with m.
func (m *MediaEngine) clone() *MediaEngine {
	return &MediaEngine{audio: m.audio.clone(), video: m.video.clone()}
}

func (m engineMedia) clone() engineMedia {
	return engineMedia{codecs: cloneCodecs(m.codecs), extensions: slices.Clone(m.extensions)}
}

// of returns the part for a kind, or a TypeError.
func (m *MediaEngine) of(typ RTPCodecType) (*engineMedia, error) {
	switch typ {
	case RTPCodecTypeAudio:
		return &m.audio, nil
	case RTPCodecTypeVideo:
		return &m.video, nil
	default:
		return nil, typ.validate()
	}
}

// RegisterCodec adds a codec after those that are there: their order is the order
// of preference. A payload type of 0 leaves the choice to negotiation, except for
// PCMU, whose number that is. A payload type that is registered for the same
// codec changes nothing; one of another codec is an InvalidAccessError
// (ErrCodecAlreadyRegistered). It returns a TypeError for a kind or codec that
// cannot be described in SDP and a RangeError for a payload type above 127 or
// from 64 to 95, which RTCP on the same port occupies (RFC 5761 section 4).
// Opus without channels gets the two that it always has in SDP (RFC 7587 section 7).
// Audio and video may use the same numbers; negotiation tells them apart.
func (m *MediaEngine) RegisterCodec(codec RTPCodecParameters, typ RTPCodecType) error {
	const op = "register codec"
	media, err := m.of(typ)
	if err != nil {
		return reop(op, err)
	}
	if codec.is(MimeTypeOpus) && codec.Channels == 0 {
		codec.Channels = 2
	}
	if err := codec.validate(typ); err != nil {
		return reop(op, err)
	}
	if err := codec.PayloadType.validate(); err != nil {
		return reop(op, err)
	}
	other := media.find(codec)
	switch {
	case other == nil:
		media.codecs = append(media.codecs, codec.clone())
		return nil
	case sameForm(codec, *other):
		return nil
	default:
		return errorf(KindInvalidAccess, op, "codec %s: %w: %d is %s", codec.MimeType, ErrCodecAlreadyRegistered, codec.PayloadType, other.MimeType)
	}
}

// find returns the codec that is registered under the payload type of codec, or
// the equal one if it has none.
func (m *engineMedia) find(codec RTPCodecParameters) *RTPCodecParameters {
	for i := range m.codecs {
		c := &m.codecs[i]
		if c.PayloadType == codec.PayloadType && (codec.hasPayloadType() || sameForm(codec, *c)) {
			return c
		}
	}
	return nil
}

// hasPayloadType reports whether the payload type is a number rather than the
// wish to get one.
func (p RTPCodecParameters) hasPayloadType() bool {
	return p.PayloadType != 0 || p.is(MimeTypePCMU)
}

// sameForm reports whether two codecs are interchangeable under one payload
// type: what each end may choose for itself does not count, but what RTX
// protects does.
func sameForm(a, b RTPCodecParameters) bool {
	return jsep.MatchCodec(a.jsepCodec(), b.jsepCodec()) && (!a.isRTX() || a.SDPFmtpLine == b.SDPFmtpLine)
}

// RegisterHeaderExtension adds a header extension for a kind of media. It is for
// sending with RTPTransceiverDirectionSendonly, for receiving with
// RTPTransceiverDirectionRecvonly, for both with both or without a direction.
// Registering it again replaces the directions. Another direction is a TypeError
// (ErrRegisterHeaderExtensionInvalidDirection), as is an unknown kind or a URI
// that cannot stand in SDP.
func (m *MediaEngine) RegisterHeaderExtension(extension RTPHeaderExtensionCapability, typ RTPCodecType, allowedDirections ...RTPTransceiverDirection) error {
	const op = "register header extension"
	media, err := m.of(typ)
	if err != nil {
		return reop(op, err)
	}
	if err := extension.validate(); err != nil {
		return reop(op, err)
	}
	e := engineExtension{uri: extension.URI, sends: len(allowedDirections) == 0, receives: len(allowedDirections) == 0}
	for _, direction := range allowedDirections {
		switch direction {
		case RTPTransceiverDirectionSendonly:
			e.sends = true
		case RTPTransceiverDirectionRecvonly:
			e.receives = true
		default:
			return errorf(KindTypeError, op, "%w: %v", ErrRegisterHeaderExtensionInvalidDirection, direction)
		}
	}
	media.setExtension(e)
	return nil
}

func (m *engineMedia) setExtension(e engineExtension) {
	for i := range m.extensions {
		if m.extensions[i].uri == e.uri {
			m.extensions[i] = e
			return
		}
	}
	m.extensions = append(m.extensions, e)
}

// RegisterFeedback adds a kind of RTCP feedback to the codecs of a kind that are
// registered, except to RTX, FEC and the like, which have none of their own.
// What cannot stand in SDP is ignored.
func (m *MediaEngine) RegisterFeedback(feedback RTCPFeedback, typ RTPCodecType) {
	media, err := m.of(typ)
	if err != nil || !feedback.isValid() {
		return
	}
	for i := range media.codecs {
		codec := &media.codecs[i]
		if codec.jsepCodec().IsResiliency() || slices.ContainsFunc(codec.RTCPFeedback, feedback.equal) {
			continue
		}
		// A new slice: the codec's own may be shared with a copy of the engine.
		codec.RTCPFeedback = append(slices.Clone(codec.RTCPFeedback), feedback)
	}
}

// codecs returns a copy of the codecs of a kind in the order of preference, with
// RTX only for codecs that are there.
func (m *MediaEngine) codecs(typ RTPCodecType) []RTPCodecParameters {
	media, err := m.of(typ)
	if err != nil {
		return nil
	}
	return withoutStrayRTX(cloneCodecs(media.codecs))
}

// repairs reports whether the codecs of a kind have RTX and FlexFEC.
func (m *MediaEngine) repairs(typ RTPCodecType) (rtx, fec bool) {
	if media, err := m.of(typ); err == nil {
		for _, c := range media.codecs {
			rtx, fec = rtx || c.isRTX(), fec || c.is(MimeTypeFlexFEC) || c.is(MimeTypeFlexFEC03)
		}
	}
	return rtx, fec
}

// isRepairOf reports whether c is the RTX of codec.
func (c RTPCodecParameters) isRepairOf(codec RTPCodecParameters) bool {
	apt, ok := c.associatedPayloadType()
	return ok && !codec.isRTX() && codec.hasPayloadType() && codec.PayloadType == apt
}

// associatedPayloadType returns apt of an RTX (RFC 4588 section 8.1).
func (c RTPCodecCapability) associatedPayloadType() (PayloadType, bool) {
	for p := range strings.SplitSeq(c.SDPFmtpLine, ";") {
		key, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), "apt") {
			apt, err := strconv.ParseUint(strings.TrimSpace(value), 10, 7)
			return PayloadType(apt), err == nil
		}
	}
	return 0, false
}

// usualExtensionIDs are the IDs that libwebrtc asks for. An offer with the same ones
// can take the place of one of a browser's that it rolls back: Chromium refuses an
// m-section that gives an ID another meaning than it had in its own offer.
var usualExtensionIDs = map[RTPCodecType]map[string]int{
	RTPCodecTypeAudio: {
		uriAudioLevel:  1,
		uriAbsSendTime: 2,
		uriTransportCC: 3,
		uriMID:         4,
	},
	RTPCodecTypeVideo: {
		"urn:ietf:params:rtp-hdrext:toffset": 1,
		uriAbsSendTime:                       2,
		uriVideoOrientation:                  3,
		uriTransportCC:                       4,
		uriPlayoutDelay:                      5,
		"http://www.webrtc.org/experiments/rtp-hdrext/video-content-type": 6,
		"http://www.webrtc.org/experiments/rtp-hdrext/video-timing":       7,
		uriColorSpace:  8,
		uriMID:         9,
		uriRID:         10,
		uriRepairedRID: 11,
	},
}

// extensions returns the header extensions of a kind, with the IDs to ask for. Those of
// BUNDLE and simulcast are there even when nobody registered them: MID for every
// kind (RFC 9143 section 15), the stream identifiers of RFC 8852 for video.
func (m *MediaEngine) extensions(typ RTPCodecType) []jsep.Extension {
	media, err := m.of(typ)
	if err != nil {
		return nil
	}
	required := []string{uriMID}
	if typ == RTPCodecTypeVideo {
		required = append(required, uriRID, uriRepairedRID)
	}
	var out []jsep.Extension
	for _, uri := range required {
		if !slices.ContainsFunc(media.extensions, func(e engineExtension) bool { return e.uri == uri }) {
			out = append(out, jsep.Extension{URI: uri, ID: usualExtensionIDs[typ][uri]})
		}
	}
	for _, e := range media.extensions {
		out = append(out, jsep.Extension{URI: e.uri, ID: usualExtensionIDs[typ][e.uri], Direction: jsep.DirectionOf(e.sends, e.receives)})
	}
	return out
}
