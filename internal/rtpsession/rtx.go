package rtpsession

import "encoding/binary"

// osnSize is the original sequence number, which a retransmission has in front
// of the payload (RFC 4588 section 4).
const osnSize = 2

// RTXExtensions are the ids of the header extensions that differ between a
// stream and its retransmissions; 0 where one was not negotiated.
type RTXExtensions struct {
	RID         uint8 // RtpStreamId (RFC 8852)
	RepairedRID uint8 // RepairedRtpStreamId (RFC 8852)
}

// AppendRTX appends the retransmission of a packet to dst: its header with the
// SSRC, payload type and sequence number of the retransmission stream, the
// original sequence number and the payload without padding (RFC 4588 section 4,
// SSRC-multiplexing). Header extensions stay as they are, at their offsets, but
// for a RID, which becomes a repaired RID: RFC 8852 section 3 has RID for
// sources and repaired RID for what repairs them. Where there is no id for
// that, the RID becomes padding.
func AppendRTX(dst, packet []byte, ssrc SSRC, pt PayloadType, seq uint16, ids RTXExtensions) ([]byte, error) {
	h, err := ParseHeader(packet)
	if err != nil {
		return dst, err
	}
	begin := len(dst)
	dst = append(dst, packet[:h.PayloadOffset]...)
	dst = binary.BigEndian.AppendUint16(dst, h.SequenceNumber)
	dst = append(dst, h.Payload(packet)...)
	header := dst[begin : begin+h.PayloadOffset]
	header[0] &^= 0x20
	renumber(header, ssrc, pt, seq)
	if ids.RID != 0 {
		repair(&h, header, ids)
	}
	return dst, nil
}

func renumber(header []byte, ssrc SSRC, pt PayloadType, seq uint16) {
	header[1] = header[1]&0x80 | byte(pt)&0x7F
	binary.BigEndian.PutUint16(header[2:], seq)
	binary.BigEndian.PutUint32(header[8:], uint32(ssrc))
}

// repair gives the RID elements the id of the repaired RID, in place.
func repair(h *Header, header []byte, ids RTXExtensions) {
	elements := h.Elements(header)
	heading := 1
	if elements.twoByte {
		heading = 2
	}
	for {
		e, ok := elements.Next()
		if !ok {
			return
		}
		if e.ID != ids.RID {
			continue
		}
		end := len(header) - len(elements.rest)
		element := header[end-len(e.Data)-heading : end]
		switch {
		case ids.RepairedRID == 0 || !elements.twoByte && ids.RepairedRID > 14:
			clear(element)
		case elements.twoByte:
			element[0] = ids.RepairedRID
		default:
			element[0] = ids.RepairedRID<<4 | element[0]&0x0F
		}
	}
}

// UnwrapRTX makes the original packet of a retransmission, whose header is h, in
// place: the header moves up to the payload and gets the original sequence
// number, and the SSRC and payload type of the stream that is repaired (RFC 4588
// section 4). Padding is cut off. What is returned is the end of the packet's
// memory; h is then its header.
//
// Retransmission streams carry packets without an original, to probe the path:
// those have no payload, and the result is nil without an error. h is not
// changed then.
func UnwrapRTX(packet []byte, h *Header, ssrc SSRC, pt PayloadType) ([]byte, error) {
	payload := h.Payload(packet)
	switch {
	case len(payload) == 0:
		return nil, nil
	case len(payload) < osnSize:
		return nil, HeaderError("retransmission is shorter than its sequence number")
	}
	seq := binary.BigEndian.Uint16(payload)
	packet = packet[:len(packet)-h.PaddingLen]
	copy(packet[osnSize:], packet[:h.PayloadOffset])
	packet = packet[osnSize:]
	packet[0] &^= 0x20
	renumber(packet, ssrc, pt, seq)
	h.SSRC, h.PayloadType, h.SequenceNumber, h.PaddingLen = ssrc, pt&0x7F, seq, 0
	return packet, nil
}
