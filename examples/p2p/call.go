package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// call connects to a listener, sends count messages one after the other and
// prints how long each took to come back.
func call(parent context.Context, url string, count int, stdout io.Writer) error {
	ctx, end := context.WithCancelCause(parent)
	defer end(nil)
	pc, err := newPeer(stdout)
	if err != nil {
		return err
	}
	defer pc.Close()
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed {
			end(fmt.Errorf("the connection failed: %w", pc.FailureReason()))
		}
	})
	channel, err := pc.CreateDataChannel("p2p", nil)
	if err != nil {
		return err
	}
	opened, echoes := make(chan struct{}), make(chan string, 1)
	channel.OnOpen(func() { close(opened) })
	channel.OnMessage(func(message webrtc.DataChannelMessage) { echoes <- string(message.Data) })
	channel.OnClose(func() { end(errors.New("the listener hung up")) })

	// Signalling goes on beside us until both sides have all candidates.
	go func() {
		if err := signalOver(ctx, pc, url); err != nil {
			end(err)
		}
	}()
	select {
	case <-opened:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for i := range count {
		start, text := time.Now(), fmt.Sprintf("message %d", i+1)
		if err := channel.SendText(text); err != nil {
			return err
		}
		select {
		case echo := <-echoes:
			if echo != text {
				return fmt.Errorf("sent %q, %q came back", text, echo)
			}
			fmt.Fprintf(stdout, "%q came back after %v\n", echo, time.Since(start).Round(time.Microsecond))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// signalOver offers, and exchanges the candidates of both sides as they are
// found (trickle ICE).
func signalOver(ctx context.Context, pc *webrtc.PeerConnection, url string) error {
	candidates := make(chan *webrtc.ICECandidate, 64)
	pc.OnICECandidate(func(c *webrtc.ICECandidate) { candidates <- c })
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	response, err := post(ctx, url+"/calls", offer)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	updates := json.NewDecoder(response.Body)
	var first update
	if err := updates.Decode(&first); err != nil {
		return err
	}
	if first.Answer == nil {
		return errors.New("the listener's first line holds no answer")
	}
	if err := pc.SetRemoteDescription(*first.Answer); err != nil {
		return err
	}

	// Ours: they have waited in the channel until the call had a name.
	sent := make(chan error, 1)
	go func() { sent <- sendCandidates(ctx, url+"/calls/"+first.ID+"/candidates", candidates) }()
	// Theirs: the response ends with the last one.
	for {
		var next update
		if err := updates.Decode(&next); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if next.Candidate != nil {
			if err := pc.AddICECandidate(*next.Candidate); err != nil {
				return err
			}
		}
	}
	return <-sent
}

func sendCandidates(ctx context.Context, url string, candidates <-chan *webrtc.ICECandidate) error {
	for {
		select {
		case c := <-candidates:
			if c == nil { // gathering is complete
				return nil
			}
			response, err := post(ctx, url, c.ToJSON())
			if err != nil {
				return err
			}
			response.Body.Close()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// post sends v as JSON. A status other than 200 is an error.
func post(ctx context.Context, url string, v any) (*http.Response, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return nil, fmt.Errorf("%s: %s: %s", url, response.Status, bytes.TrimSpace(text))
	}
	return response, nil
}
