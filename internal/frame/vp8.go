package frame

// parseVP8 reads the payload descriptor (RFC 7741 section 4.2) and returns what
// is behind it.
func parseVP8(payload []byte) (d Description, body []byte, err error) {
	p := descriptor{rest: payload}
	first, extensions := p.byte(), byte(0)
	if first&0x80 != 0 { // X
		extensions = p.byte()
	}
	if extensions&0x80 != 0 && p.byte()&0x80 != 0 { // I: a picture ID of 7 bits, or 15 with M
		p.byte()
	}
	if extensions&0x40 != 0 { // L
		p.byte() // TL0PICIDX
	}
	if extensions&0x30 != 0 { // T, K: temporal layer, key index
		layer := p.byte() >> 6
		if d.Layered = extensions&0x20 != 0; d.Layered {
			d.TemporalLayer = layer
		}
	}
	if p.cut {
		return Description{}, nil, malformed(VP8, "descriptor is cut off")
	}
	// "The S bit MUST be set to 1 for the first packet of each encoded frame",
	// whose partition index is zero.
	d.Start = first&0x17 == 0x10
	// Section 4.3: the P bit of the payload header, which is in the first packet.
	d.Keyframe = d.Start && len(p.rest) > 0 && p.rest[0]&0x01 == 0
	return d, p.rest, nil
}
