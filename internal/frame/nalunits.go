package frame

// nalUnits makes a byte stream (annex B) of the payloads of H264 or H265 packets,
// which come in order and without a gap.
type nalUnits struct {
	codec Codec
	out   []byte
	// open says that the last unit of out has no end yet.
	open bool
	// broken says that a fragmented unit had no end or no beginning.
	broken bool
}

// append adds the payload of the next packet.
func (n *nalUnits) append(payload []byte) error {
	if n.codec == H265 {
		return n.appendH265(payload)
	}
	return n.appendH264(payload)
}

// whole adds a unit.
func (n *nalUnits) whole(unit []byte) {
	n.broken = n.broken || n.open
	n.out = append(append(n.out, 0, 0, 0, 1), unit...)
}

// fragment adds a part of a unit. S and E of its header are the same bits for
// both codecs; the header of the unit goes before the first part.
func (n *nalUnits) fragment(fu byte, body []byte, header ...byte) {
	begins, ends := fu&0x80 != 0, fu&0x40 != 0
	n.broken = n.broken || begins == n.open
	if begins {
		n.whole(header)
	}
	n.out = append(n.out, body...)
	n.open = !ends
}
