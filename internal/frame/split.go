package frame

import "bytes"

// Split makes RTP payloads of a frame: the inverse of Join, for a frame that came
// in packets and has other bytes now. like are the payloads that it came in, one
// at least, of one layer frame. Their payload descriptors (VP8, VP9) are kept, and
// the aggregation header's bit N (AV1). No payload is longer than limit, which is
// at least 64 bytes, but that of audio, which is always one.
//
// Whatever bytes may stand behind the descriptors of VP8 and VP9, and in audio.
// The other codecs are split where their units end: H264 and H265 at start codes,
// AV1 by the sizes of OBUs.
func (c Codec) Split(data []byte, like [][]byte, limit int) ([][]byte, error) {
	switch {
	case c.audio():
		return [][]byte{data}, nil
	case len(like) == 0:
		return nil, malformed(c, "no packet to be like")
	}
	limit = max(limit, 64)
	switch c {
	case VP8:
		return splitVP8Frame(data, like[0], limit)
	case VP9:
		return splitVP9Frame(data, like[0], limit)
	case H264, H265:
		return splitUnits(c, data, limit)
	case AV1:
		return splitOBUs(data, len(like[0]) > 0 && like[0][0]&av1Sequence != 0, limit)
	}
	return nil, malformed(c, "unknown codec")
}

// splitVP8Frame puts the descriptor before each part; S is for the first only
// (RFC 7741 section 4.2), as all lie in what is called partition 0.
func splitVP8Frame(data, like []byte, limit int) ([][]byte, error) {
	_, body, err := parseVP8(like)
	if err != nil {
		return nil, err
	}
	head := bytes.Clone(like[:len(like)-len(body)])
	return splitBody(data, head, limit, func(payload []byte, first, _ bool) []byte {
		payload[0] &^= 0x17
		if first {
			payload[0] |= 0x10
		}
		return payload
	}), nil
}

// splitVP9Frame puts the descriptor before each part; B and the scalability
// structure are for the first only, E for the last (RFC 9628 section 4.2).
func splitVP9Frame(data, like []byte, limit int) ([][]byte, error) {
	_, head, body, err := splitVP9(like)
	if err != nil {
		return nil, err
	}
	structure := like[len(head) : len(like)-len(body)]
	if len(head)+len(structure) >= limit {
		return nil, malformed(VP9, "descriptor of %d bytes in packets of %d", len(head)+len(structure), limit)
	}
	return splitBody(data, like[:len(like)-len(body)], limit, func(payload []byte, first, last bool) []byte {
		payload[0] &^= 0x0c
		if last {
			payload[0] |= 0x04
		}
		if first {
			payload[0] |= 0x08
			return payload
		}
		payload[0] &^= 0x02
		return append(payload[:len(head)], payload[len(head)+len(structure):]...)
	}), nil
}

// splitBody cuts data into parts of about the same size, each behind head, which
// adjust changes.
func splitBody(data, head []byte, limit int, adjust func(payload []byte, first, last bool) []byte) (payloads [][]byte) {
	room := max(limit-len(head), 1)
	n := max((len(data)+room-1)/room, 1)
	for i := range n {
		part := data[i*len(data)/n : (i+1)*len(data)/n]
		payload := append(append(make([]byte, 0, len(head)+len(part)), head...), part...)
		payloads = append(payloads, adjust(payload, i == 0, i == n-1))
	}
	return payloads
}

