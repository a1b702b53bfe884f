package srtp

import "encoding/binary"

// Cryptex says what becomes of CSRCs and header extensions (RFC 9335).
type Cryptex uint8

const (
	// CryptexOff leaves them in the clear: the attribute a=cryptex was not negotiated (RFC 9335 section 4).
	CryptexOff Cryptex = iota
	// CryptexOn encrypts those that are sent, and takes them either way.
	CryptexOn
	// CryptexRequired also refuses packets that have them in the clear (RFC 9335 section 5.2).
	CryptexRequired
)

// What the field "defined by profile" of a header extension says: in the clear (RFC 8285 sections 4.2 and 4.3) and encrypted (RFC 9335 section 5.1).
const (
	oneByteHeaders     = 0xbede
	twoByteHeaders     = 0x1000
	twoByteHeadersMask = 0xfff0 // the rest are the application's bits
	cryptexOneByte     = 0xc0de
	cryptexTwoByte     = 0xc2de
)

// hide prepares a packet of ours: it marks the extension as encrypted, and adds an empty one where there are CSRCs and none (RFC 9335 section
// 5.1), which takes four bytes of capacity. An extension that RFC 8285 does not describe keeps the packet as it is;
// one that bears the mark already would be taken for an encrypted one, and is refused.
func (h *header) hide(packet []byte) ([]byte, error) {
	at := fixedHeaderLen + h.csrcs
	switch {
	case h.extension:
		switch tag := binary.BigEndian.Uint16(packet[at:]); {
		case tag == oneByteHeaders:
			binary.BigEndian.PutUint16(packet[at:], cryptexOneByte)
		case tag&twoByteHeadersMask == twoByteHeaders:
			binary.BigEndian.PutUint16(packet[at:], cryptexTwoByte)
		case tag == cryptexOneByte || tag == cryptexTwoByte:
			return nil, ErrHeader
		default:
			return packet, nil
		}
	case h.csrcs > 0:
		packet = packet[:len(packet)+extensionHeaderLen]
		copy(packet[at+extensionHeaderLen:], packet[at:])
		binary.BigEndian.PutUint32(packet[at:], cryptexOneByte<<16)
		packet[0] |= 0x10
		h.extension = true
		h.len += extensionHeaderLen
	default:
		return packet, nil
	}
	h.setCryptex()
	return packet, nil
}

// recognize looks whether a packet of the peer's is marked as encrypted.
func (h *header) recognize(packet []byte) {
	if !h.extension {
		return
	}
	switch binary.BigEndian.Uint16(packet[fixedHeaderLen+h.csrcs:]) {
	case cryptexOneByte, cryptexTwoByte:
		h.setCryptex()
	}
}

func (h *header) setCryptex() {
	h.cryptex = true
	h.clear = fixedHeaderLen + extensionHeaderLen
}

// reveal takes the mark off a decrypted packet.
func (h header) reveal(packet []byte) {
	if !h.cryptex {
		return
	}
	tag := packet[fixedHeaderLen+h.csrcs:]
	if binary.BigEndian.Uint16(tag) == cryptexOneByte {
		binary.BigEndian.PutUint16(tag, oneByteHeaders)
	} else {
		binary.BigEndian.PutUint16(tag, twoByteHeaders)
	}
}

// gather puts the extension's header before the CSRCs, so that what is encrypted lies together (RFC 9335 section 6.2), and scatter back.
// Both leave a packet without cryptex alone.
func (h header) gather(packet []byte) {
	if h.cryptex && h.csrcs > 0 {
		ext := binary.BigEndian.Uint32(packet[fixedHeaderLen+h.csrcs:])
		copy(packet[fixedHeaderLen+extensionHeaderLen:], packet[fixedHeaderLen:fixedHeaderLen+h.csrcs])
		binary.BigEndian.PutUint32(packet[fixedHeaderLen:], ext)
	}
}

func (h header) scatter(packet []byte) {
	if h.cryptex && h.csrcs > 0 {
		ext := binary.BigEndian.Uint32(packet[fixedHeaderLen:])
		copy(packet[fixedHeaderLen:], packet[fixedHeaderLen+extensionHeaderLen:][:h.csrcs])
		binary.BigEndian.PutUint32(packet[fixedHeaderLen+h.csrcs:], ext)
	}
}
