package webrtc

import "fmt"

// RTPTransceiverInit are the options of AddTransceiverFromKind and
// AddTransceiverFromTrack (webrtc-pc section 5.1.3). The zero value has W3C's
// defaults.
type RTPTransceiverInit struct {
	// Direction is sendrecv by default.
	Direction RTPTransceiverDirection
	// SendEncodings are the encodings to send: more than one for simulcast. The
	// RIDs of several are made up when none has one. Default: one encoding.
	SendEncodings []RTPEncodingParameters
	// StreamIDs are the ids of the MediaStreams that the other end puts the track
	// into, each of 1 to 64 characters of RFC 8866's token. Default: that of the
	// track, if there is one. (W3C's member is called streams.)
	StreamIDs []string
}

// maxStreamID is the longest id of a MediaStream (RFC 8830 section 2).
const maxStreamID = 64

// maxVideoEncodings is W3C's maxN for video; audio has one encoding.
const maxVideoEncodings = 16

// maxRID bounds a RID by the length field of the header extension that carries
// it (RFC 8852 section 3, RFC 8285 section 4.3).
const maxRID = 255

// validated returns init with W3C's defaults, after the checks of addTransceiver
// (webrtc-pc section 5.1.2); implemented are the codecs of the media engine. Its
// SendEncodings are [[SendEncodings]] of the new sender. The error is an *Error
// without Op.
func (init RTPTransceiverInit) validated(kind RTPCodecType, implemented []RTPCodecParameters) (RTPTransceiverInit, error) {
	if err := kind.validate(); err != nil {
		return init, err
	}
	if init.Direction == RTPTransceiverDirectionUnknown {
		init.Direction = RTPTransceiverDirectionSendrecv
	}
	if err := init.Direction.validate(); err != nil {
		return init, err
	}
	streamIDs, err := validatedStreamIDs(init.StreamIDs)
	if err != nil {
		return init, err
	}
	init.StreamIDs = streamIDs
	init.SendEncodings, err = newSendEncodings(kind, init.SendEncodings, implemented)
	return init, err
}

// validatedStreamIDs returns ids as a set, [[AssociatedMediaStreamIds]] (webrtc-pc
// section 5.2), or a TypeError without Op when one cannot stand in a=msid (RFC
// 8830 section 2: 1 to 64 characters of a token, and "-" means no stream).
func validatedStreamIDs(ids []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, id := range ids {
		if len(id) > maxStreamID || !isSDPToken(id) || id == "-" {
			return nil, errorf(KindTypeError, "", "%s is not the id of a stream: want 1 to %d characters of a token", quoteShort(id), maxStreamID)
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out, nil
}

// newSendEncodings is W3C's "addTransceiver sendEncodings validation steps"
// (webrtc-pc section 5.1.2) and the default of "create an RTCRtpSender" (section
// 5.2). The error is an *Error without Op.
func newSendEncodings(kind RTPCodecType, encodings []RTPEncodingParameters, implemented []RTPCodecParameters) ([]RTPEncodingParameters, error) {
	if err := validateMembers(encodings); err != nil {
		return nil, err
	}
	if err := validateRIDs(encodings); err != nil {
		return nil, err
	}
	if err := validateNewCoding(encodings); err != nil {
		return nil, err
	}
	for i, e := range encodings {
		if e.Codec != nil && !e.Codec.matchesAny(implemented, false) {
			return nil, errorf(KindOperation, "", "encoding %d: codec %s is not supported", i, quoteShort(e.Codec.MimeType))
		}
	}
	encodings = cloneEncodings(encodings)
	if kind == RTPCodecTypeAudio {
		removeVideoMembers(encodings)
	}
	if err := validateRanges(encodings, false); err != nil {
		return nil, err
	}
	if len(encodings) == 0 {
		encodings = make([]RTPEncodingParameters, 1)
	}
	return completeSendEncodings(kind, encodings), nil
}

// completeSendEncodings is the part of the steps that fails no more.
func completeSendEncodings(kind RTPCodecType, encodings []RTPEncodingParameters) []RTPEncodingParameters {
	scaled := false
	for _, e := range encodings {
		scaled = scaled || e.ScaleResolutionDownBy != nil
	}
	maxN := 1
	if kind == RTPCodecTypeVideo {
		maxN = maxVideoEncodings
	}
	encodings = encodings[:min(len(encodings), maxN)]
	for i := range encodings {
		encodings[i] = encodings[i].withDefaults()
		if kind == RTPCodecTypeVideo && !scaled {
			factor := float64(uint(1) << (len(encodings) - i - 1))
			encodings[i].ScaleResolutionDownBy = &factor
		}
	}
	if scaled {
		fillScale(encodings)
	}
	switch {
	case len(encodings) == 1:
		encodings[0].RID = ""
	case encodings[0].RID == "":
		// webrtc-pc lets several encodings do without and then writes their
		// RIDs into the offer (section 4.4.2.2); browsers make them up.
		for i := range encodings {
			encodings[i].RID = fmt.Sprint(i)
		}
	}
	return encodings
}

// validateRIDs checks form and number of the RIDs: a TypeError.
func validateRIDs(encodings []RTPEncodingParameters) error {
	seen := map[string]int{}
	for i, e := range encodings {
		if e.RID == "" {
			continue
		}
		if !isRID(e.RID) {
			return errorf(KindTypeError, "", "encoding %d: rid %s: want letters, digits, - and _ (RFC 8851 section 10)", i, quoteShort(e.RID))
		}
		if other, ok := seen[e.RID]; ok {
			return errorf(KindTypeError, "", "encodings %d and %d have the same rid %s", other, i, e.RID)
		}
		seen[e.RID] = i
	}
	if len(seen) != 0 && len(seen) != len(encodings) {
		return errorf(KindTypeError, "", "%d of %d encodings have a rid, want all or none", len(seen), len(encodings))
	}
	return nil
}

// isRID reports whether s is rid-id of RFC 8851 section 10 and fits its header
// extension.
func isRID(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxRID
}

// validateNewCoding checks the members that W3C's dictionary does not have: a
// program may choose SSRCs, which must differ, but not the payload type, which
// negotiation chooses ("a read-only parameter other than rid").
func validateNewCoding(encodings []RTPEncodingParameters) error {
	seen := map[SSRC]bool{}
	for i, e := range encodings {
		if e.PayloadType != 0 {
			return errorf(KindInvalidAccess, "", "encoding %d: the payload type is read-only", i)
		}
		for _, ssrc := range []SSRC{e.SSRC, e.RTX.SSRC, e.FEC.SSRC} {
			if ssrc != 0 && seen[ssrc] {
				return errorf(KindInvalidAccess, "", "encoding %d: SSRC %d is used twice", i, ssrc)
			}
			seen[ssrc] = true
		}
	}
	return nil
}
