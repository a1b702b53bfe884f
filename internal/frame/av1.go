package frame

// The types of OBUs that matter here (AV1 specification section 6.2.2).
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrameHeader       = 3
	obuFrame             = 6
	obuTileList          = 8
)

// The aggregation header (RTP Payload Format For AV1, section 4.4).
const (
	av1Continues = 0x80 // Z: the first element continues an OBU
	av1Continued = 0x40 // Y: the last element will be continued
	av1Sequence  = 0x08 // N: begins a coded video sequence
)

// describeAV1 looks at the aggregation header and the first OBU. A frame begins
// for certain where a coded video sequence begins, or a sequence header, or a
// frame of the lowest spatial layer; encoders for real time have no temporal unit
// with hidden frames before.
func describeAV1(payload []byte) (d Description, err error) {
	if len(payload) == 0 {
		return d, malformed(AV1, "no byte")
	}
	d.Keyframe = payload[0]&av1Sequence != 0
	if payload[0]&av1Continues != 0 {
		return d, nil
	}
	first := true
	_, err = eachElement(payload, func(element []byte, _, _ bool) error {
		if !first || len(element) == 0 {
			return nil
		}
		first = false
		t := element[0] >> 3 & 0x0f
		if element[0]&0x04 != 0 && len(element) > 1 { // obu_extension_flag
			d.Layered, d.TemporalLayer, d.SpatialLayer = true, element[1]>>5, element[1]>>3&0x03
		}
		d.Keyframe = d.Keyframe || t == obuSequenceHeader
		d.Start = d.Keyframe || (t == obuFrame || t == obuFrameHeader) && d.SpatialLayer == 0
		return nil
	})
	return d, err
}

// eachElement calls do for each OBU element of a packet, and says of which it is
// the first and the last.
func eachElement(payload []byte, do func(element []byte, first, last bool) error) (elements int, err error) {
	count := int(payload[0] >> 4 & 0x03) // W
	b := payload[1:]
	for len(b) > 0 && (count == 0 || elements < count) {
		size := uint64(len(b))
		if count == 0 || elements < count-1 {
			n := 0
			if size, n = leb128(b); n == 0 {
				return elements, malformed(AV1, "size of an OBU is cut off")
			}
			b = b[n:]
		}
		if size > uint64(len(b)) {
			return elements, malformed(AV1, "OBU of %d bytes where %d are left", size, len(b))
		}
		element := b[:size]
		b = b[size:]
		elements++
		if err := do(element, elements == 1, len(b) == 0); err != nil {
			return elements, err
		}
	}
	if count > 0 && elements < count || elements == 0 {
		return elements, malformed(AV1, "%d OBU elements, not %d", elements, max(1, count))
	}
	return elements, nil
}

// leb128 reads a number (AV1 specification section 4.10.5); n is zero where it is
// cut off or does not fit into 32 bits.
func leb128(b []byte) (value uint64, n int) {
	for i := 0; i < len(b) && i < 8; i++ {
		value |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			if value >= 1<<32 {
				return 0, 0
			}
			return value, i + 1
		}
	}
	return 0, 0
}

func joinAV1(dst []byte, payloads [][]byte) ([]byte, error) {
	var fragment []byte
	open := false
	for _, payload := range payloads {
		if len(payload) == 0 {
			return nil, malformed(AV1, "no byte")
		}
		continues, continued := payload[0]&av1Continues != 0, payload[0]&av1Continued != 0
		if continues != open {
			return nil, malformed(AV1, "an OBU is continued, and its other part is missing")
		}
		_, err := eachElement(payload, func(element []byte, first, last bool) (err error) {
			obu := element
			if first && continues {
				fragment = append(fragment, element...)
				obu = fragment
			}
			if open = last && continued; open {
				if !first || !continues {
					fragment = append(fragment[:0], element...)
				}
				return nil
			}
			dst, err = appendOBU(dst, obu)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if open {
		return nil, malformed(AV1, "the last OBU has no end")
	}
	return dst, nil
}

// appendOBU appends an OBU with its size. Temporal delimiters and tile lists are
// ignored (section 5).
func appendOBU(dst, obu []byte) ([]byte, error) {
	if len(obu) == 0 {
		return dst, nil
	}
	header := 1
	if obu[0]&0x04 != 0 {
		header = 2
	}
	if obu[0]&0x80 != 0 || len(obu) < header {
		return nil, malformed(AV1, "OBU header %#02x", obu[0])
	}
	body := obu[header:]
	if obu[0]&0x02 != 0 { // obu_has_size_field
		size, n := leb128(body)
		if n == 0 || size > uint64(len(body)-n) {
			return nil, malformed(AV1, "OBU whose own size is %d in %d bytes", size, len(body))
		}
		body = body[n : n+int(size)]
	}
	if t := obu[0] >> 3 & 0x0f; t == obuTemporalDelimiter || t == obuTileList {
		return dst, nil
	}
	dst = append(append(dst, obu[0]|0x02), obu[1:header]...)
	return append(appendLEB128(dst, len(body)), body...), nil
}

func appendLEB128(dst []byte, value int) []byte {
	for ; value >= 0x80; value >>= 7 {
		dst = append(dst, byte(value)|0x80)
	}
	return append(dst, byte(value))
}
