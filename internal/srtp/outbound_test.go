package srtp

import (
	"bytes"
	"errors"
	"sync"
	"testing"
)

func TestNoIndexProtectsTwoPackets(t *testing.T) {
	// RFC 7714 section 8.4 and RFC 3711 section 9.1: a key stream is used once.
	eachProfile(t, func(t *testing.T, p Profile) {
		stream := mustOutbound(t, p, Options{}).Stream(5)
		first := map[uint16][]byte{}
		for _, seq := range []uint16{65534, 65535, 0, 2, 1} {
			sealed, err := stream.Protect(smallPacket(5, seq))
			if err != nil {
				t.Fatal(err)
			}
			first[seq] = sealed
		}
		for seq, want := range first {
			again, err := stream.Protect(smallPacket(5, seq))
			if err != nil || !bytes.Equal(again, want) {
				t.Errorf("seq %d again: %x, %v; want what left before", seq, again, err)
			}
			other := smallPacket(5, seq)
			other[1] = 0x80 // only the marker bit differs
			if _, err := stream.Protect(other); !errors.Is(err, ErrReused) {
				t.Errorf("another packet of seq %d: %v, want ErrReused", seq, err)
			}
		}
		for _, seq := range []uint16{5000, 3976} {
			if _, err := stream.Protect(smallPacket(5, seq)); (err == nil) != (seq == 5000) || err != nil && !errors.Is(err, ErrReused) {
				t.Errorf("seq %d: %v", seq, err)
			}
		}
	})
}

func TestAStreamGoesOnAfterForget(t *testing.T) {
	const p = AEAD_AES_256_GCM
	in, out := mustInbound(t, p, Options{}), mustOutbound(t, p, Options{})
	for _, seq := range []uint16{65535, 0, 40} {
		if _, err := in.Open(mustProtect(t, out, smallPacket(5, seq))); err != nil {
			t.Fatal(err)
		}
	}
	if out.Stream(5) != out.Stream(5) || out.Stream(5).SSRC() != 5 {
		t.Error("an SSRC has two streams")
	}
	out.Forget(5)
	out.Forget(6)
	if _, err := out.Stream(5).Protect(smallPacket(5, 40)); !errors.Is(err, ErrReused) {
		t.Errorf("an old sequence number in the new stream: %v", err)
	}
	if _, err := in.Open(mustProtect(t, out, smallPacket(5, 41))); err != nil {
		t.Errorf("the next packet: %v, want the rollover counter kept", err)
	}
}

func TestProtectRefusesWhatItCannotProtect(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		out := mustOutbound(t, p, Options{})
		stream := out.Stream(5)
		for name, v := range map[string]struct {
			packet []byte
			want   error
		}{
			"another SSRC": {smallPacket(6, 1), ErrSSRC},
			"no header":    {make([]byte, 11, 64), ErrShort},
			"version 0":    {make([]byte, 12, 64), ErrHeader},
			"no room":      {smallPacket(5, 1)[: 20 : 20+p.RTPOverhead()-1], ErrCapacity},
		} {
			if _, err := stream.Protect(v.packet); !errors.Is(err, v.want) {
				t.Errorf("%s: %v, want %v", name, err, v.want)
			}
		}
		if _, err := stream.Protect(smallPacket(5, 1)[: 20 : 20+p.RTPOverhead()]); err != nil {
			t.Errorf("just enough room: %v", err)
		}
		if _, err := out.ProtectRTCP(smallReport(1)[: 16 : 16+p.RTCPOverhead()-1]); !errors.Is(err, ErrCapacity) {
			t.Errorf("RTCP without room: %v", err)
		}
		if _, err := out.ProtectRTCP(smallReport(1)[: 16 : 16+p.RTCPOverhead()]); err != nil {
			t.Errorf("RTCP with just enough room: %v", err)
		}
		if _, err := out.ProtectRTCP(make([]byte, 7, 64)); !errors.Is(err, ErrShort) {
			t.Errorf("short RTCP: %v", err)
		}
		if _, err := out.ProtectRTCP(make([]byte, 8, 64)); !errors.Is(err, ErrHeader) {
			t.Errorf("RTCP of version 0: %v", err)
		}
	})
}

