package oggwriter

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/pkg/media/internal/oggpage"
	"github.com/passerelle-rtc/webrtc/pkg/media/internal/opus"
)

const (
	// preSkip lets a decoder that joins in the middle of a stream converge: 80 ms
	// (RFC 7845 section 4.2 and 5.1).
	preSkip = 80 * opus.Rate / 1000
	// maxGap is the longest gap between RTP timestamps that is filled. A longer
	// one, or a step back by as much, is a new beginning of the sender's clock.
	maxGap = 60 * opus.Rate
)

// opusStream is a logical bitstream: its header, and where writing is.
type opusStream struct {
	config   config
	sequence uint32 // of the next page
	granule  uint64 // samples at 48 kHz that have been written

	// began says that the following are set: the RTP timestamp and sequence
	// number that are expected next, and the TOC byte of the last packet.
	began         bool
	nextTimestamp uint32
	nextNumber    uint16
	toc           byte

	// last is the last page, and lastOffset where it is, while it can be marked
	// as the last one of the stream.
	last       *oggpage.Page
	lastOffset int64
}

func newOpusStream(c config) *opusStream {
	if !c.serialSet {
		c.serial = rand.Uint32()
	}
	return &opusStream{config: c}
}

// writeHead writes the identification header, alone on the first page (RFC 7845
// sections 3 and 5.1).
func (s *opusStream) writeHead(out *output) error {
	m := s.config.mapping
	b := make([]byte, 19, 21+len(m.table))
	copy(b, "OpusHead")
	b[8] = 1
	b[9] = m.channels
	binary.LittleEndian.PutUint16(b[10:], preSkip)
	binary.LittleEndian.PutUint32(b[12:], s.config.sampleRate)
	b[18] = m.family
	if m.family != 0 {
		b = append(append(b, m.streams, m.coupled), m.table...)
	}
	return s.writePacket(out, b, oggpage.First)
}

// writeTags writes the comment header, which begins on the second page and ends
// its page (RFC 7845 sections 3 and 5.2).
func (s *opusStream) writeTags(out *output) error {
	tags := s.config.tags
	b := append([]byte("OpusTags"), field(tags.Vendor)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(tags.UserComments)))
	for _, c := range tags.UserComments {
		b = append(b, field(c.Comment+"="+c.Value)...)
	}
	return s.writePacket(out, b, 0)
}

func field(text string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
}

// write appends what an RTP packet carries, and before it what is missing.
func (s *opusStream) write(out *output, packet *rtp.Packet) error {
	if len(packet.Payload) == 0 {
		return nil
	}
	samples, err := opus.Samples(packet.Payload)
	if err != nil {
		return fmt.Errorf("oggwriter: packet %d: %w", packet.SequenceNumber, err)
	}
	if s.began {
		gap := int32(packet.Timestamp - s.nextTimestamp)
		late := gap < 0 && gap >= -maxGap && int16(packet.SequenceNumber-s.nextNumber) < 0
		if late {
			return nil
		}
		if gap > 0 && gap <= maxGap {
			if err := s.conceal(out, int(gap)); err != nil {
				return err
			}
		}
	}
	s.began = true
	s.nextTimestamp = packet.Timestamp + uint32(samples)
	s.nextNumber = packet.SequenceNumber + 1
	s.toc = packet.Payload[0]
	s.granule += uint64(samples)
	return s.writePacket(out, packet.Payload, 0)
}

// conceal writes packets whose frames are empty for a gap of so many samples: a
// decoder conceals the loss where it gets one. RFC 7845 section 4.1 wants the
// mode, bandwidth and channels of the packet before it where that can be. What is
// shorter than 2.5 ms, the shortest frame, cannot be repaired.
func (s *opusStream) conceal(out *output, gap int) error {
	for _, toc := range [...]byte{
		s.toc &^ 3,      // frames as long as before
		s.shortest(),    // the shortest frames of the mode
		s.toc&4 | 28<<3, // fullband CELT of 2.5 ms
	} {
		frame := opus.FrameSamples(toc)
		for gap >= frame {
			frames := min(gap, opus.MaxSamples) / frame
			samples := frames * frame
			gap -= samples
			s.granule += uint64(samples)
			// Code 3, constant bit rate: all of the frames have the size zero.
			if err := s.writePacket(out, []byte{toc | 3, byte(frames)}, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// shortest returns the TOC byte of the shortest frame in the mode, bandwidth and
// channels of the last packet (RFC 6716 table 2).
func (s *opusStream) shortest() byte {
	config := s.toc >> 3
	if config >= 12 && config < 16 {
		config &^= 1
	} else {
		config &^= 3
	}
	return config<<3 | s.toc&4
}

// writePacket writes a packet on pages of its own. Each page but the last is
// full and has no granule position (RFC 3533 section 6).
func (s *opusStream) writePacket(out *output, packet []byte, flags byte) error {
	const full = oggpage.MaxSegments * 255
	for ended := false; !ended; flags = oggpage.Continued {
		part := packet[:min(len(packet), full)]
		packet = packet[len(part):]
		ended = len(part) < full
		page := &oggpage.Page{Flags: flags, Granule: oggpage.NoGranule, Body: part, Segments: make([]byte, len(part)/255, oggpage.MaxSegments)}
		for i := range page.Segments {
			page.Segments[i] = 255
		}
		if ended {
			page.Segments = append(page.Segments, byte(len(part)%255))
			page.Granule = s.granule
		}
		if err := s.writePage(out, page); err != nil {
			return err
		}
	}
	return nil
}

func (s *opusStream) writePage(out *output, page *oggpage.Page) error {
	page.Serial, page.Sequence = s.config.serial, s.sequence
	offset, again, err := out.write(page.Marshal())
	if err != nil {
		return err
	}
	s.sequence++
	s.last = nil
	if again {
		page.Body = append([]byte(nil), page.Body...)
		s.last, s.lastOffset = page, offset
	}
	return nil
}

// end marks the last page of the stream, or writes one that is empty.
func (s *opusStream) end(out *output) error {
	if s.last == nil {
		return s.writePage(out, &oggpage.Page{Flags: oggpage.Last, Granule: s.granule})
	}
	s.last.Flags |= oggpage.Last
	_, err := out.rewrite.WriteAt(s.last.Marshal(), s.lastOffset)
	s.last = nil
	return err
}
