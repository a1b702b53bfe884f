package srtp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withRoom returns a copy that has capacity behind it.
func withRoom(b []byte) []byte { return append(make([]byte, 0, len(b)+64), b...) }

// The vectors of RFC 9335 appendix A: header and clear text alike for both ciphers, then what becomes of them.
var cryptexVectors = []struct{ name, plain, cm, gcm string }{
	{
		"1-byte header extension",
		"900f1235 decafbad cafebabe bede0001 51000200 abababab abababab abababab abababab",
		"900f1235 decafbad cafebabe c0de0001 eb923652 51c3e036 f8de27e9 c27ee3e0 b4651d9f bc4218a7 0244522f 34a5",
		"900f1235 decafbad cafebabe c0de0001 39972dc9 572c4d99 e8fc355d e743fb2e 94f9d8ff 54e72f41 93bbc5c7 4ffab0fa 9fa0fbeb",
	},
	{
		"2-byte header extension",
		"900f1236 decafbad cafebabe 10000001 05020002 abababab abababab abababab abababab",
		"900f1236 decafbad cafebabe c2de0001 4ed9cc4e 6a712b30 96c5ca77 339d4204 ce0d7739 6cab6958 5fbce381 94a5",
		"900f1236 decafbad cafebabe c2de0001 bb75a4c5 45cd1f41 3bdb7daa 2b1e3263 de313667 c9632490 81b35a65 f5cb6c88 b394235f",
	},
	{
		"1-byte header extension and CSRC fields",
		"920f1238 decafbad cafebabe 0001e240 0000b26e bede0001 51000200 abababab abababab abababab abababab",
		"920f1238 decafbad cafebabe 8bb6e12b 5cff16dd c0de0001 92838c8c 09e58393 e1de3a9a 74734d67 45671338 c3acf11d a2df8423 bee0",
		"920f1238 decafbad cafebabe 63bbccc4 a7f695c4 c0de0001 8ad7c71f ac70a80c 92866b4c 6ba98546 ef913586 e95ffaaf fe956885 bb0647a8 bc094ac8",
	},
	{
		"2-byte header extension and CSRC fields",
		"920f1239 decafbad cafebabe 0001e240 0000b26e 10000001 05020002 abababab abababab abababab abababab",
		"920f1239 decafbad cafebabe f70e513e b90b9b25 c2de0001 bbed4848 faa64466 5f3d7f34 125914e9 f4d0ae92 3c6f479b 95a0f7b5 3133",
		"920f1239 decafbad cafebabe 3680524f 8d312b00 c2de0001 c78d1200 38422bc1 11a7187a 18246f98 0c059cc6 bc9df8b6 26394eca 344e4b05 d80fea83",
	},
	{
		"empty 1-byte header extension and CSRC fields",
		"920f123a decafbad cafebabe 0001e240 0000b26e bede0000 abababab abababab abababab abababab",
		"920f123a decafbad cafebabe 7130b6ab fe2ab0e3 c0de0000 e3d9f64b 25c9e74c b4cf8e43 fb92e378 1c2c0cea b6b3a499 a14c",
		"920f123a decafbad cafebabe 15b6bb43 37906fff c0de0000 b7b96453 7a2b03ab 7ba5389c e9331712 6b5d974d f30c6884 dcb651c5 e120c1da",
	},
	{
		"empty 2-byte header extension and CSRC fields",
		"920f123b decafbad cafebabe 0001e240 0000b26e 10000000 abababab abababab abababab abababab",
		"920f123b decafbad cafebabe cbf24c12 4330e1c8 c2de0000 599dd45b c9d687b6 03e8b59d 771fd38e 88b170e0 cd31e125 eabe",
		"920f123b decafbad cafebabe dcb38c9e 48bf95f4 c2de0000 61ee432c f9203170 76613258 d3ce4236 c06ac429 681ad084 13512dc9 8b5207d8",
	},
}

