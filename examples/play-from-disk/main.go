// Command play-from-disk plays files of video and audio to a web page: IVF (VP8,
// VP9, AV1), H264 byte streams and Ogg with Opus. Nothing is transcoded.
//
//	go run ./examples/play-from-disk                # a film of three seconds that is built in
//	go run ./examples/play-from-disk -video AV1     # the same in AV1
//	go run ./examples/play-from-disk -video film.ivf -audio film.ogg
//
// ffmpeg makes such files of others:
//
//	ffmpeg -i film.mp4 -c:v libvpx -b:v 1M -auto-alt-ref 0 -g 60 film.ivf -c:a libopus film.ogg
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"sync"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/film"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed page.html
var page []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("play-from-disk", stdout, stderr)
	video := command.String("video", "VP8", "play this `file`, or what is built in: VP8, VP9, H264, AV1; none for no picture")
	audio := command.String("audio", "Opus", "play this `file`, or what is built in: Opus; none for no sound")
	fps := command.Float64("fps", 25, "frames per second of H264 files, which do not say it")
	p := &player{}
	code, ok := command.Parse(args, func() error {
		if *fps < 1 || *fps > 240 {
			return fmt.Errorf("-fps %v: must be 1 to 240", *fps)
		}
		for _, name := range []string{*video, *audio} {
			if name == "none" {
				continue
			}
			f, err := film.Open(name, *fps)
			if err != nil {
				return err
			}
			p.files = append(p.files, f)
		}
		return nil
	})
	if !ok {
		return code
	}
	p.host = web.NewHost(stdout, page, nil, p.accept)
	for _, f := range p.files {
		p.host.Printf("%s is %s", f.Name, f.MimeType)
	}
	return command.End(p.host.Serve(ctx, command.Addr, "press Start"))
}

// A player shows each page the files from their beginning, again and again.
type player struct {
	host  *web.Host
	files []*film.File
}

// accept answers the page's offer, which asks for one track of video and one of
// audio, and begins to play once there is a connection.
func (p *player) accept(ctx context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	if err := pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	tracks := make([]*webrtc.TrackLocalStaticSample, len(p.files))
	transceivers := make([]*webrtc.RTPTransceiver, len(p.files))
	for i, f := range p.files {
		var err error
		if tracks[i], transceivers[i], err = f.AddTo(pc); err != nil {
			return err
		}
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := pc.SetLocalDescription(answer); err != nil {
		return err
	}
	for i, transceiver := range transceivers {
		if transceiver.CurrentDirection() != webrtc.RTPTransceiverDirectionSendonly {
			return fmt.Errorf("the browser takes no %s: play a file of another codec", p.files[i].MimeType)
		}
	}
	var once sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() { go film.Loop(ctx, p.files, tracks, p.host.Printf) })
		}
	})
	return nil
}
