// Command perfect-negotiation runs W3C's perfect negotiation between two peers
// in one program:
//
//	go run ./examples/perfect-negotiation
//
// Both ends add transceivers and data channels at the same moment, again and
// again, so that their offers cross. The signalling channel between them is a
// pair of Go channels; a real program has a WebSocket or the like there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"github.com/passerelle-rtc/webrtc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("perfect-negotiation", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	rounds := flags.Int("rounds", 3, "how many times both ends change something at once")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, "usage: perfect-negotiation [-rounds n]")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return 0
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && *rounds < 1:
		err = fmt.Errorf("-rounds %d: must be 1 or more", *rounds)
	}
	if err != nil {
		fmt.Fprintf(stderr, "perfect-negotiation: %v (perfect-negotiation -h lists the flags)\n", err)
		return 2
	}
	if err := negotiate(ctx, *rounds, stdout); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "perfect-negotiation: %v\n", err)
		return 1
	}
	return 0
}

// negotiate connects two peers and lets them change things at the same time.
func negotiate(parent context.Context, rounds int, stdout io.Writer) error {
	ctx, end := context.WithCancelCause(parent)
	defer end(nil)
	fail := func(err error) { end(err) }
	toPolite, toImpolite := make(chan message, 256), make(chan message, 256)
	impolite, err := newPeer(false, func(m message) { toPolite <- m }, fail)
	if err != nil {
		return err
	}
	defer impolite.Close()
	polite, err := newPeer(true, func(m message) { toImpolite <- m }, fail)
	if err != nil {
		return err
	}
	defer polite.Close()

	var signalling sync.WaitGroup
	defer signalling.Wait()
	defer end(nil)
	signalling.Go(func() { carry(ctx, toPolite, polite) })
	signalling.Go(func() { carry(ctx, toImpolite, impolite) })

	for round := range rounds {
		opened := make(chan struct{}, 2)
		for _, p := range []*peer{impolite, polite} {
			if _, err := p.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
				return err
			}
			channel, err := p.CreateDataChannel(fmt.Sprintf("round %d", round+1), nil)
			if err != nil {
				return err
			}
			channel.OnOpen(func() { opened <- struct{}{} })
		}
		for range 2 {
			select {
			case <-opened:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := settled(ctx, impolite, polite, 2*(round+1)); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "round %d: both ends are stable and have %d transceivers\n", round+1, 2*(round+1))
	}
	return nil
}

// carry hands the messages to a peer in their order.
func carry(ctx context.Context, messages <-chan message, to *peer) {
	for {
		select {
		case m := <-messages:
			to.receive(m)
		case <-ctx.Done():
			return
		}
	}
}

// settled waits until both ends are stable with that many negotiated
// transceivers.
func settled(ctx context.Context, a, b *peer, transceivers int) error {
	changes := make(chan struct{}, 1)
	for _, p := range []*peer{a, b} {
		remove, err := p.AddEventListener("signalingstatechange", func(webrtc.SignalingState) {
			select {
			case changes <- struct{}{}:
			default:
			}
		})
		if err != nil {
			return err
		}
		defer remove()
	}
	for !a.agreed(transceivers) || !b.agreed(transceivers) {
		select {
		case <-changes:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// agreed reports whether the peer is stable and has that many transceivers, all
// of them negotiated.
func (p *peer) agreed(transceivers int) bool {
	all := p.GetTransceivers()
	for _, t := range all {
		if t.CurrentDirection() == webrtc.RTPTransceiverDirectionUnknown {
			return false
		}
	}
	return p.SignalingState() == webrtc.SignalingStateStable && len(all) == transceivers
}
