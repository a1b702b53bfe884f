package srtp

import "encoding/binary"

const (
	fixedHeaderLen     = 12 // of RTP (RFC 3550 section 5.1)
	extensionHeaderLen = 4  // of a header extension (RFC 3550 section 5.3.1)
	rtcpHeaderLen      = 8  // what of a compound packet stays in the clear (RFC 3711 section 3.4)
	indexLen           = 4  // the E flag and the SRTCP index (RFC 3711 section 3.4)
)

// header is what the transforms need of an RTP header.
type header struct {
	ssrc      uint32
	seq       uint16
	csrcs     int  // bytes of the CSRC list
	extension bool // X bit
	len       int  // bytes before the payload, the extension's among them
	clear     int  // bytes at the front that are not encrypted
	cryptex   bool // CSRCs and extension are encrypted too (RFC 9335)
}

// parseHeader reads the header of an RTP or SRTP packet whose last tag bytes are not its own.
func parseHeader(packet []byte, tag int) (header, error) {
	end := len(packet) - tag
	if end < fixedHeaderLen {
		return header{}, ErrShort
	}
	if packet[0]>>6 != 2 {
		return header{}, ErrHeader
	}
	h := header{
		ssrc:      binary.BigEndian.Uint32(packet[8:]),
		seq:       binary.BigEndian.Uint16(packet[2:]),
		csrcs:     4 * int(packet[0]&0x0f),
		extension: packet[0]&0x10 != 0,
	}
	h.len = fixedHeaderLen + h.csrcs
	if h.extension {
		if end < h.len+extensionHeaderLen {
			return header{}, ErrShort
		}
		h.len += extensionHeaderLen + 4*int(binary.BigEndian.Uint16(packet[h.len+2:]))
	}
	if end < h.len {
		return header{}, ErrShort
	}
	h.clear = h.len
	return h, nil
}
