package h265reader

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

func TestFileOfFFmpegIsRead(t *testing.T) {
	reader, err := NewReader(bytes.NewReader(samples.H265))
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
		counts[nal.NalUnitType]++
		size += len(nal.Data)
		if nal.ForbiddenZeroBit || nal.LayerID != 0 || nal.TemporalIDPlus1 != 1 || nal.Data[0] != byte(nal.NalUnitType)<<1 {
			t.Errorf("header of %+v", nal)
		}
	}
	// A key frame every 30 pictures, each behind its parameter sets.
	if counts[NalUnitTypeVps] != 2 || counts[NalUnitTypeSps] != 2 || counts[NalUnitTypePps] != 2 ||
		counts[NalUnitTypeIdrWRadl]+counts[NalUnitTypeIdrNLp] != 2 || counts[NalUnitTypeTrailR]+counts[NalUnitTypeTrailN] != 43 {
		t.Errorf("units: %v", counts)
	}
	if codes := bytes.Count(samples.H265, []byte{0, 0, 1}); size >= len(samples.H265) || size < len(samples.H265)-4*codes {
		t.Errorf("%d of %d bytes were returned", size, len(samples.H265))
	}
}

func TestSEIIsSkippedUnlessAskedFor(t *testing.T) {
	stream := []byte{0, 0, 1, 0x42, 1, 9, 0, 0, 1, 0x4e, 1, 9, 0, 0, 0, 1, 0x26, 1, 9, 0, 0, 1, 0x50, 1, 9}
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
	if !errors.As(err, &fault) || err.Error() != "h265: byte 0: no start code" {
		t.Errorf("an IVF file: %v", err)
	}
	failing := errors.New("no")
	if _, err = NewReaderWithOptions(bytes.NewReader(nil), func(*H265Reader) error { return failing }); err != failing {
		t.Errorf("the option's error became %v", err)
	}
}

func TestTypesHaveNames(t *testing.T) {
	for n, want := range map[NalUnitType]string{33: "SPS(33)", 20: "IdrNLp(20)", 30: "Unknown(30)", 44: "Reserved(44)", 50: "Unspecified(50)"} {
		if got := n.String(); got != want {
			t.Errorf("%d is %q, not %q", n, got, want)
		}
	}
}

// ITU-T H.265 section 7.3.1.2.
func TestHeaderIsRead(t *testing.T) {
	reader, err := NewReader(bytes.NewReader([]byte{0, 0, 1, 0xa7, 0xfd, 1, 0, 0, 1, 0x40}))
	if err != nil {
		t.Fatal(err)
	}
	nal, err := reader.NextNAL()
	if err != nil || !nal.ForbiddenZeroBit || nal.NalUnitType != 19 || nal.LayerID != 63 || nal.TemporalIDPlus1 != 5 {
		t.Errorf("%+v, %v", nal, err)
	}
	if nal, err = reader.NextNAL(); err != nil || nal.NalUnitType != NalUnitTypeVps || nal.TemporalIDPlus1 != 0 {
		t.Errorf("a unit of one byte: %+v, %v", nal, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(samples.H265[:2000])
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
