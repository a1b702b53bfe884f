package rtpsession

import (
	"bytes"
	"testing"
)

// RFC 4588 section 4: marker, timestamp, contributing sources and header
// extensions are the original's, the original sequence number comes first in
// the payload, padding may be left out.
func TestRetransmissionFormat(t *testing.T) {
	original := octets(t, "b1 e0 1234 89abcdef deadbeef 00000001 bede0002 10aa 21bbbb 000000 010203 0002")
	packet, err := AppendRTX([]byte{9}, original, 0xfeedface, 97, 0x5678, RTXExtensions{})
	if err != nil {
		t.Fatal(err)
	}
	want := octets(t, "09 91 e1 5678 89abcdef feedface 00000001 bede0002 10aa 21bbbb 000000 1234 010203")
	if !bytes.Equal(packet, want) {
		t.Fatalf("%x\nwant %x", packet, want)
	}
	packet = packet[1:]
	h, err := ParseHeader(packet)
	if err != nil {
		t.Fatal(err)
	}
	back, err := UnwrapRTX(packet, &h, 0xdeadbeef, 96)
	if err != nil {
		t.Fatal(err)
	}
	padded := octets(t, "b1 e1 5678 89abcdef feedface 00000001 bede0002 10aa 21bbbb 000000 1234 010203 000003")
	ph, err := ParseHeader(padded)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := UnwrapRTX(padded, &ph, 0xdeadbeef, 96); err != nil || !bytes.Equal(p, back) {
		t.Errorf("with padding: %x, %v\nwant %x", p, err, back)
	}
	if want := octets(t, "91 e0 1234 89abcdef deadbeef 00000001 bede0002 10aa 21bbbb 000000 010203"); !bytes.Equal(back, want) {
		t.Fatalf("%x\nwant %x", back, want)
	}
	if again, err := ParseHeader(back); err != nil || again != h {
		t.Errorf("%+v, %v\nwant %+v", h, err, again)
	}
}

// RFC 8852 section 3: what repairs a stream names it by RepairedRtpStreamId.
func TestARetransmissionHasARepairedRID(t *testing.T) {
	const fixed = "90 60 1234 89abcdef deadbeef"
	for name, c := range map[string]struct {
		in, want string
		ids      RTXExtensions
	}{
		"one-byte form":      {"bede0002 1030 2141 42 00 00 30", "bede0002 1030 b141 42 00 00 30", RTXExtensions{2, 11}},
		"two-byte form":      {"10000002 0101 30 0202 4142 00", "10000002 0101 30 c802 4142 00", RTXExtensions{2, 200}},
		"no id for it":       {"bede0002 1030 2141 42 00 00 00", "bede0002 1030 0000 00 00 00 00", RTXExtensions{2, 0}},
		"an id of two bytes": {"bede0002 1030 2141 42 00 00 00", "bede0002 1030 0000 00 00 00 00", RTXExtensions{2, 15}},
		"none in the packet": {"bede0001 1030 0000", "bede0001 1030 0000", RTXExtensions{2, 11}},
		"RID was not agreed": {"bede0001 2041 0000", "bede0001 2041 0000", RTXExtensions{0, 11}},
	} {
		packet, err := AppendRTX(nil, octets(t, fixed+c.in+"ff"), 1, 97, 1, c.ids)
		if err != nil {
			t.Fatal(err)
		}
		if want := octets(t, "90 61 0001 89abcdef 00000001"+c.want+"1234 ff"); !bytes.Equal(packet, want) {
			t.Errorf("%s: %x\nwant %x", name, packet, want)
		}
	}
}

func TestRetransmissionsWithoutAnOriginal(t *testing.T) {
	packet := octets(t, "a0 61 1234 89abcdef deadbeef 000003")
	h, err := ParseHeader(packet)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := UnwrapRTX(packet, &h, 1, 96); p != nil || err != nil {
		t.Errorf("padding: %x, %v", p, err)
	}
	packet = octets(t, "80 61 1234 89abcdef deadbeef 00")
	if h, err = ParseHeader(packet); err != nil {
		t.Fatal(err)
	}
	if p, err := UnwrapRTX(packet, &h, 1, 96); p != nil || err == nil {
		t.Errorf("half a sequence number: %x, %v", p, err)
	}
	if _, err := AppendRTX(nil, packet[:5], 1, 1, 1, RTXExtensions{}); err == nil {
		t.Error("half a packet")
	}
}

func TestRetransmissionDoesNotAllocate(t *testing.T) {
	original := octets(t, "90 60 1234 89abcdef deadbeef bede0002 10aa 21bbbb 000000 010203")
	buffer := make([]byte, 0, 200)
	if a := testing.AllocsPerRun(1000, func() {
		packet, err := AppendRTX(buffer, original, 2, 97, 5, RTXExtensions{1, 3})
		if err != nil {
			t.Fatal(err)
		}
		h, _ := ParseHeader(packet)
		if _, err := UnwrapRTX(packet, &h, 0xdeadbeef, 96); err != nil {
			t.Fatal(err)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// FuzzRTX sends any packet again and wants it back, without its padding.
func FuzzRTX(f *testing.F) {
	f.Add(octets(f, "b1 e0 1234 89abcdef deadbeef 00000001 bede0002 10aa 21bbbb 000000 010203 0002"), uint8(1), uint8(3))
	f.Add(octets(f, "90 60 1234 89abcdef deadbeef 10000003 0100 0201bb 00 0304cccccccc"), uint8(2), uint8(200))
	f.Add(octets(f, "a0 61 1234 89abcdef deadbeef 000003"), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, packet []byte, rid, rrid uint8) {
		h, err := ParseHeader(packet)
		if err != nil {
			return
		}
		probe := bytes.Clone(packet)
		ph := h
		_, _ = UnwrapRTX(probe, &ph, 1, 2)
		out, err := AppendRTX(nil, packet, 7, 97, 5, RTXExtensions{rid, rrid})
		if err != nil {
			t.Fatal(err)
		}
		rtx, err := ParseHeader(out)
		if err != nil || rtx.SSRC != 7 || rtx.PayloadType != 97 || rtx.SequenceNumber != 5 || rtx.Marker != h.Marker {
			t.Fatalf("%x: %+v, %v", out, rtx, err)
		}
		back, err := UnwrapRTX(out, &rtx, h.SSRC, h.PayloadType)
		if err != nil {
			t.Fatal(err)
		}
		h.PaddingLen, packet = 0, packet[:len(packet)-h.PaddingLen]
		if rtx != h || !bytes.Equal(rtx.Payload(back), h.Payload(packet)) {
			t.Fatalf("%+v\nwas %+v", rtx, h)
		}
		if rid == 0 && !bytes.Equal(back[1:], packet[1:]) {
			t.Fatalf("%x\nwas %x", back, packet)
		}
	})
}
