// Package oggreader reads Ogg files that hold Opus (RFC 3533, RFC 7845). Names
// and signatures are those of github.com/pion/webrtc/v4/pkg/media/oggreader;
// ParseNextPacket is ours.
package oggreader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/passerelle-rtc/webrtc/pkg/media/internal/input"
	"github.com/passerelle-rtc/webrtc/pkg/media/internal/oggpage"
)

// MaxPacket is the size of the largest packet that ParseNextPacket puts
// together, in bytes. Audio packets are smaller by far (RFC 7845 section 6); it
// is comments with pictures that need the room.
const MaxPacket = 8 << 20

// maxStreams bounds for how many logical bitstreams ParseNextPacket keeps the
// beginning of a packet.
const maxStreams = 64

// OggReader reads the pages, or the packets, of an Ogg file. It may be used by
// one goroutine at a time.
type OggReader struct {
	in         input.Input
	doChecksum bool
	// whole is the offset behind the last page that was read completely.
	whole int64

	// page is what ParseNextPacket has not returned of a page; body and segments
	// shrink as it does.
	page           *OggPageHeader
	segments, body []byte
	// partial holds the beginning of the packet that each logical bitstream
	// continues on its next page.
	partial map[uint32]*partialPacket
}

type partialPacket struct {
	data []byte
	// next is the sequence number of the page that continues the packet.
	next uint32
}

// Option changes how an OggReader reads.
type Option func(*OggReader) error

// WithDoChecksum says whether a page whose checksum is wrong is an error, which
// is the default.
func WithDoChecksum(doChecksum bool) Option {
	return func(o *OggReader) error {
		o.doChecksum = doChecksum
		return nil
	}
}

// OggPageHeader is the header of a page (RFC 3533 section 6).
type OggPageHeader struct {
	// GranulePosition is the number of samples at 48 kHz, from the beginning of
	// the stream, at the end of the last packet that ends on the page, with the
	// pre-skip (RFC 7845 section 4). All bits are set where no packet ends on it.
	GranulePosition uint64

	// Serial tells the logical bitstreams of a file apart.
	Serial uint32

	flags    byte
	sequence uint32
	offset   int64
}

// FirstPage reports whether this is the first page of its logical bitstream.
func (p *OggPageHeader) FirstPage() bool { return p.flags&oggpage.First != 0 }

// LastPage reports whether this is the last page of its logical bitstream.
func (p *OggPageHeader) LastPage() bool { return p.flags&oggpage.Last != 0 }

// NewWith returns a reader and the header of the Opus stream, for which it reads
// the first page. A file of several streams needs NewWithOptions and
// ParseOpusHead.
func NewWith(in io.Reader) (*OggReader, *OggHeader, error) {
	reader, err := NewWithOptions(in)
	if err != nil {
		return nil, nil, err
	}
	payload, page, err := reader.ParseNextPage()
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = reader.in.Fault(0, "first page", err)
	}
	if err != nil {
		return nil, nil, err
	}
	if !page.FirstPage() {
		return nil, nil, reader.in.Fault(5, "first page has no flag for the beginning of a stream", nil)
	}
	header, err := ParseOpusHead(payload)
	if err != nil {
		return nil, nil, err
	}
	return reader, header, nil
}

// NewWithOptions returns a reader and reads nothing yet.
func NewWithOptions(in io.Reader, options ...Option) (*OggReader, error) {
	if in == nil {
		return nil, errors.New("ogg: the stream is nil")
	}
	reader := &OggReader{in: input.Input{Format: "ogg", R: in}, doChecksum: true, partial: map[uint32]*partialPacket{}}
	for _, option := range options {
		if err := option(reader); err != nil {
			return nil, err
		}
	}
	return reader, nil
}

// ParseNextPage returns what the next page holds, and its header. A page may
// hold many packets, or a part of one: ParseNextPacket tells them apart. At the
// end of the file the error is io.EOF; a file that ends within a page gives a
// *media.FormatError that unwraps to io.ErrUnexpectedEOF.
func (o *OggReader) ParseNextPage() ([]byte, *OggPageHeader, error) {
	body, _, header, err := o.readPage()
	return body, header, err
}

