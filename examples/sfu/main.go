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

	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
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
	engine, err := relay.NewMediaEngine()
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
