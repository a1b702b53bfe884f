// Package ivfreader reads IVF files, which hold the frames of one VP8, VP9 or
// AV1 stream. The format is described at https://wiki.multimedia.cx/index.php/IVF;
// all its numbers are little endian. Names and signatures are those of
// github.com/pion/webrtc/v4/pkg/media/ivfreader.
package ivfreader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"time"

	"github.com/passerelle-rtc/webrtc/pkg/media/internal/input"
)

const (
	signature       = "DKIF"
	fileHeaderSize  = 32
	frameHeaderSize = 12
)

// IVFFileHeader is the header of an IVF file. The comments give the bytes of the
// file that each field comes from.
type IVFFileHeader struct {
	// FourCC names the codec: "VP80", "VP90" or "AV01".
	FourCC string // 8-11
	// Width is in pixels.
	Width uint16 // 12-13
	// Height is in pixels.
	Height uint16 // 14-15
	// TimebaseDenominator is how many units of time TimebaseNumerator seconds
	// have. Neither is zero.
	TimebaseDenominator uint32 // 16-19
	// TimebaseNumerator is usually 1.
	TimebaseNumerator uint32 // 20-23
	// NumFrames is the number of frames, as the writer of the file gave it. It
	// is often zero or wrong; read to io.EOF.
	NumFrames uint32 // 24-27
}

// Time returns the presentation time of a frame with this timestamp. A time
// that no Duration can hold, which is after 292 years, is returned as the
// longest Duration.
func (h *IVFFileHeader) Time(timestamp uint64) time.Duration {
	if h.TimebaseDenominator == 0 {
		return 0
	}
	high, low := bits.Mul64(timestamp, uint64(h.TimebaseNumerator)*uint64(time.Second))
	if uint64(h.TimebaseNumerator) > math.MaxUint64/uint64(time.Second) || high >= uint64(h.TimebaseDenominator) {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(high, low, uint64(h.TimebaseDenominator))
	return time.Duration(min(quotient, math.MaxInt64))
}

// IVFFrameHeader stands before each frame.
type IVFFrameHeader struct {
	// FrameSize is the number of bytes of the frame.
	FrameSize uint32 // 0-3
	// Timestamp is the presentation time, in units of the file's time base:
	// IVFFileHeader.Time makes a Duration of it.
	Timestamp uint64 // 4-11
}

// IVFReader reads the frames of an IVF file. It may be used by one goroutine at
// a time.
type IVFReader struct {
	in input.Input
	// whole is the offset behind the last frame that was read completely.
	whole int64
}

// NewWith returns a reader of the stream and the header of the file, which it
// reads. It fails when that is not an IVF file of version 0, or has a time base
// with a zero in it.
func NewWith(stream io.Reader) (*IVFReader, *IVFFileHeader, error) {
	if stream == nil {
		return nil, nil, errors.New("ivf: the stream is nil")
	}
	reader := &IVFReader{in: input.Input{Format: "ivf", R: stream}}
	header, err := reader.readFileHeader()
	if err != nil {
		return nil, nil, err
	}
	return reader, header, nil
}

func (i *IVFReader) readFileHeader() (*IVFFileHeader, error) {
	b, err := i.in.Take(fileHeaderSize)
	if err != nil {
		return nil, i.in.Fault(0, "file header", err)
	}
	if string(b[:4]) != signature {
		return nil, i.in.Fault(0, fmt.Sprintf("signature is %q, not %q", b[:4], signature), nil)
	}
	if version := binary.LittleEndian.Uint16(b[4:]); version != 0 {
		return nil, i.in.Fault(4, fmt.Sprintf("version is %d, not 0", version), nil)
	}
	size := int(binary.LittleEndian.Uint16(b[6:]))
	if size < fileHeaderSize {
		return nil, i.in.Fault(6, fmt.Sprintf("file header has %d bytes, not %d", size, fileHeaderSize), nil)
	}
	header := &IVFFileHeader{
		FourCC:              string(b[8:12]),
		Width:               binary.LittleEndian.Uint16(b[12:]),
		Height:              binary.LittleEndian.Uint16(b[14:]),
		TimebaseDenominator: binary.LittleEndian.Uint32(b[16:]),
		TimebaseNumerator:   binary.LittleEndian.Uint32(b[20:]),
		NumFrames:           binary.LittleEndian.Uint32(b[24:]),
	}
	if header.TimebaseDenominator == 0 || header.TimebaseNumerator == 0 {
		return nil, i.in.Fault(16, fmt.Sprintf("time base is %d/%d",
			header.TimebaseNumerator, header.TimebaseDenominator), nil)
	}
	// What a longer header has behind the fields that are known is skipped.
	if _, err = i.in.Take(size - fileHeaderSize); err != nil {
		return nil, i.in.Fault(0, "file header", err)
	}
	i.whole = i.in.Offset
	return header, nil
}

// ParseNextFrame returns the next frame and its header. At the end of the file
// the error is io.EOF; a file that ends within a frame gives a
// *media.FormatError that unwraps to io.ErrUnexpectedEOF.
func (i *IVFReader) ParseNextFrame() ([]byte, *IVFFrameHeader, error) {
	start := i.in.Offset
	b, err := i.in.Take(frameHeaderSize)
	if errors.Is(err, io.EOF) {
		return nil, nil, io.EOF
	} else if err != nil {
		return nil, nil, i.in.Fault(start, "frame header", err)
	}
	header := &IVFFrameHeader{
		FrameSize: binary.LittleEndian.Uint32(b),
		Timestamp: binary.LittleEndian.Uint64(b[4:]),
	}
	if header.FrameSize > math.MaxInt32 {
		return nil, nil, i.in.Fault(start, fmt.Sprintf("frame of %d bytes", header.FrameSize), nil)
	}
	payload, err := i.in.Take(int(header.FrameSize))
	if err != nil {
		return nil, nil, i.in.Fault(start, fmt.Sprintf("frame of %d bytes", header.FrameSize), err)
	}
	i.whole = i.in.Offset
	return payload, header, nil
}

// ResetReader replaces the stream by what reset returns, which gets the offset
// behind the last frame that was read completely. It is for files that are
// still being written: after io.EOF, or an error within a frame, reading goes
// on from there once there is more.
func (i *IVFReader) ResetReader(reset func(bytesRead int64) io.Reader) {
	i.in.R = reset(i.whole)
	i.in.Offset = i.whole
}
