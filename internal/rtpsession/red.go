package rtpsession

import "encoding/binary"

// UnwrapRED takes the primary encoding out of a packet of redundant audio data, or of video that is protected beside it (RFC
// 2198 section 3), in place: the header moves up to it, with the payload type of the primary. The redundant encodings before
// it are left out: a NACK or a decoder's concealment mends what they would. What is returned is the end of the packet's
// memory; h is then its header.
func UnwrapRED(packet []byte, h *Header) ([]byte, error) {
	const errShort = HeaderError("RED payload is shorter than its headers say")
	payload := h.Payload(packet)
	skip, redundant := 0, 0
	for {
		if skip >= len(payload) {
			return nil, errShort
		}
		if payload[skip]&0x80 == 0 {
			break // the header of the primary encoding, one octet
		}
		if skip+4 > len(payload) {
			return nil, errShort
		}
		redundant += int(binary.BigEndian.Uint16(payload[skip+2:]) & 0x3FF)
		skip += 4
	}
	pt := PayloadType(payload[skip] & 0x7F)
	skip += 1 + redundant
	if skip > len(payload) {
		return nil, errShort
	}
	copy(packet[skip:], packet[:h.PayloadOffset])
	packet = packet[skip:]
	packet[1] = packet[1]&0x80 | byte(pt)
	h.PayloadType = pt
	return packet, nil
}
