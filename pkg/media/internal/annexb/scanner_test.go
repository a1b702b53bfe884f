package annexb

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

func all(r io.Reader) (units [][]byte, err error) {
	for s := NewScanner(r, "h264"); ; {
		unit, err := s.Next()
		if err != nil {
			return units, err
		}
		units = append(units, unit)
	}
}

// ITU-T H.264 section B.1: leading_zero_8bits, zero_byte, start codes of three
// and four bytes, trailing_zero_8bits.
func TestUnitsBetweenStartCodes(t *testing.T) {
	for _, test := range []struct {
		stream string
		units  []string
	}{
		{"\x00\x00\x01ab", []string{"ab"}},
		{"\x00\x00\x00\x01ab", []string{"ab"}},
		{"\x00\x00\x00\x00\x00\x00\x01ab", []string{"ab"}},
		{"\x00\x00\x01ab\x00\x00\x01cd\x00\x00\x00\x01ef", []string{"ab", "cd", "ef"}},
		{"\x00\x00\x01ab\x00\x00\x00\x00\x00\x01cd\x00\x00", []string{"ab", "cd"}},
		{"\x00\x00\x01\x00\x00\x01ab\x00\x00\x01", []string{"ab"}},
		{"\x00\x00\x01a\x00\x00\x03b\x00c", []string{"a\x00\x00\x03b\x00c"}},
		{"\x00\x00\x01", nil},
		{"", nil},
	} {
		for _, reader := range []io.Reader{
			bytes.NewReader([]byte(test.stream)),
			iotest.OneByteReader(bytes.NewReader([]byte(test.stream))),
			iotest.DataErrReader(bytes.NewReader([]byte(test.stream))),
		} {
			units, err := all(reader)
			got := []string(nil)
			for _, unit := range units {
				got = append(got, string(unit))
			}
			if err != io.EOF || !slices.Equal(got, test.units) {
				t.Errorf("%q: %q, %v; not %q", test.stream, got, err, test.units)
			}
		}
	}
}

func TestStreamThatBeginsOtherwiseIsRefused(t *testing.T) {
	for _, stream := range []string{"ab", "\x00\x01ab", "\x01\x00\x00\x01", "\x00\x00\x02", "\x00\x00", "\x00"} {
		_, err := all(bytes.NewReader([]byte(stream)))
		var fault *media.FormatError
		if !errors.As(err, &fault) {
			t.Errorf("%q: %v", stream, err)
		}
	}
}

func TestErrorOfTheStreamHidesHalfAUnit(t *testing.T) {
	broken := errors.New("broken")
	units, err := all(io.MultiReader(bytes.NewReader([]byte("\x00\x00\x01ab\x00\x00\x01cd")), iotest.ErrReader(broken)))
	if len(units) != 1 || err != broken {
		t.Errorf("%q, %v", units, err)
	}
	if _, err = all(stuck{}); err != io.ErrNoProgress {
		t.Errorf("a reader that returns nothing: %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestUnitOfNoEndIsRefused(t *testing.T) {
	_, err := all(io.MultiReader(bytes.NewReader([]byte{0, 0, 1}), io.LimitReader(endless{}, MaxUnit+1<<20)))
	var fault *media.FormatError
	if !errors.As(err, &fault) || fault.Offset != 3 {
		t.Errorf("error is %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 0xff
	}
	return len(b), nil
}

func FuzzScanner(f *testing.F) {
	f.Add(samples.H264[:3000], uint8(7))
	f.Add(samples.H265[:3000], uint8(1))
	f.Add([]byte("\x00\x00\x01\x00\x00\x00\x01\x00\x00"), uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		whole, err := all(bytes.NewReader(stream))
		pieces, err2 := all(&piecewise{data: stream, step: int(step) + 1})
		if !slices.EqualFunc(whole, pieces, bytes.Equal) || (err == io.EOF) != (err2 == io.EOF) {
			t.Fatalf("read at once %q, %v; in pieces %q, %v", whole, err, pieces, err2)
		}
		for _, unit := range whole {
			if len(unit) == 0 || bytes.Contains(unit, startCode) || unit[len(unit)-1] == 0 {
				t.Fatalf("unit %q", unit)
			}
		}
	})
}

type piecewise struct {
	data []byte
	step int
}

func (p *piecewise) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.step)], p.data)
	p.data = p.data[n:]
	return n, nil
}
