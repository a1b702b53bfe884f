package h264reader

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

func TestFileOfFFmpegIsRead(t *testing.T) {
	reader, err := NewReader(bytes.NewReader(samples.H264))
	if err != nil {
		t.Fatal(err)
	}
	counts, size := map[NalUnitType]int{}, 0
	for {
		nal, err := reader.NextNAL()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		counts[nal.UnitType]++
		size += len(nal.Data)
		if nal.ForbiddenZeroBit || nal.RefIdc == 0 || nal.Data[0] != nal.RefIdc<<5|byte(nal.UnitType) {
			t.Errorf("header of %+v", nal)
		}
	}
	// A key frame every 30 pictures, each behind its parameter sets.
	if counts[NalUnitTypeSPS] != 2 || counts[NalUnitTypePPS] != 2 || counts[NalUnitTypeCodedSliceIdr] != 2 || counts[NalUnitTypeCodedSliceNonIdr] != 43 {
		t.Errorf("units: %v", counts)
	}
	if codes := bytes.Count(samples.H264, []byte{0, 0, 1}); size >= len(samples.H264) || size < len(samples.H264)-4*codes {
		t.Errorf("%d of %d bytes were returned", size, len(samples.H264))
	}
}

func TestSEIIsSkippedUnlessAskedFor(t *testing.T) {
	stream := []byte{0, 0, 1, 0x67, 1, 0, 0, 1, 0x06, 2, 0, 0, 0, 1, 0x65, 3, 0, 0, 1, 0x06, 4}
	for include, want := range map[bool]int{false: 2, true: 4} {
		reader, err := NewReaderWithOptions(bytes.NewReader(stream), WithIncludeSEI(include))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; err == nil; n++ {
			_, err = reader.NextNAL()
		}
		if n-1 != want || err != io.EOF {
			t.Errorf("with SEI %v: %d units, %v", include, n-1, err)
		}
	}
}

func TestWhatIsNoByteStreamIsRefused(t *testing.T) {
	if _, err := NewReader(nil); err == nil {
		t.Error("a nil stream is read")
	}
	reader, err := NewReader(bytes.NewReader(samples.VP8))
	if err != nil {
		t.Fatal(err)
	}
	_, err = reader.NextNAL()
	var fault *media.FormatError
	if !errors.As(err, &fault) || err.Error() != "h264: byte 0: no start code" {
		t.Errorf("an IVF file: %v", err)
	}
	failing := errors.New("no")
	if _, err = NewReaderWithOptions(bytes.NewReader(nil), func(*H264Reader) error { return failing }); err != failing {
		t.Errorf("the option's error became %v", err)
	}
}

func TestTypesHaveNames(t *testing.T) {
	for n, want := range map[NalUnitType]string{7: "SPS(7)", 5: "CodedSliceIdr(5)", 30: "Unknown(30)"} {
		if got := n.String(); got != want {
			t.Errorf("%d is %q, not %q", n, got, want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(samples.H264[:2000])
	f.Add([]byte{0, 0, 1, 6, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		reader, err := NewReader(bytes.NewReader(stream))
		for n := 0; err == nil; n++ {
			if n > len(stream) {
				t.Fatal("no end")
			}
			_, err = reader.NextNAL()
		}
	})
}
