// Command simulcast takes the camera of a web page in three sizes at once (RFC 8853)
// and sends all three back, and a fourth picture that changes between them.
//
//	go run ./examples/simulcast    # open the URL that it prints
package main

import (
	"context"
	_ "embed"
	"io"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed page.html
var page []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("simulcast", stdout, stderr)
	if code, ok := command.Parse(args, nil); !ok {
		return code
	}
	engine, err := relay.NewMediaEngine()
	if err != nil {
		return command.End(err)
	}
	var host *web.Host
	host = web.NewHost(stdout, page, engine, func(_ context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
		return newCall(pc, host.Printf).answer(offer)
	})
	return command.End(host.Serve(ctx, command.Addr, "press Start"))
}