func TestCryptexVectorsOfRFC9335(t *testing.T) {
	keys := map[Profile]Keys{
		AES128_CM_SHA1_80: {Key: unhex(t, "e1f97a0d3e018be0d64fa32c06de4139"), Salt: unhex(t, "0ec675ad498afeebb6960b3aabe6")},
		AEAD_AES_128_GCM:  {Key: unhex(t, "000102030405060708090a0b0c0d0e0f"), Salt: unhex(t, "a0a1a2a3a4a5a6a7a8a9aaab")},
	}
	for p, k := range keys {
		out, err := NewOutbound(p, k, Options{Cryptex: CryptexOn})
		if err != nil {
			t.Fatal(err)
		}
		in, err := NewInbound(p, k, Options{Cryptex: CryptexRequired})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range cryptexVectors {
			plain, want := unhex(t, v.plain), unhex(t, v.cm)
			if p == AEAD_AES_128_GCM {
				want = unhex(t, v.gcm)
			}
			sealed, err := out.Stream(0xcafebabe).Protect(withRoom(plain))
			if err != nil || !bytes.Equal(sealed, want) {
				t.Errorf("%v, %s: %x, %v; want %x", p, v.name, sealed, err, want)
			}
			opened, err := in.Open(bytes.Clone(want))
			if err != nil || !bytes.Equal(opened, plain) {
				t.Errorf("%v, %s opens to %x, %v; want %x", p, v.name, opened, err, plain)
			}
		}
	}
}

func TestCryptexRoundTrips(t *testing.T) {
	for _, p := range allProfiles[:4] {
		r := rand.New(rand.NewPCG(9, uint64(p)))
		stream := mustOutbound(t, p, Options{Cryptex: CryptexOn}).Stream(3)
		in := mustInbound(t, p, Options{Cryptex: CryptexOn})
		for seq := range uint16(500) {
			packet := rtpPacket(r, 3, seq)
			want := bytes.Clone(packet)
			h, err := parseHeader(want, 0)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := stream.Protect(packet)
			if err != nil {
				t.Fatal(err)
			}
			if h.len > fixedHeaderLen && bytes.Contains(sealed, want[fixedHeaderLen:h.len]) {
				t.Fatalf("%v: %x is in the clear in %x", p, want[fixedHeaderLen:h.len], sealed)
			}
			opened, err := in.Open(sealed)
			if err != nil {
				t.Fatal(err)
			}
			if !h.extension && h.csrcs > 0 {
				// RFC 9335 section 5.1: "an empty extension block consisting of the 0xC0DE tag and a 16-bit length field set to
				// zero ... MUST be appended", and section 5.2 lets it stay.
				want[0] |= 0x10
				want = append(append(want[:h.len:h.len], 0xbe, 0xde, 0, 0), want[h.len:]...)
			}
			if !bytes.Equal(opened, want) {
				t.Fatalf("%v: opened %x, want %x", p, opened, want)
			}
		}
	}
}

func TestCryptexLeavesOtherExtensionsAlone(t *testing.T) {
	// RFC 9335 section 5.1: "This mechanism MUST NOT be used with header extensions other than the RFC 8285 variety."
	packet := withRoom(unhex(t, "90600001 00000000 00000003 12340001 01020304 aabbccdd"))
	want := bytes.Clone(packet)
	sealed, err := mustOutbound(t, AEAD_AES_128_GCM, Options{Cryptex: CryptexOn}).Stream(3).Protect(packet)
	if err != nil || !bytes.Equal(sealed[:20], want[:20]) {
		t.Fatalf("%x, %v", sealed, err)
	}
	if opened, err := mustInbound(t, AEAD_AES_128_GCM, Options{Cryptex: CryptexOn}).Open(bytes.Clone(sealed)); err != nil || !bytes.Equal(opened, want) {
		t.Errorf("opened %x, %v", opened, err)
	}
	// Section 5.2: "if the implementation considers the use of this specification mandatory ... it MUST stop the processing".
	if _, err := mustInbound(t, AEAD_AES_128_GCM, Options{Cryptex: CryptexRequired}).Open(sealed); !errors.Is(err, ErrCleartext) {
		t.Errorf("required: %v, want ErrCleartext", err)
	}
}

func TestCryptexIsRefusedWhereItCannotBe(t *testing.T) {
	if _, err := NewOutbound(NULL_SHA1_80, testKeys(NULL_SHA1_80), Options{Cryptex: CryptexOn}); err == nil {
		t.Error("a profile without transform of ours took Cryptex")
	}
	marked := withRoom(unhex(t, "90600001 00000000 00000003 c0de0000"))
	if _, err := mustOutbound(t, AEAD_AES_128_GCM, Options{Cryptex: CryptexOn}).Stream(3).Protect(marked); !errors.Is(err, ErrHeader) {
		t.Errorf("an extension that is marked as encrypted: %v", err)
	}
	packet := make([]byte, 16, 16+16)
	packet[0] = 0x81
	binary.BigEndian.PutUint32(packet[8:], 3)
	stream := mustOutbound(t, AEAD_AES_128_GCM, Options{Cryptex: CryptexOn}).Stream(3)
	if _, err := stream.Protect(packet); !errors.Is(err, ErrCapacity) {
		t.Errorf("no room for the empty extension: %v", err)
	}
}
