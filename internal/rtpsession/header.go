package rtpsession

import (
	"encoding/binary"
)

// HeaderError says what makes a packet no RTP packet.
type HeaderError string

func (e HeaderError) Error() string { return "rtpsession: " + string(e) }

// What ParseHeader refuses. The values are constants so that a flood of such
// packets costs no memory.
const (
	ErrShortHeader    = HeaderError("RTP packet is shorter than its header")
	ErrVersion        = HeaderError("RTP version is not 2")
	ErrShortExtension = HeaderError("RTP packet is shorter than its header extension")
	ErrPadding        = HeaderError("RTP padding count is 0 or more than the packet has")
)

const (
	rtpVersion       = 2
	fixedHeaderSize  = 12 // RFC 3550 section 5.1
	csrcSize         = 4
	extensionHeading = 4 // profile and length: RFC 3550 section 5.3.1
)

// The "defined by profile" values of RFC 8285. The low four bits of the
// two-byte one are appbits, which mean nothing here (section 4.3).
const (
	profileOneByte     = 0xBEDE // section 4.2
	profileTwoByte     = 0x1000 // section 4.3
	profileTwoByteMask = 0xFFF0
)

// Header is the parsed fixed header of an RTP packet, and where its other parts
// lie. It points into no memory: its methods take the packet again, which must
// be the one that was parsed, unchanged up to the payload.
type Header struct {
	Marker         bool
	PayloadType    PayloadType // 0 to 127
	SequenceNumber uint16
	Timestamp      uint32 // in units of the payload format's clock
	SSRC           SSRC

	CSRCCount        int    // contributing sources, 0 to 15
	ExtensionProfile uint16 // of the header extension; 0 also where there is none
	extension        uint32 // where the elements begin; 0: no header extension
	PayloadOffset    int    // octets before the payload
	PaddingLen       int    // octets after the payload, their count included
}

// ParseHeader reads the header of a plain RTP packet and checks all lengths that
// it has (RFC 3550 sections 5.1 and 5.3.1, appendix A.1). What is inside of a
// header extension is looked at when it is asked for. It allocates nothing.
func ParseHeader(packet []byte) (Header, error) {
	if len(packet) < fixedHeaderSize {
		return Header{}, ErrShortHeader
	}
	first := packet[0]
	if first>>6 != rtpVersion {
		return Header{}, ErrVersion
	}
	h := Header{
		Marker:         packet[1]&0x80 != 0,
		PayloadType:    PayloadType(packet[1] & 0x7F),
		SequenceNumber: binary.BigEndian.Uint16(packet[2:]),
		Timestamp:      binary.BigEndian.Uint32(packet[4:]),
		SSRC:           SSRC(binary.BigEndian.Uint32(packet[8:])),
		CSRCCount:      int(first & 0x0F),
	}
	end := fixedHeaderSize + h.CSRCCount*csrcSize
	if len(packet) < end {
		return Header{}, ErrShortHeader
	}
	if first&0x10 != 0 {
		if len(packet) < end+extensionHeading {
			return Header{}, ErrShortExtension
		}
		h.ExtensionProfile = binary.BigEndian.Uint16(packet[end:])
		words := int(binary.BigEndian.Uint16(packet[end+2:]))
		end += extensionHeading
		h.extension = uint32(end)
		if end += words * 4; len(packet) < end {
			return Header{}, ErrShortExtension
		}
	}
	h.PayloadOffset = end
	if first&0x20 != 0 {
		// The last octet counts itself, so that 0 is no count, and a packet
		// that ends with its header has no padding to count.
		h.PaddingLen = int(packet[len(packet)-1])
		if h.PaddingLen == 0 || h.PaddingLen > len(packet)-end {
			return Header{}, ErrPadding
		}
	}
	return h, nil
}

// Payload is the packet without its header and padding.
func (h *Header) Payload(packet []byte) []byte {
	return packet[h.PayloadOffset : len(packet)-h.PaddingLen]
}

