package frame

// maxUnit is the largest NAL unit that is put together from fragments, in bytes.
const maxUnit = 16 << 20

// NALUnits makes a byte stream (annex B) of the payloads of H264 and H265
// packets, which come in order. The zero value, with a codec, is ready.
type NALUnits struct {
	Codec Codec

	// out[:done] are whole NAL units; behind them is the one that is open.
	out  []byte
	done int
	open bool
	// broken says that a fragmented unit had no end or no beginning.
	broken bool
}

// Append adds the payload of the next packet. A unit of which a fragment is
// missing is left out. After an error the next packet can be added.
func (n *NALUnits) Append(payload []byte) error {
	if n.Codec == H265 {
		return n.appendH265(payload)
	}
	return n.appendH264(payload)
}

// Gap says that packets are missing before the next one: what is open has no end.
func (n *NALUnits) Gap() {
	n.broken = n.broken || n.open
	n.out, n.open = n.out[:n.done], false
}

// Take returns the NAL units that are whole, each behind a start code. The slice
// is valid until the next call of Append.
func (n *NALUnits) Take() []byte {
	whole, rest := n.out[:n.done], n.out[n.done:]
	// What is open moves to a slice of its own, so that nothing overwrites whole.
	n.out, n.done = append([]byte(nil), rest...), 0
	return whole
}

func (n *NALUnits) whole(unit []byte) {
	n.Gap()
	n.out = append(append(n.out, 0, 0, 0, 1), unit...)
	n.done = len(n.out)
}

// fragment adds a part of a unit. S and E of its header are the same bits for
// both codecs; the header of the unit goes before the first part.
func (n *NALUnits) fragment(fu byte, body []byte, header ...byte) error {
	if fu&0x80 != 0 { // S
		n.Gap()
		n.out, n.open = append(append(n.out, 0, 0, 0, 1), header...), true
	}
	if !n.open {
		n.broken = true
		return nil
	}
	if len(n.out)-n.done+len(body) > maxUnit {
		n.Gap()
		return malformed(n.Codec, "NAL unit of more than %d bytes", maxUnit)
	}
	n.out = append(n.out, body...)
	if fu&0x40 != 0 { // E
		n.done, n.open = len(n.out), false
	}
	return nil
}
