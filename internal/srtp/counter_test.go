package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestCounterModeAgreesWithTheStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	for trial := range 2000 {
		raw := randomBytes(r, 16+16*r.IntN(2))
		key, err := newCounterKey(raw, trial%4 > 0)
		if err != nil {
			t.Fatal(err)
		}
		if trial%4 > 0 && key.aead == nil {
			t.Fatal("GCM is not used")
		}
		counter := randomBytes(r, aes.BlockSize)
		binary.BigEndian.PutUint16(counter[14:], 0)
		if trial%5 == 0 {
			copy(counter[12:], []byte{0, 0}) // J0 borrows from the higher bits of the 32-bit counter
		}
		n, behind := r.IntN(700), 4+r.IntN(30)
		memory := randomBytes(r, n+behind+32)
		want := bytes.Clone(memory)
		cipher.NewCTR(key.block, counter).XORKeyStream(want[:n], want[:n])
		var s counterStream
		s.xor(key, elementOf(counter), memory[:n+behind], n)
		if !bytes.Equal(memory[:n], want[:n]) {
			t.Fatalf("%d bytes of counter %x differ", n, counter)
		}
		if !bytes.Equal(memory[n+behind:], want[n+behind:]) {
			t.Fatalf("%d bytes wrote beyond the region", n)
		}
	}
}

func TestFieldInverse(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	one := element{hi: 1 << 63}
	for range 20 {
		e := element{hi: r.Uint64(), lo: r.Uint64()}
		if got := e.mul(e.invert()); got != one {
			t.Fatalf("%x times its inverse is %x", e, got)
		}
		if e.mul(one) != e || e.double() != e.mul(element{hi: 1 << 62}) {
			t.Fatalf("%x: one and x do not multiply as they should", e)
		}
	}
}

func BenchmarkCounterKey(b *testing.B) {
	for b.Loop() {
		if _, err := newCounterKey(make([]byte, 16), true); err != nil {
			b.Fatal(err)
		}
	}
}
