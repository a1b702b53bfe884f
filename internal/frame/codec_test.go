package frame

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media/h264reader"
	"github.com/passerelle-rtc/webrtc/pkg/media/h265reader"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
	"github.com/passerelle-rtc/webrtc/pkg/media/oggreader"
)

// stream is a sample: its frames as the assembler should give them, and how pion
// makes payloads of them.
type stream struct {
	codec   Codec
	frames  [][]byte
	keys    []int
	payload func() rtp.Payloader
}

func streams(t testing.TB) []stream {
	t.Helper()
	return []stream{
		{VP8, ivf(t, samples.VP8), []int{0, 30}, func() rtp.Payloader { return &codecs.VP8Payloader{EnablePictureID: true} }},
		{VP9, ivf(t, samples.VP9), []int{0, 30}, func() rtp.Payloader { return &codecs.VP9Payloader{InitialPictureIDFn: func() uint16 { return 7 }} }},
		// In flexible mode pion/rtp never sets P: all frames look like key frames.
		{VP9, ivf(t, samples.VP9), nil, func() rtp.Payloader { return &codecs.VP9Payloader{FlexibleMode: true} }},
		{H264, h264(t), []int{0, 30}, func() rtp.Payloader { return &codecs.H264Payloader{} }},
		{H265, h265(t), []int{0, 30}, func() rtp.Payloader { return &codecs.H265Payloader{} }},
		{AV1, av1(t), []int{0, 30}, func() rtp.Payloader { return &codecs.AV1Payloader{} }},
		{Opus, ogg(t), nil, func() rtp.Payloader { return &codecs.OpusPayloader{} }},
	}
}

