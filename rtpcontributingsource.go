package webrtc

import (
	"math"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
)

// RTPContributingSource tells of a source whose media was part of what a receiver
// received in the last 10 s (webrtc-pc section 5.3.3, RTCRtpContributingSource).
type RTPContributingSource struct {
	// Timestamp is when the newest packet of the source came.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Source is the CSRC or SSRC.
	Source SSRC `json:"source"`
	// AudioLevel is what that packet said of the loudness, from 0, silence, to 1,
	// overload (0 dBov), linear: by the header extension of RFC 6465 for a CSRC, of
	// RFC 6464 for an SSRC. It is nil without it, and for video.
	AudioLevel *float64 `json:"audioLevel,omitempty"`
	// RTPTimestamp is the packet's.
	RTPTimestamp uint32 `json:"rtpTimestamp"`
}

// RTPSynchronizationSource is an RTPContributingSource for the SSRC of a stream
// (webrtc-pc section 5.3.3, RTCRtpSynchronizationSource).
type RTPSynchronizationSource = RTPContributingSource

// GetContributingSources returns the sources that a mixer has named in the packets
// of the last 10 s (CSRC, RFC 3550 section 5.1), the latest first; of more than 64
// those that were heard last. Packets count when they arrive, whether or not they
// are read.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpreceiver-getcontributingsources
func (r *RTPReceiver) GetContributingSources() []RTPContributingSource {
	now := time.Now()
	r.sources.mu.Lock()
	defer r.sources.mu.Unlock()
	return r.describe(r.sources.log.Contributing(now))
}

// GetSynchronizationSources returns the SSRCs of the packets of the last 10 s, the
// latest first: one, after a change two, with simulcast one for each layer.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpreceiver-getsynchronizationsources
func (r *RTPReceiver) GetSynchronizationSources() []RTPSynchronizationSource {
	now := time.Now()
	r.sources.mu.Lock()
	defer r.sources.mu.Unlock()
	return r.describe(r.sources.log.Synchronization(now))
}

func (r *RTPReceiver) describe(heard []rtpsession.Heard) []RTPContributingSource {
	var out []RTPContributingSource
	for _, h := range heard {
		s := RTPContributingSource{Timestamp: newStatsTimestamp(h.At), Source: SSRC(h.SSRC), RTPTimestamp: h.Timestamp}
		if h.HasLevel && r.owner.kind == RTPCodecTypeAudio {
			s.AudioLevel = linearLevel(h.Level)
		}
		out = append(out, s)
	}
	return out
}

// linearLevel is W3C's audio level of one in -dBov: 127 is silence (webrtc-pc
// section 5.3.3, audioLevel).
func linearLevel(level uint8) *float64 {
	linear := 0.0
	if level < 127 {
		linear = math.Pow(10, -float64(level)/20)
	}
	return &linear
}

// sourceLog is the log of a receiver. Its lock is a leaf, which is held for one
// packet.
type sourceLog struct {
	mu  sync.Mutex
	log rtpsession.SourceLog
}

func (l *sourceLog) record(now time.Time, ids *rtpsession.Extensions, d *rtpsession.Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log.Record(now, ids, d)
}
