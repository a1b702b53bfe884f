package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	engine "github.com/pion/srtp/v2"
)

// The tests of this file hold the package to github.com/pion/srtp/v2, for every profile and in both directions.

var allProfiles = []Profile{
	AES128_CM_SHA1_80, AES128_CM_SHA1_32, AEAD_AES_128_GCM, AEAD_AES_256_GCM,
	AES256_CM_SHA1_80, AES256_CM_SHA1_32, NULL_SHA1_80, NULL_SHA1_32,
}

func eachProfile(t *testing.T, f func(*testing.T, Profile)) {
	t.Helper()
	for _, p := range allProfiles {
		t.Run(p.String(), func(t *testing.T) { f(t, p) })
	}
}

// testKeys are keys that only depend on the profile.
func testKeys(p Profile) Keys {
	r := rand.New(rand.NewPCG(1, uint64(p)))
	return Keys{Key: randomBytes(r, p.KeyLen()), Salt: randomBytes(r, p.SaltLen())}
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func mustOutbound(t testing.TB, p Profile, o Options) *Outbound {
	t.Helper()
	out, err := NewOutbound(p, testKeys(p), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustInbound(t testing.TB, p Profile, o Options) *Inbound {
	t.Helper()
	in, err := NewInbound(p, testKeys(p), o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func mustEngine(t testing.TB, p Profile, o ...engine.ContextOption) *engine.Context {
	t.Helper()
	k := testKeys(p)
	c, err := engine.CreateContext(k.Key, k.Salt, engine.ProtectionProfile(p), o...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rtpPacket makes an RTP packet with room behind it. Its extension has elements of one byte's header, as the engine writes them back
// the way they were.
func rtpPacket(r *rand.Rand, ssrc uint32, seq uint16) []byte {
	b := make([]byte, fixedHeaderLen, 2048)
	b[0], b[1] = 0x80, byte(r.Uint32())
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], r.Uint32())
	binary.BigEndian.PutUint32(b[8:], ssrc)
	if r.IntN(2) == 0 {
		n := r.IntN(16)
		b[0] |= byte(n)
		b = append(b, randomBytes(r, 4*n)...)
	}
	if r.IntN(2) == 0 {
		b[0] |= 0x10
		words := 1 + r.IntN(3)
		b = append(b, 0xbe, 0xde, 0, byte(words))
		for range words { // an element of three bytes each
			b = append(b, byte(1+r.IntN(14))<<4|2)
			b = append(b, randomBytes(r, 3)...)
		}
	}
	b = append(b, randomBytes(r, r.IntN(1300))...)
	if r.IntN(4) == 0 { // padding (RFC 3550 section 5.1)
		b[0] |= 0x20
		n := 1 + r.IntN(20)
		b = append(b, randomBytes(r, n)...)
		b[len(b)-1] = byte(n)
	}
	return b
}

func rtcpPacket(r *rand.Rand, ssrc uint32) []byte {
	n := r.IntN(300)
	b := make([]byte, rtcpHeaderLen, 2048)
	b[0], b[1] = 0x80, byte(200+r.IntN(7))
	binary.BigEndian.PutUint16(b[2:], uint16(1+n))
	binary.BigEndian.PutUint32(b[4:], ssrc)
	return append(b, randomBytes(r, 4*n)...)
}

// Sequence numbers run over two rollovers, with gaps and packets that swap places (RFC 3711 section 3.3.1).
func sequence(r *rand.Rand) []uint16 {
	var list []uint16
	for at := 30000; at < 3<<16; at += 1 + r.IntN(600) {
		list = append(list, uint16(at))
	}
	for i := 1; i+1 < len(list); i += 3 {
		if r.IntN(2) == 0 {
			list[i], list[i+1] = list[i+1], list[i]
		}
	}
	return list
}

func TestTheEngineOpensWhatWeProtect(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		r := rand.New(rand.NewPCG(2, uint64(p)))
		out, context := mustOutbound(t, p, Options{}), mustEngine(t, p, engine.SRTPReplayProtection(1024), engine.SRTCPReplayProtection(1024))
		for _, ssrc := range []uint32{0, 0xcafebabe, 0xffffffff} {
			stream := out.Stream(ssrc)
			for _, seq := range sequence(r) {
				packet := rtpPacket(r, ssrc, seq)
				want := bytes.Clone(packet)
				sealed, err := stream.Protect(packet)
				if err != nil {
					t.Fatalf("seq %d: %v", seq, err)
				}
				if &sealed[0] != &packet[0] || len(sealed) != len(packet)+p.RTPOverhead() {
					t.Fatalf("%d bytes of %d, in place: %t", len(sealed), len(packet), &sealed[0] == &packet[0])
				}
				got, err := context.DecryptRTP(nil, sealed, nil)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("seq %d: the engine got %x, %v; want %x", seq, got, err, want)
				}
			}
		}
		for range 300 {
			packet := rtcpPacket(r, r.Uint32N(3))
			want := bytes.Clone(packet)
			sealed, err := out.ProtectRTCP(packet)
			if err != nil || len(sealed) != len(want)+p.RTCPOverhead() || &sealed[0] != &packet[0] {
				t.Fatalf("%d bytes of %d, %v", len(sealed), len(want), err)
			}
			got, err := context.DecryptRTCP(nil, sealed, nil)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("the engine got %x, %v; want %x", got, err, want)
			}
		}
	})
}

func TestWeOpenWhatTheEngineProtects(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		r := rand.New(rand.NewPCG(3, uint64(p)))
		in, context := mustInbound(t, p, Options{}), mustEngine(t, p)
		for _, ssrc := range []uint32{0, 0xcafebabe, 0xffffffff} {
			for _, seq := range sequence(r) {
				want := rtpPacket(r, ssrc, seq)
				sealed, err := context.EncryptRTP(nil, want, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := in.Open(sealed)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("seq %d: got %x, %v; want %x", seq, got, err, want)
				}
			}
		}
		for range 300 {
			ssrc := r.Uint32N(3)
			want := rtcpPacket(r, ssrc)
			if r.IntN(10) == 0 {
				index, _ := context.Index(ssrc)
				context.SetIndex(ssrc, index+r.Uint32N(1<<20))
			}
			sealed, err := context.EncryptRTCP(nil, want, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := in.OpenRTCP(sealed)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %x, %v; want %x", got, err, want)
			}
		}
	})
}

