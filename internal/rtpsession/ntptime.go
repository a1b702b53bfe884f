package rtpsession

import "time"

// ntpEpoch is the Unix time of 1 January 1900, the epoch of NTP's era 0.
const ntpEpoch = -2_208_988_800

// NTPTime is t as a 64-bit NTP timestamp: seconds since 1900, which wrap in 2036,
// and their fraction in units of 1/2^32 s (RFC 3550 section 4).
func NTPTime(t time.Time) uint64 {
	fraction := (uint64(t.Nanosecond())<<32 + 500_000_000) / 1_000_000_000
	return uint64(t.Unix()-ntpEpoch)<<32 + fraction
}

// TimeOfNTP is the time of an NTP timestamp, between 1968 and 2104: the era is
// told by the highest bit (RFC 4330 section 3). The zero timestamp, which RFC
// 3550 section 6.4.1 lets senders without a clock write, is the zero time.
func TimeOfNTP(ntp uint64) time.Time {
	if ntp == 0 {
		return time.Time{}
	}
	seconds := int64(ntp>>32) + ntpEpoch
	if ntp>>63 == 0 {
		seconds += 1 << 32
	}
	return time.Unix(seconds, int64(((ntp&(1<<32-1))*1_000_000_000+1<<31)>>32))
}

// CompactNTP is the middle of an NTP timestamp: seconds modulo 65536 and their
// fraction in units of 1/65536 s (RFC 3550 section 4), as LSR has it.
func CompactNTP(ntp uint64) uint32 { return uint32(ntp >> 16) }

// CompactDuration is d in units of 1/65536 s, as DLSR has it (RFC 3550 section
// 6.4.1). Negative durations are 0, those of 18 hours and more the most there is.
func CompactDuration(d time.Duration) uint32 {
	switch {
	case d <= 0:
		return 0
	case d >= 65536*time.Second:
		return 1<<32 - 1
	}
	seconds, rest := uint64(d/time.Second), uint64(d%time.Second)
	return uint32(seconds<<16 + (rest<<16+500_000_000)/1_000_000_000)
}

// DurationOfCompact is the duration of so many units of 1/65536 s.
func DurationOfCompact(units uint32) time.Duration {
	return time.Duration(uint64(units) * 1_000_000_000 >> 16)
}

// RoundTrip is the round-trip time that a report block tells, which arrived at
// now: A - LSR - DLSR (RFC 3550 section 6.4.1). It is false where the reporter
// had no sender report yet (LSR 0), and where the block claims more delay than
// time has passed. Clocks tick while a packet travels, so that a claim that is
// too large by a millisecond is a round trip of 0.
func RoundTrip(now time.Time, lsr, dlsr uint32) (time.Duration, bool) {
	if lsr == 0 {
		return 0, false
	}
	const millisecond = 66
	units := int32(CompactNTP(NTPTime(now)) - lsr - dlsr)
	switch {
	case units < -millisecond:
		return 0, false
	case units < 0:
		return 0, true
	}
	return DurationOfCompact(uint32(units)), true
}
