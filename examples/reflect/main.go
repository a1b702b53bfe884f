// Command reflect sends the camera and the microphone of a web page back to it.
//
//	go run ./examples/reflect    # open the URL that it prints
package main

import (
	"context"
	_ "embed"
	"errors"
	"io"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
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
	m := &mirror{}
	m.host = web.NewHost(stdout, page, engine, m.accept)
	return command.End(m.host.Serve(ctx, command.Addr, "press Start"))
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

// A mirror makes the Go ends of calls.
type mirror struct{ host *web.Host }

// accept answers the page's offer: each of its transceivers will send back what it
// receives.
func (m *mirror) accept(_ context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		if err := m.reflect(pc, remote, receiver); err != nil {
			m.host.Printf("%v: %v", remote.Kind(), err)
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

// reflect sends a track back until it ends. Codec waits for the first packet, which
// tells which of the negotiated codecs the browser has chosen; until then there is
// nothing to send back.
func (m *mirror) reflect(pc *webrtc.PeerConnection, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) error {
	codec := remote.Codec()
	if codec.MimeType == "" {
		return nil // the call ended before a packet came
	}
	local, err := webrtc.NewTrackLocalStaticRTP(codec.RTPCodecCapability, remote.ID(), "reflected")
	if err != nil {
		return err
	}
	sender := receiver.RTPTransceiver().Sender()
	if err := sender.ReplaceTrack(local); err != nil {
		return err
	}
	m.host.Printf("%v comes back as %s", remote.Kind(), codec.MimeType)
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		go passOnKeyframeRequests(pc, sender, remote)
	}
	packets := make([]rtp.Packet, 32)
	for {
		n, err := remote.ReadBatch(packets)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := local.WriteBatch(packets[:n]); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return err
		}
	}
}

// passOnKeyframeRequests asks the camera's encoder for what the decoder of the
// mirrored picture asks for: a picture that needs no earlier one. The first is
// asked for at once, as the decoder has seen none of the packets so far.
func passOnKeyframeRequests(pc *webrtc.PeerConnection, sender *webrtc.RTPSender, remote *webrtc.TrackRemote) {
	request := []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}}
	for pc.WriteRTCP(request) == nil {
		for asked := false; !asked; {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				switch p.(type) {
				case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
					asked = true
				}
			}
		}
	}
}
