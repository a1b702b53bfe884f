package srtp

import (
	"crypto/aes"
	"encoding/binary"
)

// label names what a session key is for (RFC 3711 section 4.3.2).
type label byte

const (
	rtpEncryption label = iota
	rtpAuthentication
	rtpSalt
	rtcpEncryption
	rtcpAuthentication
	rtcpSalt
)

// derive makes n bytes of session key (RFC 3711 section 4.3.1) with AES-CM as the pseudo-random function (section 4.3.3). The key
// derivation rate is 0, the only one that DTLS-SRTP has, so keys do not depend on the index. RFC 7714 section 11 derives from a
// 12-byte salt as if zeros followed.
func derive(k Keys, l label, n int) ([]byte, error) {
	block, err := aes.NewCipher(k.Key)
	if err != nil {
		return nil, err
	}
	var counter [aes.BlockSize]byte
	copy(counter[:14], k.Salt)
	counter[7] ^= byte(l)
	out := make([]byte, 0, n+aes.BlockSize)
	for i := uint16(0); len(out) < n; i++ {
		binary.BigEndian.PutUint16(counter[14:], i)
		out = out[:len(out)+aes.BlockSize]
		block.Encrypt(out[len(out)-aes.BlockSize:], counter[:])
	}
	return out[:n:n], nil
}
