// Command quickstart lets a web page and a Go program talk over a WebRTC data
// channel, sends the page's camera and microphone back to it and plays it a film.
//
//	go run ./examples/quickstart             # serves a page, open it and press Connect
//	go run ./examples/quickstart -loopback   # no browser: two peers in one process
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it. It returns the exit code: 0 for
// success and for an interrupted server, 1 for a failure, 2 for wrong flags,
// 130 for an interrupted transfer.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	addr := flags.String("addr", "127.0.0.1:8080", "serve the page on `host:port`")
	inProcess := flags.Bool("loopback", false, "connect two peers in this process, without a browser")
	size := flags.Int64("size", 100, "with -loopback: `megabytes` to send")

	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, "usage: quickstart [-addr host:port] | -loopback [-size megabytes]")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return 0
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && (*size < 1 || *size > 1_000_000):
		err = fmt.Errorf("-size %d: must be 1 to 1000000 megabytes", *size)
	}
	if err != nil {
		fmt.Fprintf(stderr, "quickstart: %v (quickstart -h lists the flags)\n", err)
		return 2
	}

	if *inProcess {
		err = loopback(ctx, *size*1e6, stdout)
	} else {
		err = serve(ctx, *addr, stdout)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(stderr, "quickstart: interrupted\n")
		return 130
	default:
		fmt.Fprintf(stderr, "quickstart: %v\n", err)
		return 1
	}
}

// newAPI makes peers that offer their loopback addresses beside the network's:
// browser and program are on one machine, where a firewall or a VPN may stand
// between other addresses. Most programs call webrtc.NewPeerConnection instead.
func newAPI() *webrtc.API {
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings))
}

// serve runs the HTTP server until ctx ends.
func serve(ctx context.Context, addr string, stdout io.Writer) error {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use by another program; choose another port, for example -addr 127.0.0.1:8081", addr)
	} else if err != nil {
		return fmt.Errorf("cannot serve on %q: %w", addr, err)
	}
	server := &http.Server{
		Handler:           newHandler(newAPI()),
		BaseContext:       func(net.Listener) context.Context { return ctx }, // Ctrl-C ends every session
		ReadHeaderTimeout: 5 * time.Second,
	}
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		limit, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		server.Shutdown(limit)
	})
	fmt.Fprintf(stdout, "Open http://%s and press Connect. Ctrl-C ends the program.\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	<-drained
	return nil
}