func ivf(t testing.TB, file []byte) (frames [][]byte) {
	reader, _, err := ivfreader.NewWith(bytes.NewReader(file))
	for err == nil {
		var frame []byte
		if frame, _, err = reader.ParseNextFrame(); err == nil {
			frames = append(frames, frame)
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return frames
}

// av1 leaves out the temporal delimiter, which is not transmitted.
func av1(t testing.TB) (frames [][]byte) {
	for _, unit := range ivf(t, samples.AV1) {
		if unit[0] != 0x12 || unit[1] != 0 {
			t.Fatalf("a temporal unit begins with %x", unit[:2])
		}
		frames = append(frames, unit[2:])
	}
	return frames
}

func h264(t testing.TB) (frames [][]byte) {
	reader, err := h264reader.NewReader(bytes.NewReader(samples.H264))
	var unit []byte
	for err == nil {
		var nal *h264reader.NAL
		if nal, err = reader.NextNAL(); err == nil {
			unit = append(append(unit, 0, 0, 0, 1), nal.Data...)
			if nal.UnitType <= h264reader.NalUnitTypeCodedSliceIdr {
				frames, unit = append(frames, unit), nil
			}
		}
	}
	return frames
}

func h265(t testing.TB) (frames [][]byte) {
	reader, err := h265reader.NewReader(bytes.NewReader(samples.H265))
	var unit []byte
	for err == nil {
		var nal *h265reader.NAL
		if nal, err = reader.NextNAL(); err == nil {
			unit = append(append(unit, 0, 0, 0, 1), nal.Data...)
			if nal.NalUnitType < h265reader.NalUnitTypeVps {
				frames, unit = append(frames, unit), nil
			}
		}
	}
	return frames
}

func ogg(t testing.TB) (frames [][]byte) {
	reader, _, err := oggreader.NewWith(bytes.NewReader(samples.Opus))
	if err == nil {
		_, _, err = reader.ParseNextPacket()
	}
	for err == nil {
		var packet []byte
		if packet, _, err = reader.ParseNextPacket(); err == nil {
			frames = append(frames, packet)
		}
	}
	return frames
}

// packets makes RTP packets of a sample, frame after frame.
func (s stream) packets(first uint16, mtu uint16) (frames [][]*rtp.Packet) {
	payloader := s.payload()
	for i, frame := range s.frames {
		var packets []*rtp.Packet
		for _, payload := range payloader.Payload(mtu, slices.Clone(frame)) {
			packets = append(packets, &rtp.Packet{
				Header:  rtp.Header{SequenceNumber: first, Timestamp: uint32(i) * 6000},
				Payload: payload,
			})
			first++
		}
		packets[len(packets)-1].Marker = true
		frames = append(frames, packets)
	}
	return frames
}

func TestSamplesComeBackWhole(t *testing.T) {
	for _, s := range streams(t) {
		for _, mtu := range []uint16{100, 500, 1200} {
			a := New(Config{Codec: s.codec, Target: 100 * time.Millisecond})
			random := rand.New(rand.NewPCG(3, uint64(mtu)))
			var keys []int
			n := 0
			for i, packets := range s.packets(65500, mtu) {
				random.Shuffle(len(packets), func(i, j int) { packets[i], packets[j] = packets[j], packets[i] })
				for _, p := range packets {
					a.Push(ms(i), p)
					a.Push(ms(i), p) // twice
				}
				f, ok := a.Next()
				if !ok {
					t.Fatalf("%v, %d: no frame %d", s.codec, mtu, i)
				}
				if !bytes.Equal(f.Payload, s.frames[i]) || f.Lost != 0 || f.Timestamp != uint32(i)*6000 {
					t.Fatalf("%v, %d: frame %d has %d bytes, not %d, or differs; %d lost", s.codec, mtu, i, len(f.Payload), len(s.frames[i]), f.Lost)
				}
				if n++; f.Keyframe {
					keys = append(keys, i)
				}
			}
			if n != len(s.frames) || s.keys != nil && !slices.Equal(keys, s.keys) {
				t.Errorf("%v, %d: %d frames, key frames are %d", s.codec, mtu, n, keys)
			}
		}
	}
}

// TestLossTakesFramesAndNothingElse drops packets: every frame of which none is
// missing must come, but for those whose beginning nothing proves, and no other.
func TestLossTakesFramesAndNothingElse(t *testing.T) {
	for _, s := range streams(t) {
		random := rand.New(rand.NewPCG(5, 5))
		came, damaged := 0, 0
		for range 20 {
			a := New(Config{Codec: s.codec, Target: 5 * time.Millisecond})
			whole := map[uint32]bool{}
			for i, packets := range s.packets(100, 400) {
				whole[uint32(i)*6000] = true
				for _, p := range packets {
					if random.IntN(20) == 0 {
						whole[p.Timestamp] = false
						continue
					}
					a.Push(ms(i), p)
				}
				if i == len(s.frames)-1 {
					a.Advance(ms(i + 5))
				}
				for f, ok := a.Next(); ok; f, ok = a.Next() {
					if !whole[f.Timestamp] || !bytes.Equal(f.Payload, s.frames[f.Timestamp/6000]) {
						t.Fatalf("%v: frame %d came damaged", s.codec, f.Timestamp/6000)
					}
					came++
				}
			}
			for _, w := range whole {
				if !w {
					damaged++
				}
			}
		}
		// Only an IDR picture behind a gap is not known to have its parameter sets.
		if missing := 20*len(s.frames) - came - damaged; missing > 0 && s.codec != H264 && s.codec != H265 || missing > came/50 {
			t.Errorf("%v: %d whole frames came, %d did not, %d were damaged", s.codec, came, missing, damaged)
		}
	}
}

func TestCodecOfMediaType(t *testing.T) {
	for mime, want := range map[string]Codec{"video/VP8": VP8, "VIDEO/av1": AV1, "audio/opus": Opus, "audio/PCMU": PCMU, "video/H265": H265, "audio/G722": G722} {
		if got, ok := CodecOf(mime); !ok || got != want {
			t.Errorf("%s is %v", mime, got)
		}
	}
	for _, mime := range []string{"audio/VP8", "video/opus", "video/rtx", "VP8", ""} {
		if got, ok := CodecOf(mime); ok {
			t.Errorf("%s is %v", mime, got)
		}
	}
}

// The payload formats, byte by byte.
func TestPayloadsAreDescribed(t *testing.T) {
	for _, test := range []struct {
		name    string
		codec   Codec
		payload []byte
		want    string // Start Keyframe Layered spatial/temporal, or "error"
	}{
		{"key frame, RFC 7741", VP8, []byte{0x10, 0x00}, "true true false 0/0"},
		{"inter frame", VP8, []byte{0x10, 0x01}, "true false false 0/0"},
		{"second partition", VP8, []byte{0x11, 0x00}, "false false false 0/0"},
		{"all extensions", VP8, []byte{0x90, 0xf0, 0x80, 1, 2, 0xc0, 0x00}, "true true true 0/3"},
		{"key index only", VP8, []byte{0x90, 0x10, 0xff, 0x00}, "true true false 0/0"},
		{"no payload header", VP8, []byte{0x10}, "true false false 0/0"},
		{"cut off in picture ID", VP8, []byte{0x90, 0x80, 0x80}, "error"},
		{"empty", VP8, nil, "error"},
		{"key picture, RFC 9628", VP9, []byte{0x08, 0}, "true true false 0/0"},
		{"inter picture", VP9, []byte{0xc8, 0x80, 1, 0}, "true false false 0/0"},
		{"upper layer", VP9, []byte{0x28, 0x25, 9, 0}, "false false true 2/1"},
		{"lowest layer", VP9, []byte{0x28, 0x40, 9, 0}, "true true true 0/2"},
		{"references", VP9, []byte{0x58, 3, 5, 7, 0}, "true false false 0/0"},
		{"scalability", VP9, []byte{0x0a, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0x04, 1, 0x08, 1, 2, 0}, "true true false 0/0"},
		{"cut off in scalability", VP9, []byte{0x0a, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0x04, 1, 0x08, 1}, "error"},
		{"IDR slice", H264, []byte{0x65, 0x80}, "false true false 0/0"},
		{"first slice", H264, []byte{0x41, 0x80}, "true false false 0/0"},
		{"second slice", H264, []byte{0x41, 0x40}, "false false false 0/0"},
		{"parameter set", H264, []byte{0x67, 1}, "true false false 0/0"},
		{"aggregation", H264, []byte{0x78, 0, 2, 0x67, 1, 0, 2, 0x65, 0x80}, "true true false 0/0"},
		{"picture parameter set first", H264, []byte{0x78, 0, 2, 0x68, 1, 0, 2, 0x67, 1}, "false false false 0/0"},
		{"first fragment", H264, []byte{0x5c, 0x81, 0x80}, "true false false 0/0"},
		{"other fragment", H264, []byte{0x5c, 0x01, 0x80}, "false false false 0/0"},
		{"fragment of an IDR slice", H264, []byte{0x7c, 0x45, 1}, "false true false 0/0"},
		{"size in aggregation", H264, []byte{0x78, 0, 3, 0x67, 1}, "error"},
		{"trailing slice segment", H265, []byte{0x02, 0x0b, 0x80}, "true false true 1/2"},
		{"second segment", H265, []byte{0x02, 0x01, 0x40}, "false false true 0/0"},
		{"random access point", H265, []byte{0x2a, 0x01, 0x80}, "false true true 0/0"},
		{"aggregation", H265, []byte{0x60, 1, 0, 3, 0x40, 1, 9, 0, 3, 0x26, 2, 0x80}, "true true true 0/1"},
		{"first fragment", H265, []byte{0x62, 1, 0x81, 0x80}, "true false true 0/0"},
		{"fragment of an IDR", H265, []byte{0x62, 1, 0x53, 0x80}, "false true true 0/0"},
		{"PACI around it", H265, []byte{0x64, 1, 0x62, 0x10, 0xaa, 0x53, 0x80}, "false true true 0/0"},
		{"PACI in PACI", H265, []byte{0x64, 1, 0x64, 0x10, 0xaa}, "error"},
		{"one byte", H265, []byte{0x02}, "error"},
		{"sequence begins", AV1, []byte{0x18, 0x08, 1}, "true true false 0/0"},
		{"frame", AV1, []byte{0x10, 0x30, 1}, "true false false 0/0"},
		{"frame of a layer", AV1, []byte{0x10, 0x34, 0x48, 1}, "false false true 1/2"},
		{"with size", AV1, []byte{0x00, 2, 0x30, 1}, "true false false 0/0"},
		{"goes on", AV1, []byte{0x90, 0x30, 1}, "false false false 0/0"},
		{"metadata first", AV1, []byte{0x10, 0x28, 1}, "false false false 0/0"},
		{"size too large", AV1, []byte{0x00, 3, 0x30, 1}, "error"},
		{"fewer elements", AV1, []byte{0x20, 2, 0x30, 1}, "error"},
		{"anything", Opus, []byte{1}, "true true false 0/0"},
	} {
		d, err := test.codec.Describe(test.payload)
		got := fmt.Sprintf("%v %v %v %d/%d", d.Start, d.Keyframe, d.Layered, d.SpatialLayer, d.TemporalLayer)
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%v, %s: %s (%v), not %s", test.codec, test.name, got, err, test.want)
		}
	}
}

func TestPayloadsAreJoined(t *testing.T) {
	for _, test := range []struct {
		name     string
		codec    Codec
		payloads []string
		want     string
	}{
		{"single units, RFC 6184 section 5.6", H264, []string{"\x67a", "\x65b"}, "\x00\x00\x00\x01\x67a\x00\x00\x00\x01\x65b"},
		{"STAP-A, section 5.7.1", H264, []string{"\x78\x00\x02\x67a\x00\x00\x00\x01\x68"}, "\x00\x00\x00\x01\x67a\x00\x00\x00\x01\x68"},
		{"FU-A, section 5.8", H264, []string{"\x7c\x85a", "\x7c\x05b", "\x7c\x45c"}, "\x00\x00\x00\x01\x65abc"},
		{"one fragment", H264, []string{"\x7c\xc5a"}, "\x00\x00\x00\x01\x65a"},
		{"fragment without beginning", H264, []string{"\x7c\x05a", "\x7c\x45b"}, "error"},
		{"fragment without end", H264, []string{"\x7c\x85a", "\x65b"}, "error"},
		{"fragment at the end", H264, []string{"\x7c\x85a"}, "error"},
		{"STAP-B", H264, []string{"\x79\x00\x00\x00\x01\x65"}, "error"},
		{"cut off", H264, []string{"\x78\x00"}, "error"},
		{"single units, RFC 7798 section 4.4.1", H265, []string{"\x40\x01a"}, "\x00\x00\x00\x01\x40\x01a"},
		{"AP, section 4.4.2", H265, []string{"\x60\x01\x00\x02\x40\x01\x00\x02\x42\x01"}, "\x00\x00\x00\x01\x40\x01\x00\x00\x00\x01\x42\x01"},
		{"FU, section 4.4.3", H265, []string{"\x63\x09\x93a", "\x63\x09\x53b"}, "\x00\x00\x00\x01\x27\x09ab"},
		{"PACI, section 4.4.4", H265, []string{"\x65\x09\x26\x20xx\x61"}, "\x00\x00\x00\x01\x27\x09\x61"},
		{"W of 2", AV1, []string{"\x20\x02\x30a\x30bc"}, "\x32\x01a\x32\x02bc"},
		{"W of 0", AV1, []string{"\x00\x02\x30a\x03\x30bc"}, "\x32\x01a\x32\x02bc"},
		{"with its own size", AV1, []string{"\x10\x32\x01a"}, "\x32\x01a"},
		{"over three packets", AV1, []string{"\x50\x30a", "\xd0b", "\xa0\x01c\x30d"}, "\x32\x03abc\x32\x01d"},
		{"extension", AV1, []string{"\x10\x34\x48a"}, "\x36\x48\x01a"},
		{"temporal delimiter and tile list", AV1, []string{"\x30\x01\x10\x02\x40x\x30a"}, "\x32\x01a"},
		{"part is missing", AV1, []string{"\x50\x30a", "\x10\x30b"}, "error"},
		{"beginning is missing", AV1, []string{"\x90a"}, "error"},
		{"end is missing", AV1, []string{"\x50\x30a"}, "error"},
		{"own size too large", AV1, []string{"\x10\x32\x02a"}, "error"},
		{"size without end", AV1, []string{"\x00\xff\xff\xff\xff\xff\xff\xff\xff"}, "error"},
		{"forbidden bit", AV1, []string{"\x10\xb0a"}, "error"},
		{"nothing", AV1, []string{"\x10"}, "error"},
	} {
		var payloads [][]byte
		for _, p := range test.payloads {
			payloads = append(payloads, []byte(p))
		}
		joined, err := test.codec.Join([]byte("before"), payloads)
		got := string(bytes.TrimPrefix(joined, []byte("before")))
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%v, %s: %q (%v), not %q", test.codec, test.name, got, err, test.want)
		}
	}
}

