package frame

import "strings"

// Codec says how the payload of an RTP packet is laid out.
type Codec uint8

// The codecs whose frames are known. The zero value is none of them.
const (
	VP8    Codec = iota + 1 // RFC 7741
	VP9                     // RFC 9628
	H264                    // RFC 6184, packetization modes 0 and 1
	H265                    // RFC 7798, without decoding order numbers
	AV1                     // RTP Payload Format For AV1, version 1.0
	Opus                    // RFC 7587
	G722                    // RFC 3551 section 4.5.2
	PCMU                    // RFC 3551 section 4.5.14
	PCMA                    // RFC 3551 section 4.5.14
	Opaque                  // any other audio: each packet is a frame
)

var codecNames = map[Codec]string{
	VP8: "VP8", VP9: "VP9", H264: "H264", H265: "H265", AV1: "AV1",
	Opus: "opus", G722: "G722", PCMU: "PCMU", PCMA: "PCMA",
}

// String returns the name of the codec's media subtype.
func (c Codec) String() string { return codecNames[c] }

// CodecOf returns the codec of a media type such as "video/VP8", whose case does
// not matter (RFC 6838 section 4.2).
func CodecOf(mimeType string) (Codec, bool) {
	kind, name, _ := strings.Cut(mimeType, "/")
	for c, n := range codecNames {
		if strings.EqualFold(n, name) && strings.EqualFold(kind, c.kind()) {
			return c, true
		}
	}
	return 0, false
}

func (c Codec) kind() string {
	if c.audio() {
		return "audio"
	}
	return "video"
}

// audio reports whether each packet is a frame of its own.
func (c Codec) audio() bool { return c >= Opus }
