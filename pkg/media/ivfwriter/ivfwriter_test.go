package ivfwriter

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
)

var _ media.Writer = (*IVFWriter)(nil)

type stream struct {
	mimeType  string
	file      []byte
	payloader func() rtp.Payloader
}

var streams = []stream{
	{"video/VP8", samples.VP8, func() rtp.Payloader { return &codecs.VP8Payloader{EnablePictureID: true} }},
	{"video/VP9", samples.VP9, func() rtp.Payloader { return &codecs.VP9Payloader{InitialPictureIDFn: func() uint16 { return 9 }} }},
	{"video/AV1", samples.AV1, func() rtp.Payloader { return &codecs.AV1Payloader{} }},
}

// packets makes RTP packets of a sample, 15 frames a second.
func (s stream) packets(t *testing.T) (packets []*rtp.Packet) {
	reader, _, err := ivfreader.NewWith(bytes.NewReader(s.file))
	if err != nil {
		t.Fatal(err)
	}
	payloader, number := s.payloader(), uint16(65000)
	for timestamp := uint32(4294900000); ; timestamp += 6000 {
		frame, _, err := reader.ParseNextFrame()
		if err == io.EOF {
			return packets
		} else if err != nil {
			t.Fatal(err)
		}
		for _, payload := range payloader.Payload(500, frame) {
			number++
			packets = append(packets, &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: timestamp}, Payload: payload})
		}
		packets[len(packets)-1].Marker = true
	}
}

