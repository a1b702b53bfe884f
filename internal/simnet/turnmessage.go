package simnet

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"
)

// The attributes of a TURN server (RFC 8489 section 18.3, RFC 8656 section 18).
const (
	attrUsername           = 0x0006
	attrMessageIntegrity   = 0x0008
	attrErrorCode          = 0x0009
	attrChannelNumber      = 0x000c
	attrLifetime           = 0x000d
	attrXORPeer            = 0x0012
	attrData               = 0x0013
	attrRealm              = 0x0014
	attrNonce              = 0x0015
	attrXORRelayed         = 0x0016
	attrRequestedFamily    = 0x0017
	attrRequestedTransport = 0x0019
	attrIntegritySHA256    = 0x001c
	attrPasswordAlgorithm  = 0x001d
	attrUserhash           = 0x001e
	attrAdditionalFamily   = 0x8000
	attrAddressErrorCode   = 0x8001
	attrPasswordAlgorithms = 0x8002
	attrAlternateServer    = 0x8023
)

// turnMessage is a STUN message that came in.
type turnMessage struct {
	raw        []byte
	typ        uint16
	attributes []turnAttribute
	integrity  int // offset of the first MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256; 0: none
}

type turnAttribute struct {
	typ   uint16
	value []byte
}

func attribute(typ uint16, value []byte) turnAttribute { return turnAttribute{typ, value} }

func readTURNMessage(raw []byte) (turnMessage, bool) {
	if len(raw) < stunHeader || raw[0]>>6 != 0 || int(binary.BigEndian.Uint16(raw[2:])) != len(raw)-stunHeader ||
		binary.BigEndian.Uint32(raw[4:]) != stunCookie {
		return turnMessage{}, false
	}
	m := turnMessage{raw: raw, typ: binary.BigEndian.Uint16(raw)}
	for at := stunHeader; at < len(raw); {
		if len(raw)-at < 4 {
			return m, false
		}
		typ, size := binary.BigEndian.Uint16(raw[at:]), int(binary.BigEndian.Uint16(raw[at+2:]))
		if size > len(raw)-at-4 {
			return m, false
		}
		if m.integrity == 0 {
			m.attributes = append(m.attributes, turnAttribute{typ, raw[at+4 : at+4+size : at+4+size]})
		}
		if m.integrity == 0 && (typ == attrMessageIntegrity || typ == attrIntegritySHA256) {
			m.integrity = at
		}
		at += 4 + (size+3)&^3
	}
	return m, true
}

func (m turnMessage) method() TURNMethod { return TURNMethod(m.typ) }

// key is what addresses are obfuscated with.
func (m turnMessage) key() []byte { return m.raw[4:stunHeader] }

func (m turnMessage) all(typ uint16) (values [][]byte) {
	for _, a := range m.attributes {
		if a.typ == typ {
			values = append(values, a.value)
		}
	}
	return values
}

func (m turnMessage) first(typ uint16) []byte {
	if all := m.all(typ); len(all) > 0 {
		return all[0]
	}
	return nil
}

// verify checks MESSAGE-INTEGRITY (RFC 8489 section 14.5), or MESSAGE-INTEGRITY-SHA256
// (section 14.6) with a key of SHA-256.
func (m turnMessage) verify(key []byte) bool {
	if m.integrity == 0 {
		return false
	}
	want := integrityOver(append([]byte(nil), m.raw[:m.integrity]...), key)
	return hmac.Equal(want.value, m.first(want.typ))
}

// integrityOver computes the integrity that goes with a key for a message that ends
// before it.
func integrityOver(b, key []byte) turnAttribute {
	typ, sum := uint16(attrMessageIntegrity), sha1.New
	if len(key) == sha256.Size {
		typ, sum = attrIntegritySHA256, sha256.New
	}
	h := hmac.New(sum, key)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader+4+h.Size()))
	h.Write(b)
	return attribute(typ, h.Sum(nil))
}

// hash is SHA-256 of fields with colons between them (RFC 8489 sections 14.4 and
// 18.5.1.2).
func hash(fields ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(fields, ":")))
	return sum[:]
}

// longTermKey is that of RFC 8489 section 9.2.2.
func longTermKey(user, realm, password string) []byte {
	sum := md5.Sum([]byte(user + ":" + realm + ":" + password))
	return sum[:]
}

// reply makes the response to m, signed where there is a key.
func (m turnMessage) reply(failed bool, key []byte, attributes ...turnAttribute) []byte {
	typ := m.typ | 0x0100
	if failed {
		typ |= 0x0010
	}
	b := appendMessage(typ, m.raw[8:stunHeader], attributes)
	if key != nil {
		b = appendAttribute(b, integrityOver(b, key))
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader))
	return b
}

// dataIndication makes a Data indication (RFC 8656 section 11.3).
func dataIndication(peer netip.AddrPort, payload []byte) []byte {
	id := make([]byte, 12)
	key := append(binary.BigEndian.AppendUint32(nil, stunCookie), id...)
	b := appendMessage(uint16(methodData)|0x10, id, []turnAttribute{attribute(attrXORPeer, xorAddress(peer, key)), attribute(attrData, payload)})
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader))
	return b
}

func appendMessage(typ uint16, id []byte, attributes []turnAttribute) []byte {
	b := binary.BigEndian.AppendUint16(nil, typ)
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint32(b, stunCookie)
	b = append(b, id...)
	for _, a := range attributes {
		b = appendAttribute(b, a)
	}
	return b
}

func appendAttribute(b []byte, a turnAttribute) []byte {
	b = binary.BigEndian.AppendUint16(b, a.typ)
	b = binary.BigEndian.AppendUint16(b, uint16(len(a.value)))
	b = append(b, a.value...)
	return append(b, make([]byte, -len(a.value)&3)...)
}

func errorCode(code int, reason string) []byte {
	return append([]byte{0, 0, byte(code / 100), byte(code % 100)}, reason...)
}

func uint32Value(d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))
}

// xorAddress encodes an address (RFC 8489 section 14.2).
func xorAddress(a netip.AddrPort, key []byte) []byte {
	b := plainAddress(a)
	b[2] ^= key[0]
	b[3] ^= key[1]
	for i := range b[4:] {
		b[4+i] ^= key[i]
	}
	return b
}

func plainAddress(a netip.AddrPort) []byte {
	family := byte(1)
	if a.Addr().Is6() {
		family = 2
	}
	b := []byte{0, family, byte(a.Port() >> 8), byte(a.Port())}
	return append(b, a.Addr().AsSlice()...)
}

func readXORAddress(v, key []byte) (netip.AddrPort, bool) {
	if len(v) != 8 && len(v) != 20 {
		return netip.AddrPort{}, false
	}
	ip := make([]byte, len(v)-4)
	for i := range ip {
		ip[i] = v[4+i] ^ key[i]
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(v[2:])^stunCookie>>16), true
}
