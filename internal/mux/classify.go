// Package mux tells apart the protocols that share one transport address.
package mux

// Class is the protocol that a datagram belongs to.
type Class uint8

const (
	Drop Class = iota // no protocol of this library: to be discarded
	STUN
	ZRTP
	DTLS
	TURN // TURN ChannelData (RFC 8656 section 12.4)
	RTP
	RTCP
)

// String is the protocol's name.
func (c Class) String() string {
	switch c {
	case STUN:
		return "STUN"
	case ZRTP:
		return "ZRTP"
	case DTLS:
		return "DTLS"
	case TURN:
		return "TURN"
	case RTP:
		return "RTP"
	case RTCP:
		return "RTCP"
	}
	return "drop"
}

// Classify looks at the first byte of a datagram (RFC 7983 section 7) and, for
// those of RTP and RTCP, at the second (RFC 5761 section 4). It vouches for
// nothing else: the datagram may still be too short or malformed.
//
// The ranges that RFC 9443 gave to QUIC (80 to 127 and 192 to 255) are Drop,
// as are an empty datagram and an RTP one that ends before its second byte.
func Classify(packet []byte) Class {
	if len(packet) == 0 {
		return Drop
	}
	switch b := packet[0]; {
	case b <= 3:
		return STUN
	case b >= 16 && b <= 19:
		return ZRTP
	case b >= 20 && b <= 63:
		return DTLS
	case b >= 64 && b <= 79:
		return TURN
	case b >= 128 && b <= 191:
		if len(packet) < 2 {
			return Drop
		}
		// The byte is RTCP's packet type, and RTP's marker bit and payload type:
		// packet types 192 to 223 are the payload types 64 to 95 with the marker
		// set, which RTP must therefore not use.
		if t := packet[1]; t >= 192 && t <= 223 {
			return RTCP
		}
		return RTP
	}
	return Drop
}