func TestSamplesComeBack(t *testing.T) {
	for _, s := range streams {
		packets := s.packets(t)
		// Late by up to ten places.
		for i := 10; i+10 < len(packets); i += 20 {
			rand.New(rand.NewPCG(1, uint64(i))).Shuffle(10, func(a, b int) { packets[i+a], packets[i+b] = packets[i+b], packets[i+a] })
		}
		name := filepath.Join(t.TempDir(), "a.ivf")
		writer, err := New(name, WithCodec(s.mimeType), WithFrameRate(1, 15))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packets {
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(writer.Close(), writer.Close()); err != nil {
			t.Fatal(err)
		}
		if err := writer.WriteRTP(packets[0]); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		written, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// The files are the same, the header with size and number of frames too.
		if !bytes.Equal(written, s.file) {
			t.Errorf("%s: a file of %d bytes is another one of %d", s.mimeType, len(s.file), len(written))
		}
	}
}

// read returns header and timestamps.
func read(t *testing.T, file []byte) (header *ivfreader.IVFFileHeader, times []uint64) {
	t.Helper()
	reader, header, err := ivfreader.NewWith(bytes.NewReader(file))
	for err == nil {
		var frame *ivfreader.IVFFrameHeader
		if _, frame, err = reader.ParseNextFrame(); err == nil {
			times = append(times, frame.Timestamp)
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return header, times
}

func TestFileBeginsWithAKeyFrameAndHasWholeFrames(t *testing.T) {
	for _, s := range streams {
		var b bytes.Buffer
		writer, err := NewWith(&b, WithCodec(s.mimeType))
		if err != nil {
			t.Fatal(err)
		}
		packets := s.packets(t)
		for i, p := range packets {
			frame := (p.Timestamp - 4294900000) / 6000
			last := i+1 == len(packets) || packets[i+1].Timestamp != p.Timestamp
			if frame == 0 && i == 0 || frame == 33 && last || frame == 44 && last {
				continue
			}
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		header, times := read(t, b.Bytes())
		want := []uint64{}
		for i := uint64(30); i < 44; i++ { // the second key frame is frame 30
			if i != 33 {
				want = append(want, (i-30)*2) // in units of 1/30 s
			}
		}
		if !slices.Equal(times, want) {
			t.Errorf("%s: %d, not %d", s.mimeType, times, want)
		}
		if header.Width != 320 || header.Height != 240 || header.NumFrames != 0 {
			t.Errorf("%s: %+v", s.mimeType, header)
		}
	}
}

func TestTimestampsAreInUnitsOfTheTimeBase(t *testing.T) {
	for _, test := range []struct {
		options []Option
		want    uint64 // of 3.3 s
	}{
		{nil, 99},
		{[]Option{WithFrameRate(1, 1000)}, 3300},
		{[]Option{WithFrameRate(1001, 30000)}, 99}, // 98.9
		{[]Option{WithFrameRate(1, 90000)}, 297000},
		{[]Option{WithFrameRate(1, 90000), WithDirectPTS()}, 297000},
		{[]Option{WithDirectPTS()}, 297000},
		{[]Option{WithFrameRate(1, math.MaxUint32)}, 14173392074}, // 14173392073.5
		{[]Option{WithFrameRate(math.MaxUint32, 1)}, 0},
	} {
		var b bytes.Buffer
		writer, err := NewWith(&b, append(test.options, WithWidthAndHeight(7, 9))...)
		if err != nil {
			t.Fatal(err)
		}
		start := uint32(4294900000) // wraps
		for i, timestamp := range []uint32{start, start - 5, start + 297000} {
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: timestamp, Marker: true}, Payload: []byte{0x10, 0, 0}}
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		header, times := read(t, b.Bytes())
		if !slices.Equal(times, []uint64{0, 0, test.want}) {
			t.Errorf("%+v: %d, not %d", header, times, test.want)
		}
		if header.Width != 7 || header.Height != 9 {
			t.Errorf("size is %d x %d", header.Width, header.Height)
		}
	}
}

func TestOptionsThatMakeNoFileAreRefused(t *testing.T) {
	for name, options := range map[string][]Option{
		"H264":         {WithCodec("video/H264")},
		"two codecs":   {WithCodec("video/VP8"), WithCodec("video/VP9")},
		"no numerator": {WithFrameRate(0, 1)},
		"no time base": {WithFrameRate(1, 0)},
	} {
		if _, err := NewWith(io.Discard, options...); err == nil {
			t.Errorf("%s is written", name)
		}
		if _, err := New(filepath.Join(t.TempDir(), "a"), options...); err == nil {
			t.Errorf("%s is written into a file", name)
		}
	}
	if _, err := NewWith(nil); err == nil {
		t.Error("a nil stream is written")
	}
	if _, err := New(filepath.Join(t.TempDir(), "no", "a")); err == nil {
		t.Error("a file in no directory is written")
	}
	writer, err := NewWith(io.Discard)
	if err == nil {
		err = writer.WriteRTP(nil)
	}
	if err == nil {
		t.Error("nil is written")
	}
}

func TestFileWithoutAFrameHasAHeader(t *testing.T) {
	var b bytes.Buffer
	writer, err := NewWith(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writer.WriteRTP(&rtp.Packet{Payload: []byte{0x90}}), writer.Close()); err != nil {
		t.Fatal(err)
	}
	if header, times := read(t, b.Bytes()); header.FourCC != "VP80" || header.Width != 640 || len(times) != 0 {
		t.Errorf("%+v, %d", header, times)
	}
}

func TestErrorOfTheOutputIsReturned(t *testing.T) {
	writer, err := NewWith(failing{})
	if err != nil {
		t.Fatal(err)
	}
	p := &rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte{0x10, 0}}
	if err := writer.WriteRTP(p); err != io.ErrClosedPipe {
		t.Errorf("error is %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func FuzzWriter(f *testing.F) {
	for i := range streams {
		f.Add(uint8(i), []byte{3, 0x10, 0, 0, 4, 0x18, 0x0a, 1, 0})
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		var out bytes.Buffer
		writer, err := NewWith(&out, WithCodec(streams[int(which)%len(streams)].mimeType))
		if err != nil {
			t.Fatal(err)
		}
		for number := uint16(0); len(b) > 1; number++ {
			n := min(int(b[0]&0x3f), len(b)-1)
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(number), Marker: b[0]&0x40 != 0}, Payload: b[1 : 1+n]}
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
			b = b[1+n:]
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		read(t, out.Bytes())
	})
}
