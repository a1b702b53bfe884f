package rtpsession

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/pion/rtp"
)

func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(text), []byte(" "), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 3550 section 5.1.
func TestHeaderFields(t *testing.T) {
	packet := octets(t, "b2 e0 1234 89abcdef deadbeef 00000001 00000002 bede0001 10aa0000 0102 03 00 02")
	h, err := ParseHeader(packet)
	if err != nil {
		t.Fatal(err)
	}
	want := Header{
		Marker: true, PayloadType: 96, SequenceNumber: 0x1234, Timestamp: 0x89abcdef, SSRC: 0xdeadbeef,
		CSRCCount: 2, ExtensionProfile: 0xBEDE, extension: 24, PayloadOffset: 28, PaddingLen: 2,
	}
	if h != want {
		t.Errorf("%+v\nwant %+v", h, want)
	}
	if got := h.Payload(packet); !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("payload %x", got)
	}
	if got := h.CSRCs(nil, packet); !slices.Equal(got, []SSRC{1, 2}) {
		t.Errorf("contributing sources %v", got)
	}
	if got := h.Extension(packet, 1); !bytes.Equal(got, []byte{0xaa}) {
		t.Errorf("extension 1 is %x", got)
	}
	if h.PaddingOnly(packet) {
		t.Error("padding only")
	}
}

