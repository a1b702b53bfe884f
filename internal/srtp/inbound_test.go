package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
)

// smallPacket makes an RTP packet of 20 bytes with room behind it.
func smallPacket(ssrc uint32, seq uint16) []byte {
	b := make([]byte, 20, 64)
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return b
}

// smallReport makes an RTCP packet of 16 bytes with room behind it.
func smallReport(ssrc uint32) []byte {
	b := make([]byte, 16, 64)
	copy(b, []byte{0x80, 201, 0, 3})
	binary.BigEndian.PutUint32(b[4:], ssrc)
	return b
}

func mustProtect(t testing.TB, o *Outbound, packet []byte) []byte {
	t.Helper()
	sealed, err := o.Stream(binary.BigEndian.Uint32(packet[8:])).Protect(packet)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func mustProtectRTCP(t testing.TB, o *Outbound, packet []byte) []byte {
	t.Helper()
	sealed, err := o.ProtectRTCP(packet)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestForgedSSRCsLeaveMemoryFlat(t *testing.T) {
	// pion/srtp makes state for each SSRC before it authenticates: here also where it is the engine.
	forged := 1_000_000
	if raceEnabled {
		forged = 20_000
	}
	for _, p := range []Profile{AEAD_AES_128_GCM, AES128_CM_SHA1_80, NULL_SHA1_80} {
		if p != AEAD_AES_128_GCM {
			forged = min(forged, 100_000)
		}
		in, out := mustInbound(t, p, Options{}), mustOutbound(t, p, Options{})
		packet := smallPacket(1, 1)[:20+p.RTPOverhead()]
		rtcp := smallReport(1)[:16+p.RTCPOverhead()]
		buf := make([]byte, 64)
		flood := func(n int, from uint32) {
			for i := range uint32(n) {
				binary.BigEndian.PutUint32(packet[8:], from+i)
				if _, err := in.Open(buf[:copy(buf, packet)]); !errors.Is(err, ErrAuth) {
					t.Fatalf("%v: forged RTP: %v", p, err)
				}
				binary.BigEndian.PutUint32(rtcp[4:], from+i)
				if _, err := in.OpenRTCP(buf[:copy(buf, rtcp)]); !errors.Is(err, ErrAuth) {
					t.Fatalf("%v: forged RTCP: %v", p, err)
				}
			}
		}
		flood(1000, 1<<31)
		before := heap()
		flood(forged, 0)
		if after := heap(); after > before+256<<10 {
			t.Errorf("%v: the heap grew by %d bytes", p, after-before)
		}
		if rtp, rtcp := in.Streams(); rtp+rtcp != 0 {
			t.Errorf("%v: %d and %d streams of forged packets", p, rtp, rtcp)
		}
		if _, err := in.Open(mustProtect(t, out, smallPacket(5, 7))); err != nil {
			t.Errorf("%v: a true packet after the flood: %v", p, err)
		}
		runtime.KeepAlive(in)
	}
}

func TestForgedPacketsMoveNoWindow(t *testing.T) {
	// RFC 3711 section 3.3: the replay list and s_l are updated after authentication only.
	eachProfile(t, func(t *testing.T, p Profile) {
		in, out := mustInbound(t, p, Options{}), mustOutbound(t, p, Options{})
		if _, err := in.Open(mustProtect(t, out, smallPacket(5, 1000))); err != nil {
			t.Fatal(err)
		}
		for _, seq := range []uint16{1001, 30000, 60000} {
			forged := smallPacket(5, seq)[:20+p.RTPOverhead()]
			if _, err := in.Open(forged); !errors.Is(err, ErrAuth) {
				t.Fatalf("forged %d: %v", seq, err)
			}
		}
		for _, seq := range []uint16{1001, 999} {
			if _, err := in.Open(mustProtect(t, out, smallPacket(5, seq))); err != nil {
				t.Errorf("seq %d: %v", seq, err)
			}
		}
	})
}

func TestPacketsThatAreNoneAreNamedSo(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		in := mustInbound(t, p, Options{})
		tag := make([]byte, p.RTPOverhead())
		for name, v := range map[string]struct {
			packet []byte
			want   error
		}{
			"empty":                  {nil, ErrShort},
			"header without tag":     {smallPacket(1, 1)[:12+len(tag)-1], ErrShort},
			"version 1":              {append([]byte{0x40}, make([]byte, 40)...), ErrHeader},
			"CSRCs beyond the end":   {append([]byte{0x8f}, make([]byte, 30+len(tag))...), ErrShort},
			"extension at the end":   {append([]byte{0x90}, make([]byte, 13+len(tag))...), ErrShort},
			"extension beyond":       {append(append([]byte{0x90}, make([]byte, 13)...), append([]byte{0xff, 0xff}, make([]byte, 40)...)...), ErrShort},
			"nothing but the header": {append([]byte{0x80}, make([]byte, 11+len(tag))...), ErrAuth},
		} {
			if _, err := in.Open(v.packet); !errors.Is(err, v.want) {
				t.Errorf("%s: %v, want %v", name, err, v.want)
			}
		}
		if _, err := in.OpenRTCP(make([]byte, 8+p.RTCPOverhead()-1)); !errors.Is(err, ErrShort) {
			t.Errorf("short RTCP: %v", err)
		}
		if _, err := in.OpenRTCP(make([]byte, 8+p.RTCPOverhead())); !errors.Is(err, ErrHeader) {
			t.Errorf("RTCP of version 0: %v", err)
		}
	})
}