// pionDepacketizer is what pion/rtp has for the same payloads: the oracle.
var pionDepacketizer = map[Codec]func() rtp.Depacketizer{
	VP8:  func() rtp.Depacketizer { return &codecs.VP8Packet{} },
	VP9:  func() rtp.Depacketizer { return &codecs.VP9Packet{} },
	H264: func() rtp.Depacketizer { return &codecs.H264Packet{} },
	H265: func() rtp.Depacketizer { return &codecs.H265Depacketizer{} },
	AV1:  func() rtp.Depacketizer { return &codecs.AV1Depacketizer{} },
	Opus: func() rtp.Depacketizer { return &codecs.OpusPacket{} },
}

// FuzzPayload cuts its input into payloads. Neither function may panic, memory
// grows with the input only, and a frame that is joined is the one that pion/rtp
// makes of the same payloads, if it makes one.
func FuzzPayload(f *testing.F) {
	for _, s := range streams(f) {
		packets := s.packets(0, 60)[0]
		var b []byte
		for _, p := range packets[:min(3, len(packets))] {
			b = append(append(b, byte(len(p.Payload))), p.Payload...)
		}
		f.Add(uint8(s.codec), b)
	}
	f.Add(uint8(H265), []byte("\x07\x65\x09\x26\x20xx\x61"))
	f.Fuzz(func(t *testing.T, codec uint8, b []byte) {
		c := Codec(codec % 10)
		var payloads [][]byte
		for len(b) > 1 {
			n := min(int(b[0]), len(b)-1)
			if n > 0 {
				payloads = append(payloads, b[1:1+n])
			}
			b = b[1+n:]
		}
		size := 0
		for _, p := range payloads {
			size += len(p)
			_, _ = c.Describe(p)
		}
		joined, _ := c.Join(nil, payloads)
		if len(joined) > 8*size+8 {
			t.Fatalf("%d bytes of %d", len(joined), size)
		}
	})
}