// RFC 3550 appendix A.1: the version is 2, the padding octet holds no more than
// the packet, the extension's length fits; section 5.1: the padding count
// includes itself, so that it is not 0.
func TestMalformedHeadersAreRefused(t *testing.T) {
	const fixed = "60 1234 89abcdef deadbeef"
	for name, c := range map[string]struct {
		packet string
		err    error
	}{
		"empty":                      {"", ErrShortHeader},
		"eleven octets":              {"80 60 1234 89abcdef deadbe", ErrShortHeader},
		"version 1":                  {"40" + fixed, ErrVersion},
		"version 3":                  {"c0" + fixed, ErrVersion},
		"CSRC missing":               {"82" + fixed + "00000001 000000", ErrShortHeader},
		"extension heading missing":  {"90" + fixed + "bede00", ErrShortExtension},
		"extension cut":              {"90" + fixed + "bede0002 10aa0000 000000", ErrShortExtension},
		"padding without an octet":   {"a0" + fixed, ErrPadding},
		"padding count 0":            {"a0" + fixed + "010200", ErrPadding},
		"padding reaches the header": {"a0" + fixed + "010204", ErrPadding},
		"padding in the extension":   {"b0" + fixed + "bede0001 10aa0001", ErrPadding},
	} {
		if _, err := ParseHeader(octets(t, c.packet)); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
	packet := octets(t, "a0"+fixed+"000003")
	h, err := ParseHeader(packet)
	if err != nil || !h.PaddingOnly(packet) || len(h.Payload(packet)) != 0 {
		t.Errorf("padding only: %+v, %v", h, err)
	}
}

func TestElementsOfBothForms(t *testing.T) {
	const fixed = "90 60 1234 89abcdef deadbeef"
	for name, c := range map[string]struct {
		extension string
		want      []Element
	}{
		"RFC 8285 section 4.2, one-byte with padding": {
			"bede0003 10aa 21bbbb 0000 33cccccc cc",
			[]Element{{1, []byte{0xaa}}, {2, []byte{0xbb, 0xbb}}, {3, []byte{0xcc, 0xcc, 0xcc, 0xcc}}},
		},
		"RFC 8285 section 4.3, two-byte with padding and length 0": {
			"10000003 0100 0201bb 00 0304cccccccc",
			[]Element{{1, []byte{}}, {2, []byte{0xbb}}, {3, []byte{0xcc, 0xcc, 0xcc, 0xcc}}},
		},
		"RFC 8285 section 4.3, appbits are ignored": {
			"100f0001 0f02bbbb", []Element{{15, []byte{0xbb, 0xbb}}},
		},
		"RFC 8285 section 4.2, 15 ends it": {
			"bede0002 10aa f0bb 20cc 0000", []Element{{1, []byte{0xaa}}},
		},
		"RFC 8285 section 4.1.2, 0 with a length ends it": {
			"bede0002 10aa 01bbbb 20cc 00", []Element{{1, []byte{0xaa}}},
		},
		"an element that is cut ends it": {
			"bede0002 10aa 25bbbbbbbb 00", []Element{{1, []byte{0xaa}}},
		},
		"a two-byte element that is cut ends it": {
			"10000002 0101aa 0204bbbb 00", []Element{{1, []byte{0xaa}}},
		},
		"an identifier at the end": {
			"10000001 0101aa 02", []Element{{1, []byte{0xaa}}},
		},
		"another profile has none": {"abcd0001 10aa0000", nil},
		"nothing in it":            {"bede0000", nil},
	} {
		packet := octets(t, fixed+c.extension)
		h, err := ParseHeader(packet)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []Element
		for elements := h.Elements(packet); ; {
			e, ok := elements.Next()
			if !ok {
				break
			}
			got = append(got, e)
		}
		if !slices.EqualFunc(got, c.want, func(a, b Element) bool { return a.ID == b.ID && bytes.Equal(a.Data, b.Data) }) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		for _, e := range c.want {
			if d := h.Extension(packet, e.ID); d == nil || !bytes.Equal(d, e.Data) {
				t.Errorf("%s: %d is %x", name, e.ID, d)
			}
		}
		if h.Extension(packet, 0) != nil || h.Extension(packet, 9) != nil {
			t.Errorf("%s: extensions that are not there", name)
		}
	}
}

func TestHeadersAreReadWithoutAllocating(t *testing.T) {
	packet := octets(t, "90 60 1234 89abcdef deadbeef bede0003 10aa 21bbbb 0000 33cccccc cc 01020304")
	broken := packet[:14]
	if a := testing.AllocsPerRun(1000, func() {
		h, err := ParseHeader(packet)
		if err != nil || h.Extension(packet, 3) == nil || h.Extension(packet, 5) != nil {
			t.Fatal(err)
		}
		if _, err := ParseHeader(broken); err == nil {
			t.Fatal("broken packet")
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// FuzzHeader compares with pion/rtp, which is looser about versions and looks
// into header extensions at once.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		"80 60 1234 89abcdef deadbeef 01020304",
		"b2 e0 1234 89abcdef deadbeef 00000001 00000002 bede0001 10aa0000 010203 00 02",
		"90 60 1234 89abcdef deadbeef bede0003 10aa 21bbbb 0000 33cccccc cc",
		"90 60 1234 89abcdef deadbeef 10000003 0100 0201bb 00 0304cccccccc",
		"90 60 1234 89abcdef deadbeef abcd0001 10aa0000 ff",
		"b0 60 1234 89abcdef deadbeef bede0001 f0aa0000 ff01",
	} {
		f.Add(octets(f, s))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		h, err := ParseHeader(packet)
		var p rtp.Packet
		theirs := p.Unmarshal(packet)
		if err != nil {
			if theirs == nil && p.Version == rtpVersion {
				t.Fatalf("pion takes it: %v", err)
			}
			return
		}
		for elements := h.Elements(packet); ; {
			if _, ok := elements.Next(); !ok {
				break
			}
		}
		if theirs != nil {
			if !h.HasExtension() {
				t.Fatalf("pion refuses it: %v", theirs)
			}
			return
		}
		compareHeader(t, packet, &h, &p)
	})
}

func compareHeader(t *testing.T, packet []byte, h *Header, p *rtp.Packet) {
	t.Helper()
	if h.Marker != p.Marker || uint8(h.PayloadType) != p.PayloadType || h.SequenceNumber != p.SequenceNumber ||
		h.Timestamp != p.Timestamp || uint32(h.SSRC) != p.SSRC || h.CSRCCount != len(p.CSRC) ||
		h.PaddingLen != int(p.Header.PaddingSize) || h.HasExtension() != p.Extension {
		t.Fatalf("%+v\npion %+v", h, p.Header)
	}
	if !bytes.Equal(h.Payload(packet), p.Payload) {
		t.Fatalf("payload %x, pion %x", h.Payload(packet), p.Payload)
	}
	for i, c := range p.CSRC {
		if uint32(h.CSRC(packet, i)) != c {
			t.Fatalf("contributing source %d", i)
		}
	}
	switch {
	case !p.Extension:
	case h.ExtensionProfile != p.ExtensionProfile:
		t.Fatalf("profile %x, pion %x", h.ExtensionProfile, p.ExtensionProfile)
	case h.ExtensionProfile == profileOneByte || h.ExtensionProfile == profileTwoByte:
		for id := range 256 {
			if ours, theirs := h.Extension(packet, uint8(id)), p.GetExtension(uint8(id)); !bytes.Equal(ours, theirs) {
				t.Fatalf("extension %d: %x, pion %x", id, ours, theirs)
			}
		}
	default:
		if !bytes.Equal(h.RawExtension(packet), p.GetExtension(0)) {
			t.Fatalf("raw extension %x, pion %x", h.RawExtension(packet), p.GetExtension(0))
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	b.ReportAllocs()
	packet := octets(b, "90 60 1234 89abcdef deadbeef bede0003 10aa 21bbbb 0000 33cccccc cc 01020304")
	for b.Loop() {
		h, err := ParseHeader(packet)
		if err != nil || h.Extension(packet, 3) == nil {
			b.Fatal(err)
		}
	}
}
