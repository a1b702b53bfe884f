// Package h265reader reads H.265 byte streams: the NAL units between the start
// codes of annex B. Names and signatures are those of
// github.com/pion/webrtc/v4/pkg/media/h265reader.
package h265reader

import (
	"errors"
	"io"

	"github.com/passerelle-rtc/webrtc/pkg/media/internal/annexb"
)

// H265Reader reads the NAL units of a byte stream. It may be used by one goroutine
// at a time.
type H265Reader struct {
	scanner    *annexb.Scanner
	includeSEI bool
}

// Option changes how a H265Reader reads.
type Option func(*H265Reader) error

// WithIncludeSEI says whether NextNAL returns supplemental enhancement
// information (SEI). By default it is skipped.
func WithIncludeSEI(include bool) Option {
	return func(reader *H265Reader) error {
		reader.includeSEI = include
		return nil
	}
}

// NewReader returns a reader of the stream, which skips SEI.
func NewReader(in io.Reader) (*H265Reader, error) { return NewReaderWithOptions(in) }

// NewReaderWithOptions returns a reader of the stream with these options.
func NewReaderWithOptions(in io.Reader, options ...Option) (*H265Reader, error) {
	if in == nil {
		return nil, errors.New("h265: the stream is nil")
	}
	reader := &H265Reader{scanner: annexb.NewScanner(in, "h265")}
	for _, option := range options {
		if err := option(reader); err != nil {
			return nil, err
		}
	}
	return reader, nil
}

// NAL is a NAL unit (ITU-T H.265 section 7.3.1; RFC 7798 section 1.1.4).
type NAL struct {
	// PictureOrderCount is always zero: it is not in the header of a NAL unit.
	PictureOrderCount uint32

	// ForbiddenZeroBit is set where a network element found the unit damaged.
	ForbiddenZeroBit bool
	// NalUnitType says what the unit holds.
	NalUnitType NalUnitType
	// LayerID is nuh_layer_id, zero but for scalable and multi-view streams.
	LayerID uint8
	// TemporalIDPlus1 is nuh_temporal_id_plus1, the temporal layer plus 1. Zero
	// is not allowed: the unit is damaged, or has a single byte.
	TemporalIDPlus1 uint8

	// Data is the whole unit, both bytes of the header included, with its
	// emulation prevention bytes.
	Data []byte
}

// NextNAL returns the next NAL unit. Its data is a slice of its own, without
// start code and without the zero bytes that may follow a NAL unit in a byte
// stream. The error is io.EOF behind the last one; a stream that does not begin
// with a start code gives a *media.FormatError.
func (reader *H265Reader) NextNAL() (*NAL, error) {
	for {
		data, err := reader.scanner.Next()
		if err != nil {
			return nil, err
		}
		nal := parse(data)
		if (nal.NalUnitType == NalUnitTypePrefixSei || nal.NalUnitType == NalUnitTypeSuffixSei) && !reader.includeSEI {
			continue
		}
		return nal, nil
	}
}

// parse reads the header of a unit that is not empty.
func parse(data []byte) *NAL {
	nal := &NAL{
		ForbiddenZeroBit: data[0]&0x80 != 0,
		NalUnitType:      NalUnitType(data[0] >> 1 & 0x3f),
		LayerID:          data[0] & 0x01 << 5,
		Data:             data,
	}
	if len(data) > 1 {
		nal.LayerID |= data[1] >> 3
		nal.TemporalIDPlus1 = data[1] & 0x07
	}
	return nal
}
