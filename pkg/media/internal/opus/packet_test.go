package opus

import "testing"

// RFC 6716 table 2 and section 3.2.
func TestDurationsOfPackets(t *testing.T) {
	for _, test := range []struct {
		packet  []byte
		samples int // -1 for an error
	}{
		{[]byte{0 << 3}, 480}, {[]byte{1 << 3}, 960}, {[]byte{2 << 3}, 1920}, {[]byte{3 << 3}, 2880},
		{[]byte{8 << 3}, 480}, {[]byte{11 << 3}, 2880},
		{[]byte{12 << 3}, 480}, {[]byte{13 << 3}, 960}, {[]byte{14 << 3}, 480}, {[]byte{15 << 3}, 960},
		{[]byte{16 << 3}, 120}, {[]byte{17 << 3}, 240}, {[]byte{18 << 3}, 480}, {[]byte{31 << 3}, 960},
		{[]byte{31<<3 | 4 | 1}, 1920}, {[]byte{31<<3 | 2, 0}, 1920},
		{[]byte{31<<3 | 3, 6}, 5760}, {[]byte{31<<3 | 3, 0xc6}, 5760}, {[]byte{16<<3 | 3, 48}, 5760},
		{[]byte{31<<3 | 3, 7}, -1}, {[]byte{16<<3 | 3, 49}, -1}, {[]byte{31<<3 | 3, 0}, -1}, {[]byte{31<<3 | 3}, -1}, {nil, -1},
	} {
		samples, err := Samples(test.packet)
		if err != nil && test.samples != -1 || err == nil && samples != test.samples {
			t.Errorf("%x lasts %d samples, %v; not %d", test.packet, samples, err, test.samples)
		}
	}
}
