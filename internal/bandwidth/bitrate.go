package bandwidth

import (
	"fmt"
	"math"
	"time"
)

// Bitrate is a number of bits per second, of whole packets: what [SentPacket]
// counts in Size is what it is a rate of.
type Bitrate int64

const (
	BitPerSecond     Bitrate = 1
	KilobitPerSecond         = 1000 * BitPerSecond
	MegabitPerSecond         = 1000 * KilobitPerSecond
)

// unlimited is the rate that no limit stands for: 1 Tb/s, far from where
// arithmetic on it would overflow.
const unlimited = 1_000_000 * MegabitPerSecond

// String is the rate in the largest unit that keeps it above 1, such as
// "1.25 Mb/s".
func (b Bitrate) String() string {
	switch {
	case b >= MegabitPerSecond:
		return fmt.Sprintf("%.2f Mb/s", float64(b)/float64(MegabitPerSecond))
	case b >= KilobitPerSecond:
		return fmt.Sprintf("%.1f kb/s", float64(b)/float64(KilobitPerSecond))
	}
	return fmt.Sprintf("%d b/s", int64(b))
}

// Bytes is how many bytes the rate sends in d, rounded down; 0 for a negative d.
func (b Bitrate) Bytes(d time.Duration) int {
	n := float64(b) / 8 * d.Seconds()
	if !(n > 0) {
		return 0
	}
	return int(min(n, math.MaxInt32))
}

// Duration is how long the rate takes to send a number of bytes; at rate 0,
// and for everything longer, an hour.
func (b Bitrate) Duration(bytes int) time.Duration {
	if bytes <= 0 {
		return 0
	}
	if b <= 0 {
		return time.Hour
	}
	s := float64(bytes) * 8 / float64(b)
	return time.Duration(min(s, time.Hour.Seconds()) * float64(time.Second))
}

// scale multiplies a rate by a factor.
func (b Bitrate) scale(f float64) Bitrate {
	return Bitrate(min(float64(b)*f, float64(unlimited)))
}

// rateOf is the rate of a number of bytes in d, 0 when d is not positive.
func rateOf(bytes int64, d time.Duration) Bitrate {
	if d <= 0 {
		return 0
	}
	return Bitrate(min(float64(bytes)*8/d.Seconds(), float64(unlimited)))
}
