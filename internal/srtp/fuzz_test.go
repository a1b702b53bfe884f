package srtp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// FuzzOpen opens what comes from the wire with every profile: no panic, no state of what does not authenticate. The same bytes are then
// protected as a packet of ours, which must open to itself.
func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(41, 41))
	for _, p := range allProfiles {
		out := mustOutbound(f, p, Options{})
		for seq := range uint16(3) {
			f.Add(uint8(p), rtpPacket(r, 5, seq))
			f.Add(uint8(p), mustProtect(f, out, rtpPacket(r, 5, seq)))
		}
	}
	for _, v := range cryptexVectors {
		f.Add(uint8(1), unhex(f, v.cm))
		f.Add(uint8(7), unhex(f, v.gcm))
	}
	f.Fuzz(func(t *testing.T, profile uint8, packet []byte) {
		p := allProfiles[int(profile)%len(allProfiles)]
		options := Options{}
		if shapes[p].accelerated {
			options.Cryptex = CryptexOn
		}
		in := mustInbound(t, p, options)
		for range 2 {
			_, err := in.Open(bytes.Clone(packet))
			if rtp, _ := in.Streams(); err != nil && rtp > 1 || err == nil && rtp != 1 {
				t.Fatalf("%d streams after %v", rtp, err)
			}
		}
		h, err := parseHeader(packet, 0)
		if err != nil {
			return
		}
		sealed, err := mustOutbound(t, p, options).Stream(h.ssrc).Protect(append(make([]byte, 0, len(packet)+64), packet...))
		if err != nil {
			marked := h
			if marked.recognize(packet); shapes[p].accelerated && !marked.cryptex {
				t.Fatal(err)
			}
			return // the engine's own parser is stricter
		}
		opened, err := mustInbound(t, p, options).Open(sealed)
		if err != nil {
			t.Fatal(err)
		}
		if options.Cryptex == CryptexOff && !bytes.Equal(opened, packet) {
			t.Fatalf("opened %x, want %x", opened, packet)
		}
		if !bytes.Equal(opened[len(opened)-(len(packet)-h.len):], packet[h.len:]) {
			t.Fatalf("payload of %x is not that of %x", opened, packet)
		}
	})
}

// FuzzOpenRTCP does the same with compound packets.
func FuzzOpenRTCP(f *testing.F) {
	r := rand.New(rand.NewPCG(42, 42))
	for _, p := range allProfiles {
		out := mustOutbound(f, p, Options{})
		for range 3 {
			f.Add(uint8(p), rtcpPacket(r, 5))
			f.Add(uint8(p), mustProtectRTCP(f, out, rtcpPacket(r, 5)))
		}
	}
	f.Fuzz(func(t *testing.T, profile uint8, packet []byte) {
		p := allProfiles[int(profile)%len(allProfiles)]
		in := mustInbound(t, p, Options{})
		for range 2 {
			_, err := in.OpenRTCP(bytes.Clone(packet))
			if _, rtcp := in.Streams(); err != nil && rtcp > 1 || err == nil && rtcp != 1 {
				t.Fatalf("%d streams after %v", rtcp, err)
			}
		}
		if len(packet) < rtcpHeaderLen || packet[0]>>6 != 2 {
			return
		}
		sealed, err := mustOutbound(t, p, Options{}).ProtectRTCP(append(make([]byte, 0, len(packet)+64), packet...))
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := mustInbound(t, p, Options{}).OpenRTCP(sealed); err != nil || !bytes.Equal(opened, packet) {
			t.Fatalf("opened %x, %v; want %x", opened, err, packet)
		}
	})
}
