// Package opus knows the duration of Opus packets (RFC 6716 section 3).
package opus

import "fmt"

// Rate is the clock rate of Opus in RTP and of Ogg's granule positions, in Hz
// (RFC 7587 section 4.1, RFC 7845 section 4).
const Rate = 48000

// MaxSamples is the longest packet, 120 ms (RFC 6716 section 3.2.5, R5).
const MaxSamples = Rate * 120 / 1000

// FrameSamples returns the duration of each frame of a packet with this TOC
// byte, in samples at 48 kHz (RFC 6716 table 2).
func FrameSamples(toc byte) int {
	const ms = Rate / 1000
	switch config := toc >> 3; {
	case config < 12: // SILK
		return [4]int{10 * ms, 20 * ms, 40 * ms, 60 * ms}[config&3]
	case config < 16: // hybrid
		return [2]int{10 * ms, 20 * ms}[config&1]
	default: // CELT
		return [4]int{ms * 5 / 2, 5 * ms, 10 * ms, 20 * ms}[config&3]
	}
}

// Samples returns the duration of a packet, in samples at 48 kHz.
func Samples(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, fmt.Errorf("opus: packet without a byte (RFC 6716 section 3.1)")
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, fmt.Errorf("opus: packet of code 3 without a frame count (RFC 6716 section 3.2.5)")
		}
		if frames = int(packet[1] & 0x3f); frames == 0 {
			return 0, fmt.Errorf("opus: packet of code 3 without a frame (RFC 6716 section 3.2.5)")
		}
	}
	samples := frames * FrameSamples(packet[0])
	if samples > MaxSamples {
		return 0, fmt.Errorf("opus: packet of %d ms, 120 are the limit (RFC 6716 section 3.2.5)", samples*1000/Rate)
	}
	return samples, nil
}
