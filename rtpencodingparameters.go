package webrtc

import (
	"fmt"
	"math"
)

// RTPEncodingParameters are one encoding of a sender's track (webrtc-pc section
// 5.2.7 and W3C webrtc-priority section 3.2). A nil member is absent. This package
// does not encode: what concerns the encoder is for the program that feeds the
// track to obey; Active, MaxBitrate and Priority are the connection's to obey.
type RTPEncodingParameters struct {
	RTPCodingParameters
	// Active says whether the encoding is sent. Default: true.
	Active *bool `json:"active,omitempty"`
	// Codec chooses one of the negotiated codecs; nil leaves the choice.
	Codec *RTPCodecCapability `json:"codec,omitempty"`
	// MaxBitrate is the largest bitrate in bit/s, without the headers of IP and
	// transport (RFC 3890 section 6.2.2); nil means without limit.
	MaxBitrate *uint32 `json:"maxBitrate,omitempty"`
	// MaxFramerate is the largest number of frames per second; nil means without
	// limit, 0 freezes the picture. Audio has none.
	MaxFramerate *float64 `json:"maxFramerate,omitempty"`
	// ScaleResolutionDownBy divides width and height, at least 1. Default: 1 with
	// one encoding, else ... 4, 2, 1. Audio has none.
	ScaleResolutionDownBy *float64 `json:"scaleResolutionDownBy,omitempty"`
	// Priority is the encoding's share of the bandwidth; the zero value means low.
	Priority PriorityType `json:"priority,omitempty"`
}

// clone returns a copy that shares nothing that can change with e.
func (e RTPEncodingParameters) clone() RTPEncodingParameters {
	e.Active = clonePointer(e.Active)
	e.MaxBitrate = clonePointer(e.MaxBitrate)
	e.MaxFramerate = clonePointer(e.MaxFramerate)
	e.ScaleResolutionDownBy = clonePointer(e.ScaleResolutionDownBy)
	if e.Codec != nil {
		codec := e.Codec.clone()
		e.Codec = &codec
	}
	return e
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// cloneEncodings clones each encoding of a list.
func cloneEncodings(encodings []RTPEncodingParameters) []RTPEncodingParameters {
	var out []RTPEncodingParameters
	for _, encoding := range encodings {
		out = append(out, encoding.clone())
	}
	return out
}

// withDefaults returns e with the members that W3C's dictionaries always have.
func (e RTPEncodingParameters) withDefaults() RTPEncodingParameters {
	if e.Active == nil {
		active := true
		e.Active = &active
	}
	if e.Priority == PriorityTypeUnknown {
		e.Priority = PriorityTypeLow
	}
	return e
}

// validateMembers checks what Web IDL checks when it converts the dictionaries:
// a double is finite (Web IDL section 3.2.7), an enumeration has the value
// (section 3.2.18). The error is a TypeError without Op.
func validateMembers(encodings []RTPEncodingParameters) error {
	for i, e := range encodings {
		for _, member := range []struct {
			name  string
			value *float64
		}{
			{"maxFramerate", e.MaxFramerate},
			{"scaleResolutionDownBy", e.ScaleResolutionDownBy},
		} {
			if v := member.value; v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
				return errorf(KindTypeError, "", "encoding %d: %s is %v, want a finite number", i, member.name, *v)
			}
		}
		if e.Priority < PriorityTypeUnknown || e.Priority > PriorityTypeHigh {
			return errorf(KindTypeError, "", "encoding %d: %w priority %d", i, ErrUnknownType, int(e.Priority))
		}
	}
	return nil
}

// removeVideoMembers takes the members away that audio does not have (webrtc-pc
// section 5.1.2, addTransceiver, and section 5.2.2, setParameters).
func removeVideoMembers(encodings []RTPEncodingParameters) {
	for i := range encodings {
		encodings[i].ScaleResolutionDownBy, encodings[i].MaxFramerate = nil, nil
	}
}

// fillScale sets scaleResolutionDownBy to 1 where it is absent.
func fillScale(encodings []RTPEncodingParameters) {
	for i := range encodings {
		if encodings[i].ScaleResolutionDownBy == nil {
			one := 1.0
			encodings[i].ScaleResolutionDownBy = &one
		}
	}
}

// validateRanges returns a RangeError, without Op, for a scaleResolutionDownBy
// below 1 and for a maxFramerate that is negative, or 0 where that is not allowed.
func validateRanges(encodings []RTPEncodingParameters, zeroFramerate bool) error {
	for i, e := range encodings {
		if e.ScaleResolutionDownBy != nil && *e.ScaleResolutionDownBy < 1 {
			return rangeError(i, "scaleResolutionDownBy", *e.ScaleResolutionDownBy, "at least 1")
		}
	}
	for i, e := range encodings {
		switch {
		case e.MaxFramerate == nil:
		case *e.MaxFramerate < 0:
			return rangeError(i, "maxFramerate", *e.MaxFramerate, "no negative number")
		case *e.MaxFramerate == 0 && !zeroFramerate:
			return rangeError(i, "maxFramerate", 0, "more than 0")
		}
	}
	return nil
}

func rangeError(encoding int, member string, value float64, want string) error {
	return newError(KindRangeError, "", fmt.Errorf("encoding %d: %s is %v, want %s", encoding, member, value, want))
}
