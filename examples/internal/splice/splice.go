// Package splice joins pieces of RTP streams into one stream: layers of simulcast,
// or what one sender after the other sends. The examples that switch share it.
package splice

import (
	"time"

	"github.com/pion/rtp"
)

// A Stream joins pieces of several streams into one. Sequence numbers and
// timestamps go on where the last piece ended, and so do the numbers that VP8
// gives its pictures (RFC 7741 section 4.2). The zero value is for VP8. One
// goroutine at a time may use it.
type Stream struct {
	ClockRate uint32 // of the timestamps, per second; 0 is that of video, 90000
	Opaque    bool   // the payloads are not VP8 and stay as they are

	begun bool
	first uint16 // sequence number of the piece's first packet
	fresh bool   // so few packets have come that an older one may still

	// What is added to the numbers of the piece.
	sequence  uint16
	timestamp uint32
	pictureID uint16
	tl0       uint8

	// The highest that were sent, and when.
	lastSequence  uint16
	lastTimestamp uint32
	lastPicture   vp8Numbers
	at            time.Time
}

// Begin begins a piece with a packet of its keyframe.
func (s *Stream) Begin(p *rtp.Packet, now time.Time) {
	s.first, s.fresh = p.SequenceNumber, true
	numbers := s.numbers(p.Payload)
	if s.begun {
		s.sequence = s.lastSequence + 1 - p.SequenceNumber
		passed := max(uint32(now.Sub(s.at).Seconds()*float64(s.clockRate())), 1)
		s.timestamp = s.lastTimestamp + passed - p.Timestamp
		s.pictureID = s.lastPicture.pictureID + 1 - numbers.pictureID
		s.tl0 = s.lastPicture.tl0 + 1 - numbers.tl0
	} else {
		s.begun, s.lastSequence, s.lastTimestamp = true, p.SequenceNumber, p.Timestamp
	}
}

// Rewrite gives a packet its place in the stream. It reports false for one from
// before the piece, which came late. The payload of p is replaced, not changed: it
// is that of other views too.
func (s *Stream) Rewrite(p *rtp.Packet, now time.Time) bool {
	if s.fresh {
		place := int16(p.SequenceNumber - s.first)
		if place < 0 {
			return false
		}
		s.fresh = place < 1<<14 // later, numbers from before are those of the next round
	}
	p.SequenceNumber += s.sequence
	p.Timestamp += s.timestamp
	numbers := s.numbers(p.Payload)
	if s.pictureID != 0 || s.tl0 != 0 {
		numbers.pictureID += s.pictureID
		numbers.tl0 += s.tl0
		p.Payload = numbers.write(p.Payload)
	}
	if int16(p.SequenceNumber-s.lastSequence) >= 0 {
		s.lastSequence = p.SequenceNumber
		if int32(p.Timestamp-s.lastTimestamp) > 0 {
			s.at = now
			s.lastTimestamp = p.Timestamp
		}
		if numbers.pictureIDSize > 0 {
			s.lastPicture = numbers
		}
	}
	return true
}

func (s *Stream) clockRate() uint32 {
	if s.ClockRate == 0 {
		return 90000
	}
	return s.ClockRate
}

func (s *Stream) numbers(payload []byte) vp8Numbers {
	if s.Opaque {
		return vp8Numbers{}
	}
	return readVP8(payload)
}
