package frame

import (
	"bytes"
	"slices"
	"testing"

	"github.com/pion/rtp"
)

func payloadsOf(packets []*rtp.Packet) (payloads [][]byte) {
	for _, p := range packets {
		payloads = append(payloads, p.Payload)
	}
	return payloads
}

// A frame that is split is the same when it is joined, in packets of any size; so
// is one with other bytes behind what the codec needs.
func TestFramesAreSplitAsTheyAreJoined(t *testing.T) {
	for _, s := range streams(t) {
		for _, limit := range []int{64, 200, 1188} {
			for i, packets := range s.packets(7, 500) {
				data := s.frames[i]
				payloads, err := s.codec.Split(data, payloadsOf(packets), limit)
				if err != nil {
					t.Fatalf("%v, frame %d: %v", s.codec, i, err)
				}
				for j, p := range payloads {
					if len(p) > limit && !s.codec.audio() {
						t.Errorf("%v: payload of %d bytes, limit %d", s.codec, len(p), limit)
					}
					d, err := s.codec.Describe(p)
					was, _ := s.codec.Describe(packets[0].Payload)
					if err != nil || j == 0 && d.Start != was.Start || j > 0 && (s.codec == VP8 || s.codec == VP9) && d.Start {
						t.Errorf("%v: payload %d of frame %d is %+v (%v)", s.codec, j, i, d, err)
					}
				}
				joined, err := s.codec.Join(nil, payloads)
				if err != nil || !bytes.Equal(joined, data) {
					t.Fatalf("%v, limit %d: frame %d has %d bytes, then %d, or they differ (%v)", s.codec, limit, i, len(data), len(joined), err)
				}
			}
		}
	}
}

// What is behind the descriptors of VP8 and VP9, and in audio, may be anything:
// ciphertext.
func TestAnyBytesTravelInVP8VP9AndAudio(t *testing.T) {
	for codec, like := range map[Codec][]byte{VP8: {0x90, 0x80, 7, 1}, VP9: {0x0a, 0x00, 9}, Opus: {1}, PCMU: {1}} {
		data := bytes.Repeat([]byte{0, 0, 1, 0xff, 0}, 300)
		payloads, err := codec.Split(data, [][]byte{like}, 400)
		if err != nil {
			t.Fatalf("%v: %v", codec, err)
		}
		if joined, err := codec.Join(nil, payloads); err != nil || !bytes.Equal(joined, data) {
			t.Errorf("%v: %d bytes become %d (%v)", codec, len(data), len(joined), err)
		}
	}
}

func TestPayloadsAreSplitByteByByte(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 70)
	for _, test := range []struct {
		name  string
		codec Codec
		data  string
		like  string
		want  []string // nil: an error
	}{
		{"VP8: S in the first, RFC 7741 section 4.2", VP8, string(long), "\x90\x80\x05x", []string{"\x90\x80\x05" + string(long[:35]), "\x80\x80\x05" + string(long[:35])}},
		{"VP9: B, E and the structure, RFC 9628 section 4.2", VP9, string(long), "\x8e\x05\x18\x00\x01\x00\x02\x01\x00x", []string{"\x8a\x05\x18\x00\x01\x00\x02\x01\x00" + string(long[:35]), "\x84\x05" + string(long[:35])}},
		{"H264: one packet a unit, RFC 6184 section 5.6", H264, "\x00\x00\x00\x01\x67a\x00\x00\x01\x65\x00\x00\x00\x00\x01\x68b", "x", []string{"\x67a", "\x65\x00", "\x68b"}},
		{"H264: FU-A, section 5.8", H264, "\x00\x00\x00\x01\x65" + string(long), "x", []string{"\x7c\x85" + string(long[:35]), "\x7c\x45" + string(long[:35])}},
		{"H264: no start code", H264, "\x65abc", "x", nil},
		{"H264: type of an aggregation", H264, "\x00\x00\x01\x78abc", "x", nil},
		{"H264: nothing in a unit", H264, "\x00\x00\x01", "x", nil},
		{"H265: FU, RFC 7798 section 4.4.3", H265, "\x00\x00\x00\x01\x26\x09" + string(long), "xx", []string{"\x62\x09\x93" + string(long[:35]), "\x62\x09\x53" + string(long[:35])}},
		{"AV1: sizes leave, the delimiter too", AV1, "\x12\x00\x0a\x01a\x32\x02bc", "\x08x", []string{"\x08\x02\x08a\x03\x30bc"}},
		{"AV1: Y and Z, section 4.4", AV1, "\x32\x46" + string(long), "\x00x", []string{"\x40\x3e\x30" + string(long[:61]), "\x80\x09" + string(long[:9])}},
		{"AV1: size too large", AV1, "\x32\x05ab", "\x00x", nil},
		{"AV1: nothing", AV1, "", "\x00x", nil},
		{"VP8: cut off", VP8, "a", "\x90", nil},
		{"no codec", 0, "a", "x", nil},
	} {
		payloads, err := test.codec.Split([]byte(test.data), [][]byte{[]byte(test.like)}, 64)
		var got []string
		for _, p := range payloads {
			got = append(got, string(p))
		}
		if !slices.Equal(got, test.want) || (err != nil) != (test.want == nil) {
			t.Errorf("%s: %q (%v), not %q", test.name, got, err, test.want)
		}
	}
}

