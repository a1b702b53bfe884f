package webrtc

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
)

// Causes of errors of local tracks, under pion's names.
var (
	// ErrUnsupportedCodec: the peer did not negotiate the track's codec.
	ErrUnsupportedCodec = errors.New("the codec of the track was not negotiated")
	// ErrUnbindFailed: the track is not bound to that sender.
	ErrUnbindFailed = errors.New("the track is not bound to the sender")
)

// TrackLocalStaticRTP is a TrackLocal of one codec that a program writes RTP
// packets to. It may be added to any number of connections: each gets every
// packet. Payload type and SSRC are replaced by those negotiated; sequence number
// and timestamp go as they are, gaps included. What is written while no peer has
// negotiated the track is dropped. Its methods are safe for concurrent use; the
// packets of concurrent writers go in the order of the calls' turns.
type TrackLocalStaticRTP struct {
	codec                 RTPCodecCapability
	id, rid, streamID     string
	payloader             func(RTPCodecCapability) (rtp.Payloader, error)
	initialTimestamp      *uint32
	initialSequenceNumber *uint16

	mu       sync.Mutex // of Bind and Unbind
	bindings atomic.Pointer[[]trackBinding]
}

// trackBinding is one sender that the track is bound to.
type trackBinding struct {
	id          string
	ssrc        SSRC
	payloadType PayloadType
	writer      TrackLocalWriter
	batch       batchWriter // of writer; nil if it has none
}

// batchWriter is a TrackLocalWriter that takes several packets at once.
type batchWriter interface {
	writeBatch(packets []rtp.Packet) error
}

// NewTrackLocalStaticRTP makes a track of a codec, with the identifiers of the
// track and of the stream that it is in. A MIME type that is neither audio nor
// video is a TypeError.
func NewTrackLocalStaticRTP(c RTPCodecCapability, id, streamID string, options ...func(*TrackLocalStaticRTP)) (*TrackLocalStaticRTP, error) {
	if kind, _ := splitMimeType(c.MimeType); kind.validate() != nil {
		return nil, errorf(KindTypeError, "new track", "codec %s: the MIME type is neither audio nor video", quoteShort(c.MimeType))
	}
	t := &TrackLocalStaticRTP{codec: c.clone(), id: id, streamID: streamID}
	for _, option := range options {
		option(t)
	}
	return t, nil
}

// WithRTPStreamID makes the track one layer of simulcast (RFC 8851).
func WithRTPStreamID(rid string) func(*TrackLocalStaticRTP) {
	return func(t *TrackLocalStaticRTP) { t.rid = rid }
}

// WithPayloader makes a TrackLocalStaticSample pack its samples with a payloader
// of the program's. It is called at the first sample.
func WithPayloader(h func(RTPCodecCapability) (rtp.Payloader, error)) func(*TrackLocalStaticRTP) {
	return func(t *TrackLocalStaticRTP) { t.payloader = h }
}

// WithRTPTimestamp sets the first RTP timestamp of a TrackLocalStaticSample;
// random without it.
func WithRTPTimestamp(timestamp uint32) func(*TrackLocalStaticRTP) {
	return func(t *TrackLocalStaticRTP) { t.initialTimestamp = &timestamp }
}

// WithRTPSequenceNumber sets the first sequence number of a
// TrackLocalStaticSample; random without it.
func WithRTPSequenceNumber(sequenceNumber uint16) func(*TrackLocalStaticRTP) {
	return func(t *TrackLocalStaticRTP) { t.initialSequenceNumber = &sequenceNumber }
}

// ID identifies the track within its stream.
func (t *TrackLocalStaticRTP) ID() string { return t.id }

// RID is the identifier of the simulcast layer, or "".
func (t *TrackLocalStaticRTP) RID() string { return t.rid }

// StreamID identifies the stream.
func (t *TrackLocalStaticRTP) StreamID() string { return t.streamID }

// Codec is the codec of the packets.
func (t *TrackLocalStaticRTP) Codec() RTPCodecCapability { return t.codec.clone() }

// Kind is audio or video.
func (t *TrackLocalStaticRTP) Kind() RTPCodecType {
	kind, _ := splitMimeType(t.codec.MimeType)
	return kind
}

// Bind implements [TrackLocal]: it chooses the negotiated codec that is the
// track's own, or one that differs only in what each end may choose for itself.
// Without one the error is ErrUnsupportedCodec.
func (t *TrackLocalStaticRTP) Bind(context TrackLocalContext) (RTPCodecParameters, error) {
	codec, ok := chooseCodec(t.codec, context.CodecParameters())
	if !ok {
		return RTPCodecParameters{}, newError(KindNotSupported, "bind track", ErrUnsupportedCodec)
	}
	binding := trackBinding{
		id: context.ID(), ssrc: context.SSRC(), payloadType: codec.PayloadType, writer: context.WriteStream(),
	}
	binding.batch, _ = binding.writer.(batchWriter)
	t.mu.Lock()
	defer t.mu.Unlock()
	bindings := append(slices.Clone(t.bound()), binding)
	t.bindings.Store(&bindings)
	return codec, nil
}

