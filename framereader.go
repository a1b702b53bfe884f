package webrtc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/frame"
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/passerelle-rtc/webrtc/internal/seqnum"
	"github.com/pion/rtp"
)

// frameReader makes frames of the packets of a track, on the goroutine of who
// reads, and passes them through the receiver's transform. Its state outlives a
// loop over Frames, so that nothing is lost between two.
type frameReader struct {
	track *TrackRemote
	used  atomic.Bool

	mu        sync.Mutex // one reads at a time: held while it waits
	format    frame.Codec
	codec     RTPCodecParameters // of ssrc and the newest packet
	assembler *frame.Assembler   // nil before the first packet
	ssrc      uint32
	newest    uint16 // sequence number
	target    time.Duration
	refused   int // packets of frames that no reader got

	asks   bool      // for key frames
	broken bool      // what comes cannot be decoded before a key frame
	asked  time.Time // for one; zero for never

	// Of packets that are made of frames.
	numbered bool
	next     uint16
	packets  []rtp.Packet // that nobody has read
}

// defaultPatience is for how long a packet that is missing is waited for: enough
// for it to be sent again over most paths.
const defaultPatience = 100 * time.Millisecond

// mimeTypeComfortNoise is that of RFC 3389.
const mimeTypeComfortNoise = "audio/CN"

// keyFramePatience is the time between two requests of a reader for a key frame.
const keyFramePatience = time.Second

// engaged reports whether packets are read as parts of frames.
func (r *frameReader) engaged() bool {
	return r.used.Load() || r.track.receiver.transform.Load() != nil
}

// picture is what a frameReader reads: the frames of all layers, transformed.
type picture struct {
	format frame.Codec
	frame  frame.Frame
	layers []layerFrame
	plain  bool // not transformed
}

// read returns the next picture. mu is held.
func (r *frameReader) read(ctx context.Context) (*picture, error) {
	r.used.Store(true)
	for {
		if r.assembler != nil {
			if f, ok := r.assembler.Next(); ok {
				if p := r.transform(&f); p != nil {
					return p, nil
				}
				continue
			}
		}
		var held [16]queuedPacket
		var until time.Time
		if r.assembler != nil {
			until = r.assembler.Deadline()
		}
		n, err := r.track.pull(readBounds{ctx, until}, held[:])
		if err := r.take(held[:n]); err != nil {
			return nil, err
		}
		switch {
		case errors.Is(err, errWaited), err == nil:
			if r.assembler != nil {
				r.assembler.Advance(time.Now())
			}
		case errors.Is(err, io.EOF) && r.assembler != nil && !r.assembler.Deadline().IsZero():
			r.assembler.Advance(r.assembler.Deadline()) // nothing comes any more
		default:
			return nil, err
		}
	}
}

// take gives packets to the assembler, and releases them.
func (r *frameReader) take(held []queuedPacket) (failure error) {
	for _, h := range held {
		p := &rtp.Packet{}
		err := p.Unmarshal(bytes.Clone(h.packet))
		h.release()
		if err != nil || failure != nil {
			continue
		}
		failure = r.push(h.at, p)
	}
	return failure
}

func (r *frameReader) push(at time.Time, p *rtp.Packet) error {
	fresh := r.assembler == nil || p.SSRC != r.ssrc
	late := !fresh && seqnum.Distance16(r.newest, p.SequenceNumber) < 0
	switch codec, ok := r.codecOf(p.PayloadType); {
	case !ok, codec.is(MimeTypeTelephoneEvent), codec.is(mimeTypeComfortNoise):
		// No media, but it has its place in the numbering.
		if fresh {
			return nil
		}
		p.Payload = nil
	case fresh || p.PayloadType != uint8(r.codec.PayloadType) && !late:
		format, ok := formatOf(codec.RTPCodecCapability)
		if !ok {
			return errorf(KindNotSupported, "read frames", "the frames of %s are not known", codec.MimeType)
		}
		if fresh || format != r.format {
			r.assembler = frame.New(frame.Config{Codec: format, Target: r.target, KeepPackets: true})
			r.broken = true
		}
		r.format, r.codec, r.ssrc = format, codec, p.SSRC
	}
	if !late {
		r.newest = p.SequenceNumber
	}
	r.assembler.Push(at, p)
	return nil
}

func (r *frameReader) codecOf(payloadType uint8) (RTPCodecParameters, bool) {
	if r.assembler != nil && payloadType == uint8(r.codec.PayloadType) {
		return r.codec, true
	}
	return r.track.receiver.published.Load().codecOf(PayloadType(payloadType))
}

// transform passes a picture through the transform, and returns nil where that
// refuses it.
func (r *frameReader) transform(f *frame.Frame) *picture {
	receiver := r.track.receiver
	extensions := receiver.published.Load().parameters.HeaderExtensions
	transform := receiver.transform.Load()
	f.Lost += r.refused
	frames, err := layerFrames(r.format, f, r.codec, extensions)
	if transform != nil {
		for i := 0; i < len(frames) && err == nil; i++ {
			frames[i].CaptureTime = r.captureTime(frames[i].EncodedFrame, f.Header, extensions)
			err = (*transform)(frames[i].EncodedFrame)
		}
	}
	if err != nil {
		receiver.owner.log.debug("frame dropped", "track", r.track.ID(), "error", err)
		r.refused = f.Lost + len(f.Packets)
		r.broken = true
		r.askForKeyFrame(false)
		return nil
	}
	r.refused = 0
	r.broken = (r.broken || f.Lost > 0) && !f.Keyframe
	r.askForKeyFrame(f.Keyframe)
	return &picture{r.format, *f, frames, transform == nil}
}

