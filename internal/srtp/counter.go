package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"runtime"
)

// counterKey is the key of AES in counter mode (RFC 3711 section 4.1.1). Many goroutines may use it, with a counterStream each.
//
// The standard library makes a new Stream for each counter, which allocates half a kilobyte a packet, and a Block by itself works on
// one block at a time, four times slower. Its AES-GCM has neither fault, and is AES counter mode beside its tag: the counter begins after J0,
// and a nonce of 16 bytes N gives J0 = N·H² ⊕ L·H (NIST SP 800-38D section 7.1; H is the hash key, L the length block, the arithmetic GF(2^128)'s).
// So for each counter there is one nonce, N = J0·H⁻² ⊕ L·H⁻¹, and the tag is thrown away (docs/adr/0015).
type counterKey struct {
	block   cipher.Block
	aead    cipher.AEAD // with nonces of 16 bytes; nil where it is no faster
	inverse [128]element
	offset  element
}

// assembly says that crypto/cipher's GCM is written in assembly here. Elsewhere its hash costs more than it saves.
const assembly = runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"

func newCounterKey(key []byte, fast bool) (*counterKey, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	k := &counterKey{block: block}
	if !fast {
		return k, nil
	}
	var hash [aes.BlockSize]byte
	block.Encrypt(hash[:], hash[:])
	h := elementOf(hash[:])
	aead, err := cipher.NewGCMWithNonceSize(block, aes.BlockSize)
	if err != nil || h == (element{}) { // refused by GODEBUG=fips140=only; the other has no inverse
		return k, nil
	}
	k.aead = aead
	inverse := h.invert()
	power := inverse.mul(inverse)
	for i := range k.inverse {
		k.inverse[i] = power
		power = power.double()
	}
	k.offset = inverse.mul(element{lo: 8 * aes.BlockSize})
	return k, nil
}

// nonce returns the one that makes GCM's counter begin at first, whose low 16 bits are zero. The time it takes tells nothing.
func (k *counterKey) nonce(first element) element {
	// The counter begins one after J0, and counts in the last 32 bits.
	first.lo = first.lo&^0xffffffff | uint64(uint32(first.lo)-1)
	n := k.offset
	upper, lower := first.hi, first.lo
	for i := range 64 {
		u, l := &k.inverse[i], &k.inverse[64+i]
		um, lm := sign(upper), sign(lower)
		n.hi ^= u.hi&um ^ l.hi&lm
		n.lo ^= u.lo&um ^ l.lo&lm
		upper, lower = upper<<1, lower<<1
	}
	return n
}

// sign is all ones when the highest bit of word is one, and zero otherwise.
func sign(word uint64) uint64 { return uint64(int64(word) >> 63) }

// counterStream is the scratch memory of who uses a counterKey: what goes through the interfaces of cipher would escape.
type counterStream struct {
	counter [aes.BlockSize]byte
	key     [aes.BlockSize]byte // of the key stream
	saved   [aes.BlockSize]byte
}

// worthwhile is from how many bytes on the nonce's arithmetic pays.
const worthwhile = 8 * aes.BlockSize

// xor encrypts or decrypts the first n bytes of region with the counter that begins at first. What lies behind them in region is overwritten at will.
func (s *counterStream) xor(k *counterKey, first element, region []byte, n int) {
	done := 0
	if k.aead != nil && n >= worthwhile {
		// The tag needs room: whole blocks, as many as leave it 16 bytes of region, which are put back as they were.
		done = min(n, len(region)-aes.BlockSize) &^ (aes.BlockSize - 1)
		copy(s.saved[:], region[done:])
		k.nonce(first).put(s.counter[:])
		k.aead.Seal(region[:0:done+aes.BlockSize], s.counter[:], region[:done], nil)
		copy(region[done:], s.saved[:])
	}
	first.put(s.counter[:])
	for data := region[done:n]; len(data) > 0; done += aes.BlockSize {
		binary.BigEndian.PutUint16(s.counter[14:], uint16(done/aes.BlockSize))
		k.block.Encrypt(s.key[:], s.counter[:])
		data = data[subtle.XORBytes(data, data, s.key[:]):]
	}
}

// element is one of GF(2^128), or 16 bytes as two numbers: the first bit is hi's highest and the coefficient of x^0 (NIST SP 800-38D section 6.3).
type element struct{ hi, lo uint64 }

func elementOf(b []byte) element {
	return element{hi: binary.BigEndian.Uint64(b), lo: binary.BigEndian.Uint64(b[8:])}
}

func (e element) put(b []byte) {
	binary.BigEndian.PutUint64(b, e.hi)
	binary.BigEndian.PutUint64(b[8:], e.lo)
}

// double multiplies by x.
func (e element) double() element {
	carry := -(e.lo & 1)
	return element{hi: e.hi>>1 ^ carry&(0xe1<<56), lo: e.hi<<63 | e.lo>>1}
}

func (e element) mul(f element) element {
	var p element
	for _, word := range [...]uint64{e.hi, e.lo} {
		for range 64 {
			bit := sign(word)
			p.hi ^= f.hi & bit
			p.lo ^= f.lo & bit
			f, word = f.double(), word<<1
		}
	}
	return p
}

// invert returns e^(2^128-2), which is 1/e unless e is zero. The powers e^(2^k-1) lead there, with k = 1, 3, 7 and so on to 127.
func (e element) invert() element {
	p := e
	for k := 1; k < 127; k = 2*k + 1 {
		q := p
		for range k {
			q = q.mul(q)
		}
		p = q.mul(p)        // 2k
		p = p.mul(p).mul(e) // 2k+1
	}
	return p.mul(p)
}