// Unbind implements [TrackLocal].
func (t *TrackLocalStaticRTP) Unbind(context TrackLocalContext) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.bound(), func(b trackBinding) bool { return b.id == context.ID() })
	if i < 0 {
		return newError(KindInvalidAccess, "unbind track", ErrUnbindFailed)
	}
	bindings := slices.Delete(slices.Clone(t.bound()), i, i+1)
	t.bindings.Store(&bindings)
	return nil
}

func (t *TrackLocalStaticRTP) bound() []trackBinding {
	if b := t.bindings.Load(); b != nil {
		return *b
	}
	return nil
}

// WriteRTP sends a packet to every connection that the track is bound to, and
// leaves it as it was. A connection that fails keeps none of the others from
// getting it: their errors are joined. A closed connection is no error.
func (t *TrackLocalStaticRTP) WriteRTP(p *rtp.Packet) error {
	bindings := t.bound()
	if len(bindings) == 0 {
		return nil
	}
	packet := packetPool.Get().(*rtp.Packet)
	*packet = *p
	err := writeAll(bindings, packet)
	*packet = rtp.Packet{}
	packetPool.Put(packet)
	return err
}

// packetPool keeps headers, which escape to writers behind an interface.
var packetPool = sync.Pool{New: func() any { return new(rtp.Packet) }}

func writeAll(bindings []trackBinding, packet *rtp.Packet) error {
	if packet.PaddingSize != 0 && packet.Header.PaddingSize == 0 {
		packet.Header.PaddingSize = packet.PaddingSize
	}
	var errs []error
	for i := range bindings {
		b := &bindings[i]
		packet.SSRC, packet.PayloadType = uint32(b.ssrc), uint8(b.payloadType)
		if _, err := b.writer.WriteRTP(&packet.Header, packet.Payload); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Write is WriteRTP for a packet that is already marshalled. It returns len(b)
// where the packet can be read.
func (t *TrackLocalStaticRTP) Write(b []byte) (int, error) {
	packet := packetPool.Get().(*rtp.Packet)
	defer packetPool.Put(packet)
	if err := packet.Unmarshal(b); err != nil {
		return 0, newError(KindTypeError, "write track", err)
	}
	return len(b), writeAll(t.bound(), packet)
}

// WriteBatch is WriteRTP for several packets, such as [TrackRemote.ReadBatch] has
// read at once: every connection sends them with as few system calls as it can.
// It changes nothing in packets.
func (t *TrackLocalStaticRTP) WriteBatch(packets []rtp.Packet) error {
	var errs []error
	for _, b := range t.bound() {
		if b.batch != nil {
			if err := b.batch.writeBatch(packets); err != nil {
				errs = append(errs, err)
			}
			continue
		}
		one := []trackBinding{b}
		for i := range packets {
			packet := packets[i]
			if err := writeAll(one, &packet); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// chooseCodec finds a codec among those negotiated: the same one, else one that
// matches but for what each end chooses, else one of the same name.
func chooseCodec(wanted RTPCodecCapability, negotiated []RTPCodecParameters) (RTPCodecParameters, bool) {
	wanted = withDefaultClock(wanted)
	for _, match := range []func(RTPCodecParameters) bool{
		func(c RTPCodecParameters) bool { return wanted.matches(c.RTPCodecCapability, false) },
		func(c RTPCodecParameters) bool { return wanted.matches(c.RTPCodecCapability, true) },
		func(c RTPCodecParameters) bool { return wanted.SDPFmtpLine == "" && c.is(wanted.MimeType) },
		func(c RTPCodecParameters) bool { return c.is(wanted.MimeType) },
	} {
		if i := slices.IndexFunc(negotiated, match); i >= 0 {
			return negotiated[i], true
		}
	}
	return RTPCodecParameters{}, false
}

// withDefaultClock fills in the clock rate and the channels that a program, as
// pion allows, has left out.
func withDefaultClock(c RTPCodecCapability) RTPCodecCapability {
	if c.ClockRate != 0 {
		return c
	}
	for _, codec := range append(defaultMediaEngine.codecs(RTPCodecTypeAudio), defaultMediaEngine.codecs(RTPCodecTypeVideo)...) {
		if codec.is(c.MimeType) {
			c.ClockRate = codec.ClockRate
			if c.Channels == 0 {
				c.Channels = codec.Channels
			}
			return c
		}
	}
	return c
}
