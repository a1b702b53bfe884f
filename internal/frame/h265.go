package frame

// The types of NAL units that matter here (ITU-T H.265 table 7-1), and those of
// RTP payloads (RFC 7798 section 4.4).
const (
	h265LastTrailing = 9
	h265FirstIRAP    = 16
	h265LastIRAP     = 23
	h265LastVCL      = 31
	h265VPS          = 32
	h265AUD          = 35
	h265AP           = 48
	h265FU           = 49
	h265PACI         = 50
)

// describeH265 looks at the NAL units of a payload (RFC 7798 section 4.4). A
// frame begins for certain with an access unit delimiter, a video parameter set,
// or the first slice segment of a picture that is no random access point.
func describeH265(payload []byte) (d Description, err error) {
	if payload, err = unwrapPACI(payload); err != nil {
		return d, err
	}
	first := true
	look := func(header, second byte, body []byte) {
		t := header >> 1 & 0x3f
		switch {
		case t == h265VPS, t == h265AUD:
			d.Start = d.Start || first
		case t <= h265LastTrailing:
			// first_slice_segment_in_pic_flag
			d.Start = d.Start || first && len(body) > 0 && body[0]&0x80 != 0
		case t >= h265FirstIRAP && t <= h265LastIRAP:
			d.Keyframe = true
		}
		if t <= h265LastVCL {
			// Section 1.1.4: TID is the temporal layer plus 1.
			d.Layered = true
			d.TemporalLayer = max(d.TemporalLayer, max(second&0x07, 1)-1)
			d.SpatialLayer = max(d.SpatialLayer, header&0x01<<5|second>>3)
		}
		first = false
	}
	switch payload[0] >> 1 & 0x3f {
	case h265AP:
		err = eachUnit(H265, payload[2:], func(unit []byte) {
			if len(unit) >= 2 {
				look(unit[0], unit[1], unit[2:])
			}
		})
	case h265FU:
		if len(payload) < 3 {
			return d, malformed(H265, "fragmentation unit is cut off")
		}
		first = payload[2]&0x80 != 0
		look(payload[0]&0x81|payload[2]&0x3f<<1, payload[1], payload[3:])
	default:
		look(payload[0], payload[1], payload[2:])
	}
	return d, err
}

// unwrapPACI returns what a PACI packet carries, as the packet that it would be
// without (RFC 7798 section 4.4.4), or the payload itself. It has two bytes at
// least.
func unwrapPACI(payload []byte) ([]byte, error) {
	if len(payload) < 2 {
		return nil, malformed(H265, "header is cut off")
	}
	if payload[0]>>1&0x3f != h265PACI {
		return payload, nil
	}
	if len(payload) < 4 {
		return nil, malformed(H265, "PACI header is cut off")
	}
	// A, cType and PHSsize.
	inner, extension := payload[2]>>1&0x3f, int(payload[2]&0x01)<<4|int(payload[3]>>4)
	if inner == h265PACI || len(payload) < 4+extension {
		return nil, malformed(H265, "PACI packet that holds type %d behind %d bytes", inner, extension)
	}
	b := append([]byte{payload[2]&0x80 | inner<<1 | payload[0]&0x01, payload[1]}, payload[4+extension:]...)
	return b, nil
}

func (n *nalUnits) appendH265(payload []byte) (err error) {
	if payload, err = unwrapPACI(payload); err != nil {
		return err
	}
	switch t := payload[0] >> 1 & 0x3f; t {
	case h265AP:
		return eachUnit(H265, payload[2:], n.whole)
	case h265FU:
		if len(payload) < 3 {
			return malformed(H265, "fragmentation unit is cut off")
		}
		// Section 4.4.3: the type of the FU header, the rest of the payload header.
		n.fragment(payload[2], payload[3:], payload[0]&0x81|payload[2]&0x3f<<1, payload[1])
	default:
		if t > h265PACI {
			return malformed(H265, "packet type %d", t)
		}
		n.whole(payload)
	}
	return nil
}
