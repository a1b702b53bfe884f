package mux

import "testing"

// RFC 7983 section 7, figure 3, with the ranges of RFC 9443 section 2 as Drop.
var firstByte = []struct {
	from, to byte
	want     Class
}{
	{0, 3, STUN},
	{4, 15, Drop},
	{16, 19, ZRTP},
	{20, 63, DTLS},
	{64, 79, TURN},
	{80, 127, Drop},
	{128, 191, RTP},
	{192, 255, Drop},
}

func TestEveryFirstByteHasItsClass(t *testing.T) {
	next := 0
	for _, r := range firstByte {
		if int(r.from) != next {
			t.Fatalf("the table has a gap before %d", r.from)
		}
		for b := int(r.from); b <= int(r.to); b++ {
			// 96 is a dynamic payload type, and no RTCP packet type.
			if got := Classify([]byte{byte(b), 96, 0, 0}); got != r.want {
				t.Errorf("first byte %d: %v, want %v", b, got, r.want)
			}
		}
		next = int(r.to) + 1
	}
	if next != 256 {
		t.Fatalf("the table ends at %d", next)
	}
}

// RFC 5761 section 4: RTCP packet types 192 to 223; payload types 64 to 95 are
// not used for RTP on the same port.
func TestEverySecondByteSplitsRTPFromRTCP(t *testing.T) {
	for second := range 256 {
		want := RTP
		if second >= 192 && second <= 223 {
			want = RTCP
		}
		for _, first := range []byte{0x80, 0x81, 0x90, 0xa0, 0xbf} {
			if got := Classify([]byte{first, byte(second)}); got != want {
				t.Errorf("bytes %#x %d: %v, want %v", first, second, got, want)
			}
		}
	}
}

func TestRealPacketsAreRecognised(t *testing.T) {
	for _, c := range []struct {
		name   string
		packet []byte
		want   Class
	}{
		{"Binding request", []byte{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42}, STUN},
		{"Binding success response", []byte{0x01, 0x01, 0x00, 0x0c}, STUN},
		{"TURN Data indication", []byte{0x00, 0x17, 0x00, 0x00}, STUN},
		{"change_cipher_spec", []byte{20, 0xfe, 0xfd}, DTLS},
		{"alert", []byte{21, 0xfe, 0xfd}, DTLS},
		{"handshake", []byte{22, 0xfe, 0xff}, DTLS},
		{"application data", []byte{23, 0xfe, 0xfd}, DTLS},
		{"tls12_cid", []byte{25, 0xfe, 0xfd}, DTLS},
		{"DTLS 1.3 unified header", []byte{0x2f, 0x00}, DTLS},
		{"ChannelData", []byte{0x40, 0x00, 0x00, 0x04}, TURN},
		{"Opus", []byte{0x80, 111}, RTP},
		{"Opus with marker", []byte{0x90, 111 | 0x80}, RTP},
		{"VP8 with marker", []byte{0x90, 96 | 0x80}, RTP},
		{"payload type 63 with marker", []byte{0x80, 63 | 0x80}, RTP},
		{"payload type 35", []byte{0x80, 35}, RTP},
		{"full intra request, RFC 2032", []byte{0x80, 192}, RTCP},
		{"sender report", []byte{0x80, 200}, RTCP},
		{"receiver report", []byte{0x81, 201}, RTCP},
		{"source description", []byte{0x81, 202}, RTCP},
		{"goodbye", []byte{0x81, 203}, RTCP},
		{"transport feedback", []byte{0x8f, 205}, RTCP},
		{"payload feedback", []byte{0x81, 206}, RTCP},
		{"extended report", []byte{0x80, 207}, RTCP},
		{"QUIC short header", []byte{0x40 | 0x10, 0}, Drop},
		{"QUIC long header", []byte{0xc3, 0}, Drop},
		{"nothing", nil, Drop},
		{"one byte of RTP", []byte{0x80}, Drop},
		{"one byte of DTLS", []byte{22}, DTLS},
	} {
		if got := Classify(c.packet); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestClassesHaveDistinctNames(t *testing.T) {
	seen := map[string]Class{}
	for c := Drop; c <= RTCP; c++ {
		if other, ok := seen[c.String()]; ok {
			t.Errorf("%d and %d are both %q", other, c, c)
		}
		seen[c.String()] = c
	}
	if got := Class(200).String(); got != "drop" {
		t.Errorf("an unknown class is %q", got)
	}
}

func TestClassifyDoesNotAllocate(t *testing.T) {
	packet := []byte{0x80, 200}
	if n := testing.AllocsPerRun(1000, func() { Classify(packet) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzClassify(f *testing.F) {
	for _, r := range firstByte {
		f.Add([]byte{r.from})
		f.Add([]byte{r.to, 200})
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, packet []byte) {
		c := Classify(packet)
		if c > RTCP {
			t.Fatalf("unknown class %d", c)
		}
		// Only the first two bytes count.
		if len(packet) > 2 && Classify(packet[:2]) != c {
			t.Fatalf("the class depends on more than two bytes: % x", packet)
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	packets := [][]byte{{0, 1}, {23, 0xfe}, {0x80, 96}, {0x80, 200}, {0x40, 0}, {0xff, 0}}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		Classify(packets[i%len(packets)])
		i++
	}
}
