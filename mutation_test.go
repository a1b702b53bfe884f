package webrtc

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
)

// A tape is the program of a mutation: bytes of a fuzzer, or of a seeded
// generator. Past its end it gives zeros.
type tape struct{ rest []byte }

// randomTape draws a tape of n bytes.
func randomTape(random *rand.Rand, n int) *tape {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return &tape{b}
}

func (p *tape) empty() bool { return len(p.rest) == 0 }

func (p *tape) byte() byte {
	if len(p.rest) == 0 {
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// below returns a number in 0..n-1, n being at most 65536.
func (p *tape) below(n int) int {
	if n <= 1 {
		return 0
	}
	if n <= 256 {
		return int(p.byte()) % n
	}
	return (int(p.byte())<<8 | int(p.byte())) % n
}

// take returns up to n bytes, which are not to be changed.
func (p *tape) take(n int) []byte {
	n = min(n, len(p.rest))
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

// maxMutant is more than a netio buffer holds.
const maxMutant = 2100

// mutate copies base and edits it as the tape says, up to 7 times; other is
// what a splice takes from. No edit is one of the possibilities: a replay.
func (p *tape) mutate(base, other []byte) []byte {
	b := append(make([]byte, 0, maxMutant), base...)
	for range p.byte() % 8 {
		b = p.edit(b, other)
	}
	return b
}

func (p *tape) edit(b, other []byte) []byte {
	op, at := p.byte()%10, p.below(len(b))
	if len(b) == 0 {
		op = 4
	}
	switch op {
	case 0: // one bit
		b[at] ^= 1 << (p.byte() % 8)
	case 1: // one byte
		b[at] = p.byte()
	case 2: // a number at its bounds
		interesting := []uint16{0, 1, 4, 0x7fff, 0x8000, 0xfffc, 0xffff, uint16(len(b))}
		if at+2 <= len(b) {
			binary.BigEndian.PutUint16(b[at:], interesting[p.byte()%8])
		}
	case 3: // cut
		b = b[:at]
	case 4: // longer, by bytes of the tape
		b = append(b, p.take(int(p.byte()))...)
	case 5: // longer, by much
		b = append(b, make([]byte, p.below(maxMutant-min(len(b), maxMutant)))...)
	case 6: // a part taken out
		n := p.below(len(b) - at + 1)
		b = append(b[:at], b[at+n:]...)
	case 7: // a part twice
		n := p.below(len(b) - at + 1)
		b = append(b[:at+n:at+n], b[at:]...)
	case 8: // the end of another
		b = append(b[:at:at], other[min(at, len(other)):]...)
	case 9: // a neighbouring number
		b[at] += p.byte()%5 - 2
	}
	return b[:min(len(b), maxMutant)]
}

// sealSCTP gives a packet the checksum that RFC 9260 section 6.8 asks for.
func sealSCTP(packet []byte) {
	if len(packet) < 12 {
		return
	}
	clear(packet[8:12])
	sum := crc32.Checksum(packet, crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(packet[8:], sum)
}

// sealSTUN replaces what ends a STUN message, from MESSAGE-INTEGRITY on, by a
// MESSAGE-INTEGRITY with this password and a FINGERPRINT (RFC 8489 sections
// 14.5 and 14.7). Messages whose attributes do not add up stay as they are.
func sealSTUN(message []byte, password string) []byte {
	const header, integrity, fingerprint = 20, 0x0008, 0x8028
	at := header
	for at+4 <= len(message) {
		typ := binary.BigEndian.Uint16(message[at:])
		if typ == integrity || typ == fingerprint {
			break
		}
		at += 4 + (int(binary.BigEndian.Uint16(message[at+2:]))+3)&^3
	}
	if at > len(message) || len(message) < header {
		return message
	}
	b := append(make([]byte, 0, at+32), message[:at]...)
	binary.BigEndian.PutUint16(b[2:], uint16(at-header+24))
	mac := hmac.New(sha1.New, []byte(password))
	mac.Write(b)
	b = binary.BigEndian.AppendUint32(b, integrity<<16|20)
	b = mac.Sum(b)
	binary.BigEndian.PutUint16(b[2:], uint16(at-header+32))
	sum := crc32.ChecksumIEEE(b) ^ 0x5354554e
	b = binary.BigEndian.AppendUint32(b, fingerprint<<16|4)
	return binary.BigEndian.AppendUint32(b, sum)
}
