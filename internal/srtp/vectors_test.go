package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"testing"
)

func TestKeyDerivationVectorsOfRFC3711(t *testing.T) {
	// RFC 3711 appendix B.3.
	k := Keys{Key: unhex(t, "e1f97a0d3e018be0d64fa32c06de4139"), Salt: unhex(t, "0ec675ad498afeebb6960b3aabe6")}
	for _, v := range []struct {
		label label
		want  string
	}{
		{rtpEncryption, "c61e7a93744f39ee10734afe3ff7a087"},
		{rtpSalt, "30cbbc08863d8c85d49db34a9ae1"},
		{rtpAuthentication, "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef7227098" +
			"6371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2"},
	} {
		want := unhex(t, v.want)
		if got, err := derive(k, v.label, len(want)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("label %d: %x, %v; want %x", v.label, got, err, want)
		}
	}
}

func TestCounterModeVectorsOfRFC3711(t *testing.T) {
	// RFC 3711 appendix B.2, whose key stream ends with block 0xff01.
	for _, fast := range []bool{false, true} {
		key, err := newCounterKey(unhex(t, "2b7e151628aed2a6abf7158809cf4f3c"), fast)
		if err != nil {
			t.Fatal(err)
		}
		var s counterStream
		stream := make([]byte, 0xff02*aes.BlockSize+10)
		s.xor(key, elementOf(unhex(t, "f0f1f2f3f4f5f6f7f8f9fafbfcfd0000")), stream, len(stream)-10)
		for block, want := range map[int]string{
			0: "e03ead0935c95e80e166b16dd92b4eb4", 1: "d23513162b02d0f72a43a2fe4a5f97ab", 2: "41e95b3bb0a2e8dd477901e4fca894c0",
			0xfeff: "ec8cdf7398607cb0f2d21675ea9ea1e4", 0xff00: "362b7c3c6773516318a077d7fc5073ae", 0xff01: "6a2cc3787889374fbeb4c81b17ba6c44",
		} {
			if got := hex.EncodeToString(stream[block*aes.BlockSize:][:aes.BlockSize]); got != want {
				t.Errorf("fast %t, block %#x: %s, want %s", fast, block, got, want)
			}
		}
	}
}

// The vectors of RFC 7714 sections 16 and 17, which give session keys.
func TestGCMVectorsOfRFC7714(t *testing.T) {
	const (
		rtp  = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573"
		rtcp = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef"
	)
	for _, v := range []struct{ key, rtp, rtcp, tagged string }{
		{
			"000102030405060708090a0b0c0d0e0f",
			"8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
			"81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
			"841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
		},
		{
			"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
			"8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
			"81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
			"91db4afb feee5a97 8fab4393 ed2615fe 000005d4",
		},
	} {
		block, err := aes.NewCipher(unhex(t, v.key))
		if err != nil {
			t.Fatal(err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		keys := &gcmKeys{rtpAEAD: aead, rtcpAEAD: aead}
		copy(keys.rtpSalt[:], unhex(t, "517569642070726f2071756f"))
		keys.rtcpSalt = keys.rtpSalt

		packet := unhex(t, rtp)
		h, err := parseHeader(packet, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := keys.rtp().seal(withRoom(packet), h, uint64(h.seq)); err != nil || !bytes.Equal(got, unhex(t, v.rtp)) {
			t.Errorf("SRTP %x, %v; want %s", got, err, v.rtp)
		}
		if got, err := keys.rtp().open(unhex(t, v.rtp), h, uint64(h.seq)); err != nil || !bytes.Equal(got, packet) {
			t.Errorf("RTP %x, %v", got, err)
		}
		compound := unhex(t, rtcp)
		if got, err := keys.rtcp().seal(withRoom(compound), 0x5d4); err != nil || !bytes.Equal(got, unhex(t, v.rtcp)) {
			t.Errorf("SRTCP %x, %v; want %s", got, err, v.rtcp)
		}
		for _, sealed := range []string{v.rtcp, rtcp + v.tagged} { // encrypted, and authenticated only (section 17)
			in := &Inbound{rtcpTag: gcmTagLen, rtcp: keys.rtcp(), rtcpStreams: newStreamTable(1, 64)}
			if got, err := in.OpenRTCP(unhex(t, sealed)); err != nil || !bytes.Equal(got, compound) {
				t.Errorf("RTCP of %s: %x, %v", sealed, got, err)
			}
		}
	}
}
