package ivfreader

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

func TestFilesOfFFmpegAreRead(t *testing.T) {
	for fourCC, file := range map[string][]byte{"VP80": samples.VP8, "VP90": samples.VP9, "AV01": samples.AV1} {
		reader, header, err := NewWith(iotest.OneByteReader(bytes.NewReader(file)))
		if err != nil {
			t.Fatal(err)
		}
		want := IVFFileHeader{FourCC: fourCC, Width: 320, Height: 240, TimebaseDenominator: 15, TimebaseNumerator: 1, NumFrames: 45}
		if *header != want {
			t.Errorf("header is %+v, not %+v", *header, want)
		}
		size := fileHeaderSize
		for i := range 45 {
			payload, frame, err := reader.ParseNextFrame()
			if err != nil {
				t.Fatalf("%s: frame %d: %v", fourCC, i, err)
			}
			if frame.Timestamp != uint64(i) || int(frame.FrameSize) != len(payload) {
				t.Errorf("%s: frame %d: %+v with %d bytes", fourCC, i, *frame, len(payload))
			}
			size += frameHeaderSize + len(payload)
		}
		if _, _, err = reader.ParseNextFrame(); err != io.EOF {
			t.Errorf("behind the last frame: %v", err)
		}
		if size != len(file) {
			t.Errorf("%s: %d bytes were read of %d", fourCC, size, len(file))
		}
	}
}

func TestTimestampsBecomeDurations(t *testing.T) {
	for _, test := range []struct {
		denominator, numerator uint32
		timestamp              uint64
		want                   time.Duration
	}{
		{15, 1, 30, 2 * time.Second},
		{30000, 1001, 1, 33366666},
		{90000, 1, 90000 * 3600, time.Hour},
		{1, 1, math.MaxUint64, math.MaxInt64},
		{math.MaxUint32, math.MaxUint32, 7, 7 * time.Second},
		{0, 1, 7, 0},
	} {
		header := IVFFileHeader{TimebaseDenominator: test.denominator, TimebaseNumerator: test.numerator}
		if got := header.Time(test.timestamp); got != test.want {
			t.Errorf("%d in units of %d/%d s: %v, not %v", test.timestamp, test.numerator, test.denominator, got, test.want)
		}
	}
}

func TestFaultsNameTheirOffset(t *testing.T) {
	second := int64(fileHeaderSize + frameHeaderSize + 3000)
	file := append(bytes.Clone(samples.VP8[:fileHeaderSize]), 0xb8, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	file = append(file, make([]byte, 3000)...)
	change := func(at int, value byte) []byte {
		b := bytes.Clone(file)
		b[at] = value
		return b
	}
	longer := change(6, 36)
	for name, test := range map[string]struct {
		file   []byte
		offset int64
		cutOff bool
	}{
		"empty":            {nil, 0, true},
		"half a header":    {file[:20], 0, true},
		"signature":        {change(0, 'X'), 0, false},
		"version":          {change(4, 1), 4, false},
		"header size":      {change(6, 31), 6, false},
		"longer header":    {longer[:34], 0, true},
		"denominator zero": {change(16, 0), 16, false},
		"numerator zero":   {change(20, 0), 16, false},
		"frame header":     {append(bytes.Clone(file), 1, 2), second, true},
		"frame":            {file[:second-1], fileHeaderSize, true},
		"no frame byte":    {file[:fileHeaderSize+frameHeaderSize], fileHeaderSize, true},
		"huge frame":       {change(fileHeaderSize+3, 0xff), fileHeaderSize, false},
	} {
		reader, _, err := NewWith(bytes.NewReader(test.file))
		for err == nil {
			_, _, err = reader.ParseNextFrame()
		}
		var fault *media.FormatError
		if !errors.As(err, &fault) || fault.Offset != test.offset || errors.Is(err, io.ErrUnexpectedEOF) != test.cutOff {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := NewWith(nil); err == nil {
		t.Error("a nil stream is read")
	}
	broken := errors.New("broken")
	if _, _, err := NewWith(iotest.ErrReader(broken)); err != broken {
		t.Errorf("the stream's own error became %v", err)
	}
}

func TestHeaderThatIsLongerIsSkipped(t *testing.T) {
	file := append(bytes.Clone(samples.VP8[:fileHeaderSize]), 1, 2, 3, 4)
	file[6] = 36
	reader, _, err := NewWith(bytes.NewReader(append(file, samples.VP8[fileHeaderSize:]...)))
	if err != nil {
		t.Fatal(err)
	}
	if payload, _, err := reader.ParseNextFrame(); err != nil || !bytes.HasPrefix(samples.VP8[fileHeaderSize+frameHeaderSize:], payload) {
		t.Errorf("first frame: %v", err)
	}
}

func TestLengthThatLiesCostsNoMemory(t *testing.T) {
	file := append(bytes.Clone(samples.VP8[:fileHeaderSize]), 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	reader, _, err := NewWith(bytes.NewReader(file))
	if err == nil {
		_, _, err = reader.ParseNextFrame()
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes for a file of %d", used, len(file))
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
}

func TestFileThatGrowsIsReadOnFromTheLastWholeFrame(t *testing.T) {
	cut := 5000
	reader, _, err := NewWith(bytes.NewReader(samples.VP8[:cut]))
	frames := 0
	for resets := 0; err != io.EOF; {
		if _, _, err = reader.ParseNextFrame(); errors.Is(err, io.ErrUnexpectedEOF) {
			resets++
			if cut = min(cut+9000, len(samples.VP8)); resets > 20 {
				t.Fatal("no progress")
			}
			reader.ResetReader(func(read int64) io.Reader { return bytes.NewReader(samples.VP8[read:cut]) })
		} else if err == nil {
			frames++
		}
	}
	if frames != 45 {
		t.Errorf("%d frames, not 45", frames)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(samples.VP8[:4000])
	f.Add(samples.AV1[:fileHeaderSize])
	f.Add([]byte(signature))
	f.Fuzz(func(t *testing.T, file []byte) {
		reader, header, err := NewWith(bytes.NewReader(file))
		if err != nil {
			return
		}
		for total := 0; ; {
			payload, frame, err := reader.ParseNextFrame()
			if err != nil {
				return
			}
			header.Time(frame.Timestamp)
			if total += frameHeaderSize + len(payload); total > len(file) {
				t.Fatal("more was returned than there is")
			}
		}
	})
}
