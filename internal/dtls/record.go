package dtls

import (
	"crypto/cipher"
	"encoding/binary"
)

// Content types of the record layer (RFC 5246 section 6.2.1).
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22
	typeApplicationData  = 23
)

const (
	versionDTLS10 = 0xfeff // what a first ClientHello's record may carry (RFC 6347 section 4.2.1)
	versionDTLS12 = 0xfefd

	recordHeaderLen = 13        // RFC 6347 section 4.1
	explicitNonce   = 8         // bytes of nonce_explicit in an AES-GCM record (RFC 5288 section 3)
	tagLen          = 16        // of every AEAD we offer
	maxPlaintext    = 1 << 14   // RFC 6347 section 4.1: "The length MUST NOT exceed 2^14"
	maxSequence     = 1<<48 - 1 // the record's sequence number has 48 bits
	maxOverhead     = recordHeaderLen + explicitNonce + tagLen
)

// header is a parsed record header (RFC 6347 section 4.1).
type header struct {
	typ     uint8
	version uint16
	epoch   uint16
	seq     uint64 // 48 bits
}

// nextRecord splits the first record off a datagram (RFC 6347 section 4.1.1: a datagram may hold several records, a record
// never spans datagrams). It reports false when what is left is not a whole record of DTLS 1.0 or 1.2.
func nextRecord(datagram []byte) (h header, record, rest []byte, ok bool) {
	if len(datagram) < recordHeaderLen {
		return header{}, nil, nil, false
	}
	end := recordHeaderLen + int(binary.BigEndian.Uint16(datagram[11:]))
	if end > len(datagram) {
		return header{}, nil, nil, false
	}
	h = header{
		typ:     datagram[0],
		version: binary.BigEndian.Uint16(datagram[1:]),
		epoch:   binary.BigEndian.Uint16(datagram[3:]),
		seq:     binary.BigEndian.Uint64(datagram[3:]) & maxSequence,
	}
	if h.version != versionDTLS12 && h.version != versionDTLS10 {
		return header{}, nil, nil, false
	}
	return h, datagram[:end:end], datagram[end:], true
}

// putHeader writes a record header for a body of length bytes into b.
func putHeader(b []byte, typ uint8, epoch uint16, seq uint64, length int) {
	b[0] = typ
	binary.BigEndian.PutUint16(b[1:], versionDTLS12)
	binary.BigEndian.PutUint64(b[3:], uint64(epoch)<<48|seq)
	binary.BigEndian.PutUint16(b[11:], uint16(length))
}

// protection is one direction's key: it seals or opens records of epoch 1. It keeps its nonce and additional data in the
// struct, so that neither is allocated for a record; its owner's lock must be held around each call.
type protection struct {
	aead     cipher.AEAD
	iv       [12]byte // AES-GCM: the 4 bytes of implicit salt, then zeros; ChaCha20: the whole write_IV
	explicit int      // bytes of nonce in the record: 8 for AES-GCM, 0 for ChaCha20-Poly1305

	nonce [12]byte
	aad   [13]byte
}

// overhead is the number of bytes that a record is longer than its plaintext.
func (p *protection) overhead() int { return recordHeaderLen + p.explicit + tagLen }

// prepare fills the nonce and the additional data of the record that has this header and a plaintext of n bytes.
//
// RFC 5288 section 3 lets the sender choose nonce_explicit and allows the sequence number, which for DTLS is epoch||sequence
// number: it never repeats under one key, as random values would by the birthday bound. RFC 7905 section 2 XORs the
// same 64 bits into the write_IV. Additional data is RFC 6347 section 4.1.2.1's epoch||sequence number, type, version and length.
func (p *protection) prepare(head []byte, explicit []byte, n int) {
	p.nonce = p.iv
	if p.explicit != 0 {
		copy(p.nonce[4:], explicit)
	} else {
		for i := range 8 {
			p.nonce[4+i] ^= head[3+i]
		}
	}
	copy(p.aad[:8], head[3:11])
	copy(p.aad[8:11], head[:3])
	binary.BigEndian.PutUint16(p.aad[11:], uint16(n))
}

// seal writes the record for plaintext into dst, which has at least len(plaintext)+overhead() bytes of capacity and does not
// overlap it, and returns it. It encrypts from one to the other, without a copy between, and allocates nothing.
func (p *protection) seal(dst []byte, typ uint8, epoch uint16, seq uint64, plaintext []byte) []byte {
	size := len(plaintext) + p.overhead()
	dst = dst[:size]
	putHeader(dst, typ, epoch, seq, size-recordHeaderLen)
	body := recordHeaderLen + p.explicit
	copy(dst[recordHeaderLen:body], dst[3:11])
	p.prepare(dst, dst[recordHeaderLen:body], len(plaintext))
	p.aead.Seal(dst[body:body], p.nonce[:], plaintext, p.aad[:])
	return dst
}

// open authenticates a whole record and decrypts it in place. The plaintext it returns lies inside record, whose former
// contents are lost even when it reports false.
func (p *protection) open(record []byte) (plaintext []byte, ok bool) {
	body := recordHeaderLen + p.explicit
	n := len(record) - body - tagLen
	if n < 0 || n > maxPlaintext {
		return nil, false
	}
	p.prepare(record, record[recordHeaderLen:body], n)
	plaintext, err := p.aead.Open(record[body:body], p.nonce[:], record[body:], p.aad[:])
	return plaintext, err == nil
}
