package jsep

import "strings"

// staticPayload is a payload type that means a codec without a=rtpmap.
type staticPayload struct {
	payloadType uint8
	kind        MediaKind
	name        string
	clockRate   uint32
	channels    uint16
}

// staticPayloads are Tables 4 and 5 of RFC 3551 section 6, in the order of numbers. G722 has a clock rate of 8000 though it samples
// at 16000 (section 4.5.2).
var staticPayloads = []staticPayload{
	{0, Audio, "PCMU", 8000, 1},
	{3, Audio, "GSM", 8000, 1},
	{4, Audio, "G723", 8000, 1},
	{5, Audio, "DVI4", 8000, 1},
	{6, Audio, "DVI4", 16000, 1},
	{7, Audio, "LPC", 8000, 1},
	{8, Audio, "PCMA", 8000, 1},
	{9, Audio, "G722", 8000, 1},
	{10, Audio, "L16", 44100, 2},
	{11, Audio, "L16", 44100, 1},
	{12, Audio, "QCELP", 8000, 1},
	{13, Audio, "CN", 8000, 1},
	{14, Audio, "MPA", 90000, 1},
	{15, Audio, "G728", 8000, 1},
	{16, Audio, "DVI4", 11025, 1},
	{17, Audio, "DVI4", 22050, 1},
	{18, Audio, "G729", 8000, 1},
	{25, Video, "CelB", 90000, 0},
	{26, Video, "JPEG", 90000, 0},
	{28, Video, "nv", 90000, 0},
	{31, Video, "H261", 90000, 0},
	{32, Video, "MPV", 90000, 0},
	{34, Video, "H263", 90000, 0},
}

// staticCodec explains a format that has no a=rtpmap.
func staticCodec(payloadType uint8) (Codec, bool) {
	for _, p := range staticPayloads {
		if p.payloadType == payloadType {
			return Codec{Name: p.name, ClockRate: p.clockRate, Channels: p.channels, PayloadType: payloadType}, true
		}
	}
	return Codec{}, false
}

// staticNumber is the static payload type of a codec.
func staticNumber(c Codec) (uint8, bool) {
	for _, p := range staticPayloads {
		if strings.EqualFold(p.name, c.Name) && p.clockRate == c.ClockRate && max(p.channels, 1) == max(c.Channels, 1) {
			return p.payloadType, true
		}
	}
	return 0, false
}