func TestReplayedRTCPIsRefused(t *testing.T) {
	// RFC 3711 section 3.4: "the replay list" of SRTCP is by its own index.
	eachProfile(t, func(t *testing.T, p Profile) {
		in, out := mustInbound(t, p, Options{}), mustOutbound(t, p, Options{})
		var sealed [][]byte
		for i := range 400 {
			sealed = append(sealed, mustProtectRTCP(t, out, smallReport(uint32(i%2))))
		}
		for i := 399; i >= 0; i-- { // backwards: the oldest fall out of the window
			_, err := in.OpenRTCP(bytes.Clone(sealed[i]))
			if inside := 399-i-(399-i)%2 < DefaultRTCPReplayWindow; inside && err != nil || !inside && !errors.Is(err, ErrReplay) {
				t.Fatalf("packet %d: %v", i, err)
			}
		}
		for i, b := range sealed {
			if _, err := in.OpenRTCP(bytes.Clone(b)); !errors.Is(err, ErrReplay) {
				t.Fatalf("packet %d again: %v", i, err)
			}
		}
	})
}

func TestUnsignalledStreamsAreBounded(t *testing.T) {
	const p = AEAD_AES_128_GCM
	in, out := mustInbound(t, p, Options{MaxStreams: 8}), mustOutbound(t, p, Options{})
	in.Keep(1000)
	in.Keep(1001)
	recorded, recordedRTCP := map[uint32][]byte{}, map[uint32][]byte{}
	send := func(ssrc uint32, seq uint16) {
		t.Helper()
		sealed := mustProtect(t, out, smallPacket(ssrc, seq))
		recorded[ssrc] = bytes.Clone(sealed)
		if _, err := in.Open(sealed); err != nil {
			t.Fatalf("SSRC %d, seq %d: %v", ssrc, seq, err)
		}
		rtcp := mustProtectRTCP(t, out, smallReport(ssrc))
		recordedRTCP[ssrc] = bytes.Clone(rtcp)
		if _, err := in.OpenRTCP(rtcp); err != nil {
			t.Fatalf("RTCP of SSRC %d: %v", ssrc, err)
		}
	}
	send(1000, 1)
	for _, seq := range []uint16{65535, 0, 1} {
		send(1, seq) // its rollover counter is 1 from here on
	}
	for ssrc := uint32(2); ssrc < 200; ssrc++ {
		if ssrc < 100 {
			if in.streams.streams[1] == nil || in.rtcpStreams.streams[1] == nil {
				t.Fatalf("the stream in use is gone when SSRC %d comes", ssrc)
			}
			send(1, uint16(ssrc))
		}
		send(ssrc, 1)
		if rtp, rtcp := in.Streams(); rtp > 9 || rtcp > 9 {
			t.Fatalf("%d and %d streams, want 8 and the one that is kept", rtp, rtcp)
		}
	}
	if in.streams.streams[1] != nil || in.streams.streams[1000] == nil || in.streams.streams[199] == nil {
		t.Errorf("streams %v: the least recently used one should have gone, not the signalled one", in.streams.streams)
	}
	// What was recorded of a stream that is gone does not open again, and the stream goes on where it was.
	for ssrc, packet := range recorded {
		if _, err := in.Open(bytes.Clone(packet)); !errors.Is(err, ErrReplay) {
			t.Errorf("SSRC %d: a recorded packet: %v, want ErrReplay", ssrc, err)
		}
	}
	for ssrc, packet := range recordedRTCP {
		if _, err := in.OpenRTCP(bytes.Clone(packet)); !errors.Is(err, ErrReplay) {
			t.Errorf("SSRC %d: a recorded RTCP packet: %v, want ErrReplay", ssrc, err)
		}
	}
	send(1, 101)
	send(2, 2)
	if got := in.streams.streams[1].window.newest; got != 1<<16|101 {
		t.Errorf("index %#x after the return, want the rollover counter kept", got)
	}
}

