// Command reflect sends the camera and the microphone of a web page back to it.
//
//	go run ./examples/reflect    # open the URL that it prints
package main

import (
	"context"
	_ "embed"
	"io"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/mirror"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed page.html
var page []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("reflect", stdout, stderr)
	if code, ok := command.Parse(args, nil); !ok {
		return code
	}
	engine, err := newMediaEngine()
	if err != nil {
		return command.End(err)
	}
	p := &program{}
	p.host = web.NewHost(stdout, page, engine, p.accept)
	return command.End(p.host.Serve(ctx, command.Addr, "press Start"))
}

// newMediaEngine has the default codecs, and the header extensions that a picture
// needs to look the same on the other side: what its colours mean, and how the
// phone was held.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	for _, uri := range []string{"http://www.webrtc.org/experiments/rtp-hdrext/color-space", "urn:3gpp:video-orientation"} {
		extension := webrtc.RTPHeaderExtensionCapability{URI: uri}
		if err := engine.RegisterHeaderExtension(extension, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	return engine, nil
}

// A program makes the Go ends of calls.
type program struct{ host *web.Host }

// accept answers the page's offer: each of its transceivers will send back what it
// receives.
func (p *program) accept(_ context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		began := func(codec string) { p.host.Printf("%v comes back as %s", remote.Kind(), codec) }
		if err := mirror.Reflect(remote, receiver, began); err != nil {
			p.host.Printf("%v: %v", remote.Kind(), err)
		}
	})
	if err := pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	for _, transceiver := range pc.GetTransceivers() {
		if err := transceiver.SetDirection(webrtc.RTPTransceiverDirectionSendrecv); err != nil {
			return err
		}
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return pc.SetLocalDescription(answer)
}
