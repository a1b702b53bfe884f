// Command broadcast sends the camera and the microphone of one web page to any
// number of others.
//
//	go run ./examples/broadcast    # open the URL that it prints, and the link on the page in other tabs
package main

import (
	"context"
	_ "embed"
	"io"

	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed broadcast.html
var broadcastPage []byte

//go:embed watch.html
var watchPage []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("broadcast", stdout, stderr)
	if code, ok := command.Parse(args, nil); !ok {
		return code
	}
	engine, err := relay.NewMediaEngine()
	if err != nil {
		return command.End(err)
	}
	s, err := newStudio()
	if err != nil {
		return command.End(err)
	}
	s.host = web.NewHost(stdout, broadcastPage, engine, s.broadcast)
	s.host.Page("watch", watchPage, s.watch)
	return command.End(s.host.Serve(ctx, command.Addr, "press Start to broadcast; others watch at /watch"))
}
