package rtpsession

import "time"

// ReceiveStream is one RTP stream of the peer: the packets of one SSRC, with those that its retransmissions bring back.
// Whoever owns the Receiver may read it.
type ReceiveStream struct {
	SSRC SSRC
	// Serial tells the streams of a Receiver apart, also those of one SSRC after another.
	Serial uint64
	// Section is the Key of the m-section, RID the simulcast layer or "".
	Section uint64
	RID     RID
	// Codec is that of the newest packet.
	Codec Codec
	// RTX is the SSRC that retransmissions came on, 0 before the first.
	RTX SSRC
	// FEC is the SSRC that protection came on, 0 before the first packet and where it comes on that of the media.
	FEC SSRC
	// User is the caller's: where it delivers the packets to.
	User any

	Reception *Reception
	nack      *NackGenerator // nil unless negotiated
	section   *section
	dormant   bool // section is what it was

	keyframeAsked time.Time // when a PLI or FIR was sent last
	wantsKeyframe bool
	firSequence   uint8
	counts        ReceiveCounts
	source        *source
	level         audioLevel
	newest        newestMedia
	frames        frameCounter
}

// newestMedia is the packet with the highest timestamp, of those that were delivered.
type newestMedia struct {
	known     bool
	timestamp uint32
	at        time.Time // when it came
}

// ReceiveCounts are the counters of a stream, as W3C's inbound-rtp has them: of its media, its retransmissions and its
// protection together, each packet as it came.
type ReceiveCounts struct {
	Packets, PayloadBytes, HeaderBytes uint64 // padding is of the header
	LastArrival                        time.Time
	Retransmitted                      uint64 // packets that came as RTX, those without an original too
	RetransmittedBytes                 uint64 // of their payload, the original sequence number included
	FEC, FECBytes                      uint64 // packets that protect others, and their payload
	NACKs, PLIs, FIRs                  uint32 // sent
}

// add counts a packet as it came.
func (c *ReceiveCounts) add(now time.Time, h *Header, packet []byte) {
	payload := payloadSize(h, packet)
	c.Packets++
	c.PayloadBytes += uint64(payload)
	c.HeaderBytes += uint64(len(packet) - payload)
	c.LastArrival = now
}

// audioLevel is what the header extension of RFC 6464 said last.
type audioLevel struct {
	known bool
	level uint8 // 0 to 127, -dBov
	voice bool
	at    time.Time
	rtp   uint32
}

// Counts returns the counters.
func (s *ReceiveStream) Counts() ReceiveCounts { return s.counts }

// Dormant reports whether the stream's m-section is not received at the moment.
func (s *ReceiveStream) Dormant() bool { return s.dormant }

// Frames is how many frames have come whole, of a codec that says where they end.
func (s *ReceiveStream) Frames() uint64 { return s.frames.frames }

// AudioLevel is the level in -dBov that the newest packet with the extension carried.
func (s *ReceiveStream) AudioLevel() (level uint8, voice, ok bool) {
	return s.level.level, s.level.voice, s.level.known
}

// HasRTX and HasFEC report whether retransmissions under an SSRC of their own, and protection, were negotiated.
func (s *ReceiveStream) HasRTX() bool { return s.section != nil && s.section.has(Retransmission) }

// HasFEC see HasRTX.
func (s *ReceiveStream) HasFEC() bool { return s.section != nil && s.section.has(Protection) }

// PlayoutTime is the time on the sender's clock that the stream is at: that of its newest media, and what has passed since it
// came. It is false before a sender report.
func (s *ReceiveStream) PlayoutTime(now time.Time) (time.Time, bool) {
	if !s.newest.known {
		return time.Time{}, false
	}
	captured, ok := s.Reception.CaptureTime(s.newest.timestamp)
	return captured.Add(now.Sub(s.newest.at)), ok
}

// delivered notes the newest media.
func (s *ReceiveStream) delivered(now time.Time, timestamp uint32) {
	if !s.newest.known || int32(timestamp-s.newest.timestamp) >= 0 {
		s.newest = newestMedia{known: true, timestamp: timestamp, at: now}
	}
}

// Ended reports whether the peer has said BYE for the stream.
func (s *ReceiveStream) Ended() bool { return s.source != nil && s.source.ended }

// RequestKeyframe asks for a picture that needs no other, with the next feedback (RFC 4585 section 6.3.1).
func (s *ReceiveStream) RequestKeyframe() { s.wantsKeyframe = true }
