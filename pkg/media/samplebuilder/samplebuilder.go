// Package samplebuilder makes samples of RTP packets: in order, complete, and
// with what was lost between them counted. Names and signatures are those of
// github.com/pion/webrtc/v4/pkg/media/samplebuilder.
package samplebuilder

import (
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/passerelle-rtc/webrtc/internal/seqnum"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

const (
	// maxMisorder is how far behind a packet may be and still be a late one; one
	// that is further behind may be of a sender that began anew (RFC 3550 appendix
	// A.1).
	maxMisorder = 100
	// maxUntaken is how many samples more than maxLate wait for Pop; the oldest
	// one goes then.
	maxUntaken = 1024
)

// SampleBuilder is a jitter buffer for one stream of one codec. It may be used by
// one goroutine at a time.
type SampleBuilder struct {
	depacketizer rtp.Depacketizer
	sampleRate   uint32
	maxLate      int
	maxLateTime  uint32 // in units of the RTP timestamp; zero means no limit
	onRelease    func(*rtp.Packet)
	onHead       func(headPacket any) any
	headers      bool

	packets ring
	// started says that packets.begin is valid; consumed that it may not move
	// back any more.
	started, consumed bool
	// incoming is the packet that makes others go, and is not in the ring yet: its
	// timestamp ends the last sample before it.
	incoming *rtp.Packet
	// suspect is the sequence number that would prove a sender that began anew.
	suspect    uint16
	hasSuspect bool

	// damaged is the timestamp of a sample of which a part was dropped: the rest,
	// up to its tail, is none.
	damaged    uint32
	hasDamaged bool

	dropped uint16
	samples []*media.Sample // complete, in order
}

// Option changes a SampleBuilder.
type Option func(o *SampleBuilder)

// WithPacketReleaseHandler sets what is called with each packet that the builder
// needs no more: its sample was built, or it was dropped. It is called in Push,
// Pop and Flush.
func WithPacketReleaseHandler(h func(*rtp.Packet)) Option {
	return func(o *SampleBuilder) { o.onRelease = h }
}

// WithPacketHeadHandler sets what is called with the depacketizer when it has read
// the first packet of a sample. What it returns is the sample's Metadata.
func WithPacketHeadHandler(h func(headPacket any) any) Option {
	return func(o *SampleBuilder) { o.onHead = h }
}

// WithMaxTimeDelay bounds the distance between the RTP timestamps of the oldest
// and the newest packet that are held. It goes by the sample rate of New.
func WithMaxTimeDelay(maxLateDuration time.Duration) Option {
	return func(o *SampleBuilder) {
		ticks := maxLateDuration.Seconds() * float64(o.sampleRate)
		o.maxLateTime = uint32(min(max(ticks, 0), 1<<31-1))
	}
}

// WithRTPHeaders says whether samples have the headers of their packets.
func WithRTPHeaders(enable bool) Option {
	return func(o *SampleBuilder) { o.headers = enable }
}

// New returns a builder. maxLate is how many sequence numbers may lie between the
// oldest packet that is held and the newest: the more, the less is lost and the
// longer is a gap waited for; more than 32767 is that. The depacketizer takes the
// media out of the payloads: pion/rtp/codecs has them. The sample rate is the
// clock rate of the RTP timestamps, in Hz.
func New(maxLate uint16, depacketizer rtp.Depacketizer, sampleRate uint32, opts ...Option) *SampleBuilder {
	s := &SampleBuilder{
		maxLate:      int(min(maxLate, 1<<15-1)),
		depacketizer: depacketizer,
		sampleRate:   sampleRate,
	}
	for _, o := range opts {
		o(s)
	}
	return s
}

// Push adds a packet, which the builder keeps: it must not be changed until it is
// released. One that comes a second time, or when its place is past, is released
// at once. A packet without a payload, which carries padding only, is neither
// media nor a loss.
func (s *SampleBuilder) Push(packet *rtp.Packet) {
	if s.incoming = packet; !s.admit(packet.SequenceNumber) || !s.packets.put(packet) {
		s.release(packet)
	}
	s.incoming = nil
	for s.packets.span() > s.maxLate || s.tooLong() {
		s.step(true)
	}
}

// admit makes room for the sequence number, or says that it has no place.
func (s *SampleBuilder) admit(number uint16) bool {
	if !s.started {
		s.started = true
		s.packets.begin, s.packets.end = number, number
		return true
	}
	distance := int(seqnum.Distance16(s.packets.begin, number))
	switch {
	case distance < -maxMisorder:
		if !s.hasSuspect || number != s.suspect {
			s.suspect, s.hasSuspect = number+1, true
			return false
		}
		s.Flush()
		s.dropped++ // the packet that aroused suspicion
		s.packets.begin, s.packets.end = number, number
	case distance < 0:
		if s.consumed || s.packets.span()-distance > s.maxLate {
			return false
		}
		s.packets.extend(number)
	}
	s.hasSuspect = false
	for distance = int(number - s.packets.begin); distance > s.maxLate; distance = int(number - s.packets.begin) {
		if s.packets.span() == 0 {
			s.dropped += uint16(distance)
			s.packets.begin, s.packets.end = number, number
			break
		}
		s.step(true)
	}
	return true
}

// tooLong reports whether the packets that are held are further apart than
// WithMaxTimeDelay allows.
func (s *SampleBuilder) tooLong() bool {
	if s.maxLateTime == 0 || s.packets.span() == 0 {
		return false
	}
	first, last := s.packets.from(s.packets.begin), s.packets.get(s.packets.end-1)
	distance := seqnum.Distance32(first.Timestamp, last.Timestamp)
	return uint32(max(distance, -distance)) > s.maxLateTime
}

// Flush completes what is held, with gaps as losses: Pop returns it.
func (s *SampleBuilder) Flush() {
	for s.packets.span() > 0 {
		s.step(true)
	}
}

// Pop returns the next sample, or nil where there is none yet. A sample is
// complete when the media packet behind it is there, which its duration needs.
func (s *SampleBuilder) Pop() *media.Sample {
	for s.step(false) {
	}
	if len(s.samples) == 0 {
		return nil
	}
	sample := s.samples[0]
	s.samples[0] = nil
	if len(s.samples) == 1 {
		s.samples = s.samples[:0] // and keep the memory
	} else {
		s.samples = s.samples[1:]
	}
	return sample
}

// step takes what is at the head: padding, a sample, what is no sample or, by
// force, a gap or a packet of a sample that is not complete. It reports whether it
// took anything.
func (s *SampleBuilder) step(force bool) bool {
	if s.packets.span() == 0 {
		return false
	}
	head := s.packets.get(s.packets.begin)
	if head != nil && len(head.Payload) == 0 {
		s.take(1)
		return true
	}
	if s.hasDamaged && head != nil {
		s.hasDamaged = head.Timestamp == s.damaged && !s.tail(head)
		if head.Timestamp == s.damaged {
			s.dropped++
			s.take(1)
			return true
		}
	}
	count, complete := s.extent(head)
	next := s.packets.media(s.packets.begin + uint16(count))
	switch {
	case !force && (!complete || next == nil || !s.packets.contiguous(next.SequenceNumber)):
		return false
	case !complete:
		if head != nil {
			s.damaged, s.hasDamaged = head.Timestamp, true
		}
		s.dropped++
		s.take(1)
	case !s.depacketizer.IsPartitionHead(head.Payload) || !s.build(head, count, next):
		s.dropped += uint16(s.packets.mediaCount(count))
		s.take(count)
	default:
		s.take(count)
	}
	return true
}

// extent returns how many packets from the head on are its sample, and whether
// that is complete.
func (s *SampleBuilder) extent(head *rtp.Packet) (count int, complete bool) {
	if head == nil {
		return 0, false
	}
	for i := range s.packets.span() {
		p := s.packets.get(s.packets.begin + uint16(i))
		switch {
		case p == nil:
			return 0, false
		case len(p.Payload) == 0:
		case p.Timestamp != head.Timestamp:
			return i, true
		case s.tail(p):
			return i + 1, true
		}
	}
	return 0, false
}

// tail reports whether a packet ends its sample. pion/rtp's depacketiser for H265
// takes the end of each fragmented NAL unit for one; the marker is what ends an
// access unit (RFC 7798 section 4.1).
func (s *SampleBuilder) tail(p *rtp.Packet) bool {
	switch s.depacketizer.(type) {
	case *codecs.H265Depacketizer, *codecs.H265Packet:
		return p.Marker
	}
	return s.depacketizer.IsPartitionTail(p.Marker, p.Payload)
}

// build makes a sample of the packets at the head. It fails when the depacketizer
// does.
func (s *SampleBuilder) build(head *rtp.Packet, count int, next *rtp.Packet) bool {
	size := 0
	for i := range count {
		size += len(s.packets.get(s.packets.begin + uint16(i)).Payload)
	}
	sample := &media.Sample{
		// Start codes make it a little longer.
		Data:               make([]byte, 0, size+16),
		PacketTimestamp:    head.Timestamp,
		PrevDroppedPackets: s.dropped,
		Duration:           s.duration(head, next),
	}
	for i := range count {
		p := s.packets.get(s.packets.begin + uint16(i))
		if len(p.Payload) == 0 {
			continue
		}
		// What pion/rtp's depacketiser for VP9 only ever appends to.
		if vp9, ok := s.depacketizer.(*codecs.VP9Packet); ok {
			vp9.PDiff, vp9.PGTID, vp9.PGU = vp9.PDiff[:0], vp9.PGTID[:0], vp9.PGU[:0]
		}
		data, err := s.depacketizer.Unmarshal(p.Payload)
		if err != nil {
			return false
		}
		if i == 0 && s.onHead != nil {
			sample.Metadata = s.onHead(s.depacketizer)
		}
		if s.headers {
			header := p.Header.Clone()
			sample.RTPHeaders = append(sample.RTPHeaders, &header)
		}
		sample.Data = append(sample.Data, data...)
	}
	s.dropped = 0
	s.samples = append(s.samples, sample)
	if len(s.samples) > s.maxLate+maxUntaken {
		s.samples[1].PrevDroppedPackets += s.samples[0].PrevDroppedPackets + 1
		s.samples[0] = nil
		s.samples = s.samples[1:]
	}
	return true
}

// duration is the distance to the media behind the sample; zero where nothing is
// there, or the timestamps do not go on.
func (s *SampleBuilder) duration(head, next *rtp.Packet) time.Duration {
	if next == nil {
		next = s.incoming
	}
	if next == nil || s.sampleRate == 0 {
		return 0
	}
	ticks := max(seqnum.Distance32(head.Timestamp, next.Timestamp), 0)
	return time.Duration(ticks) * time.Second / time.Duration(s.sampleRate)
}

// take releases packets at the head and moves on.
func (s *SampleBuilder) take(count int) {
	s.consumed = true
	for range count {
		if p := s.packets.pop(); p != nil {
			s.release(p)
		}
	}
}

func (s *SampleBuilder) release(p *rtp.Packet) {
	if s.onRelease != nil {
		s.onRelease(p)
	}
}
