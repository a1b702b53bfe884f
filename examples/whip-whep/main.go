// Command whip-whep is a small media server. What is published over WHIP (RFC 9725),
// by a browser, by GStreamer or by OBS, is watched over WHEP (draft-ietf-wish-whep)
// by any number of players.
//
//	go run ./examples/whip-whep                  # open the URL that it prints: a page that publishes, and one that watches
//	go run ./examples/whip-whep -token secret    # only who knows the token publishes
//
// A stream has a name, here "live":
//
//	POST /whip/live   publishes it
//	POST /whep/live   watches it
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed publish.html
var publishPage []byte

//go:embed watch.html
var watchPage []byte

//go:embed whip.js
var script []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("whip-whep", stdout, stderr)
	s := newServer(log.New(stdout, "", 0))
	command.StringVar(&s.publishToken, "token", "", "publishing needs this bearer `token`")
	command.StringVar(&s.watchToken, "watch-token", "", "watching needs this bearer `token`")
	command.IntVar(&s.limit, "sessions", 100, "refuse more than this `number` of publishers and watchers")
	username := command.String("ice-username", "", "the `name` that the -ice-server of TURN wants")
	credential := command.String("ice-credential", "", "the `password` that the -ice-server of TURN wants")
	var urls []string
	command.Func("ice-server", "tell publishers and watchers of this STUN or TURN server, a `URL`; may be repeated", func(url string) error {
		urls = append(urls, url)
		return nil
	})
	code, ok := command.Parse(args, func() (err error) {
		if s.limit < 1 {
			return fmt.Errorf("-sessions %d: must be 1 or more", s.limit)
		}
		for _, token := range []string{s.publishToken, s.watchToken} {
			if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
				return fmt.Errorf("a token has neither spaces nor characters beyond ASCII (RFC 6750 section 2.1)")
			}
		}
		s.links, err = linksOf(urls, *username, *credential)
		return err
	})
	if !ok {
		return code
	}
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		return command.End(err)
	}
	s.api = web.NewAPI(engine)
	defer s.close()
	return command.End(web.Serve(ctx, command.Addr, s.handler(), func(url string) {
		s.printer.Printf("Open %s to publish and %[1]s/watch to watch. Ctrl-C ends the program.", url)
		s.printer.Printf("Other programs publish at %s/whip/NAME (WHIP) and watch at %[1]s/whep/NAME (WHEP).", url)
	}))
}
