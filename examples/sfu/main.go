// Command sfu is a conference room: a selective forwarding unit, which passes on
// what its participants send without decoding it, and chooses for each which size
// of the others' pictures it gets.
//
//	go run ./examples/sfu    # open the URL that it prints, several times
package main

import (
	"context"
	_ "embed"
	"io"
	"log"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed page.html
var page []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("sfu", stdout, stderr)
	if code, ok := command.Parse(args, nil); !ok {
		return code
	}
	engine, err := newMediaEngine()
	if err != nil {
		return command.End(err)
	}
	printer := log.New(stdout, "", 0)
	room := newRoom(web.NewAPI(engine), printer)
	defer room.close()
	return command.End(web.Serve(ctx, command.Addr, newHandler(room), func(url string) {
		printer.Printf("Open %s in two tabs or more and join the room in each. Ctrl-C ends the program.", url)
	}))
}

// newMediaEngine has one codec for each kind, as all in a room have to understand
// it, and the program has to find keyframes in it; and the header extensions that
// tell the layers of simulcast apart (RFC 8852).
func newMediaEngine() (*webrtc.MediaEngine, error) {
	engine := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "transport-cc"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	codecs := map[webrtc.RTPCodecType][]webrtc.RTPCodecParameters{
		webrtc.RTPCodecTypeAudio: {{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: feedback[:1]}}},
		webrtc.RTPCodecTypeVideo: {{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback}},
			{PayloadType: 97, RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96"}}},
	}
	for kind, list := range codecs {
		for _, codec := range list {
			if err := engine.RegisterCodec(codec, kind); err != nil {
				return nil, err
			}
		}
	}
	return engine, nil
}
