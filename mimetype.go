package webrtc

import "strings"

// The MIME types of the codecs that this package knows by name (IANA's registry
// of RTP payload formats). Their case does not matter.
const (
	// MimeTypeH264 is H.264 (RFC 6184).
	MimeTypeH264 = "video/H264"
	// MimeTypeH265 is H.265 (RFC 7798).
	MimeTypeH265 = "video/H265"
	// MimeTypeOpus is Opus (RFC 7587).
	MimeTypeOpus = "audio/opus"
	// MimeTypeVP8 is VP8 (RFC 7741).
	MimeTypeVP8 = "video/VP8"
	// MimeTypeVP9 is VP9 (RFC 9628).
	MimeTypeVP9 = "video/VP9"
	// MimeTypeAV1 is AV1 (the RTP payload format of the Alliance for Open Media).
	MimeTypeAV1 = "video/AV1"
	// MimeTypeG722 is G.722 (RFC 3551 section 4.5.2).
	MimeTypeG722 = "audio/G722"
	// MimeTypePCMU is G.711 µ-law (RFC 3551 section 4.5.14).
	MimeTypePCMU = "audio/PCMU"
	// MimeTypePCMA is G.711 A-law (RFC 3551 section 4.5.14).
	MimeTypePCMA = "audio/PCMA"
	// MimeTypeTelephoneEvent carries DTMF tones (RFC 4733).
	MimeTypeTelephoneEvent = "audio/telephone-event"
	// MimeTypeRTX carries packets that are sent again (RFC 4588).
	MimeTypeRTX = "video/rtx"
	// MimeTypeRED wraps packets with redundant ones (RFC 2198).
	MimeTypeRED = "video/red"
	// MimeTypeFlexFEC is flexible forward error correction (RFC 8627).
	MimeTypeFlexFEC = "video/flexfec"
	// MimeTypeFlexFEC03 is the draft of it that browsers have.
	MimeTypeFlexFEC03 = "video/flexfec-03"
	// MimeTypeUlpFEC is forward error correction inside RED (RFC 5109).
	MimeTypeUlpFEC = "video/ulpfec"
)

// mimeTypeAudioRED is RED around an audio codec.
const mimeTypeAudioRED = "audio/red"

var knownMimeTypes = [...]string{
	MimeTypeH264, MimeTypeH265, MimeTypeOpus, MimeTypeVP8, MimeTypeVP9, MimeTypeAV1, MimeTypeG722, MimeTypePCMU, MimeTypePCMA,
	MimeTypeTelephoneEvent, MimeTypeRTX, MimeTypeRED, MimeTypeFlexFEC, MimeTypeFlexFEC03, MimeTypeUlpFEC,
}

// newMimeType returns the MIME type of an encoding name of a=rtpmap, in the case
// of the constants above, so that programs may compare with ==.
func newMimeType(kind RTPCodecType, name string) string {
	mimeType := kind.String() + "/" + name
	for _, known := range knownMimeTypes {
		if strings.EqualFold(known, mimeType) {
			return known
		}
	}
	return mimeType
}

// splitMimeType returns the kind and the encoding name of a MIME type; the kind
// is unknown where it is neither audio nor video.
func splitMimeType(mimeType string) (kind RTPCodecType, name string) {
	media, name, _ := strings.Cut(mimeType, "/")
	return NewRTPCodecType(media), name
}
