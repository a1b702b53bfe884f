package rtpsession

import "time"

// ReceiveStream is one RTP stream of the peer: the packets of one SSRC, with those that its retransmissions bring back.
// Whoever owns the Receiver may read it.
type ReceiveStream struct {
	SSRC SSRC
	// Section is the Key of the m-section, RID the simulcast layer or "".
	Section uint64
	RID     RID
	// Codec is that of the newest packet.
	Codec Codec
	// RTX is the SSRC that retransmissions came on, 0 before the first.
	RTX SSRC
	// User is the caller's: where it delivers the packets to.
	User any

	Reception *Reception
	nack      *NackGenerator // nil unless negotiated
	section   *section

	keyframeAsked time.Time // when a PLI or FIR was sent last
	wantsKeyframe bool
	firSequence   uint8
	counts        ReceiveCounts
	source        *source
	level         audioLevel
}

// ReceiveCounts are what Reception does not count.
type ReceiveCounts struct {
	Retransmitted      uint64 // packets that came again or as RTX
	RetransmittedBytes uint64 // of their payload
	Discarded          uint64 // packets for which there was no codec
	NACKs, PLIs, FIRs  uint32 // sent
	FEC, FECBytes      uint64
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

// AudioLevel is the level in -dBov that the newest packet with the extension carried.
func (s *ReceiveStream) AudioLevel() (level uint8, voice, ok bool) {
	return s.level.level, s.level.voice, s.level.known
}

// Ended reports whether the peer has said BYE for the stream.
func (s *ReceiveStream) Ended() bool { return s.source != nil && s.source.ended }

// RequestKeyframe asks for a picture that needs no other, with the next feedback (RFC 4585 section 6.3.1).
func (s *ReceiveStream) RequestKeyframe() { s.wantsKeyframe = true }
