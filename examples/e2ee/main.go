// Command e2ee encrypts frames from end to end: those of a page's camera and
// microphone come encrypted, with a key that both ends make of a passphrase and
// that no server sees, and go back encrypted.
//
//	go run ./examples/e2ee              # open the URL that it prints
//	go run ./examples/e2ee -loopback    # no browser: two peers in one process
package main

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"sync"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/mirror"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed page.html
var page []byte

//go:embed worker.js
var worker []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("e2ee", stdout, stderr)
	passphrase := command.String("passphrase", "open sesame", "make the key of this `text`")
	inProcess := command.Bool("loopback", false, "connect two peers in this process, without a browser")
	if code, ok := command.Parse(args, func() error {
		if *passphrase == "" {
			return errors.New("-passphrase: empty")
		}
		return nil
	}); !ok {
		return code
	}
	if *inProcess {
		return command.End(loopback(ctx, *passphrase, stdout))
	}
	ciphers, err := newFrameCipher(*passphrase)
	if err != nil {
		return command.End(err)
	}
	e := &end{cipher: ciphers}
	e.host = web.NewHost(stdout, page, nil, e.accept)
	e.host.Script("worker.js", worker)
	e.host.Printf("The passphrase is %q.", *passphrase)
	return command.End(e.host.Serve(ctx, command.Addr, "press Start"))
}

// An end makes the Go ends of calls.
type end struct {
	host   *web.Host
	cipher *frameCipher
}

// accept answers the page's offer: each of its transceivers will send back what it
// receives.
func (e *end) accept(_ context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		// Between the two it is not encrypted: a recorder would read remote.Frames here.
		if err := mirror.Reflect(remote, receiver, func(string) {}); err != nil {
			e.host.Printf("%v: %v", remote.Kind(), err)
		}
	})
	if err := pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	for _, transceiver := range pc.GetTransceivers() {
		// Nothing that this end sends or reads goes past the cipher.
		transceiver.Sender().SetTransform(e.cipher.encrypt)
		transceiver.Receiver().SetTransform(e.watched(transceiver.Kind()))
		if err := transceiver.SetDirection(webrtc.RTPTransceiverDirectionSendrecv); err != nil {
			return err
		}
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return pc.SetLocalDescription(answer)
}

// watched decrypts, and prints how the first frames went.
func (e *end) watched(kind webrtc.RTPCodecType) webrtc.FrameTransform {
	var good, bad sync.Once
	return func(frame *webrtc.EncodedFrame) error {
		err := e.cipher.decrypt(frame)
		if err != nil {
			bad.Do(func() { e.host.Printf("%v: a frame cannot be decrypted (%v): is the passphrase the same?", kind, err) })
		} else {
			good.Do(func() { e.host.Printf("%v: frames of %s are decrypted", kind, frame.Codec.MimeType) })
		}
		return err
	}
}
