package oggreader

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// HeaderType is the signature of a header packet of Opus.
type HeaderType string

// The header packets of an Opus stream (RFC 7845 sections 5.1 and 5.2).
const (
	// HeaderOpusID is the identification header, the first packet of a stream.
	HeaderOpusID HeaderType = "OpusHead"
	// HeaderOpusTags is the comment header, the second packet.
	HeaderOpusTags HeaderType = "OpusTags"
)

// HeaderType reports which header of an Opus stream this page holds, if any:
// the identification header only on the first page of a stream.
func (p *OggPageHeader) HeaderType(payload []byte) (HeaderType, bool) {
	if len(payload) < 8 {
		return "", false
	}
	switch t := HeaderType(payload[:8]); {
	case t == HeaderOpusTags, t == HeaderOpusID && p.FirstPage():
		return t, true
	}
	return "", false
}

// OggHeader is the identification header of an Opus stream (RFC 7845 section
// 5.1).
type OggHeader struct {
	// ChannelMap is the channel mapping family.
	ChannelMap uint8
	// Channels is the number of output channels, not zero.
	Channels uint8
	// OutputGain is in dB, as a signed Q7.8 number.
	OutputGain uint16
	// PreSkip is the number of samples at 48 kHz to leave out at the beginning.
	PreSkip uint16
	// SampleRate is that of the encoder's input, in Hz; playing does not need it.
	SampleRate uint32
	// Version is 1; the upper four bits are zero.
	Version uint8
	// StreamCount is the number of Opus streams in each packet; zero for family 0,
	// which has one.
	StreamCount uint8
	// CoupledCount is how many of them are stereo; zero for family 0.
	CoupledCount uint8
	// ChannelMapping is the decoded channel that each output channel takes, a byte
	// each; 255 is silence. It is empty for family 0. A string, so that headers
	// can be compared.
	ChannelMapping string
}

const opusHeadSize = 19

// ParseOpusHead reads an identification header (RFC 7845 section 5.1). The
// offset of its errors is that in the payload.
func ParseOpusHead(payload []byte) (*OggHeader, error) {
	if len(payload) < opusHeadSize {
		return nil, fault(0, "identification header of %d bytes, less than %d", len(payload), opusHeadSize)
	}
	if t := HeaderType(payload[:8]); t != HeaderOpusID {
		return nil, fault(0, "identification header begins with %q, not %q", t, HeaderOpusID)
	}
	header := &OggHeader{
		Version:    payload[8],
		Channels:   payload[9],
		PreSkip:    binary.LittleEndian.Uint16(payload[10:]),
		SampleRate: binary.LittleEndian.Uint32(payload[12:]),
		OutputGain: binary.LittleEndian.Uint16(payload[16:]),
		ChannelMap: payload[18],
	}
	// "The upper four bits of the version number [...] incompatible changes."
	if header.Version >= 16 {
		return nil, fault(8, "version of Opus in Ogg is %d, not 1", header.Version)
	}
	if header.Channels == 0 {
		return nil, fault(9, "no channel")
	}
	if err := header.readMapping(payload); err != nil {
		return nil, err
	}
	return header, nil
}

// readMapping reads the channel mapping table (RFC 7845 section 5.1.1, RFC 8486
// section 3). Reserved families are read like 255, as section 5.1.1.4 asks.
func (h *OggHeader) readMapping(payload []byte) error {
	switch h.ChannelMap {
	case 0:
		if h.Channels > 2 {
			return fault(9, "%d channels in mapping family 0, which has two at most", h.Channels)
		}
		return nil
	case 3:
		return fault(18, "mapping family 3 (a demixing matrix, RFC 8486) is not supported")
	}
	if size := opusHeadSize + 2 + int(h.Channels); len(payload) < size {
		return fault(opusHeadSize, "identification header of %d bytes, less than the %d of %d channels",
			len(payload), size, h.Channels)
	}
	h.StreamCount, h.CoupledCount = payload[19], payload[20]
	if h.StreamCount == 0 || h.CoupledCount > h.StreamCount {
		return fault(opusHeadSize, "%d streams, %d of them coupled", h.StreamCount, h.CoupledCount)
	}
	h.ChannelMapping = string(payload[21 : 21+int(h.Channels)])
	for i, channel := range []byte(h.ChannelMapping) {
		if decoded := int(h.StreamCount) + int(h.CoupledCount); channel != 255 && int(channel) >= decoded {
			return fault(int64(21+i), "channel %d of %d decoded ones", channel, decoded)
		}
	}
	return nil
}

// OpusTags is the comment header of an Opus stream (RFC 7845 section 5.2).
type OpusTags struct {
	// Vendor names the encoder.
	Vendor string
	// UserComments are the comments in the order of the file.
	UserComments []UserComment
}

// UserComment is one comment: "Comment=Value". The name is not case-sensitive
// and may occur more than once.
type UserComment struct {
	Comment string
	Value   string
}

// ParseOpusTags reads a comment header (RFC 7845 section 5.2). What follows the
// comments is padding. The offset of its errors is that in the payload.
func ParseOpusTags(payload []byte) (*OpusTags, error) {
	if t := HeaderType(payload[:min(8, len(payload))]); t != HeaderOpusTags {
		return nil, fault(0, "comment header begins with %q, not %q", t, HeaderOpusTags)
	}
	c := comments{data: payload, offset: 8}
	tags := &OpusTags{}
	var err error
	if tags.Vendor, err = c.text("vendor"); err != nil {
		return nil, err
	}
	count, err := c.number("number of comments")
	if err != nil {
		return nil, err
	}
	if left := (len(payload) - c.offset) / 4; uint64(count) > uint64(left) {
		return nil, fault(int64(c.offset-4), "%d comments where at most %d have room", count, left)
	}
	for i := range count {
		start := c.offset
		text, err := c.text(fmt.Sprintf("comment %d", i))
		if err != nil {
			return nil, err
		}
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fault(int64(start), "comment %d has no %q", i, "=")
		}
		tags.UserComments = append(tags.UserComments, UserComment{Comment: name, Value: value})
	}
	return tags, nil
}

// comments reads the fields of a comment header, from offset on.
type comments struct {
	data   []byte
	offset int
}

func (c *comments) number(what string) (uint32, error) {
	if len(c.data)-c.offset < 4 {
		return 0, fault(int64(c.offset), "%s is cut off", what)
	}
	n := binary.LittleEndian.Uint32(c.data[c.offset:])
	c.offset += 4
	return n, nil
}

func (c *comments) text(what string) (string, error) {
	size, err := c.number(what)
	if err != nil {
		return "", err
	}
	if left := len(c.data) - c.offset; uint64(size) > uint64(left) {
		return "", fault(int64(c.offset-4), "%s of %d bytes, where %d are left", what, size, left)
	}
	text := string(c.data[c.offset : c.offset+int(size)])
	c.offset += int(size)
	return text, nil
}

func fault(offset int64, format string, values ...any) error {
	return &media.FormatError{Format: "ogg", Offset: offset, Reason: fmt.Sprintf(format, values...)}
}