func TestRTCPMayBeAuthenticatedOnly(t *testing.T) {
	// RFC 3711 section 3.4: the E flag "indicates if the current SRTCP packet is encrypted or unencrypted".
	eachProfile(t, func(t *testing.T, p Profile) {
		r := rand.New(rand.NewPCG(6, uint64(p)))
		in, context := mustInbound(t, p, Options{}), mustEngine(t, p, engine.SRTCPNoEncryption())
		for range 50 {
			want := rtcpPacket(r, 5)
			sealed, err := context.EncryptRTCP(nil, want, nil)
			if err != nil {
				t.Fatal(err)
			}
			forged := bytes.Clone(sealed)
			forged[len(want)-1] ^= 1
			if _, err := in.OpenRTCP(forged); !errors.Is(err, ErrAuth) {
				t.Fatalf("forged: %v", err)
			}
			if got, err := in.OpenRTCP(sealed); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %x, %v; want %x", got, err, want)
			}
		}
	})
}

// Every byte of a packet is authenticated, in SRTP and in SRTCP.
func TestAChangedByteDoesNotAuthenticate(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		r := rand.New(rand.NewPCG(4, uint64(p)))
		out := mustOutbound(t, p, Options{})
		packet := rtpPacket(r, 7, 100)[:60]
		packet[0] = 0x81
		sealed, err := out.Stream(7).Protect(packet)
		if err != nil {
			t.Fatal(err)
		}
		rtcp, err := out.ProtectRTCP(rtcpPacket(r, 7)[:40:2048])
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []struct {
			name   string
			packet []byte
			open   func(*Inbound, []byte) ([]byte, error)
		}{{"SRTP", sealed, (*Inbound).Open}, {"SRTCP", rtcp, (*Inbound).OpenRTCP}} {
			in := mustInbound(t, p, Options{})
			for i := range kind.packet {
				for bit := range 8 {
					forged := bytes.Clone(kind.packet)
					forged[i] ^= 1 << bit
					if got, err := kind.open(in, forged); err == nil {
						t.Fatalf("%s with bit %d of byte %d changed opens to %x", kind.name, bit, i, got)
					}
				}
			}
			if a, b := in.Streams(); a+b != 0 {
				t.Fatalf("%s: forged packets made %d and %d streams", kind.name, a, b)
			}
			if _, err := kind.open(in, bytes.Clone(kind.packet)); err != nil {
				t.Fatalf("%s: %v", kind.name, err)
			}
		}
	})
}

func BenchmarkRTP(b *testing.B) {
	for _, p := range allProfiles[:4] {
		for _, size := range []int{160, 1200} {
			benchmarkRTP(b, p, size)
		}
	}
}

func benchmarkRTP(b *testing.B, p Profile, size int) {
	r := rand.New(rand.NewPCG(5, uint64(p)))
	plain := append(rtpPacket(r, 9, 0)[:fixedHeaderLen:fixedHeaderLen], randomBytes(r, size)...)
	plain[0] = 0x80
	buf := make([]byte, 2048)
	name := func(what string) string { return fmt.Sprintf("%s/%d/%s", p, size, what) }
	b.Run(name("protect/passerelle"), func(b *testing.B) {
		stream := mustOutbound(b, p, Options{}).Stream(9)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			n := copy(buf, plain)
			binary.BigEndian.PutUint16(buf[2:], uint16(i))
			if _, err := stream.Protect(buf[:n]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(name("protect/pion"), func(b *testing.B) {
		context := mustEngine(b, p)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			binary.BigEndian.PutUint16(plain[2:], uint16(i))
			if _, err := context.EncryptRTP(buf, plain, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	const batch = 1 << 14
	sealed := make([][]byte, batch)
	stream := mustOutbound(b, p, Options{}).Stream(9)
	for i := range sealed {
		packet := append(make([]byte, 0, len(plain)+p.RTPOverhead()), plain...)
		binary.BigEndian.PutUint16(packet[2:], uint16(i))
		var err error
		if sealed[i], err = stream.Protect(packet); err != nil {
			b.Fatal(err)
		}
	}
	b.Run(name("open/passerelle"), func(b *testing.B) {
		var in *Inbound
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%batch == 0 {
				in = mustInbound(b, p, Options{})
			}
			n := copy(buf, sealed[i%batch])
			if _, err := in.Open(buf[:n]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(name("open/pion"), func(b *testing.B) {
		var context *engine.Context
		out := make([]byte, 2048)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%batch == 0 {
				context = mustEngine(b, p, engine.SRTPReplayProtection(1024))
			}
			if _, err := context.DecryptRTP(out, sealed[i%batch], nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
