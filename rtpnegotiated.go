package webrtc

import (
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
)

// The header extensions that the session itself reads or writes.
const (
	uriAbsSendTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
	uriAudioLevel  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriCSRCLevel   = "urn:ietf:params:rtp-hdrext:csrc-audio-level"
)

// Header extensions whose elements have a length by which those of another connection,
// that a forwarded packet brings under the same number, are told from them.
const (
	uriColorSpace       = "http://www.webrtc.org/experiments/rtp-hdrext/color-space"
	uriVideoOrientation = "urn:3gpp:video-orientation"
	uriPlayoutDelay     = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
)

var elementSizes = map[string]rtpsession.ElementSize{
	uriAudioLevel:       {A: 1, B: 1},
	uriVideoOrientation: {A: 1, B: 1},
	uriPlayoutDelay:     {A: 3, B: 3},
	uriColorSpace:       {A: 4, B: 28}, // without and with HDR metadata
}

// sessionExtensions finds their identifiers.
func sessionExtensions(extensions []RTPHeaderExtensionParameter) rtpsession.Extensions {
	var ids rtpsession.Extensions
	for _, e := range extensions {
		if e.ID <= 0 || e.ID > 255 || e.Encrypted {
			continue
		}
		id := uint8(e.ID)
		switch e.URI {
		case uriMID:
			ids.MID = id
		case uriRID:
			ids.RID = id
		case uriRepairedRID:
			ids.RepairedRID = id
		case uriTransportCC:
			ids.TransportCC = id
		case uriAbsSendTime:
			ids.AbsSendTime = id
		case uriAudioLevel:
			ids.AudioLevel = id
		case uriCSRCLevel:
			ids.ContributorLevel = id
		}
		ids.AllowTwoByte = ids.AllowTwoByte || e.ID > 14
	}
	return ids
}

// receiveSection is what a session needs to know of an m-section.
func receiveSection(state jsep.TransceiverState) rtpsession.Section {
	s := rtpsession.Section{
		Key: uint64(state.ID), MID: rtpsession.MID(state.MID), ReducedSize: state.Receive.ReducedSize,
	}
	kind := newRTPCodecType(state.Kind)
	for _, c := range newRTPCodecs(state.Receive.Codecs, kind) {
		s.Codecs = append(s.Codecs, sessionCodec(c))
	}
	if len(s.Codecs) > 0 {
		for _, c := range newRTPCodecs(state.Receive.Offered, kind) {
			codec := sessionCodec(c)
			codec.Offered = true
			s.Codecs = append(s.Codecs, codec)
		}
	}
	for _, ssrc := range state.Remote.Sources.Streams() {
		source := rtpsession.Source{SSRC: rtpsession.SSRC(ssrc)}
		if rtx, ok := state.Remote.Sources.Group(jsep.GroupFID, ssrc); ok {
			source.RTX = rtpsession.SSRC(rtx)
		}
		if fec, ok := state.Remote.Sources.Group(jsep.GroupFECFR, ssrc); ok {
			source.FEC = rtpsession.SSRC(fec)
		}
		s.SSRCs = append(s.SSRCs, source)
	}
	for _, rid := range state.Receive.RIDs {
		s.RIDs = append(s.RIDs, rtpsession.RID(rid.ID))
	}
	return s
}

// sessionCodec is one payload type in the terms of a session.
func sessionCodec(c RTPCodecParameters) rtpsession.Codec {
	codec := rtpsession.Codec{
		PayloadType: rtpsession.PayloadType(c.PayloadType), ClockRate: c.ClockRate,
		NACK: c.hasFeedback(TypeRTCPFBNACK, ""), PLI: c.hasFeedback(TypeRTCPFBNACK, "pli"),
		FIR: c.hasFeedback(TypeRTCPFBCCM, "fir"), TransportCC: c.hasFeedback(TypeRTCPFBTransportCC, ""),
		REMB: c.hasFeedback(TypeRTCPFBGoogREMB, ""), Frames: c.marksFrames(),
	}
	switch {
	case c.isRTX():
		codec.Kind = rtpsession.Retransmission
		apt, _ := c.associatedPayloadType()
		codec.APT = rtpsession.PayloadType(apt)
	case c.is(MimeTypeRED), c.is(mimeTypeAudioRED):
		codec.Kind = rtpsession.Redundant
	case c.is(MimeTypeUlpFEC), c.is(MimeTypeFlexFEC), c.is(MimeTypeFlexFEC03):
		codec.Kind = rtpsession.Protection
	}
	return codec
}

// sendFormat is what a session needs to know of a negotiated codec.
func sendFormat(p RTPParameters, codec RTPCodecParameters) rtpsession.SendFormat {
	f := rtpsession.SendFormat{
		PayloadType: rtpsession.PayloadType(codec.PayloadType), ClockRate: codec.ClockRate,
		Extensions: sessionExtensions(p.HeaderExtensions),
	}
	for _, e := range p.HeaderExtensions {
		if e.ID > 0 && e.ID < len(f.Allowed) {
			f.Allowed[e.ID] = true
			if size, ok := elementSizes[e.URI]; ok {
				size.ID = uint8(e.ID)
				f.Sizes = append(f.Sizes, size)
			}
		}
	}
	for _, c := range p.Codecs {
		if c.PayloadType == codec.PayloadType {
			f.NACK = c.hasFeedback(TypeRTCPFBNACK, "")
			f.TransportCC = c.hasFeedback(TypeRTCPFBTransportCC, "")
		}
		if c.isRepairOf(codec) {
			f.HasRTX, f.RTXPayloadType = true, rtpsession.PayloadType(c.PayloadType)
		}
	}
	return f
}

// hasFeedback reports whether a kind of RTCP feedback was negotiated.
func (c RTPCodecCapability) hasFeedback(typ, parameter string) bool {
	return slices.ContainsFunc(c.RTCPFeedback, RTCPFeedback{Type: typ, Parameter: parameter}.equal)
}
