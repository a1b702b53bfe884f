package webm

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"time"

	"github.com/at-wat/ebml-go/webm"

	"github.com/passerelle-rtc/webrtc/pkg/media/internal/input"
)

// The elements that are read (RFC 9559 section 5.1). What is in a master element
// that is entered cannot be taken for the children of another one, so a file is
// read as one row of elements, whatever the sizes of master elements are.
const (
	idEBML           = 0x1a45dfa3
	idDocType        = 0x4282
	idSegment        = 0x18538067
	idInfo           = 0x1549a966
	idTimestampScale = 0x2ad7b1
	idTracks         = 0x1654ae6b
	idTrackEntry     = 0xae
	idTrackNumber    = 0xd7
	idCodecID        = 0x86
	idVideo          = 0xe0
	idPixelWidth     = 0xb0
	idPixelHeight    = 0xba
	idAudio          = 0xe1
	idChannels       = 0x9f
	idCluster        = 0x1f43b675
	idTimestamp      = 0xe7
	idSimpleBlock    = 0xa3
	idBlockGroup     = 0xa0
	idBlock          = 0xa1
	idReferenceBlock = 0xfb
)

const (
	// maxBlock is the size of the largest frame that is read, in bytes.
	maxBlock = 64 << 20
	// maxValue is that of numbers and texts.
	maxValue = 256
	// maxTracks bounds the header.
	maxTracks = 256
	// unknownSize is the size of a master element that ends where another begins
	// (RFC 8794 section 6.2).
	unknownSize = math.MaxUint64
)

// Frame is a frame of a file.
type Frame struct {
	// Track is the index of the track in Reader.Tracks.
	Track int
	// Time is the presentation time, from the beginning of the file.
	Time time.Duration
	// Keyframe says that the frame needs no other one.
	Keyframe bool
	// Data is the encoded frame.
	Data []byte
}

// Reader reads the frames of a file in the order of the file. It may be used by
// one goroutine at a time.
type Reader struct {
	in      input.Input
	docType string
	scale   uint64 // nanoseconds of a unit of time
	cluster uint64
	entries []webm.TrackEntry
	tracks  []Track
	index   map[uint64]int

	// block is what was read of a block group: whether it refers to another one
	// comes behind it.
	block    Frame
	hasBlock bool
	// again is an element header that was read and not used.
	again    element
	hasAgain bool
}

// element is the header of an element, which begins at offset.
type element struct {
	id     uint32
	size   uint64
	offset int64
}

// NewReader returns a reader of the stream, from which it reads the header. It
// fails with a *media.FormatError for what is no WebM or Matroska file.
func NewReader(stream io.Reader) (*Reader, error) {
	if stream == nil {
		return nil, errors.New("webm: the stream is nil")
	}
	r := &Reader{in: input.Input{Format: "webm", R: stream}, scale: uint64(time.Millisecond), index: map[uint64]int{}}
	for {
		e, err := r.next()
		switch {
		case errors.Is(err, io.EOF) && len(r.entries) > 0:
			return r, r.finishHeader()
		case errors.Is(err, io.EOF):
			return nil, r.in.Fault(r.in.Offset, "header", err)
		case err != nil:
			return nil, err
		case e.offset == 0 && e.id != idEBML:
			return nil, r.in.Fault(0, "no EBML header", nil)
		case e.id == idCluster:
			r.again, r.hasAgain = e, true
			return r, r.finishHeader()
		}
		if err := r.readHeader(e); err != nil {
			return nil, err
		}
	}
}

func (r *Reader) finishHeader() error {
	if r.docType != "webm" && r.docType != "matroska" {
		return r.in.Fault(0, fmt.Sprintf("document of type %q", r.docType), nil)
	}
	for i, entry := range r.entries {
		r.tracks = append(r.tracks, trackOf(entry))
		r.index[entry.TrackNumber] = i
	}
	return nil
}

// readHeader reads an element before the first cluster.
func (r *Reader) readHeader(e element) (err error) {
	if e.id == idTrackEntry && len(r.entries) == maxTracks {
		return r.in.Fault(e.offset, fmt.Sprintf("more than %d tracks", maxTracks), nil)
	}
	if e.id == idTrackEntry {
		r.entries = append(r.entries, webm.TrackEntry{})
		return nil
	}
	track := &webm.TrackEntry{}
	if n := len(r.entries); n > 0 {
		track = &r.entries[n-1]
	}
	switch e.id {
	case idEBML, idSegment, idInfo, idTracks:
	case idVideo:
		track.Video = &webm.Video{}
	case idAudio:
		track.Audio = &webm.Audio{Channels: 1} // the default
	case idDocType:
		r.docType, err = r.text(e)
	case idCodecID:
		track.CodecID, err = r.text(e)
	case idTimestampScale:
		r.scale, err = r.number(e)
	case idTrackNumber:
		track.TrackNumber, err = r.number(e)
	case idPixelWidth, idPixelHeight, idChannels:
		var n uint64
		n, err = r.number(e)
		switch {
		case e.id == idPixelWidth && track.Video != nil:
			track.Video.PixelWidth = n
		case e.id == idPixelHeight && track.Video != nil:
			track.Video.PixelHeight = n
		case e.id == idChannels && track.Audio != nil:
			track.Audio.Channels = n
		}
	default:
		err = r.skip(e)
	}
	return err
}

// Tracks returns the tracks of the file. One whose codec this package does not
// know has no MimeType.
func (r *Reader) Tracks() []Track { return r.tracks }

