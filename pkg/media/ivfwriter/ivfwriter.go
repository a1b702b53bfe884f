// Package ivfwriter writes VP8, VP9 or AV1 from RTP packets into IVF files, whose
// format is described at https://wiki.multimedia.cx/index.php/IVF. Names and
// signatures are those of github.com/pion/webrtc/v4/pkg/media/ivfwriter.
//
// Only whole frames are written, the first of them a key frame. Packets may come
// up to 64 places late; a frame of which a packet is missing is left out.
package ivfwriter

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/bits"
	"os"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/internal/frame"
	"github.com/passerelle-rtc/webrtc/internal/seqnum"
	"github.com/passerelle-rtc/webrtc/pkg/media/internal/rtpframes"
)

// clockRate is that of video in RTP, in Hz (RFC 7741 section 4.1, RFC 9628
// section 4.1, RTP payload format for AV1 section 4.1).
const clockRate = 90000

// The file header, and where the fields are that are written again.
const (
	fileHeaderSize   = 32
	frameCountOffset = 24
)

// IVFWriter writes one stream. It may be used by one goroutine at a time.
type IVFWriter struct {
	out    io.Writer
	format *format
	source *rtpframes.Source
	// begun says that the header and a key frame have been written.
	begun  bool
	frames uint32

	width, height          uint16
	sized                  bool // by an option
	numerator, denominator uint32
	directPTS              bool

	time seqnum.Unwrapper32
	// origin is the timestamp of the first frame, extended.
	origin int64
}

// New creates the file, or empties it.
func New(fileName string, opts ...Option) (*IVFWriter, error) {
	file, err := os.Create(fileName)
	if err != nil {
		return nil, err
	}
	writer, err := NewWith(file, opts...)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return writer, nil
}

// NewWith returns a writer to out. The header is written with the first key
// frame, since that has the size of the picture, or by Close. Close closes out if
// it is an io.Closer, and completes the header if it is an io.WriteSeeker.
func NewWith(out io.Writer, opts ...Option) (*IVFWriter, error) {
	if out == nil {
		return nil, errors.New("ivfwriter: the output is nil")
	}
	writer := &IVFWriter{out: out, width: 640, height: 480, numerator: 1, denominator: 30}
	for _, opt := range opts {
		if err := opt(writer); err != nil {
			return nil, err
		}
	}
	if writer.format == nil {
		writer.format = &formats[0]
	}
	writer.source = rtpframes.New(writer.format.codec)
	return writer, nil
}

// WriteRTP adds a packet, and writes the frames that are whole by it. A packet
// without a payload, which carries padding only, may be given too: so its number
// is not missed. After Close it fails.
func (i *IVFWriter) WriteRTP(packet *rtp.Packet) error {
	switch {
	case i.out == nil:
		return os.ErrClosed
	case packet == nil:
		return errors.New("ivfwriter: the packet is nil")
	}
	return i.source.Push(packet, i.writeFrame)
}

func (i *IVFWriter) writeFrame(f frame.Frame) error {
	if !i.begun {
		if !f.Keyframe {
			return nil
		}
		if width, height, ok := i.format.size(f.Payload); ok && !i.sized {
			i.width, i.height = width, height
		}
		if err := i.writeHeader(); err != nil {
			return err
		}
		i.begun, i.origin = true, i.time.Unwrap(f.Timestamp)
	}
	b := make([]byte, 12, 12+len(i.format.prefix)+len(f.Payload))
	binary.LittleEndian.PutUint32(b, uint32(len(i.format.prefix)+len(f.Payload)))
	binary.LittleEndian.PutUint64(b[4:], i.pts(i.time.Unwrap(f.Timestamp)-i.origin))
	b = append(append(b, i.format.prefix...), f.Payload...)
	if _, err := i.out.Write(b); err != nil {
		return err
	}
	i.frames++
	return nil
}

// pts makes a time of a distance in RTP timestamps: in units of the file's time
// base, to the nearest one. A frame from before the first, which a sender's
// timestamps may put there, is at the beginning.
func (i *IVFWriter) pts(distance int64) uint64 {
	if distance <= 0 {
		return 0
	}
	if i.directPTS {
		return uint64(distance)
	}
	// distance/clockRate seconds of denominator/numerator units each.
	divisor := uint64(i.numerator) * clockRate
	high, low := bits.Mul64(uint64(distance), uint64(i.denominator))
	low, carry := bits.Add64(low, divisor/2, 0)
	if high += carry; high >= divisor {
		return math.MaxUint64
	}
	quotient, _ := bits.Div64(high, low, divisor)
	return quotient
}

func (i *IVFWriter) writeHeader() error {
	b := make([]byte, fileHeaderSize)
	copy(b, "DKIF")
	binary.LittleEndian.PutUint16(b[6:], fileHeaderSize)
	copy(b[8:], i.format.fourCC)
	binary.LittleEndian.PutUint16(b[12:], i.width)
	binary.LittleEndian.PutUint16(b[14:], i.height)
	binary.LittleEndian.PutUint32(b[16:], i.denominator)
	binary.LittleEndian.PutUint32(b[20:], i.numerator)
	_, err := i.out.Write(b)
	return err
}

// Close writes what waited for missing packets, and the number of frames into
// the header where the output can seek. A second Close does nothing.
func (i *IVFWriter) Close() error {
	if i.out == nil {
		return nil
	}
	err := i.source.End(i.writeFrame)
	if !i.begun && err == nil {
		err = i.writeHeader()
	}
	if seeker, ok := i.out.(io.WriteSeeker); ok && i.begun && err == nil {
		err = i.writeCount(seeker)
	}
	if closer, ok := i.out.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	i.out = nil
	return err
}

// writeCount completes the header. An output that cannot seek after all, such as
// a pipe, keeps a number of zero, which readers do not rely on.
func (i *IVFWriter) writeCount(out io.WriteSeeker) error {
	if _, err := out.Seek(frameCountOffset, io.SeekStart); err != nil {
		return nil
	}
	_, err := out.Write(binary.LittleEndian.AppendUint32(nil, i.frames))
	return err
}
