package webrtc

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
)

// FrameOption is an option of [TrackRemote.Frames].
type FrameOption func(*frameOptions)

type frameOptions struct {
	patience *time.Duration // nil for the default
	silent   bool           // asks for no key frame
}

// WithFramePatience sets for how long a packet that is missing is waited for, from
// when a later one came: without it [RTPReceiver.JitterBufferTarget], or 100 ms
// where that is nil. A frame that is whole and next in order
// never waits. Zero delivers what comes after a gap at once.
func WithFramePatience(d time.Duration) FrameOption {
	return func(o *frameOptions) { o.patience = &d }
}

// WithoutKeyFrameRequests leaves it to the program to ask for key frames: see
// [TrackRemote.RequestKeyFrame].
func WithoutKeyFrameRequests() FrameOption {
	return func(o *frameOptions) { o.silent = true }
}

// Frames yields the track's frames: whole, in order, and with what is missing
// before each of them marked (Lost).
//
//	for frame, err := range track.Frames(ctx) {
//		if err != nil {
//			return err
//		}
//		decoder.Decode(frame.Data)
//	}
//
// The loop ends with the track. An error is the last value: that of the context,
// os.ErrDeadlineExceeded past the read deadline, a NotSupportedError for video
// other than VP8, VP9, H264, H265 and AV1, an InvalidStateError while another
// loop goes on. Frames takes the packets from Read and its like, which return an
// InvalidStateError meanwhile. Who leaves the loop may begin another, and goes on
// behind the last frame.
//
// Telephone events (RFC 4733) and comfort noise (RFC 3389) among the packets are no
// frames and are left out; Read has them.
//
// A picture with spatial layers is one frame. Where frames of video cannot be
// decoded, at the beginning or because one that they may need is lost, it asks the
// peer for a key frame, at most once a second; it yields them nevertheless.
func (t *TrackRemote) Frames(ctx context.Context, options ...FrameOption) iter.Seq2[*EncodedFrame, error] {
	var o frameOptions
	for _, option := range options {
		option(&o)
	}
	return func(yield func(*EncodedFrame, error) bool) {
		if !t.framing.CompareAndSwap(false, true) {
			yield(nil, errorf(KindInvalidState, "read frames", "they are being read already"))
			return
		}
		defer t.framing.Store(false)
		for {
			f, err := t.frames.readFrame(ctx, o)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, err)
				}
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// readFrame returns the next frame of a loop.
func (r *frameReader) readFrame(ctx context.Context, o frameOptions) (*EncodedFrame, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow(o)
	p, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	return r.encodedFrame(p), nil
}

// RequestKeyFrame asks the peer for a frame that needs no other, by PLI or FIR as
// negotiated; two requests are half a second apart at least. It does nothing while
// no packet has come, and for audio.
//
// See https://www.w3.org/TR/webrtc-encoded-transform/#dom-rtcrtpscripttransformer-sendkeyframerequest
func (t *TrackRemote) RequestKeyFrame() {
	if t.Kind() == RTPCodecTypeVideo {
		t.requestKeyFrame(time.Now(), rtpsession.SSRC(t.identity().ssrc))
	}
}

func (t *TrackRemote) requestKeyFrame(now time.Time, ssrc rtpsession.SSRC) {
	if transport := t.receiver.Transport(); transport != nil && transport.rtp != nil {
		transport.rtp.requestKeyframe(now, ssrc)
	}
}

// requestKeyframe asks for a keyframe of a stream (RFC 4585 section 6.3.1). Any
// goroutine.
func (t *rtpTransport) requestKeyframe(now time.Time, ssrc rtpsession.SSRC) {
	t.in.mu.Lock()
	s := t.in.receiver.Stream(ssrc)
	if s != nil && !t.in.closed {
		s.RequestKeyframe()
	}
	at := t.in.receiver.Deadline()
	t.in.mu.Unlock()
	if !at.IsZero() && !at.After(now) {
		t.sendFeedback(now)
		at = t.in.deadline()
	}
	t.rouse(at)
}

// captureTime is when a frame was captured, by the sender reports of its stream;
// zero before there is one. Any goroutine.
func (t *rtpTransport) captureTime(ssrc rtpsession.SSRC, timestamp uint32) time.Time {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	if s := t.in.receiver.Stream(ssrc); s != nil && s.Reception != nil {
		if at, ok := s.Reception.CaptureTime(timestamp); ok {
			return at
		}
	}
	return time.Time{}
}