// PaddingOnly reports whether the packet has no payload, as packets have that
// only probe the path or keep it open. It is a packet all the same: it has a
// sequence number, is counted and acknowledged.
func (h *Header) PaddingOnly(packet []byte) bool {
	return h.PayloadOffset+h.PaddingLen == len(packet)
}

// CSRC is the contributing source i, for i from 0 to CSRCCount-1 (RFC 3550
// section 5.1).
func (h *Header) CSRC(packet []byte, i int) SSRC {
	return SSRC(binary.BigEndian.Uint32(packet[fixedHeaderSize+i*csrcSize:]))
}

// CSRCs appends the contributing sources to dst.
func (h *Header) CSRCs(dst []SSRC, packet []byte) []SSRC {
	for i := range h.CSRCCount {
		dst = append(dst, h.CSRC(packet, i))
	}
	return dst
}

// HasExtension reports whether there is a header extension, of whatever form.
func (h *Header) HasExtension() bool { return h.extension != 0 }

// RawExtension is the header extension without its first four octets, nil
// where there is none: for profiles other than those of RFC 8285.
func (h *Header) RawExtension(packet []byte) []byte {
	if h.extension == 0 {
		return nil
	}
	return packet[h.extension:h.PayloadOffset]
}

// Extension is the data of the element id (1 to 14, or to 255 in the two-byte
// form), nil where it is not there: a slice of the packet, and not nil for an
// element of length 0. Of several with one id it is the first.
func (h *Header) Extension(packet []byte, id uint8) []byte {
	if id == 0 {
		return nil
	}
	elements := h.Elements(packet)
	for {
		switch e, ok := elements.Next(); {
		case !ok:
			return nil
		case e.ID == id:
			return e.Data
		}
	}
}

// Element is an element of a header extension (RFC 8285 section 4.1.2).
type Element struct {
	ID   uint8  // 1 to 14, or to 255 in the two-byte form
	Data []byte // 1 to 16 octets, or 0 to 255 in the two-byte form
}

// Elements walks over the elements of a header extension.
type Elements struct {
	rest    []byte
	twoByte bool
}

// Elements returns the elements of the packet's header extension in their order:
// none where there is no header extension, or one of another form than those
// of RFC 8285.
func (h *Header) Elements(packet []byte) Elements {
	switch {
	case h.extension == 0:
		return Elements{}
	case h.ExtensionProfile == profileOneByte:
		return Elements{rest: packet[h.extension:h.PayloadOffset]}
	case h.ExtensionProfile&profileTwoByteMask == profileTwoByte:
		return Elements{rest: packet[h.extension:h.PayloadOffset], twoByte: true}
	}
	return Elements{}
}

// Next is the next element; false after the last, and from the first malformed
// one on.
func (e *Elements) Next() (Element, bool) {
	for len(e.rest) > 0 && e.rest[0] == 0 {
		e.rest = e.rest[1:] // a padding octet, between elements or after all: RFC 8285 section 4.1.2
	}
	if len(e.rest) == 0 {
		return Element{}, false
	}
	if e.twoByte {
		return e.nextTwoByte()
	}
	id, size := e.rest[0]>>4, int(e.rest[0]&0x0F)+1
	// 15 is reserved for a later form and ends all processing (RFC 8285 section
	// 4.2); so does 0 with a length (section 4.1.2).
	if id == 15 || id == 0 {
		e.rest = nil
		return Element{}, false
	}
	return e.cut(id, 1, size)
}

func (e *Elements) nextTwoByte() (Element, bool) {
	if len(e.rest) < 2 {
		e.rest = nil
		return Element{}, false
	}
	return e.cut(e.rest[0], 2, int(e.rest[1]))
}

func (e *Elements) cut(id uint8, heading, size int) (Element, bool) {
	if len(e.rest) < heading+size {
		e.rest = nil
		return Element{}, false
	}
	data := e.rest[heading : heading+size : heading+size]
	e.rest = e.rest[heading+size:]
	return Element{ID: id, Data: data}, true
}
