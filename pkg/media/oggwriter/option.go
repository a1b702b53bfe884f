package oggwriter

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/passerelle-rtc/webrtc/pkg/media/internal/opus"
)

// OpusTags is the comment header of an Opus stream (RFC 7845 section 5.2).
type OpusTags struct {
	// Vendor names the encoder.
	Vendor string
	// UserComments are the comments in the order of the file.
	UserComments []UserComment
}

// UserComment is one comment: "Comment=Value".
type UserComment struct {
	Comment string
	Value   string
}

// config is what options set, for a writer as for a track.
type config struct {
	sampleRate uint32
	mapping    mapping
	serial     uint32
	serialSet  bool
	tags       OpusTags
	seekable   pageRewriter
}

// mapping is the channel mapping (RFC 7845 section 5.1.1).
type mapping struct {
	family, channels, streams, coupled byte
	table                              []byte
}

func defaultConfig() config {
	stereo, _ := monoOrStereo(2)
	return config{sampleRate: opus.Rate, mapping: stereo, tags: OpusTags{Vendor: "passerelle"}}
}

func (c config) clone() config {
	c.tags.UserComments = slices.Clone(c.tags.UserComments)
	return c
}

// WriterOption changes a Writer.
type WriterOption interface {
	applyToWriter(*config) error
}

// TrackOption changes a track of a Writer.
type TrackOption interface {
	applyToTrack(*config) error
}

// WriterTrackOption is for both: given to a Writer it is the default of its
// tracks.
type WriterTrackOption interface {
	WriterOption
	TrackOption
}

// change is an option of any kind.
type change func(*config) error

func (c change) applyToWriter(to *config) error { return c(to) }
func (c change) applyToTrack(to *config) error  { return c(to) }

// WithSerial sets the serial number of the logical bitstream, which is random
// otherwise.
func WithSerial(serial uint32) TrackOption {
	return change(func(c *config) error {
		c.serial, c.serialSet = serial, true
		return nil
	})
}

// WithSampleRate sets the sample rate of the original input, in Hz, which the
// header names. Opus plays at 48 kHz in any case.
func WithSampleRate(sampleRate uint32) WriterTrackOption {
	return change(func(c *config) error {
		c.sampleRate = sampleRate
		return nil
	})
}

// WithChannelCount sets one or two channels: mapping family 0. The default is
// two.
func WithChannelCount(channelCount uint16) WriterTrackOption {
	return change(func(c *config) (err error) {
		c.mapping, err = monoOrStereo(channelCount)
		return err
	})
}

// WithChannelMapping sets a mapping family other than 0 (RFC 7845 section 5.1.1,
// RFC 8486): mapping has the decoded channel of each output channel, 255 for
// silence. There must be one Opus stream, since that is what RTP carries. Family
// 1 allows {0} and {0, 1}, family 2 allows {0}, family 255 anything.
func WithChannelMapping(family, streamCount, coupledCount uint8, mapping []byte) WriterTrackOption {
	m := slices.Clone(mapping)
	return change(func(c *config) (err error) {
		c.mapping, err = explicitMapping(family, streamCount, coupledCount, m)
		return err
	})
}

// WithVendor sets the vendor string of the comment header, in UTF-8.
func WithVendor(vendor string) WriterTrackOption {
	return change(func(c *config) error {
		c.tags.Vendor = vendor
		return checkText("vendor", vendor)
	})
}

// WithUserComments adds comments. A name consists of the ASCII characters from
// 0x20 to 0x7D without '='; a value is UTF-8.
func WithUserComments(comments ...UserComment) WriterTrackOption {
	added := slices.Clone(comments)
	return change(func(c *config) error {
		for _, comment := range added {
			outside := func(r rune) bool { return r < 0x20 || r > 0x7d || r == '=' }
			if comment.Comment == "" || strings.ContainsFunc(comment.Comment, outside) {
				return fmt.Errorf("oggwriter: comment name %q (RFC 7845 section 5.2)", comment.Comment)
			}
			if err := checkText("comment "+comment.Comment, comment.Value); err != nil {
				return err
			}
		}
		c.tags.UserComments = append(c.tags.UserComments, added...)
		return nil
	})
}

// WithSeekableOutput gives the output of a Writer a second time, as something in
// which the last page of each stream can be written again.
func WithSeekableOutput(output interface {
	io.Seeker
	io.WriterAt
},
) WriterOption {
	return change(func(c *config) error {
		c.seekable = output
		return nil
	})
}

func checkText(what, text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("oggwriter: %s is not UTF-8", what)
	}
	if len(text) > math.MaxInt32 {
		return fmt.Errorf("oggwriter: %s has %d bytes", what, len(text))
	}
	return nil
}

func monoOrStereo(channels uint16) (mapping, error) {
	if channels != 1 && channels != 2 {
		return mapping{}, fmt.Errorf("oggwriter: %d channels; mapping family 0 has one or two", channels)
	}
	return mapping{channels: byte(channels), streams: 1, coupled: byte(channels - 1)}, nil
}

func explicitMapping(family, streams, coupled byte, table []byte) (mapping, error) {
	m := mapping{family: family, channels: byte(len(table)), streams: streams, coupled: coupled, table: table}
	if len(table) == 0 || len(table) > math.MaxUint8 {
		return mapping{}, fmt.Errorf("oggwriter: mapping of %d channels", len(table))
	}
	if streams != 1 || coupled > 1 {
		return mapping{}, fmt.Errorf("oggwriter: %d streams, %d of them coupled; RTP has one", streams, coupled)
	}
	for _, channel := range table {
		if channel != 255 && channel > coupled {
			return mapping{}, fmt.Errorf("oggwriter: channel %d of %d decoded ones", channel, 1+coupled)
		}
	}
	mono := coupled == 0 && slices.Equal(table, []byte{0})
	stereo := coupled == 1 && slices.Equal(table, []byte{0, 1})
	switch {
	case family == 255, family == 1 && (mono || stereo), family == 2 && mono:
		return m, nil
	}
	return mapping{}, fmt.Errorf("oggwriter: mapping %v in family %d with one stream", table, family)
}