// askForKeyFrame asks for a key frame where the frames cannot be decoded.
func (r *frameReader) askForKeyFrame(is bool) {
	now := time.Now()
	if is || !r.broken || !r.asks || r.track.Kind() != RTPCodecTypeVideo || !r.asked.IsZero() && now.Sub(r.asked) < keyFramePatience {
		return
	}
	r.asked = now
	r.track.requestKeyFrame(now, rtpsession.SSRC(r.ssrc))
}

// encodedFrame is a picture as one frame.
func (r *frameReader) encodedFrame(p *picture) *EncodedFrame {
	extensions := r.track.receiver.published.Load().parameters.HeaderExtensions
	e := newEncodedFrame(&p.frame, r.codec.clone(), extensions)
	if !p.plain {
		e.Data = nil
		for _, l := range p.layers {
			e.Data = append(e.Data, l.Data...)
		}
	}
	e.CaptureTime = r.captureTime(e, p.frame.Header, extensions)
	return e
}

// captureTime is when a frame was captured, zero where nothing tells.
func (r *frameReader) captureTime(e *EncodedFrame, h *rtp.Header, extensions []RTPHeaderExtensionParameter) time.Time {
	if id := extensionID(extensions, uriAbsCaptureTime); id != 0 {
		if c, ok := rtpsession.ReadCaptureTime(h.GetExtension(id)); ok {
			return c.Time
		}
	}
	if t := r.track.receiver.Transport(); t != nil && t.rtp != nil {
		return t.rtp.captureTime(rtpsession.SSRC(e.SSRC), e.Timestamp)
	}
	return time.Time{}
}

// readPacket is TrackRemote.Read for packets that are made of frames.
func (r *frameReader) readPacket(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow(frameOptions{})
	for len(r.packets) == 0 {
		p, err := r.read(context.Background())
		if err != nil {
			return 0, err
		}
		r.repacketize(p)
	}
	packet := r.packets[0]
	r.packets = r.packets[1:]
	if packet.MarshalSize() > len(b) {
		return 0, io.ErrShortBuffer
	}
	n, err := packet.MarshalTo(b)
	if err != nil {
		return 0, newError(KindOperation, "read RTP", err)
	}
	return n, nil
}

// repacketize queues the packets of a picture.
func (r *frameReader) repacketize(p *picture) {
	if !r.numbered {
		r.numbered, r.next = true, p.frame.First
	}
	r.next += uint16(p.frame.Lost)
	if p.plain {
		for _, packet := range p.frame.Packets {
			packet.SequenceNumber, packet.Padding, packet.Header.PaddingSize, packet.PaddingSize = r.next, false, 0, 0 //nolint:staticcheck // MarshalTo reads both
			r.packets = append(r.packets, *packet)
			r.next++
		}
		return
	}
	id := extensionID(r.track.receiver.published.Load().parameters.HeaderExtensions, uriDependencyDescriptor)
	for _, l := range p.layers {
		packets, err := l.repacketize(p.format, r.next, id)
		if err != nil {
			r.track.receiver.owner.log.debug("frame dropped", "track", r.track.ID(), "error", err)
			r.next++ // whoever decodes sees the gap
			return
		}
		r.packets = append(r.packets, packets...)
		r.next += uint16(len(packets))
	}
}

// follow takes the options of who reads now. mu is held.
func (r *frameReader) follow(o frameOptions) {
	r.asks = !o.silent
	r.target = defaultPatience
	if target := r.track.receiver.JitterBufferTarget(); target != nil {
		r.target = *target
	}
	if o.patience != nil {
		r.target = max(*o.patience, 0)
	}
	if r.assembler != nil {
		r.assembler.SetTarget(time.Now(), r.target)
	}
}

// pull takes packets of the track, through the interceptors one at a time.
func (t *TrackRemote) pull(bounds readBounds, into []queuedPacket) (int, error) {
	if t.receiver.owner.interceptors == nil {
		return t.packets.popWithin(bounds, into)
	}
	if bounds.ctx.Done() != nil {
		defer context.AfterFunc(bounds.ctx, t.packets.expire)()
	}
	t.within.Store(&bounds)
	defer t.within.Store(nil)
	if err := t.packets.await(func() bool { return t.chain.Load() != nil || bounds.ctx.Err() != nil }); err != nil {
		return 0, err
	}
	if err := bounds.ctx.Err(); err != nil {
		return 0, err
	}
	buffer := netio.GetBuffer()
	n, _, err := t.readChained(buffer.Cap())
	if err != nil {
		buffer.Release()
		return 0, err
	}
	into[0] = queuedPacket{buffer: buffer, packet: buffer.Cap()[:n], at: time.Now()}
	return 1, nil
}
