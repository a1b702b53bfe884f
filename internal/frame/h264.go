package frame

import "encoding/binary"

// The types of NAL units that matter here (ITU-T H.264 table 7-1), and those of
// RTP payloads (RFC 6184 table 1).
const (
	h264Slice      = 1
	h264PartitionA = 2
	h264IDR        = 5
	h264SPS        = 7
	h264AUD        = 9
	h264STAPA      = 24
	h264FUA        = 28
)

// describeH264 looks at the NAL units of a payload (RFC 6184 section 5.2). A
// frame begins for certain with an access unit delimiter, a sequence parameter
// set, or the first slice of a picture that is no IDR picture: before the slices
// of an IDR picture parameter sets may be missing.
func describeH264(payload []byte) (d Description, err error) {
	if len(payload) == 0 {
		return d, malformed(H264, "no byte")
	}
	first := true
	look := func(header byte, body []byte) {
		switch header & 0x1f {
		case h264AUD, h264SPS:
			d.Start = d.Start || first
		case h264Slice, h264PartitionA:
			// first_mb_in_slice is ue(v), which is 0 where the first bit is 1.
			d.Start = d.Start || first && len(body) > 0 && body[0]&0x80 != 0
		case h264IDR:
			d.Keyframe = true
		}
		first = false
	}
	switch payload[0] & 0x1f {
	case h264STAPA:
		err = eachUnit(H264, payload[1:], func(unit []byte) { look(unit[0], unit[1:]) })
	case h264FUA:
		if len(payload) < 2 {
			return d, malformed(H264, "fragmentation unit is cut off")
		}
		first = payload[1]&0x80 != 0
		look(payload[1], payload[2:])
	default:
		look(payload[0], payload[1:])
	}
	return d, err
}

// eachUnit calls do for each NAL unit of an aggregation packet, behind its
// header: a size of two bytes each (RFC 6184 section 5.7.1, RFC 7798 section
// 4.4.2). Units that are empty are left out.
func eachUnit(c Codec, b []byte, do func([]byte)) error {
	for len(b) > 0 {
		if len(b) < 2 {
			return malformed(c, "size in an aggregation packet is cut off")
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size > len(b) {
			return malformed(c, "NAL unit of %d bytes in an aggregation packet that has %d left", size, len(b))
		}
		if size > 0 {
			do(b[:size])
		}
		b = b[size:]
	}
	return nil
}

func (n *nalUnits) appendH264(payload []byte) error {
	if len(payload) == 0 {
		return malformed(H264, "no byte")
	}
	switch t := payload[0] & 0x1f; {
	case t >= 1 && t <= 23:
		n.whole(payload)
	case t == h264STAPA:
		return eachUnit(H264, payload[1:], n.whole)
	case t == h264FUA:
		if len(payload) < 2 {
			return malformed(H264, "fragmentation unit is cut off")
		}
		// Section 5.8: F and NRI of the indicator, the type of the FU header.
		header := payload[0]&0xe0 | payload[1]&0x1f
		n.fragment(payload[1], payload[2:], header)
	default:
		return malformed(H264, "packet type %d, which packetization modes 0 and 1 do not have", t)
	}
	return nil
}
