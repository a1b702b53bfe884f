package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
)

const (
	gcmTagLen   = 16
	gcmNonceLen = 12
	encryptFlag = 1 << 31 // E of the SRTCP trailer (RFC 3711 section 3.4)
)

// gcmKeys are the session keys of AES-GCM (RFC 7714).
type gcmKeys struct {
	rtpAEAD, rtcpAEAD cipher.AEAD
	rtpSalt, rtcpSalt [gcmNonceLen]byte
}

func newGCMKeys(p Profile, k Keys) (*gcmKeys, error) {
	var keys gcmKeys
	var err error
	if keys.rtpAEAD, err = deriveGCM(k, rtpEncryption, rtpSalt, p, &keys.rtpSalt); err != nil {
		return nil, err
	}
	if keys.rtcpAEAD, err = deriveGCM(k, rtcpEncryption, rtcpSalt, p, &keys.rtcpSalt); err != nil {
		return nil, err
	}
	return &keys, nil
}

func deriveGCM(k Keys, encryption, salting label, p Profile, salt *[gcmNonceLen]byte) (cipher.AEAD, error) {
	s, err := derive(k, salting, gcmNonceLen)
	if err != nil {
		return nil, err
	}
	copy(salt[:], s)
	key, err := derive(k, encryption, p.KeyLen())
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (k *gcmKeys) rtp() rtpTransform   { return &gcmRTP{aead: k.rtpAEAD, salt: k.rtpSalt} }
func (k *gcmKeys) rtcp() rtcpTransform { return &gcmRTCP{aead: k.rtcpAEAD, salt: k.rtcpSalt} }

// gcmRTP is AES-GCM of RTP (RFC 7714 section 8). The nonce lies in it since what goes through the interface of the AEAD would escape.
type gcmRTP struct {
	aead  cipher.AEAD
	salt  [gcmNonceLen]byte
	nonce [gcmNonceLen]byte
}

// setNonce makes the nonce of section 8.1: two zero bytes, the SSRC and the index, under the salt.
func (t *gcmRTP) setNonce(ssrc uint32, index uint64) {
	s := &t.salt
	t.nonce[0], t.nonce[1] = s[0], s[1]
	binary.BigEndian.PutUint32(t.nonce[2:], ssrc^binary.BigEndian.Uint32(s[2:]))
	binary.BigEndian.PutUint32(t.nonce[6:], uint32(index>>16)^binary.BigEndian.Uint32(s[6:]))
	binary.BigEndian.PutUint16(t.nonce[10:], uint16(index)^binary.BigEndian.Uint16(s[10:]))
}

func (t *gcmRTP) seal(packet []byte, h header, index uint64) ([]byte, error) {
	t.setNonce(h.ssrc, index)
	h.gather(packet)
	sealed := t.aead.Seal(packet[h.clear:h.clear], t.nonce[:], packet[h.clear:], packet[:h.clear])
	h.scatter(packet)
	return packet[:h.clear+len(sealed)], nil
}

func (t *gcmRTP) open(packet []byte, h header, index uint64) ([]byte, error) {
	t.setNonce(h.ssrc, index)
	h.gather(packet)
	plain, err := t.aead.Open(packet[h.clear:h.clear], t.nonce[:], packet[h.clear:], packet[:h.clear])
	h.scatter(packet)
	if err != nil {
		return nil, ErrAuth
	}
	return packet[:h.clear+len(plain)], nil
}

// gcmRTCP is AES-GCM of RTCP (RFC 7714 section 9).
type gcmRTCP struct {
	aead  cipher.AEAD
	salt  [gcmNonceLen]byte
	nonce [gcmNonceLen]byte
	aad   [rtcpHeaderLen + indexLen]byte
	tag   [gcmTagLen]byte
}

// setNonce makes the nonce of section 9.1: two zero bytes, the SSRC, two zero bytes and the index, under the salt.
func (t *gcmRTCP) setNonce(packet []byte, index uint32) {
	t.nonce = t.salt
	for i, b := range packet[4:rtcpHeaderLen] {
		t.nonce[2+i] ^= b
	}
	binary.BigEndian.PutUint32(t.nonce[8:], index^binary.BigEndian.Uint32(t.salt[8:]))
}

func (t *gcmRTCP) seal(packet []byte, index uint32) ([]byte, error) {
	t.setNonce(packet, index)
	copy(t.aad[:], packet[:rtcpHeaderLen])
	binary.BigEndian.PutUint32(t.aad[rtcpHeaderLen:], encryptFlag|index)
	sealed := t.aead.Seal(packet[rtcpHeaderLen:rtcpHeaderLen], t.nonce[:], packet[rtcpHeaderLen:], t.aad[:])
	return append(packet[:rtcpHeaderLen+len(sealed)], t.aad[rtcpHeaderLen:]...), nil
}

func (t *gcmRTCP) open(packet []byte, encrypted bool, index uint32) ([]byte, error) {
	t.setNonce(packet, index)
	end := len(packet) - indexLen
	if !encrypted {
		return t.verify(packet, end)
	}
	copy(t.aad[:], packet[:rtcpHeaderLen])
	copy(t.aad[rtcpHeaderLen:], packet[end:])
	plain, err := t.aead.Open(packet[rtcpHeaderLen:rtcpHeaderLen], t.nonce[:], packet[rtcpHeaderLen:end], t.aad[:])
	if err != nil {
		return nil, ErrAuth
	}
	return packet[:rtcpHeaderLen+len(plain)], nil
}

// verify checks a packet that is authenticated only, whose whole is associated data (RFC 7714 section 9.3). Packet, tag and index
// come in this order; the associated data is the first and the last.
func (t *gcmRTCP) verify(packet []byte, end int) ([]byte, error) {
	size := end - gcmTagLen
	copy(t.tag[:], packet[size:end])
	copy(packet[size:], packet[end:])
	if _, err := t.aead.Open(t.tag[:0], t.nonce[:], t.tag[:], packet[:size+indexLen]); err != nil {
		return nil, ErrAuth
	}
	return packet[:size], nil
}
