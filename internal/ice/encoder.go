package ice

import (
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
)

// encoder appends attributes to one STUN message. Its slice is the one
// allocation that a message costs.
type encoder struct{ b []byte }

func newEncoder(typ messageType, id transactionID, capacity int) encoder {
	b := make([]byte, headerSize, capacity)
	binary.BigEndian.PutUint16(b, uint16(typ))
	binary.BigEndian.PutUint32(b[4:], magicCookie)
	copy(b[8:], id[:])
	return encoder{b}
}

// attribute appends one of n bytes, zero, and returns its value to fill in.
func (e *encoder) attribute(typ uint16, n int) []byte {
	at := len(e.b)
	var zero [8]byte
	for padded := attributeHeader + (n+3)&^3; padded > 0; padded -= len(zero) {
		e.b = append(e.b, zero[:min(padded, len(zero))]...)
	}
	binary.BigEndian.PutUint16(e.b[at:], typ)
	binary.BigEndian.PutUint16(e.b[at+2:], uint16(n))
	binary.BigEndian.PutUint16(e.b[2:], uint16(len(e.b)-headerSize))
	return e.b[at+attributeHeader : at+attributeHeader+n]
}

func (e *encoder) text(typ uint16, s string) { copy(e.attribute(typ, len(s)), s) }

func (e *encoder) uint32(typ uint16, v uint32) {
	binary.BigEndian.PutUint32(e.attribute(typ, 4), v)
}

func (e *encoder) uint64(typ uint16, v uint64) {
	binary.BigEndian.PutUint64(e.attribute(typ, 8), v)
}

// xorAddress appends XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).
func (e *encoder) xorAddress(addr netip.AddrPort) {
	ip := addr.Addr().Unmap()
	var v []byte
	if ip.Is4() {
		v = e.attribute(attrXORMappedAddress, 8)
		v[1] = 1
		a := ip.As4()
		subtle.XORBytes(v[4:], a[:], e.b[4:8])
	} else {
		v = e.attribute(attrXORMappedAddress, 20)
		v[1] = 2
		a := ip.As16()
		subtle.XORBytes(v[4:], a[:], e.b[4:20])
	}
	binary.BigEndian.PutUint16(v[2:], addr.Port()^magicCookie>>16)
}

func (e *encoder) errorCode(code int, reason string) {
	v := e.attribute(attrErrorCode, 4+len(reason))
	v[2], v[3] = byte(code/100), byte(code%100)
	copy(v[4:], reason)
}

// finish signs the message with key and returns it with its FINGERPRINT.
func (e *encoder) finish(key *integrity) []byte {
	at := len(e.b)
	v := e.attribute(attrMessageIntegrity, integritySize)
	copy(v, key.compute(e.b, at))
	return e.finishUnsigned()
}

// finishUnsigned returns the message with its FINGERPRINT.
func (e *encoder) finishUnsigned() []byte {
	at := len(e.b)
	v := e.attribute(attrFingerprint, fingerprintSize)
	sum := fingerprintOf(e.b[:at])
	copy(v, sum[:])
	return e.b
}
