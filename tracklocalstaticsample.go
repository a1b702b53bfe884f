package webrtc

import (
	"sync"

	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// outboundMTU is the largest RTP packet that a TrackLocalStaticSample makes: with
// SRTP, TURN and IPv6 headers it fits in the 1280 bytes of every IPv6 path.
const outboundMTU = 1200

// TrackLocalStaticSample is a TrackLocal of one codec that a program writes
// samples to: frames of video, packets of an audio codec. It makes RTP packets of
// them. It may be added to any number of connections. Its methods are safe for
// concurrent use.
type TrackLocalStaticSample struct {
	rtpTrack *TrackLocalStaticRTP

	mu         sync.Mutex // of what follows, and held while packets are written: samples leave one after the other
	packetizer rtp.Packetizer
	sequencer  rtp.Sequencer
	clockRate  float64
	remainder  float64 // of the timestamp, below one tick
}

// NewTrackLocalStaticSample makes a track of a codec, with the identifiers of the
// track and of the stream that it is in. A MIME type that is neither audio nor
// video is a TypeError.
func NewTrackLocalStaticSample(c RTPCodecCapability, id, streamID string, options ...func(*TrackLocalStaticRTP)) (*TrackLocalStaticSample, error) {
	track, err := NewTrackLocalStaticRTP(c, id, streamID, options...)
	if err != nil {
		return nil, err
	}
	return &TrackLocalStaticSample{rtpTrack: track}, nil
}

// ID identifies the track within its stream.
func (s *TrackLocalStaticSample) ID() string { return s.rtpTrack.ID() }

// StreamID identifies the stream.
func (s *TrackLocalStaticSample) StreamID() string { return s.rtpTrack.StreamID() }

// RID is the identifier of the simulcast layer, or "".
func (s *TrackLocalStaticSample) RID() string { return s.rtpTrack.RID() }

// Kind is audio or video.
func (s *TrackLocalStaticSample) Kind() RTPCodecType { return s.rtpTrack.Kind() }

// Codec is the codec of the samples.
func (s *TrackLocalStaticSample) Codec() RTPCodecCapability { return s.rtpTrack.Codec() }

// Bind implements [TrackLocal], as [TrackLocalStaticRTP.Bind] does.
func (s *TrackLocalStaticSample) Bind(t TrackLocalContext) (RTPCodecParameters, error) {
	return s.rtpTrack.Bind(t)
}

// Unbind implements [TrackLocal].
func (s *TrackLocalStaticSample) Unbind(t TrackLocalContext) error { return s.rtpTrack.Unbind(t) }

// WriteSample sends a sample to every connection that the track is bound to. The
// RTP timestamp advances by Duration behind it; PrevDroppedPackets leaves as many
// sequence numbers out. While no peer has negotiated the track the sample is
// dropped. An error of a codec without a payloader is a NotSupportedError.
func (s *TrackLocalStaticSample) WriteSample(sample media.Sample) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rtpTrack.bound()) == 0 {
		return nil
	}
	if err := s.prepare(); err != nil {
		return err
	}
	ticks := sample.Duration.Seconds() * s.clockRate
	if sample.PrevDroppedPackets > 0 {
		for range sample.PrevDroppedPackets {
			s.sequencer.NextSequenceNumber()
		}
		s.packetizer.SkipSamples(s.advance(ticks * float64(sample.PrevDroppedPackets)))
	}
	return s.send(s.packetizer.Packetize(sample.Data, s.advance(ticks)))
}

// advance turns ticks into whole ones and keeps the rest, so that a frame rate
// that does not divide the clock drifts by nothing.
func (s *TrackLocalStaticSample) advance(ticks float64) uint32 {
	total := ticks + s.remainder
	whole := uint32(total)
	s.remainder = total - float64(whole)
	return whole
}

// GeneratePadding sends packets without payload, as probes of the path.
func (s *TrackLocalStaticSample) GeneratePadding(samples uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rtpTrack.bound()) == 0 {
		return nil
	}
	if err := s.prepare(); err != nil {
		return err
	}
	return s.send(s.packetizer.GeneratePadding(samples))
}

func (s *TrackLocalStaticSample) send(packets []*rtp.Packet) error {
	batch := make([]rtp.Packet, len(packets))
	for i, p := range packets {
		batch[i] = *p
	}
	return s.rtpTrack.WriteBatch(batch)
}

// prepare makes the packetizer. mu is held.
func (s *TrackLocalStaticSample) prepare() error {
	if s.packetizer != nil {
		return nil
	}
	codec := withDefaultClock(s.rtpTrack.codec)
	choose := s.rtpTrack.payloader
	if choose == nil {
		choose = payloaderOf
	}
	payloader, err := choose(codec)
	if err != nil {
		return reop("write sample", newError(KindNotSupported, "", err))
	}
	var options []rtp.PacketizerOption
	if first := s.rtpTrack.initialTimestamp; first != nil {
		options = append(options, rtp.WithTimestamp(*first))
	}
	s.sequencer = rtp.NewRandomSequencer()
	if first := s.rtpTrack.initialSequenceNumber; first != nil {
		s.sequencer = rtp.NewFixedSequencer(*first)
	}
	s.clockRate = float64(codec.ClockRate)
	s.packetizer = rtp.NewPacketizerWithOptions(outboundMTU, payloader, s.sequencer, codec.ClockRate, options...)
	return nil
}

// payloaderOf returns what packs samples of a codec into RTP payloads.
func payloaderOf(codec RTPCodecCapability) (rtp.Payloader, error) {
	switch {
	case codec.is(MimeTypeH264):
		return &codecs.H264Payloader{}, nil
	case codec.is(MimeTypeH265):
		return &codecs.H265Payloader{}, nil
	case codec.is(MimeTypeOpus):
		return &codecs.OpusPayloader{}, nil
	case codec.is(MimeTypeVP8):
		return &codecs.VP8Payloader{EnablePictureID: true}, nil
	case codec.is(MimeTypeVP9):
		return &codecs.VP9Payloader{}, nil
	case codec.is(MimeTypeAV1):
		return &codecs.AV1Payloader{}, nil
	case codec.is(MimeTypeG722):
		return &codecs.G722Payloader{}, nil
	case codec.is(MimeTypePCMU), codec.is(MimeTypePCMA):
		return &codecs.G711Payloader{}, nil
	}
	return nil, errorf(KindNotSupported, "", "no payloader for %s: give one with WithPayloader", codec.MimeType)
}