func TestRetiredStreamsAreBounded(t *testing.T) {
	table := newStreamTable(4, 64)
	for ssrc := range uint32(10 * maxRetired) {
		table.add(ssrc%(3*maxRetired), 5)
		if len(table.retired) > maxRetired || len(table.order) > maxRetired || table.listed > 4 || len(table.streams) > 4 {
			t.Fatalf("%d retired, %d in order, %d listed", len(table.retired), len(table.order), table.listed)
		}
	}
}

func TestKeepTakesAStreamThatExists(t *testing.T) {
	const p = AEAD_AES_128_GCM
	in, out := mustInbound(t, p, Options{MaxStreams: 1}), mustOutbound(t, p, Options{})
	open := func(ssrc uint32, seq uint16) {
		t.Helper()
		if _, err := in.Open(mustProtect(t, out, smallPacket(ssrc, seq))); err != nil {
			t.Fatal(err)
		}
	}
	open(1, 1)
	in.Keep(1)
	open(2, 1)
	open(3, 1)
	if in.streams.streams[1] == nil || in.streams.streams[2] != nil || in.streams.listed != 1 {
		t.Errorf("%v", in.streams.streams)
	}
	in.Release(1) // as used just now, it takes the place of the other
	in.Release(1)
	in.Release(3)
	if rtp, _ := in.Streams(); rtp != 1 || in.streams.streams[1] == nil || in.streams.listed != 1 {
		t.Errorf("%d streams after Release", rtp)
	}
	open(1, 2)
	open(2, 2)
}

// RFC 3711 section 3.3.2: a packet is taken once, also when signalling has ended its stream meanwhile.
func TestAReleasedStreamIsNotOpenToReplay(t *testing.T) {
	const p = AEAD_AES_128_GCM
	in, out := mustInbound(t, p, Options{MaxStreams: 1}), mustOutbound(t, p, Options{})
	first := mustProtect(t, out, smallPacket(1, 1))
	in.Keep(1)
	if _, err := in.Open(bytes.Clone(first)); err != nil {
		t.Fatal(err)
	}
	in.Release(1)
	if _, err := in.Open(bytes.Clone(first)); !errors.Is(err, ErrReplay) {
		t.Errorf("replay of a released stream: %v", err)
	}
	if _, err := in.Open(mustProtect(t, out, smallPacket(2, 1))); err != nil { // which evicts it
		t.Fatal(err)
	}
	if _, err := in.Open(bytes.Clone(first)); !errors.Is(err, ErrReplay) {
		t.Errorf("replay of an evicted stream: %v", err)
	}
}

func TestOpenDoesNotWriteBehindThePacket(t *testing.T) {
	// What was received in one piece with others (UDP_GRO) lies before them.
	eachProfile(t, func(t *testing.T, p Profile) {
		r := rand.New(rand.NewPCG(31, uint64(p)))
		in, out := mustInbound(t, p, Options{}), mustOutbound(t, p, Options{})
		for seq := range uint16(200) {
			sealed := mustProtect(t, out, rtpPacket(r, 5, seq))
			rtcp := mustProtectRTCP(t, out, rtcpPacket(r, 5))
			memory := append(bytes.Clone(sealed), rtcp...)
			if _, err := in.Open(memory[:len(sealed)]); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(memory[len(sealed):], rtcp) {
				t.Fatal("the packet behind is not as it was")
			}
			memory = append(bytes.Clone(rtcp), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
			if _, err := in.OpenRTCP(memory[:len(rtcp)]); err != nil {
				t.Fatal(err)
			}
			if memory[len(rtcp)] != 1 || memory[len(memory)-1] != 16 {
				t.Fatal("what is behind the RTCP packet is not as it was")
			}
		}
	})
}
