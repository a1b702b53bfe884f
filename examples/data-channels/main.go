// Command data-channels chats over a WebRTC data channel without any server:
// people carry the two descriptions by copy and paste.
//
// In one terminal:
//
//	go run ./examples/data-channels -offer
//
// In another one (on another machine, if the two can reach each other):
//
//	go run ./examples/data-channels
//
// Paste what the first prints into the second, and its answer back into the
// first. Then every line that is typed on one side is printed on the other.
// One of the two may be a browser: open examples/data-channels/page.html.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
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
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("data-channels", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	offer := flags.Bool("offer", false, "make the offer; without it, wait for one and answer it")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stdout, "usage: data-channels [-offer]")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return 0
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(stderr, "data-channels: %v (data-channels -h lists the flags)\n", err)
		return 2
	}
	if err := chat(ctx, *offer, stdin, stdout); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "data-channels: %v\n", err)
		return 1
	}
	return 0
}

// chat connects and then sends the lines of stdin until it ends or the other
// side leaves.
func chat(parent context.Context, offer bool, stdin io.Reader, stdout io.Writer) error {
	ctx, end := context.WithCancelCause(parent)
	defer end(nil)
	lines := readLines(ctx, stdin)

	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer pc.Close()
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		fmt.Fprintf(stdout, "* %v\n", state)
		if state == webrtc.PeerConnectionStateFailed {
			end(fmt.Errorf("no connection: %w; can the two machines reach each other over UDP?", pc.FailureReason()))
		}
	})

	opened := make(chan *webrtc.DataChannel, 1)
	use := func(channel *webrtc.DataChannel) {
		channel.OnOpen(func() { opened <- channel })
		channel.OnMessage(func(message webrtc.DataChannelMessage) { fmt.Fprintf(stdout, "> %s\n", message.Data) })
		channel.OnClose(func() { end(context.Canceled) })
	}
	if offer {
		channel, err := pc.CreateDataChannel("chat", nil)
		if err != nil {
			return err
		}
		use(channel)
		err = makeOffer(ctx, pc, lines, stdout)
		if err != nil {
			return err
		}
	} else {
		pc.OnDataChannel(use)
		if err := makeAnswer(ctx, pc, lines, stdout); err != nil {
			return err
		}
	}

	var channel *webrtc.DataChannel
	select {
	case channel = <-opened:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	fmt.Fprintln(stdout, "* type a line and press Enter; end of input (Ctrl-D) leaves")
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return nil
			}
			if err := channel.SendTextContext(ctx, line); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func makeOffer(ctx context.Context, pc *webrtc.PeerConnection, lines <-chan string, stdout io.Writer) error {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := show(ctx, pc, offer, stdout); err != nil {
		return err
	}
	return paste(ctx, pc, webrtc.SDPTypeAnswer, lines, stdout)
}

func makeAnswer(ctx context.Context, pc *webrtc.PeerConnection, lines <-chan string, stdout io.Writer) error {
	if err := paste(ctx, pc, webrtc.SDPTypeOffer, lines, stdout); err != nil {
		return err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return show(ctx, pc, answer, stdout)
}

// show applies our description and prints it once it holds every candidate, as
// one line of base64.
func show(ctx context.Context, pc *webrtc.PeerConnection, description webrtc.SessionDescription, stdout io.Writer) error {
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(description); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	text, err := json.Marshal(pc.LocalDescription())
	if err != nil {
		return err
	}
	hurry := ""
	if description.Type == webrtc.SDPTypeAnswer {
		hurry = " within half a minute" // that is how long connecting may take
	}
	fmt.Fprintf(stdout, "* copy this %v to the other side%s:\n%s\n", description.Type, hurry, base64.StdEncoding.EncodeToString(text))
	return nil
}

// paste asks for the other side's description until one can be applied.
func paste(ctx context.Context, pc *webrtc.PeerConnection, kind webrtc.SDPType, lines <-chan string, stdout io.Writer) error {
	for {
		fmt.Fprintf(stdout, "* paste the %v of the other side:\n", kind)
		select {
		case line, ok := <-lines:
			if !ok {
				return errors.New("the input ended before there was a connection")
			}
			err := apply(pc, kind, line)
			if err == nil {
				return nil
			}
			fmt.Fprintf(stdout, "* that does not work: %v\n", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func apply(pc *webrtc.PeerConnection, kind webrtc.SDPType, line string) error {
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	if err != nil {
		return fmt.Errorf("it is not base64, perhaps a part is missing: %w", err)
	}
	var description webrtc.SessionDescription
	if err := json.Unmarshal(text, &description); err != nil {
		return fmt.Errorf("it is not a description: %w", err)
	}
	if description.Type != kind {
		return fmt.Errorf("it is an %v, not an %v", description.Type, kind)
	}
	return pc.SetRemoteDescription(description)
}

// readLines delivers the input's lines, so that waiting for one can be
// interrupted. The channel is closed when the input ends.
func readLines(ctx context.Context, input io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(input)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}
