package main

import "github.com/pion/rtp"

// A seam joins streams that come one after the other into one, as when ffmpeg is
// started again: to the pages the numbers of the packets go on.
type seam struct {
	ssrc          uint32
	begun         bool
	sequence      uint16 // added to the source's numbers
	timestamp     uint32
	lastSequence  uint16 // what was sent
	lastTimestamp uint32
}

// join changes a header. It tells whether another stream begins with it.
func (s *seam) join(header *rtp.Header) (begins bool) {
	if begins = !s.begun || header.SSRC != s.ssrc; begins {
		if s.begun {
			s.sequence = s.lastSequence + 1 - header.SequenceNumber
			s.timestamp = s.lastTimestamp + 3000 - header.Timestamp // a 30th of a second of video
		}
		s.ssrc, s.begun = header.SSRC, true
	}
	header.SequenceNumber += s.sequence
	header.Timestamp += s.timestamp
	s.lastSequence, s.lastTimestamp = header.SequenceNumber, header.Timestamp
	return begins
}