// splitUnits gives each NAL unit of a byte stream a packet, or fragmentation units
// (RFC 6184 sections 5.6 and 5.8, RFC 7798 sections 4.4.1 and 4.4.3).
func splitUnits(c Codec, data []byte, limit int) (payloads [][]byte, err error) {
	header, last := 1, byte(h264STAPA-1)
	if c == H265 {
		header, last = 2, h265AP-1
	}
	if !bytes.HasPrefix(data, startCode) && !bytes.HasPrefix(data, startCode[1:]) {
		return nil, malformed(c, "the frame does not begin with a start code")
	}
	for unit := range units(data) {
		t := byte(0)
		switch {
		case len(unit) < header:
		case c == H265:
			t = unit[0] >> 1 & 0x3f
		default:
			t = unit[0] & 0x1f
		}
		if len(unit) <= header || t > last || c == H264 && t == 0 {
			return nil, malformed(c, "NAL unit of %d bytes with type %d", len(unit), t)
		}
		if len(unit) <= limit {
			payloads = append(payloads, unit)
			continue
		}
		head := []byte{unit[0]&0xe0 | h264FUA, t}
		if c == H265 {
			head = []byte{unit[0]&0x81 | h265FU<<1, unit[1], t}
		}
		payloads = append(payloads, splitBody(unit[header:], head, limit, func(payload []byte, first, last bool) []byte {
			if first {
				payload[header] |= 0x80
			}
			if last {
				payload[header] |= 0x40
			}
			return payload
		})...)
	}
	return payloads, nil
}

var startCode = []byte{0, 0, 0, 1}

// units yields the NAL units of a byte stream (ITU-T H.264 annex B). One zero
// before a start code is the start code's, others the unit's.
func units(data []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for {
			at := bytes.Index(data, startCode[1:])
			if at < 0 {
				return
			}
			data = data[at+3:]
			end := bytes.Index(data, startCode[1:])
			if end < 0 {
				yield(data)
				return
			}
			unit := data[:end]
			if end > 0 && unit[end-1] == 0 {
				unit = unit[:end-1]
			}
			if !yield(unit) {
				return
			}
			data = data[end:]
		}
	}
}

// splitOBUs makes packets of the OBUs of a temporal unit, each with its size
// before it, and parts those that do not fit (RTP Payload Format For AV1, section
// 4.4). sequence says that a coded video sequence begins.
func splitOBUs(data []byte, sequence bool, limit int) (payloads [][]byte, err error) {
	var payload []byte
	for len(data) > 0 {
		obu, rest, err := nextOBU(data)
		if err != nil {
			return nil, err
		}
		data = rest
		if t := obu[0] >> 3 & 0x0f; t == obuTemporalDelimiter || t == obuTileList {
			continue
		}
		for continues := false; len(obu) > 0; continues = true {
			if len(payload) > 0 && limit-len(payload) < 16 { // not worth a fragment
				payloads, payload = append(payloads, payload), nil
			}
			if len(payload) == 0 {
				payload = append(make([]byte, 0, limit), 0)
				if continues {
					payload[0] = av1Continues
				}
			}
			n := len(obu)
			if room := limit - len(payload); n+len(appendLEB128(nil, n)) > room {
				n = room - len(appendLEB128(nil, room))
			}
			payload = append(appendLEB128(payload, n), obu[:n]...)
			if obu = obu[n:]; len(obu) > 0 {
				payload[0] |= av1Continued
				payloads, payload = append(payloads, payload), nil
			}
		}
	}
	if len(payload) > 0 {
		payloads = append(payloads, payload)
	}
	if len(payloads) == 0 {
		return nil, malformed(AV1, "no OBU")
	}
	if sequence {
		payloads[0][0] |= av1Sequence
	}
	return payloads, nil
}

// nextOBU takes the first OBU of a low-overhead bitstream and returns it without
// its size (AV1 specification section 5.2, 5.3).
func nextOBU(data []byte) (obu, rest []byte, err error) {
	header := 1
	if data[0]&0x04 != 0 {
		header = 2
	}
	if data[0]&0x80 != 0 || len(data) < header {
		return nil, nil, malformed(AV1, "OBU header %#02x", data[0])
	}
	body := data[header:]
	if data[0]&0x02 != 0 {
		size, n := leb128(body)
		if n == 0 || size > uint64(len(body)-n) {
			return nil, nil, malformed(AV1, "OBU of %d bytes where %d are left", size, len(body))
		}
		body, rest = body[n:n+int(size)], body[n+int(size):]
	}
	obu = append(append(make([]byte, 0, header+len(body)), data[0]&^0x02), data[1:header]...)
	return append(obu, body...), rest, nil
}
