package netio

import (
	"bytes"
	"encoding/binary"
)

// What a mux needs to know of a packet to find its owner. It vouches for nothing
// else: whether a STUN message is authentic is the owner's to see.

// transaction is a STUN transaction ID (RFC 8489 section 5).
type transaction [12]byte

// packetKind is how the owner of a packet is found.
type packetKind uint8

const (
	notForUs     packetKind = iota // no protocol of a peer's
	stunRequest                    // by its USERNAME
	stunResponse                   // by its transaction
	unprotected                    // by its source; may be of a handshake
	protected                      // by its source; only its owner can open it
)

const (
	stunHeader    = 20
	stunCookie    = 0x2112a442
	stunUsername  = 0x0006
	maxFragment   = 256 // RFC 8839 section 5.4
	dtlsAlert     = 21  // ContentType of RFC 5246 section 6.2.1
	dtlsData      = 23  // application_data
	stunClass     = 0x0110
	stunRequested = 0x0000
	stunIndicated = 0x0010
)

// inspect classes a packet by its first byte (RFC 7983 section 7), and a STUN
// message by its class (RFC 8489 section 5).
func inspect(packet []byte) packetKind {
	if len(packet) == 0 {
		return notForUs
	}
	switch b := packet[0]; {
	case b <= 3:
		if len(packet) < stunHeader || binary.BigEndian.Uint32(packet[4:]) != stunCookie {
			return notForUs
		}
		switch binary.BigEndian.Uint16(packet) & stunClass {
		case stunRequested:
			return stunRequest
		case stunIndicated:
			return unprotected
		}
		return stunResponse
	case b == dtlsData, b == dtlsAlert && epochBegun(packet), b >= 128 && b <= 191:
		return protected
	case b >= 20 && b <= 63:
		return unprotected
	}
	return notForUs
}

// epochBegun tells a DTLS record that is encrypted: of an epoch above 0 (RFC 6347
// section 4.1).
func epochBegun(packet []byte) bool {
	return len(packet) > 4 && binary.BigEndian.Uint16(packet[3:]) > 0
}

// isRequest tells a STUN request that is about to be sent.
func isRequest(packet []byte) bool { return inspect(packet) == stunRequest }

// requestFragment is the receiver's user name fragment in a STUN request: what
// USERNAME has before the colon (RFC 8445 section 7.2.2). It is nil where there
// is none.
func requestFragment(packet []byte) []byte {
	for at := stunHeader; at+4 <= len(packet); {
		size := int(binary.BigEndian.Uint16(packet[at+2:]))
		if at+4+size > len(packet) {
			return nil
		}
		if binary.BigEndian.Uint16(packet[at:]) == stunUsername {
			fragment, _, ok := bytes.Cut(packet[at+4:at+4+size], colon)
			if !ok || len(fragment) > maxFragment {
				return nil
			}
			return fragment
		}
		at += 4 + (size+3)&^3
	}
	return nil
}

var colon = []byte{':'}
