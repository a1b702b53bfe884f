// Package h264reader reads H.264 byte streams: the NAL units between the start
// codes of annex B. Names and signatures are those of
// github.com/pion/webrtc/v4/pkg/media/h264reader.
package h264reader

import (
	"errors"
	"io"

	"github.com/passerelle-rtc/webrtc/pkg/media/internal/annexb"
)

// H264Reader reads the NAL units of a byte stream. It may be used by one goroutine
// at a time.
type H264Reader struct {
	scanner    *annexb.Scanner
	includeSEI bool
}

// Option changes how a H264Reader reads.
type Option func(*H264Reader) error

// WithIncludeSEI says whether NextNAL returns supplemental enhancement
// information (SEI). By default it is skipped.
func WithIncludeSEI(include bool) Option {
	return func(reader *H264Reader) error {
		reader.includeSEI = include
		return nil
	}
}

// NewReader returns a reader of the stream, which skips SEI.
func NewReader(in io.Reader) (*H264Reader, error) { return NewReaderWithOptions(in) }

// NewReaderWithOptions returns a reader of the stream with these options.
func NewReaderWithOptions(in io.Reader, options ...Option) (*H264Reader, error) {
	if in == nil {
		return nil, errors.New("h264: the stream is nil")
	}
	reader := &H264Reader{scanner: annexb.NewScanner(in, "h264")}
	for _, option := range options {
		if err := option(reader); err != nil {
			return nil, err
		}
	}
	return reader, nil
}

// NAL is a NAL unit (ITU-T H.264 section 7.3.1).
type NAL struct {
	// PictureOrderCount is always zero: it is not in the header of a NAL unit.
	PictureOrderCount uint32

	// ForbiddenZeroBit is set where a network element found the unit damaged.
	ForbiddenZeroBit bool
	// RefIdc is zero where no other picture refers to this one.
	RefIdc uint8
	// UnitType says what the unit holds.
	UnitType NalUnitType

	// Data is the whole unit, header included, with its emulation prevention
	// bytes.
	Data []byte
}

// NextNAL returns the next NAL unit. Its data is a slice of its own, without
// start code and without the zero bytes that may follow a NAL unit in a byte
// stream. The error is io.EOF behind the last one; a stream that does not begin
// with a start code gives a *media.FormatError.
func (reader *H264Reader) NextNAL() (*NAL, error) {
	for {
		data, err := reader.scanner.Next()
		if err != nil {
			return nil, err
		}
		nal := parse(data)
		if nal.UnitType == NalUnitTypeSEI && !reader.includeSEI {
			continue
		}
		return nal, nil
	}
}

// parse reads the header of a unit that is not empty.
func parse(data []byte) *NAL {
	return &NAL{
		ForbiddenZeroBit: data[0]&0x80 != 0,
		RefIdc:           data[0] >> 5 & 0x03,
		UnitType:         NalUnitType(data[0] & 0x1f),
		Data:             data,
	}
}
