package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
)

// loopback sends a film of three seconds from one peer of this process to another,
// encrypted with the passphrase, and compares what comes out.
func loopback(ctx context.Context, passphrase string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	sealer, err := newFrameCipher(passphrase)
	if err != nil {
		return err
	}
	frames, err := film()
	if err != nil {
		return err
	}
	api := web.NewAPI(nil)
	from, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer to.Close()

	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "film", "film")
	if err != nil {
		return err
	}
	sender, err := from.AddTrack(track)
	if err != nil {
		return err
	}
	sender.SetTransform(sealer.encrypt)

	var sealed atomic.Int64 // frames that arrived encrypted
	tracks := make(chan *webrtc.TrackRemote, 1)
	to.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		receiver.SetTransform(func(frame *webrtc.EncodedFrame) error {
			if n := sealed.Load(); n < int64(len(frames)) && !bytes.Equal(frame.Data, frames[n]) {
				sealed.Add(1)
			}
			return sealer.decrypt(frame)
		})
		tracks <- remote
	})
	connected := make(chan struct{}, 1)
	from.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	if err := negotiate(from, to); err != nil {
		return err
	}
	select {
	case <-connected:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	playing, played := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); play(playing, track, frames) }()
	defer func() { played(); <-done }()
	fmt.Fprintf(out, "connected; %d frames of VP8 are under way\n", len(frames))

	select {
	case remote := <-tracks:
		n := 0
		for frame, err := range remote.Frames(ctx) {
			if err != nil {
				return err
			}
			if frame.Lost > 0 || !bytes.Equal(frame.Data, frames[n]) {
				return fmt.Errorf("frame %d is not what was sent: SHA-256 %x", n, sha256.Sum256(frame.Data))
			}
			if n++; n == len(frames) {
				break
			}
		}
		fmt.Fprintf(out, "%d frames arrived, %d of them encrypted; decrypted they are what was sent\n", n, sealed.Load())
		if n < len(frames) || sealed.Load() < int64(n) {
			return fmt.Errorf("%d frames were sent", len(frames))
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// film reads the frames of the sample.
func film() (frames [][]byte, err error) {
	reader, _, err := ivfreader.NewWith(bytes.NewReader(samples.VP8))
	for err == nil {
		var frame []byte
		if frame, _, err = reader.ParseNextFrame(); err == nil {
			frames = append(frames, frame)
		}
	}
	if err != io.EOF {
		return nil, err
	}
	return frames, nil
}

// play writes the frames in their time, until ctx ends.
func play(ctx context.Context, track *webrtc.TrackLocalStaticSample, frames [][]byte) {
	const duration = time.Second / samples.FrameRate
	ticker := time.NewTicker(duration)
	defer ticker.Stop()
	for _, frame := range frames {
		if track.WriteSample(media.Sample{Data: frame, Duration: duration}) != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// negotiate carries the descriptions between two peers of this process, which hold
// all candidates.
func negotiate(offerer, answerer *webrtc.PeerConnection) error {
	offer, err := offerer.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(offerer)
	if err := offerer.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	if err := answerer.SetRemoteDescription(*offerer.LocalDescription()); err != nil {
		return err
	}
	answer, err := answerer.CreateAnswer(nil)
	if err != nil {
		return err
	}
	gathered = webrtc.GatheringCompletePromise(answerer)
	if err := answerer.SetLocalDescription(answer); err != nil {
		return err
	}
	<-gathered
	return offerer.SetRemoteDescription(*answerer.LocalDescription())
}
