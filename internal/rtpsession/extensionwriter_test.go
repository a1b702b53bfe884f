package rtpsession

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/rtp"
)

func written(t testing.TB, w *ExtensionWriter, h *rtp.Header, payload []byte) ([]byte, Header) {
	t.Helper()
	packet, err := w.AppendPacket([]byte("before"), h, payload)
	if err != nil {
		t.Fatal(err)
	}
	packet = packet[len("before"):]
	parsed, err := ParseHeader(packet)
	if err != nil {
		t.Fatalf("%x: %v", packet, err)
	}
	return packet, parsed
}

func TestOwnElementsReplaceTheApplications(t *testing.T) {
	var app rtp.Header
	app.SSRC, app.SequenceNumber, app.CSRC = 7, 8, []uint32{5}
	for id, data := range map[uint8]string{1: "old mid", 3: "\x80"} {
		if err := app.SetExtension(id, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	var w ExtensionWriter
	for _, e := range []Element{{1, []byte("0")}, {5, []byte{0, 0}}, {9, []byte{1, 2, 3}}} {
		if err := w.Set(e.ID, e.Data); err != nil {
			t.Fatal(err)
		}
	}
	packet, h := written(t, &w, &app, []byte("payload"))
	for id, want := range map[uint8]string{1: "0", 3: "\x80", 5: "\x00\x00", 9: "\x01\x02\x03"} {
		if got := h.Extension(packet, id); string(got) != want {
			t.Errorf("%d is %q, want %q", id, got, want)
		}
	}
	if string(h.Payload(packet)) != "payload" || h.ExtensionProfile != profileOneByte || h.CSRC(packet, 0) != 5 {
		t.Errorf("%+v", h)
	}
	// The place of an element, for what is known when the packet leaves.
	copy(packet[w.Offset(5):], "\xab\xcd")
	if got := h.Extension(packet, 5); !bytes.Equal(got, []byte{0xab, 0xcd}) {
		t.Errorf("patched element is %x", got)
	}
	if w.Offset(3) != -1 || w.Offset(2) != -1 {
		t.Error("offsets of elements that are not ours")
	}
	w.Drop(3)
	w.Remove(9)
	packet, h = written(t, &w, &app, nil)
	if h.Extension(packet, 3) != nil || h.Extension(packet, 9) != nil || string(h.Extension(packet, 1)) != "0" {
		t.Errorf("%x: elements that were taken away", packet)
	}
	w.Reset()
	packet, h = written(t, &w, &app, nil)
	if string(h.Extension(packet, 1)) != "old mid" || h.Extension(packet, 3) == nil || h.Extension(packet, 5) != nil {
		t.Errorf("%x: elements after Reset", packet)
	}
}

// RFC 8285 section 4.2: ids to 14, 1 to 16 octets; section 4.3: the rest, which
// section 6 wants negotiated.
func TestTheTwoByteFormOnlyWhereItIsNeededAndAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		id   uint8
		size int
		two  bool
	}{
		"the most that one byte has": {14, 16, false},
		"17 octets":                  {14, 17, true},
		"no octet":                   {14, 0, true},
		"id 15":                      {15, 1, true},
		"the most that two have":     {255, 255, true},
	} {
		var w ExtensionWriter
		if err := w.Set(c.id, make([]byte, c.size)); err != nil {
			t.Fatal(err)
		}
		_, err := w.AppendHeader(nil, &rtp.Header{})
		var refused *ExtensionError
		if c.two != errors.As(err, &refused) || c.two && refused.ID != c.id {
			t.Errorf("%s: %v where it is not allowed", name, err)
		}
		w.AllowTwoByte = true
		packet, h := written(t, &w, &rtp.Header{}, nil)
		if (h.ExtensionProfile == profileTwoByte) != c.two || len(h.Extension(packet, c.id)) != c.size || h.Extension(packet, c.id) == nil {
			t.Errorf("%s: %x", name, packet)
		}
	}
	var w ExtensionWriter
	if w.Set(0, nil) == nil || w.Set(1, make([]byte, 256)) == nil {
		t.Error("elements of no form are taken")
	}
	for id := range maxOwnElements {
		if err := w.Set(uint8(id+1), []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	if w.Set(100, []byte{1}) == nil || w.Set(1, []byte{2}) != nil {
		t.Error("the 17th is taken, or a change refused")
	}
}

func TestOtherHeadersAreWrittenAsTheyAre(t *testing.T) {
	var w ExtensionWriter
	// RFC 3550 section 5.3.1, a header extension of another profile.
	raw := rtp.Header{Extension: true, ExtensionProfile: 0xABCD}
	if err := raw.SetExtension(0, []byte("four")); err != nil {
		t.Fatal(err)
	}
	packet, h := written(t, &w, &raw, nil)
	if string(h.RawExtension(packet)) != "four" || h.ExtensionProfile != 0xABCD {
		t.Errorf("%x", packet)
	}
	if err := raw.SetExtension(0, []byte("five!")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AppendHeader(nil, &raw); err == nil {
		t.Error("five octets are no number of words")
	}
	// Section 5.1: padding counts itself; the bit follows the size.
	packet, h = written(t, &w, &rtp.Header{PaddingSize: 5, Marker: true, PayloadType: 127}, []byte("abc"))
	if h.PaddingLen != 5 || string(h.Payload(packet)) != "abc" || h.HasExtension() || !h.Marker || h.PayloadType != 127 {
		t.Errorf("%x", packet)
	}
	if _, h = written(t, &w, &rtp.Header{Padding: true}, []byte("abc")); h.PaddingLen != 0 {
		t.Error("padding of no octets")
	}
	if _, err := w.AppendHeader(nil, &rtp.Header{CSRC: make([]uint32, 16)}); err == nil {
		t.Error("sixteen contributing sources")
	}
	if err := w.Set(1, []byte("x")); err != nil {
		t.Fatal(err)
	}
	packet, h = written(t, &w, &raw, nil)
	if string(h.Extension(packet, 1)) != "x" {
		t.Errorf("%x: ours is not there", packet)
	}
}

func TestHeadersAreWrittenWithoutAllocating(t *testing.T) {
	var app rtp.Header
	if err := app.SetExtension(3, []byte{0x80}); err != nil {
		t.Fatal(err)
	}
	var w ExtensionWriter
	for id := range uint8(4) {
		if err := w.Set(id+4, []byte("1234")); err != nil {
			t.Fatal(err)
		}
	}
	buffer, payload := make([]byte, 0, 1500), make([]byte, 1000)
	if a := testing.AllocsPerRun(1000, func() {
		if _, err := w.AppendPacket(buffer, &app, payload); err != nil {
			t.Fatal(err)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// FuzzExtensionWriter reads what pion/rtp takes from the wire, writes it, and
// reads it again.
func FuzzExtensionWriter(f *testing.F) {
	f.Add(octets(f, "b2 e0 1234 89abcdef deadbeef 00000001 00000002 bede0001 10aa0000 010203 00 02"), uint8(1), []byte("ours"))
	f.Add(octets(f, "90 60 1234 89abcdef deadbeef 10000003 0100 0201bb 00 0304cccccccc"), uint8(20), []byte("0"))
	f.Add(octets(f, "90 60 1234 89abcdef deadbeef abcd0001 10aa0000 ff"), uint8(0), []byte{})
	f.Fuzz(func(t *testing.T, packet []byte, id uint8, data []byte) {
		var p rtp.Packet
		if p.Unmarshal(packet) != nil {
			return
		}
		w := ExtensionWriter{AllowTwoByte: true}
		own := w.Set(id, data) == nil
		out, err := w.AppendPacket(nil, &p.Header, p.Payload)
		if err != nil {
			return
		}
		var again rtp.Packet
		if err := again.Unmarshal(out); err != nil {
			t.Fatalf("%x: %v", out, err)
		}
		again.Version, again.Padding = p.Version, p.Padding
		if own && !bytes.Equal(again.GetExtension(id), data) {
			t.Fatalf("%x: own element %d", out, id)
		}
		if !bytes.Equal(again.Payload, p.Payload) || again.Header.PaddingSize != p.Header.PaddingSize ||
			again.Timestamp != p.Timestamp || again.Marker != p.Marker || again.PayloadType != p.PayloadType {
			t.Fatalf("%+v\nwas %+v", again, p)
		}
		for _, other := range p.GetExtensionIDs() {
			if other != 0 && !(own && other == id) && !bytes.Equal(again.GetExtension(other), p.GetExtension(other)) {
				t.Fatalf("%x: element %d", out, other)
			}
		}
	})
}

func BenchmarkExtensionWriter(b *testing.B) {
	b.ReportAllocs()
	var app rtp.Header
	if err := app.SetExtension(3, []byte{0x80}); err != nil {
		b.Fatal(err)
	}
	var w ExtensionWriter
	for id := range uint8(4) {
		if err := w.Set(id+4, []byte("1234")); err != nil {
			b.Fatal(err)
		}
	}
	buffer, payload := make([]byte, 0, 1500), make([]byte, 1000)
	for b.Loop() {
		if _, err := w.AppendPacket(buffer, &app, payload); err != nil {
			b.Fatal(err)
		}
	}
}