// Next returns the next frame. At the end of the file the error is io.EOF; a file
// that ends within an element, or has several frames in a block (lacing), gives a
// *media.FormatError.
func (r *Reader) Next() (Frame, error) {
	for {
		e, err := r.next()
		ends := e.id == idCluster || e.id == idTimestamp || e.id == idSimpleBlock || e.id == idBlockGroup
		if r.hasBlock && (ends || errors.Is(err, io.EOF)) {
			r.again, r.hasAgain, r.hasBlock = e, err == nil, false
			return r.block, nil
		}
		if err != nil {
			return Frame{}, err
		}
		switch e.id {
		case idEBML, idSegment, idCluster, idBlockGroup:
		case idTimestamp:
			r.cluster, err = r.number(e)
		case idSimpleBlock:
			f, ok, err := r.readBlock(e)
			if err != nil || ok {
				return f, err
			}
		case idBlock:
			r.block, r.hasBlock, err = r.readBlock(e)
			r.block.Keyframe = true // unless it refers to another one
		case idReferenceBlock:
			r.block.Keyframe = false
			err = r.skip(e)
		default:
			err = r.skip(e)
		}
		if err != nil {
			return Frame{}, err
		}
	}
}

// readBlock reads a block (RFC 9559 section 10.1); ok is false for one of a track
// that the header does not name.
func (r *Reader) readBlock(e element) (f Frame, ok bool, err error) {
	b, err := r.value(e, maxBlock)
	if err != nil {
		return Frame{}, false, err
	}
	number, n := vint(b)
	if n == 0 || len(b) < n+3 {
		return Frame{}, false, r.in.Fault(e.offset, fmt.Sprintf("block of %d bytes", len(b)), nil)
	}
	relative, flags := int16(uint16(b[n])<<8|uint16(b[n+1])), b[n+2]
	if flags&0x06 != 0 {
		return Frame{}, false, r.in.Fault(e.offset, "block with lacing, which is not supported", nil)
	}
	f.Track, ok = r.index[number]
	f.Time, f.Keyframe, f.Data = r.time(relative), flags&0x80 != 0, b[n+3:]
	return f, ok, nil
}

// time returns a time that is given relative to the cluster's; one that no
// Duration can hold is the longest.
func (r *Reader) time(relative int16) time.Duration {
	at := int64(min(r.cluster, math.MaxInt64-math.MaxInt16)) + int64(relative)
	high, low := bits.Mul64(uint64(max(at, 0)), r.scale)
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(low)
}

// next reads the header of the next element (RFC 8794 sections 5 and 6).
func (r *Reader) next() (element, error) {
	if r.hasAgain {
		r.hasAgain = false
		return r.again, nil
	}
	e := element{offset: r.in.Offset}
	b, err := r.in.Take(1)
	if errors.Is(err, io.EOF) {
		return e, io.EOF
	} else if err != nil {
		return e, err
	}
	length := bits.LeadingZeros8(b[0]) + 1
	if length > 4 {
		return e, r.in.Fault(e.offset, fmt.Sprintf("element ID begins with %#02x", b[0]), nil)
	}
	if b, err = r.in.Append(b, length-1); err != nil {
		return e, r.in.Fault(e.offset, "element ID", err)
	}
	for _, v := range b {
		e.id = e.id<<8 | uint32(v)
	}
	if b, err = r.in.Take(1); err == nil {
		b, err = r.in.Append(b, bits.LeadingZeros8(b[0]))
	}
	if err != nil {
		return e, r.in.Fault(e.offset, fmt.Sprintf("size of element %X", e.id), err)
	}
	size, n := vint(b)
	if n == 0 {
		return e, r.in.Fault(e.offset, fmt.Sprintf("size of element %X begins with a zero byte", e.id), nil)
	}
	if e.size = size; size == 1<<(7*n)-1 {
		e.size = unknownSize
	}
	return e, nil
}

// vint reads a variable-size integer (RFC 8794 section 4); n is zero where it is
// cut off or longer than eight bytes.
func vint(b []byte) (value uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = bits.LeadingZeros8(b[0]) + 1
	if n > 8 || len(b) < n {
		return 0, 0
	}
	value = uint64(b[0]) & (1<<(8-n) - 1)
	for _, v := range b[1:n] {
		value = value<<8 | uint64(v)
	}
	return value, n
}

// value reads what is in an element.
func (r *Reader) value(e element, limit uint64) ([]byte, error) {
	if e.size > limit {
		return nil, r.in.Fault(e.offset, fmt.Sprintf("element %X of more than %d bytes", e.id, limit), nil)
	}
	b, err := r.in.Take(int(e.size))
	if err != nil {
		return nil, r.in.Fault(e.offset, fmt.Sprintf("element %X of %d bytes", e.id, e.size), err)
	}
	return b, nil
}

func (r *Reader) text(e element) (string, error) {
	b, err := r.value(e, maxValue)
	return string(b), err
}

func (r *Reader) number(e element) (n uint64, err error) {
	b, err := r.value(e, 8)
	for _, v := range b {
		n = n<<8 | uint64(v)
	}
	return n, err
}

// skip reads over an element, without keeping it.
func (r *Reader) skip(e element) error {
	if e.size > math.MaxInt64 {
		return r.in.Fault(e.offset, fmt.Sprintf("element %X without a size", e.id), nil)
	}
	n, err := io.CopyN(io.Discard, r.in.R, int64(e.size))
	r.in.Offset += n
	if err != nil {
		return r.in.Fault(e.offset, fmt.Sprintf("element %X of %d bytes", e.id, e.size), err)
	}
	return nil
}