func (o *OggReader) readPage() (body, segments []byte, page *OggPageHeader, err error) {
	start := o.in.Offset
	b, err := o.in.Take(oggpage.HeaderSize)
	if errors.Is(err, io.EOF) {
		return nil, nil, nil, io.EOF
	} else if err != nil {
		return nil, nil, nil, o.in.Fault(start, "page header", err)
	}
	if string(b[:4]) != oggpage.Signature {
		return nil, nil, nil, o.in.Fault(start, fmt.Sprintf("page begins with %q, not %q", b[:4], oggpage.Signature), nil)
	}
	if b[4] != 0 {
		return nil, nil, nil, o.in.Fault(start+4, fmt.Sprintf("version of the page is %d, not 0", b[4]), nil)
	}
	count := int(b[26])
	if b, err = o.in.Append(b, count); err != nil {
		return nil, nil, nil, o.in.Fault(start, "segment table", err)
	}
	size := 0
	for _, s := range b[oggpage.HeaderSize:] {
		size += int(s)
	}
	if b, err = o.in.Append(b, size); err != nil {
		return nil, nil, nil, o.in.Fault(start, fmt.Sprintf("page with %d bytes", size), err)
	}
	if sum := binary.LittleEndian.Uint32(b[22:]); o.doChecksum && sum != oggpage.Checksum(b) {
		return nil, nil, nil, o.in.Fault(start, fmt.Sprintf("checksum is %#08x, not %#08x", sum, oggpage.Checksum(b)), nil)
	}
	page = &OggPageHeader{
		GranulePosition: binary.LittleEndian.Uint64(b[6:]),
		Serial:          binary.LittleEndian.Uint32(b[14:]),
		flags:           b[5],
		sequence:        binary.LittleEndian.Uint32(b[18:]),
		offset:          start,
	}
	o.whole = o.in.Offset
	body = b[oggpage.HeaderSize+count:]
	return body, b[oggpage.HeaderSize : oggpage.HeaderSize+count], page, nil
}

// ParseNextPacket returns the next packet and the header of the page on which it
// ends. It takes the packets of a page apart and puts together those that go
// over several pages. A packet whose beginning or middle is missing is left out.
// The first two packets of an Opus stream are its headers (RFC 7845 section 3),
// of which NewWith has read the first. The error is as that of ParseNextPage.
//
// It reads pages where it has none left, so ParseNextPage may be called between
// two packets only after all packets of a page have been returned.
func (o *OggReader) ParseNextPacket() ([]byte, *OggPageHeader, error) {
	for {
		if len(o.segments) == 0 {
			if err := o.nextPage(); err != nil {
				return nil, nil, err
			}
			continue
		}
		data, ended := o.lace()
		serial := o.page.Serial
		begun, continues := o.partial[serial]
		delete(o.partial, serial)
		if continues {
			if len(begun.data)+len(data) > MaxPacket {
				return nil, nil, o.in.Fault(o.page.offset, fmt.Sprintf("packet of more than %d bytes", MaxPacket), nil)
			}
			data = append(begun.data, data...)
		}
		if ended {
			return data, o.page, nil
		}
		if !continues {
			data = bytes.Clone(data)
		}
		if len(o.partial) == maxStreams {
			return nil, nil, o.in.Fault(o.page.offset, fmt.Sprintf("unfinished packets in more than %d streams", maxStreams), nil)
		}
		o.partial[serial] = &partialPacket{data: data, next: o.page.sequence + 1}
	}
}

// nextPage reads a page for ParseNextPacket. What it continues is forgotten
// unless it does follow; what it continues without a beginning is skipped.
func (o *OggReader) nextPage() (err error) {
	o.body, o.segments, o.page, err = o.readPage()
	if err != nil {
		o.segments, o.body = nil, nil
		return err
	}
	continued := o.page.flags&oggpage.Continued != 0
	begun := o.partial[o.page.Serial]
	if begun != nil && (!continued || begun.next != o.page.sequence) {
		delete(o.partial, o.page.Serial)
		begun = nil
	}
	if begun == nil && continued {
		o.lace()
	}
	return nil
}

// lace cuts the next packet, or part of one, off the page (RFC 3533 section 5:
// a lacing value of less than 255 ends a packet).
func (o *OggReader) lace() (data []byte, ended bool) {
	size := 0
	for len(o.segments) > 0 && !ended {
		size += int(o.segments[0])
		ended = o.segments[0] < 255
		o.segments = o.segments[1:]
	}
	data, o.body = o.body[:size:size], o.body[size:]
	return data, ended
}

// ResetReader replaces the stream by what reset returns, which gets the offset
// behind the last page that was read completely. It is for files that are still
// being written: after io.EOF, or an error within a page, reading goes on from
// there once there is more.
func (o *OggReader) ResetReader(reset func(bytesRead int64) io.Reader) {
	o.in.R = reset(o.whole)
	o.in.Offset = o.whole
}