func TestIndexesDoNotWrap(t *testing.T) {
	// RFC 3711 section 9.2: after 2^48 SRTP or 2^31 SRTCP packets "the session MUST be terminated" or get new keys.
	eachProfile(t, func(t *testing.T, p Profile) {
		out := mustOutbound(t, p, Options{})
		stream := out.Stream(5)
		stream.started = true
		stream.window.start(maxIndex - 1)
		if _, err := stream.Protect(smallPacket(5, 65535)); err != nil {
			t.Errorf("the last packet: %v", err)
		}
		if _, err := stream.Protect(smallPacket(5, 0)); !errors.Is(err, ErrExhausted) {
			t.Errorf("the packet after the last: %v", err)
		}
		out.rtcpIndex = maxRTCPIndex
		in := mustInbound(t, p, Options{})
		if _, err := in.OpenRTCP(mustProtectRTCP(t, out, smallReport(5))); err != nil {
			t.Errorf("the last RTCP packet: %v", err)
		}
		if _, err := out.ProtectRTCP(smallReport(5)); !errors.Is(err, ErrExhausted) {
			t.Errorf("the RTCP packet after the last: %v", err)
		}
	})
}

func TestFirstRTCPIndexIsZero(t *testing.T) {
	// RFC 3711 section 3.4: "The SRTCP index MUST be set to zero before the first SRTCP packet is sent, and MUST be incremented by
	// one, modulo 2^31, after each SRTCP packet is sent."
	out := mustOutbound(t, AEAD_AES_128_GCM, Options{})
	for want := range byte(3) {
		sealed := mustProtectRTCP(t, out, smallReport(uint32(want)))
		if got := sealed[len(sealed)-4:]; !bytes.Equal(got, []byte{0x80, 0, 0, want}) {
			t.Errorf("trailer %x, want index %d with the E flag", got, want)
		}
	}
}

func TestStreamsAreIndependent(t *testing.T) {
	// Each on its own goroutine, and RTCP on all of them: the race detector watches.
	eachProfile(t, func(t *testing.T, p Profile) {
		out := mustOutbound(t, p, Options{})
		var wg sync.WaitGroup
		for ssrc := range uint32(4) {
			wg.Go(func() {
				stream, in := out.Stream(ssrc), mustInbound(t, p, Options{})
				for seq := range uint16(300) {
					sealed, err := stream.Protect(smallPacket(ssrc, seq))
					if err != nil {
						t.Error(err)
						return
					}
					rtcp, err := out.ProtectRTCP(smallReport(ssrc))
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := in.Open(sealed); err != nil {
						t.Error(err)
					}
					if _, err := in.OpenRTCP(rtcp); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestPacketsAllocateNothing(t *testing.T) {
	for _, p := range allProfiles[:4] {
		for _, cryptex := range []Cryptex{CryptexOff, CryptexOn} {
			out, in := mustOutbound(t, p, Options{Cryptex: cryptex}), mustInbound(t, p, Options{Cryptex: cryptex})
			stream := out.Stream(5)
			buf := make([]byte, 1500)
			seq := uint16(0)
			forged := make([]byte, 1500)
			round := func() {
				packet := buf[:1200]
				copy(packet, smallPacket(5, seq))
				packet[0] = 0x82
				seq++
				sealed, err := stream.Protect(packet)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := in.Open(sealed); err != nil {
					t.Fatal(err)
				}
				rtcp := buf[:100]
				copy(rtcp, smallReport(5))
				if rtcp, err = out.ProtectRTCP(rtcp); err != nil {
					t.Fatal(err)
				}
				if _, err := in.OpenRTCP(rtcp); err != nil {
					t.Fatal(err)
				}
				forged[0], forged[8] = 0x80, byte(seq)
				if _, err := in.Open(forged[:1200]); err == nil {
					t.Fatal("a forged packet opened")
				}
				if _, err := in.OpenRTCP(forged[:100]); err == nil {
					t.Fatal("a forged RTCP packet opened")
				}
			}
			for range 10 {
				round()
			}
			if n := testing.AllocsPerRun(200, round); n != 0 {
				t.Errorf("%v, cryptex %d: %v allocations a round", p, cryptex, n)
			}
		}
	}
}
