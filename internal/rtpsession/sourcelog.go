package rtpsession

import (
	"slices"
	"time"
)

const (
	// sourceMemory is how long a source is listed after it was heard last (webrtc-pc section 5.3.2).
	sourceMemory = 10 * time.Second
	// maxHeard bounds each list: a packet names up to 15 contributing sources, and a mixer that has more speakers than
	// this takes turns within 10 s. The one that was silent for longest goes.
	maxHeard = 64
)

// Heard is a source of media, and when media of it came last.
type Heard struct {
	SSRC SSRC
	At   time.Time // when the packet came
	// Timestamp is the packet's.
	Timestamp uint32
	// Level is 0 to 127 dB below overload, where HasLevel says that the packet told it (RFC 6464, RFC 6465).
	Level    uint8
	HasLevel bool
}

// SourceLog remembers which sources packets came from in the last 10 s: synchronization sources, who sent them, and
// contributing ones, whose media a mixer put into them (RFC 3550 section 3). The zero value is empty. It allocates nothing
// but for a source that is new.
type SourceLog struct{ synchronization, contributing []Heard }

// Record notes the sources of a packet that was delivered. A packet that is older than what came of a source does not count
// for it.
func (l *SourceLog) Record(now time.Time, ids *Extensions, d *Delivery) {
	h := &d.Header
	source := Heard{SSRC: d.Stream.SSRC, At: now, Timestamp: h.Timestamp}
	if level, ok := ReadAudioLevel(h.Extension(d.Packet, ids.AudioLevel)); ok {
		source.Level, source.HasLevel = level.Level, true
	}
	l.synchronization = hear(l.synchronization, source)
	if h.CSRCCount == 0 {
		return
	}
	levels := h.Extension(d.Packet, ids.ContributorLevel)
	for i := range h.CSRCCount {
		source := Heard{SSRC: h.CSRC(d.Packet, i), At: now, Timestamp: h.Timestamp}
		source.Level, source.HasLevel = ReadContributorLevel(levels, i)
		l.contributing = hear(l.contributing, source)
	}
}

func hear(list []Heard, source Heard) []Heard {
	oldest := 0
	for i := range list {
		known := &list[i]
		if known.SSRC == source.SSRC {
			if int32(source.Timestamp-known.Timestamp) >= 0 || source.At.Sub(known.At) > sourceMemory {
				*known = source
			}
			return list
		}
		if known.At.Before(list[oldest].At) {
			oldest = i
		}
	}
	if len(list) < maxHeard {
		return append(list, source)
	}
	list[oldest] = source
	return list
}

// Synchronization lists the SSRCs that were heard in the 10 s before now, the latest first.
func (l *SourceLog) Synchronization(now time.Time) []Heard { return recent(l.synchronization, now) }

// Contributing lists the CSRCs that were heard in the 10 s before now, the latest first.
func (l *SourceLog) Contributing(now time.Time) []Heard { return recent(l.contributing, now) }

func recent(list []Heard, now time.Time) []Heard {
	var out []Heard
	for _, source := range list {
		if now.Sub(source.At) <= sourceMemory {
			out = append(out, source)
		}
	}
	slices.SortStableFunc(out, func(a, b Heard) int { return b.At.Compare(a.At) })
	return out
}
