package frame

// parseVP9 reads the payload descriptor (RFC 9628 section 4.2) and returns what
// is behind it.
func parseVP9(payload []byte) (d Description, body []byte, err error) {
	d, _, body, err = splitVP9(payload)
	return d, body, err
}

// splitVP9 is parseVP9 that also returns the descriptor without the scalability
// structure.
func splitVP9(payload []byte) (d Description, head, body []byte, err error) {
	p := descriptor{rest: payload}
	first := p.byte()
	if first&0x80 != 0 && p.byte()&0x80 != 0 { // I: a picture ID of 7 bits, or 15 with M
		p.byte()
	}
	if first&0x20 != 0 { // L
		layers := p.byte()
		d.Layered = true
		d.TemporalLayer, d.SpatialLayer = layers>>5, layers>>1&0x07
		if first&0x10 == 0 {
			p.byte() // TL0PICIDX, in non-flexible mode
		}
	}
	if first&0x50 == 0x50 { // F and P: up to three references, of which N announces the next
		for more, n := true, 0; more && n < 3; n++ {
			more = p.byte()&0x01 != 0
		}
	}
	head = payload[:len(payload)-len(p.rest)]
	if first&0x02 != 0 { // V
		p.scalability()
	}
	if p.cut {
		return Description{}, nil, nil, malformed(VP9, "descriptor is cut off")
	}
	// B begins the frame of a layer; a picture begins with that of the lowest.
	d.Start = first&0x08 != 0 && d.SpatialLayer == 0
	// "P: when set to zero, the layer frame does not use inter-picture
	// prediction."
	d.Keyframe = d.Start && first&0x40 == 0
	return d, head, p.rest, nil
}

// scalability skips the scalability structure (RFC 9628 section 4.2.1).
func (p *descriptor) scalability() {
	first := p.byte()
	if first&0x10 != 0 { // Y: width and height of N_S + 1 layers
		for range 4 * (int(first>>5) + 1) {
			p.byte()
		}
	}
	if first&0x08 == 0 { // G
		return
	}
	for range p.byte() { // N_G pictures
		for range p.byte() >> 2 & 0x03 { // R references
			p.byte()
		}
	}
}
