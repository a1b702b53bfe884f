package ice

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"hash"
)

// integrity computes MESSAGE-INTEGRITY with one password (RFC 8489 section
// 14.5; short-term credentials, section 9.1). It is reused for each message and
// belongs to one goroutine.
type integrity struct {
	pwd  string
	mac  hash.Hash
	head [headerSize]byte
	sum  [sha1.Size]byte
}

func newIntegrity(pwd string) *integrity {
	i := &integrity{pwd: pwd, mac: hmac.New(sha1.New, []byte(pwd))}
	i.mac.Reset() // keeps the key's state ready, so that later sums are cheaper
	return i
}

// clone makes one for another goroutine. Clones of one original may be made at
// the same time as long as nothing computes on the original.
func (i *integrity) clone() *integrity {
	if original, ok := i.mac.(hash.Cloner); ok {
		if copied, err := original.Clone(); err == nil {
			return &integrity{pwd: i.pwd, mac: copied}
		}
	}
	return newIntegrity(i.pwd) // not every crypto backend can clone
}

// compute returns the HMAC of raw up to the attribute at offset, with the
// header's length as if that attribute were the last. Valid until the next call.
func (i *integrity) compute(raw []byte, offset int) []byte {
	copy(i.head[:], raw)
	binary.BigEndian.PutUint16(i.head[2:], uint16(offset-headerSize+attributeHeader+integritySize))
	i.mac.Reset()
	i.mac.Write(i.head[:])
	i.mac.Write(raw[headerSize:offset])
	return i.mac.Sum(i.sum[:0])
}

// check tells in constant time whether m's MESSAGE-INTEGRITY is there and right.
func (i *integrity) check(m *message) bool {
	if i == nil || m.integrity == 0 {
		return false
	}
	at := m.integrity + attributeHeader
	return hmac.Equal(i.compute(m.raw, m.integrity), m.raw[at:at+integritySize])
}
