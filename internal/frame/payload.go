package frame

import "fmt"

// Description is what the payload of one packet says about its frame.
type Description struct {
	// Start says that the packet begins a frame for certain: nothing that the
	// frame needs can be in a packet before it. H.264, H.265 and AV1 do not mark
	// it, so it is read off what the packet holds.
	Start bool
	// Keyframe says that the frame needs no other one. It may be in any packet of
	// the frame.
	Keyframe bool
	// Layered says that the payload names its layers.
	Layered bool
	// SpatialLayer and TemporalLayer begin with zero.
	SpatialLayer, TemporalLayer uint8
}

// Describe reads as much of a payload, which is not empty, as describes it.
func (c Codec) Describe(payload []byte) (Description, error) {
	switch c {
	case VP8:
		d, _, err := parseVP8(payload)
		return d, err
	case VP9:
		d, _, err := parseVP9(payload)
		return d, err
	case H264:
		return describeH264(payload)
	case H265:
		return describeH265(payload)
	case AV1:
		return describeAV1(payload)
	}
	return Description{Start: true, Keyframe: true}, nil
}

// Join puts the payloads of all packets of a frame together, in order, and
// appends the frame to dst:
//   - VP8, VP9: the frame; for VP9 the frames of all spatial layers, one after
//     the other;
//   - H264, H265: the access unit as a byte stream, each NAL unit behind a start
//     code of four bytes (annex B);
//   - AV1: the temporal unit in the low-overhead format, every OBU with its size
//     and without temporal delimiter;
//   - audio: the payload.
func (c Codec) Join(dst []byte, payloads [][]byte) ([]byte, error) {
	switch c {
	case VP8, VP9:
		parse := parseVP8
		if c == VP9 {
			parse = parseVP9
		}
		for _, payload := range payloads {
			_, body, err := parse(payload)
			if err != nil {
				return nil, err
			}
			dst = append(dst, body...)
		}
		return dst, nil
	case H264, H265:
		units := nalUnits{codec: c, out: dst}
		for _, payload := range payloads {
			if err := units.append(payload); err != nil {
				return nil, err
			}
		}
		if units.broken || units.open {
			return nil, malformed(c, "fragmentation unit without an end")
		}
		return units.out, nil
	case AV1:
		return joinAV1(dst, payloads)
	}
	for _, payload := range payloads {
		dst = append(dst, payload...)
	}
	return dst, nil
}

// malformed returns the error for a payload that its format does not allow.
func malformed(c Codec, format string, values ...any) error {
	return fmt.Errorf("%v payload: %s", c, fmt.Sprintf(format, values...))
}
