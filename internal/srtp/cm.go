package srtp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// cmKeys are the session keys of AES in counter mode with HMAC-SHA1 (RFC 3711 sections 4.1.1 and 4.2.1).
type cmKeys struct {
	profile  Profile
	rtpKeys  cmSession
	rtcpKeys cmSession
}

// cmSession are the keys of RTP or of RTCP.
type cmSession struct {
	counter *counterKey
	salt    element // 14 bytes and two of zero
	auth    []byte
}

func newCMKeys(p Profile, k Keys) (*cmKeys, error) {
	keys := &cmKeys{profile: p}
	var err error
	if keys.rtpKeys, err = deriveCM(k, p, rtpEncryption, rtpAuthentication, rtpSalt); err != nil {
		return nil, err
	}
	if keys.rtcpKeys, err = deriveCM(k, p, rtcpEncryption, rtcpAuthentication, rtcpSalt); err != nil {
		return nil, err
	}
	return keys, nil
}

func deriveCM(k Keys, p Profile, encryption, authentication, salting label) (s cmSession, err error) {
	key, err := derive(k, encryption, p.KeyLen())
	if err != nil {
		return s, err
	}
	if s.counter, err = newCounterKey(key, assembly); err != nil {
		return s, err
	}
	salt, err := derive(k, salting, p.SaltLen())
	if err != nil {
		return s, err
	}
	s.salt = elementOf(append(salt, 0, 0))
	s.auth, err = derive(k, authentication, shapes[p].authKey)
	return s, err
}

func (k *cmKeys) rtp() rtpTransform {
	return &cmRTP{cmState: newCMState(&k.rtpKeys), tag: shapes[k.profile].rtpTag}
}

func (k *cmKeys) rtcp() rtcpTransform {
	return &cmRTCP{cmState: newCMState(&k.rtcpKeys), tag: shapes[k.profile].rtcpTag}
}

// cmState is the scratch memory of one transform. What goes through the interface of hash would escape, so it lies here.
type cmState struct {
	keys   *cmSession
	stream counterStream
	mac    hash.Hash
	sum    [sha1.Size]byte
	roc    [4]byte
}

func newCMState(keys *cmSession) cmState {
	return cmState{keys: keys, mac: hmac.New(sha1.New, keys.auth)}
}

// xor encrypts or decrypts the first n bytes of region and may overwrite the others. The counter is salt, SSRC and index as section 4.1.1
// of RFC 3711 combines them.
func (s *cmState) xor(region []byte, n int, ssrc uint32, index uint64) {
	first := s.keys.salt
	first.hi ^= uint64(ssrc)
	first.lo ^= index << 16
	s.stream.xor(s.keys.counter, first, region, n)
}

// cmRTP protects RTP. The tag covers the packet and the rollover counter (RFC 3711 section 4.2).
type cmRTP struct {
	cmState
	tag int
}

func (t *cmRTP) authenticate(packet []byte, index uint64) []byte {
	t.mac.Reset()
	t.mac.Write(packet)
	binary.BigEndian.PutUint32(t.roc[:], uint32(index>>16))
	t.mac.Write(t.roc[:])
	return t.mac.Sum(t.sum[:0])[:t.tag]
}

func (t *cmRTP) seal(packet []byte, h header, index uint64) ([]byte, error) {
	h.gather(packet)
	t.xor(packet[h.clear:len(packet)+t.tag], len(packet)-h.clear, h.ssrc, index)
	h.scatter(packet)
	return append(packet, t.authenticate(packet, index)...), nil
}

func (t *cmRTP) open(packet []byte, h header, index uint64) ([]byte, error) {
	end := len(packet) - t.tag
	if subtle.ConstantTimeCompare(packet[end:], t.authenticate(packet[:end], index)) != 1 {
		return nil, ErrAuth
	}
	h.gather(packet)
	t.xor(packet[h.clear:], end-h.clear, h.ssrc, index)
	h.scatter(packet)
	return packet[:end], nil
}

// cmRTCP protects RTCP. The tag covers the packet with its index (RFC 3711 section 4.2).
type cmRTCP struct {
	cmState
	tag int
}

func (t *cmRTCP) authenticate(packet []byte) []byte {
	t.mac.Reset()
	t.mac.Write(packet)
	return t.mac.Sum(t.sum[:0])[:t.tag]
}

func (t *cmRTCP) seal(packet []byte, index uint32) ([]byte, error) {
	n := len(packet)
	t.xor(packet[rtcpHeaderLen:n+indexLen+t.tag], n-rtcpHeaderLen, binary.BigEndian.Uint32(packet[4:]), uint64(index))
	packet = binary.BigEndian.AppendUint32(packet, encryptFlag|index)
	return append(packet, t.authenticate(packet)...), nil
}

func (t *cmRTCP) open(packet []byte, encrypted bool, index uint32) ([]byte, error) {
	end := len(packet) - t.tag
	if subtle.ConstantTimeCompare(packet[end:], t.authenticate(packet[:end])) != 1 {
		return nil, ErrAuth
	}
	end -= indexLen
	if encrypted {
		t.xor(packet[rtcpHeaderLen:], end-rtcpHeaderLen, binary.BigEndian.Uint32(packet[4:]), uint64(index))
	}
	return packet[:end], nil
}
