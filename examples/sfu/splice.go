package main

import (
	"time"

	"github.com/pion/rtp"
)

// A splice joins pieces of several streams into one. Sequence numbers and
// timestamps go on where the last piece ended, and so do the numbers that VP8
// gives its pictures (RFC 7741 section 4.2).
type splice struct {
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

// begin begins a piece with a packet of its keyframe.
func (s *splice) begin(p *rtp.Packet, now time.Time) {
	s.first, s.fresh = p.SequenceNumber, true
	numbers := readVP8(p.Payload)
	if s.begun {
		s.sequence = s.lastSequence + 1 - p.SequenceNumber
		passed := max(uint32(now.Sub(s.at).Seconds()*90000), 1)
		s.timestamp = s.lastTimestamp + passed - p.Timestamp
		s.pictureID = s.lastPicture.pictureID + 1 - numbers.pictureID
		s.tl0 = s.lastPicture.tl0 + 1 - numbers.tl0
	} else {
		s.begun, s.lastSequence, s.lastTimestamp = true, p.SequenceNumber, p.Timestamp
	}
}

// rewrite gives a packet its place in the stream. It reports false for one from
// before the piece, which came late. The payload of p is replaced, not changed: it
// is that of other views too.
func (s *splice) rewrite(p *rtp.Packet, now time.Time) bool {
	if s.fresh {
		place := int16(p.SequenceNumber - s.first)
		if place < 0 {
			return false
		}
		s.fresh = place < 1<<14 // later, numbers from before are those of the next round
	}
	p.SequenceNumber += s.sequence
	p.Timestamp += s.timestamp
	numbers := readVP8(p.Payload)
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
