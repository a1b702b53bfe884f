package webrtc

import (
	"errors"
	"slices"
)

// RTPSendParameters are a sender's parameters (webrtc-pc section 5.2.4):
// RTPSender.GetParameters returns them and SetParameters takes them back with
// changed encodings. ORTC's RTPSender.Send takes them too.
type RTPSendParameters struct {
	RTPParameters
	// Encodings are the sender's encodings, in the order of the layers.
	Encodings []RTPEncodingParameters
	// TransactionID ties a SetParameters to the GetParameters before it. It is
	// read-only.
	TransactionID string
}

// clone returns a copy that shares nothing that can change with p.
func (p RTPSendParameters) clone() RTPSendParameters {
	p.RTPParameters = p.RTPParameters.clone()
	p.Encodings = cloneEncodings(p.Encodings)
	return p
}

// validateChange is W3C's "setParameters validation steps" with the step before
// them (webrtc-pc section 5.2.2). It returns the encodings to use from now on.
// last is [[LastReturnedParameters]]: what GetParameters returned, nil when that
// is out of date. implemented are the codecs of the media engine. The error is
// an *Error without Op.
func (p RTPSendParameters) validateChange(last *RTPSendParameters, kind RTPCodecType, implemented []RTPCodecParameters) ([]RTPEncodingParameters, error) {
	if err := validateMembers(p.Encodings); err != nil {
		return nil, err
	}
	if last == nil {
		return nil, newError(KindInvalidState, "", errors.New("GetParameters was not called before"))
	}
	if err := p.validateReadOnly(last); err != nil {
		return nil, err
	}
	choosable := p.Codecs
	if len(choosable) == 0 {
		choosable = implemented
	}
	for i, e := range p.Encodings {
		if e.Codec != nil && !e.Codec.matchesAny(choosable, true) {
			return nil, errorf(KindInvalidModification, "", "encoding %d: codec %s is not among those negotiated", i, quoteShort(e.Codec.MimeType))
		}
	}
	encodings := cloneEncodings(p.Encodings)
	if kind == RTPCodecTypeAudio {
		removeVideoMembers(encodings)
	} else {
		fillScale(encodings)
	}
	if err := validateRanges(encodings, true); err != nil {
		return nil, err
	}
	for i := range encodings {
		encodings[i] = encodings[i].withDefaults()
	}
	return encodings, nil
}

// validateReadOnly checks that no read-only member and not the number or order
// of the encodings differs from last: an InvalidModificationError.
func (p RTPSendParameters) validateReadOnly(last *RTPSendParameters) error {
	if len(p.Encodings) != len(last.Encodings) {
		return errorf(KindInvalidModification, "", "%d encodings, want %d as before", len(p.Encodings), len(last.Encodings))
	}
	changed := ""
	switch {
	case p.TransactionID != last.TransactionID:
		changed = "transactionId"
	case p.RTCP != last.RTCP:
		changed = "rtcp"
	case !slices.Equal(p.HeaderExtensions, last.HeaderExtensions):
		changed = "headerExtensions"
	case !slices.EqualFunc(p.Codecs, last.Codecs, sameCodecParameters):
		changed = "codecs"
	}
	if changed != "" {
		return errorf(KindInvalidModification, "", "%s is read-only", changed)
	}
	for i, e := range p.Encodings {
		was := last.Encodings[i].RTPCodingParameters
		if e.RID != was.RID {
			return errorf(KindInvalidModification, "", "encoding %d: rid %s, want %s as before", i, quoteShort(e.RID), quoteShort(was.RID))
		}
		if e.RTPCodingParameters != was {
			return errorf(KindInvalidModification, "", "encoding %d: SSRC and payload type are read-only", i)
		}
	}
	return nil
}

// sameCodecParameters reports whether two codecs do not differ at all.
func sameCodecParameters(a, b RTPCodecParameters) bool {
	return a.PayloadType == b.PayloadType && a.MimeType == b.MimeType && a.ClockRate == b.ClockRate && a.Channels == b.Channels &&
		a.SDPFmtpLine == b.SDPFmtpLine && slices.Equal(a.RTCPFeedback, b.RTCPFeedback)
}
