// Command p2p connects two Go programs. One listens for signalling over HTTP
// and answers; the other one calls it and offers:
//
//	go run ./examples/p2p -listen 127.0.0.1:9000
//	go run ./examples/p2p -call http://127.0.0.1:9000
//
// The caller sends a few messages; the listener sends each one back.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/passerelle-rtc/webrtc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("p2p", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	listenOn := flags.String("listen", "", "answer callers; take their signalling on `host:port`")
	callTo := flags.String("call", "", "call the listener at `url`")
	count := flags.Int("count", 5, "with -call: how many messages to send")

	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, "usage: p2p -listen host:port | p2p -call url [-count n]")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return 0
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && (*listenOn == "") == (*callTo == ""):
		err = errors.New("give either -listen or -call")
	case err == nil && *count < 1:
		err = fmt.Errorf("-count %d: must be 1 or more", *count)
	}
	if err != nil {
		fmt.Fprintf(stderr, "p2p: %v (p2p -h lists the flags)\n", err)
		return 2
	}

	if *listenOn != "" {
		err = listen(ctx, *listenOn, stdout)
	} else {
		err = call(ctx, strings.TrimSuffix(*callTo, "/"), *count, stdout)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "p2p: %v\n", err)
		return 1
	}
	return 0
}

// newPeer makes a PeerConnection that prints its states.
func newPeer(stdout io.Writer) (*webrtc.PeerConnection, error) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) { fmt.Fprintf(stdout, "ice: %v\n", state) })
	return pc, nil
}
