package ice

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
)

// The parts of STUN (RFC 8489 sections 5 and 14, RFC 8445 section 16.1) that
// connectivity checks use.
const (
	headerSize      = 20
	attributeHeader = 4
	magicCookie     = 0x2112a442
	integritySize   = 20
	fingerprintSize = 4
	fingerprintXOR  = 0x5354554e
	maxMessage      = 2048 // a longer message fits no datagram of ours
)

type messageType uint16

const (
	bindingRequest    messageType = 0x0001
	bindingIndication messageType = 0x0011
	bindingSuccess    messageType = 0x0101
	bindingError      messageType = 0x0111
)

const (
	attrMappedAddress     = 0x0001
	attrUsername          = 0x0006
	attrMessageIntegrity  = 0x0008
	attrErrorCode         = 0x0009
	attrUnknownAttributes = 0x000a
	attrRealm             = 0x0014
	attrNonce             = 0x0015
	attrIntegritySHA256   = 0x001c
	attrXORMappedAddress  = 0x0020
	attrPriority          = 0x0024
	attrUseCandidate      = 0x0025
	attrSoftware          = 0x8022
	attrFingerprint       = 0x8028
	attrControlled        = 0x8029
	attrControlling       = 0x802a
	// attrNomination carries a counter in libwebrtc's renomination
	// (draft-thatcher-ice-renomination): the highest one wins. It is
	// comprehension-optional, and obeyed as controlled only.
	attrNomination = 0xc001
)

const (
	codeUnknownAttribute = 420
	codeRoleConflict     = 487
)

// Why a datagram was refused.
var (
	ErrNotSTUN            = errors.New("ice: not a STUN message")
	ErrMalformed          = errors.New("ice: malformed STUN message")
	ErrUnsupportedMethod  = errors.New("ice: STUN method is not Binding")
	ErrFingerprint        = errors.New("ice: FINGERPRINT is missing or wrong")
	ErrUsername           = errors.New("ice: USERNAME is not of this transport")
	ErrIntegrity          = errors.New("ice: MESSAGE-INTEGRITY is missing or wrong")
	ErrUnknownTransaction = errors.New("ice: response to no request of ours")
	ErrUnknownLocal       = errors.New("ice: no local candidate on this path")
)

type transactionID [12]byte

// message is a STUN message as read; raw is the datagram, which it shares.
type message struct {
	raw      []byte
	typ      messageType
	id       transactionID
	username []byte
	mapped   netip.AddrPort // XOR-MAPPED-ADDRESS
	// Offsets of attributes in raw; 0: absent.
	integrity, fingerprint int
	errorCode              int
	priority               uint32
	role                   uint16 // attrControlling, attrControlled or 0
	tieBreaker             uint64
	useCandidate           bool
	nomination             uint32
	unknown                [8]uint16 // comprehension-required ones we do not know
	unknownCount           int
}

// parseMessage reads the attributes that ICE needs. The first of several
// attributes of a type counts; after MESSAGE-INTEGRITY only FINGERPRINT does,
// which must be last (RFC 8489 sections 14.5 and 14.7).
func parseMessage(raw []byte) (message, error) {
	m := message{raw: raw}
	if len(raw) < headerSize || len(raw) > maxMessage || raw[0]&0xc0 != 0 ||
		binary.BigEndian.Uint32(raw[4:]) != magicCookie {
		return m, ErrNotSTUN
	}
	if length := int(binary.BigEndian.Uint16(raw[2:])); length%4 != 0 || headerSize+length != len(raw) {
		return m, ErrMalformed
	}
	m.typ = messageType(binary.BigEndian.Uint16(raw))
	copy(m.id[:], raw[8:])
	for at := headerSize; at < len(raw); {
		if len(raw)-at < attributeHeader {
			return m, ErrMalformed
		}
		size := int(binary.BigEndian.Uint16(raw[at+2:]))
		padded := (size + 3) &^ 3
		if len(raw)-at-attributeHeader < padded || m.fingerprint != 0 {
			return m, ErrMalformed
		}
		typ := binary.BigEndian.Uint16(raw[at:])
		if m.integrity == 0 || typ == attrFingerprint {
			value := raw[at+attributeHeader : at+attributeHeader+size]
			if !m.attribute(typ, at, value) {
				return m, ErrMalformed
			}
		}
		at += attributeHeader + padded
	}
	return m, nil
}

// attribute takes one in, and reports whether its length is right.
func (m *message) attribute(typ uint16, at int, v []byte) bool {
	switch typ {
	case attrUsername:
		if m.username == nil {
			m.username = v
		}
		return len(v) <= 513 // RFC 8489 section 14.3
	case attrMessageIntegrity:
		m.integrity = at
		return len(v) == integritySize
	case attrFingerprint:
		m.fingerprint = at
		return len(v) == fingerprintSize
	case attrXORMappedAddress:
		addr, ok := m.xorAddress(v)
		if ok && !m.mapped.IsValid() {
			m.mapped = addr
		}
		return ok
	case attrErrorCode:
		if len(v) < 4 {
			return false
		}
		m.errorCode = int(v[2]&7)*100 + int(v[3])
	case attrPriority:
		if len(v) != 4 {
			return false
		}
		m.priority = binary.BigEndian.Uint32(v)
	case attrControlling, attrControlled:
		if len(v) != 8 {
			return false
		}
		if m.role == 0 {
			m.role, m.tieBreaker = typ, binary.BigEndian.Uint64(v)
		}
	case attrUseCandidate:
		m.useCandidate = true
		return len(v) == 0
	case attrNomination:
		if len(v) == 4 {
			m.nomination = binary.BigEndian.Uint32(v)
		}
	case attrMappedAddress, attrUnknownAttributes, attrRealm, attrNonce, attrIntegritySHA256:
	default:
		if typ < 0x8000 && m.unknownCount < len(m.unknown) {
			m.unknown[m.unknownCount] = typ
			m.unknownCount++
		}
	}
	return true
}

// xorAddress decodes XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).
func (m *message) xorAddress(v []byte) (netip.AddrPort, bool) {
	if len(v) < 4 {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ magicCookie>>16
	switch {
	case v[1] == 1 && len(v) == 8:
		var a [4]byte
		subtle.XORBytes(a[:], v[4:], m.raw[4:8])
		return netip.AddrPortFrom(netip.AddrFrom4(a), port), true
	case v[1] == 2 && len(v) == 20:
		var a [16]byte
		subtle.XORBytes(a[:], v[4:], m.raw[4:20])
		return netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), port), true
	}
	return netip.AddrPort{}, false
}

// checkFingerprint tells whether FINGERPRINT is there and right (RFC 8489
// section 14.7). RFC 8445 section 7.1 has it in every check.
func (m *message) checkFingerprint() bool {
	if m.fingerprint == 0 {
		return false
	}
	want := fingerprintOf(m.raw[:m.fingerprint])
	return subtle.ConstantTimeCompare(want[:], m.raw[m.fingerprint+attributeHeader:]) == 1
}

// fingerprintOf computes FINGERPRINT over what precedes it.
func fingerprintOf(b []byte) (sum [fingerprintSize]byte) {
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(b)^fingerprintXOR)
	return sum
}
