package webrtc

import (
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// RTPCodecType is the kind of media of a codec, track or transceiver (webrtc-pc
// section 5.4, transceiver kind).
type RTPCodecType int

const (
	// RTPCodecTypeUnknown is the zero value.
	RTPCodecTypeUnknown RTPCodecType = iota
	// RTPCodecTypeAudio is audio.
	RTPCodecTypeAudio
	// RTPCodecTypeVideo is video.
	RTPCodecTypeVideo
)

var rtpCodecTypeText = enumText{
	RTPCodecTypeAudio: "audio",
	RTPCodecTypeVideo: "video",
}

// String returns W3C's name of the value, or "unknown".
func (t RTPCodecType) String() string {
	return rtpCodecTypeText.name(int(t))
}

// NewRTPCodecType returns the value of a name in any case, or
// RTPCodecTypeUnknown.
func NewRTPCodecType(r string) RTPCodecType {
	return RTPCodecType(rtpCodecTypeText.valueOrUnknown(strings.ToLower(r)))
}

// validate returns the TypeError of an unknown kind (webrtc-pc section 5.1.2,
// addTransceiver), without Op.
func (t RTPCodecType) validate() error {
	if t != RTPCodecTypeAudio && t != RTPCodecTypeVideo {
		return errorf(KindTypeError, "", "%w kind of media %d, want audio or video", ErrUnknownType, int(t))
	}
	return nil
}

// mediaKind is t in the terms of signaling.
func (t RTPCodecType) mediaKind() jsep.MediaKind {
	switch t {
	case RTPCodecTypeAudio:
		return jsep.Audio
	case RTPCodecTypeVideo:
		return jsep.Video
	default:
		return 0
	}
}

// newRTPCodecType is the reverse of mediaKind.
func newRTPCodecType(k jsep.MediaKind) RTPCodecType {
	switch k {
	case jsep.Audio:
		return RTPCodecTypeAudio
	case jsep.Video:
		return RTPCodecTypeVideo
	default:
		return RTPCodecTypeUnknown
	}
}
