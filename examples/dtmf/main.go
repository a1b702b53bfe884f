// Command dtmf sends telephone keys to a web page and prints those that come from
// it, as RTP events (RFC 4733) beside a sound.
//
//	go run ./examples/dtmf                  # keys of the page are printed, and come back
//	go run ./examples/dtmf -tones '12,3#'   # and these are dialled at once; a comma is a pause
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

//go:embed page.html
var page []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("dtmf", stdout, stderr)
	p := &phone{}
	command.StringVar(&p.tones, "tones", "", "dial these `keys` when a page has connected: 0 to 9, A to D, *, #, comma for a pause of 2 s")
	command.DurationVar(&p.duration, "duration", 100*time.Millisecond, "how long each key is down, from 40ms to 6s")
	code, ok := command.Parse(args, func() error {
		if wrong := strings.Trim(strings.ToUpper(p.tones), "0123456789ABCD*#,"); wrong != "" {
			return fmt.Errorf("-tones %s: there is no key %q", p.tones, wrong[:1])
		}
		if p.duration < 40*time.Millisecond || p.duration > 6*time.Second {
			return fmt.Errorf("-duration %v: must be 40ms to 6s", p.duration)
		}
		return nil
	})
	if !ok {
		return code
	}
	p.host = web.NewHost(stdout, page, nil, p.accept)
	return command.End(p.host.Serve(ctx, command.Addr, "press Start"))
}

// A phone makes the Go ends of calls.
type phone struct {
	host     *web.Host
	tones    string
	duration time.Duration
}

// accept answers the page's offer of a sound with silence, beside which tones go
// out.
func (p *phone) accept(ctx context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	line, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "line", "phone")
	if err != nil {
		return err
	}
	// Before the offer is applied, as that announces the track. The line answers
	// on the transceiver that the page's sound comes on.
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		p.listen(track, receiver, receiver.RTPTransceiver().Sender().DTMF())
	})
	if err := pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	sender, err := pc.AddTrack(line)
	if err != nil {
		return err
	}
	dtmf := sender.DTMF()
	dtmf.OnToneChange(func(tone string) {
		if tone == "" {
			p.host.Printf("all tones are sent")
			return
		}
		p.host.Printf("sending %s, then %q", tone, dtmf.ToneBuffer())
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state != webrtc.PeerConnectionStateConnected {
			return
		}
		go silence(ctx, line)
		p.dial(dtmf, p.tones)
	})
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return pc.SetLocalDescription(answer)
}

// dial adds tones to those that are still to be sent.
func (p *phone) dial(dtmf *webrtc.DTMFSender, tones string) {
	if tones == "" {
		return
	}
	if err := dtmf.InsertDTMF(dtmf.ToneBuffer()+tones, p.duration, 0); err != nil {
		p.host.Printf("cannot dial: %v", err)
	}
}

// listen prints the keys that the page presses, and presses them back.
func (p *phone) listen(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, dtmf *webrtc.DTMFSender) {
	var keys keypad
	track.Codec()                           // waits for the first packet: by then the codecs are negotiated
	events := map[webrtc.PayloadType]bool{} // sound and events share a stream, and differ in these
	for _, codec := range receiver.GetParameters().Codecs {
		events[codec.PayloadType] = strings.EqualFold(codec.MimeType, webrtc.MimeTypeTelephoneEvent)
	}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if !events[webrtc.PayloadType(packet.PayloadType)] {
			continue
		}
		key, err := keys.read(packet)
		if err != nil {
			p.host.Printf("%v", err)
		} else if key != "" {
			p.host.Printf("received %s", key)
			p.dial(dtmf, key)
		}
	}
}

// silence keeps the line open: Opus packets of nothing, 20 ms each. Tones need a
// track that sends, whose clock they take.
func silence(ctx context.Context, line *webrtc.TrackLocalStaticSample) {
	const packet = 20 * time.Millisecond
	ticker := time.NewTicker(packet)
	defer ticker.Stop()
	for {
		err := line.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: packet})
		if err != nil && errors.Is(err, io.ErrClosedPipe) {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
