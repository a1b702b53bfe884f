package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

const messageSize = 64 << 10 // what every peer accepts

// loopback connects two peers in this process, sends size random bytes from
// one to the other and compares the hashes.
func loopback(parent context.Context, size int64, out io.Writer) error {
	ctx, fail := context.WithCancelCause(parent)
	defer fail(nil)

	api := newAPI()
	sender, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer sender.Close()
	receiver, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer receiver.Close()
	screen := newScreen(out)
	watch("sender", sender, screen, fail)
	watch("receiver", receiver, screen, fail)

	// The receiver hashes what arrives; the last byte ends the transfer.
	var received atomic.Int64
	arrived := make(chan []byte, 1)
	receiver.OnDataChannel(func(channel *webrtc.DataChannel) {
		hash := sha256.New()
		channel.OnMessage(func(message webrtc.DataChannelMessage) {
			hash.Write(message.Data)
			if received.Add(int64(len(message.Data))) == size {
				arrived <- hash.Sum(nil)
			}
		})
		channel.OnClose(func() { fail(errors.New("the channel closed early")) })
	})

	start := time.Now()
	channel, err := sender.CreateDataChannel("loopback", nil)
	if err != nil {
		return err
	}
	opened := make(chan struct{})
	channel.OnOpen(func() { close(opened) })
	if err := negotiate(ctx, sender, receiver); err != nil {
		return err
	}
	select {
	case <-opened:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	screen.line("connected in %v, sending %d MB", time.Since(start).Round(100*time.Microsecond), size/1e6)

	start = time.Now()
	sent := make(chan []byte, 1)
	go func() {
		hash, err := send(ctx, channel, size)
		if err != nil {
			fail(err)
			return
		}
		sent <- hash
	}()
	redraw := time.NewTicker(100 * time.Millisecond)
	defer redraw.Stop()
	for {
		select {
		case got := <-arrived:
			screen.progress(size, size, time.Since(start))
			screen.end()
			if !bytes.Equal(got, <-sent) {
				return errors.New("the hashes differ")
			}
			screen.line("%d MB in %v, %.1f MB/s, SHA-256 equal (%x...)", size/1e6,
				time.Since(start).Round(time.Millisecond), float64(size)/1e6/time.Since(start).Seconds(), got[:6])
			return nil
		case <-redraw.C:
			screen.progress(received.Load(), size, time.Since(start))
		case <-ctx.Done():
			screen.end()
			screen.line("stopped after %.1f MB", float64(received.Load())/1e6)
			return context.Cause(ctx)
		}
	}
}

// negotiate carries the descriptions between two peers of this process. They
// hold all candidates, so nothing has to follow.
func negotiate(ctx context.Context, offerer, answerer *webrtc.PeerConnection) error {
	offer, err := offerer.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := describe(ctx, offerer, offer); err != nil {
		return err
	}
	if err := answerer.SetRemoteDescription(*offerer.LocalDescription()); err != nil {
		return err
	}
	answer, err := answerer.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := describe(ctx, answerer, answer); err != nil {
		return err
	}
	return offerer.SetRemoteDescription(*answerer.LocalDescription())
}

// describe sets the local description and waits until it holds all candidates.
func describe(ctx context.Context, pc *webrtc.PeerConnection, description webrtc.SessionDescription) error {
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(description); err != nil {
		return err
	}
	select {
	case <-gathered:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// send writes size random bytes to the channel and returns their hash.
// SendContext waits for room, so little memory is in use at any time.
func send(ctx context.Context, channel *webrtc.DataChannel, size int64) ([]byte, error) {
	var seed [32]byte
	random := rand.NewChaCha8(seed)
	hash := sha256.New()
	message := make([]byte, messageSize)
	for size > 0 {
		message = message[:min(size, messageSize)]
		random.Read(message)
		hash.Write(message)
		if err := channel.SendContext(ctx, message); err != nil {
			return nil, err
		}
		size -= int64(len(message))
	}
	return hash.Sum(nil), nil
}

// watch prints a peer's states and calls fail when it cannot go on.
func watch(name string, pc *webrtc.PeerConnection, screen *screen, fail context.CancelCauseFunc) {
	pc.OnICEConnectionStateChange(func(to webrtc.ICEConnectionState) {
		screen.line("%-8s  ice         %v", name, to)
	})
	pc.OnConnectionStateChange(func(to webrtc.PeerConnectionState) {
		screen.line("%-8s  connection  %v", name, to)
		if to == webrtc.PeerConnectionStateFailed {
			fail(fmt.Errorf("the %s's connection failed: %w", name, pc.FailureReason()))
		}
	})
}