// webrtc-encoded-transform section 4: "each spatial layer is transformed
// separately".
func TestPicturesArePartedIntoLayerFrames(t *testing.T) {
	packets := func(payloads ...string) (packets []*rtp.Packet) {
		for _, p := range payloads {
			packets = append(packets, &rtp.Packet{Payload: []byte(p)})
		}
		return packets
	}
	for _, test := range []struct {
		codec   Codec
		packets []*rtp.Packet
		want    []int
	}{
		{VP9, packets("\x28\x00\x01a", "\x20\x00\x01b", "\x28\x03\x01c"), []int{2, 1}},
		{VP9, packets("\x08a", "\x00b"), []int{2}},
		{AV1, packets("\x10\x34\x00a", "\x90b", "\x10\x34\x08a", "\x10\x34\x10a"), []int{2, 1, 1}},
		{AV1, packets("\x10\x30a", "\x10\x30b"), []int{2}},
		{VP8, packets("\x10\x00", "\x10\x00"), []int{2}},
	} {
		var got []int
		for _, f := range test.codec.LayerFrames(test.packets) {
			got = append(got, len(f))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, not %v", test.codec, got, test.want)
		}
	}
}

// FuzzSplit gives any bytes as a frame. What is split can be joined, and is the
// same where the codec's units do not change their form.
func FuzzSplit(f *testing.F) {
	for _, s := range streams(f) {
		f.Add(uint8(s.codec), s.frames[0][:min(300, len(s.frames[0]))], s.packets(0, 60)[0][0].Payload, uint16(80))
	}
	f.Add(uint8(H264), []byte("\x00\x00\x01\x67a\x00\x00\x00\x01\x65\x00\x00\x00"), []byte("x"), uint16(64))
	f.Fuzz(func(t *testing.T, codec uint8, data, like []byte, limit uint16) {
		c := Codec(codec % 10)
		payloads, err := c.Split(data, [][]byte{like}, int(limit))
		if err != nil {
			return
		}
		size := 0
		for _, p := range payloads {
			if size += len(p); len(p) > max(int(limit), 64) && !c.audio() && len(like) < 32 {
				t.Fatalf("%v: payload of %d bytes, limit %d", c, len(p), limit)
			}
		}
		joined, err := c.Join(nil, payloads)
		if err != nil {
			t.Fatalf("%v: %q gives %q: %v", c, data, payloads, err)
		}
		if c != H264 && c != H265 && c != AV1 && !bytes.Equal(joined, data) {
			t.Fatalf("%v: %q gives %q", c, data, joined)
		}
		if again, err := c.Split(joined, [][]byte{like}, int(limit)); err != nil || !slices.EqualFunc(again, payloads, bytes.Equal) {
			t.Fatalf("%v: %q gives %q, then %q (%v)", c, data, payloads, again, err)
		}
	})
}
