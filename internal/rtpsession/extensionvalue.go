package rtpsession

import (
	"encoding/binary"
	"time"
)

// The functions here read the data of header extension elements. They report
// false for data that is too short; octets beyond what they know are ignored, as
// the two-byte form may pad, and later versions may add.

// AudioLevel is the loudness of the packet's audio (RFC 6464 section 3).
type AudioLevel struct {
	Level uint8 // 0 to 127 dB below overload: 127 is silence
	Voice bool  // the encoder believes that there is speech
}

// ReadAudioLevel reads urn:ietf:params:rtp-hdrext:ssrc-audio-level.
func ReadAudioLevel(data []byte) (AudioLevel, bool) {
	if len(data) < 1 {
		return AudioLevel{}, false
	}
	return AudioLevel{Level: data[0] & 0x7F, Voice: data[0]&0x80 != 0}, true
}

// ReadContributorLevel reads the level of the contributing source i from
// urn:ietf:params:rtp-hdrext:csrc-audio-level, 0 to 127 dB below overload: there
// is an octet for each, in their order (RFC 6465 section 3). The reserved bit is
// ignored.
func ReadContributorLevel(data []byte, i int) (uint8, bool) {
	if i < 0 || i >= len(data) {
		return 0, false
	}
	return data[i] & 0x7F, true
}

// ReadSendTime reads http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time:
// 24 bits of NTP time, seconds modulo 64 and their fraction in 2^-18 s. The
// result is the time with these bits that is nearest to near, which is right
// for clocks less than 32 s apart.
func ReadSendTime(data []byte, near time.Time) (time.Time, bool) {
	if len(data) < 3 {
		return time.Time{}, false
	}
	sent := uint32(data[0])<<16 | uint32(data[1])<<8 | uint32(data[2])
	is := uint32(NTPTime(near)>>14) & 0xFFFFFF
	ticks := int64(int32((sent-is)<<8) >> 8)
	whole := NTPTime(near)&^0x3FFF + uint64(ticks<<14)
	return TimeOfNTP(whole), true
}

// ReadTransmissionOffset reads urn:ietf:params:rtp-hdrext:toffset: by how much
// later than its RTP timestamp says the packet was sent, in units of that
// timestamp, with a sign (RFC 5450 section 3).
func ReadTransmissionOffset(data []byte) (int32, bool) {
	if len(data) < 3 {
		return 0, false
	}
	return int32(uint32(data[0])<<24|uint32(data[1])<<16|uint32(data[2])<<8) >> 8, true
}

// ReadTransportSequence reads the transport-wide sequence number of
// http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01.
func ReadTransportSequence(data []byte) (uint16, bool) {
	if len(data) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(data), true
}

// VideoOrientation is how the camera was held (3GPP TS 26.114 section 7.4.5).
type VideoOrientation struct {
	Rotation uint16 // 0, 90, 180 or 270 degrees, which the receiver turns the picture clockwise
	Flipped  bool   // left and right are exchanged
	Back     bool   // the camera looks away from the user
}

// ReadVideoOrientation reads urn:3gpp:video-orientation.
func ReadVideoOrientation(data []byte) (VideoOrientation, bool) {
	if len(data) < 1 {
		return VideoOrientation{}, false
	}
	b := data[0]
	return VideoOrientation{Rotation: uint16(b&3) * 90, Flipped: b&4 != 0, Back: b&8 != 0}, true
}

// ReadPlayoutDelay reads http://www.webrtc.org/experiments/rtp-hdrext/playout-delay:
// the least and the most delay that the sender wants between capture and
// display, from 0 to 40.95 s.
func ReadPlayoutDelay(data []byte) (least, most time.Duration, ok bool) {
	const unit = 10 * time.Millisecond
	if len(data) < 3 {
		return 0, 0, false
	}
	least = time.Duration(data[0])<<4 | time.Duration(data[1])>>4
	most = time.Duration(data[1]&0x0F)<<8 | time.Duration(data[2])
	return least * unit, most * unit, true
}

// CaptureTime is when the packet's first sample or picture was captured.
type CaptureTime struct {
	Time      time.Time     // on the clock of whoever captured it
	Offset    time.Duration // of that clock to the sender's, as the sender estimates: capture = sender + Offset
	HasOffset bool          // Offset is known, be it 0
}

// ReadCaptureTime reads http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time.
func ReadCaptureTime(data []byte) (CaptureTime, bool) {
	if len(data) < 8 {
		return CaptureTime{}, false
	}
	c := CaptureTime{Time: TimeOfNTP(binary.BigEndian.Uint64(data))}
	if len(data) >= 16 {
		// Signed 32.32 fixed point: up to 68 years either way, which fits.
		fixed := int64(binary.BigEndian.Uint64(data[8:]))
		seconds, fraction := fixed>>32, fixed&(1<<32-1)
		c.Offset = time.Duration(seconds)*time.Second + time.Duration(fraction*int64(time.Second)>>32)
		c.HasOffset = true
	}
	return c, true
}