// Where both read a frame, pion/rtp reads the same. It reads much that is no
// frame, each codec in a way of its own, so that this is for what encoders make.
func TestFramesAreJoinedAsPionReadsThem(t *testing.T) {
	for c, payloads := range map[Codec][][]byte{
		VP8:  {{0x10, 1, 2, 3}, {0x00, 4, 5}},
		H265: {{0x02, 0x01, 7, 8, 9}},
		AV1:  {{0x50, 0x30, 1, 2}, {0x90, 3, 4}},
	} {
		joined, err := c.Join(nil, payloads)
		if err != nil {
			t.Errorf("%v: %v", c, err)
			continue
		}
		compareWithPion(t, c, payloads, joined)
	}
}

// Every frame of the sample files, in packets of several sizes: what is joined, and
// what is split again, is what pion/rtp reads.
func TestFramesOfEncodersAreJoinedAndSplitAsPionReadsThem(t *testing.T) {
	for _, s := range streams(t) {
		compared := 0
		for _, mtu := range []uint16{64, 200, 500, 1200} {
			for i, packets := range s.packets(0, mtu) {
				payloads := payloadsOf(packets)
				joined, err := s.codec.Join(nil, payloads)
				if err != nil {
					t.Fatalf("%v, frame %d: %v", s.codec, i, err)
				}
				if !compareWithPion(t, s.codec, payloads, joined) {
					t.Errorf("%v, frame %d: pion/rtp does not read it", s.codec, i)
				}
				again, err := s.codec.Split(joined, payloads, 300)
				if err != nil {
					t.Fatalf("%v, frame %d, split again: %v", s.codec, i, err)
				}
				if !compareWithPion(t, s.codec, again, joined) {
					t.Errorf("%v, frame %d: pion/rtp does not read what was split", s.codec, i)
				}
				compared++
			}
		}
		if compared < 4*45 {
			t.Errorf("%v: only %d frames", s.codec, compared)
		}
	}
}

// compareWithPion reports whether pion/rtp reads the payloads at all.
func compareWithPion(t *testing.T, c Codec, payloads [][]byte, joined []byte) bool {
	t.Helper()
	oracle, ok := pionDepacketizer[c]
	if !ok {
		return false
	}
	depacketizer := oracle()
	var want []byte
	for _, p := range payloads {
		if c == VP9 {
			depacketizer = oracle() // its references pile up
		}
		part, err := depacketizer.Unmarshal(slices.Clone(p))
		if err != nil {
			return false
		}
		want = append(want, part...)
	}
	if !bytes.Equal(joined, want) {
		t.Errorf("%v: %x gives %x, and %x with pion/rtp", c, payloads, joined, want)
	}
	return true
}
