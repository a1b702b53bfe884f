// Two peers who know each other's public keys connect and prove to each other
// who they are. Nothing but the two connections is needed; in a program of yours
// the descriptions travel over a signalling server, which cannot put itself
// between the two: SetRemoteDescription would fail.
//
//	go run ./example
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/identity/jws"
)

const (
	alice = "alice@example.org"
	bob   = "bob@example.net"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	a, b, err := peers()
	if err != nil {
		return err
	}
	defer a.Close()
	defer b.Close()

	greeting := make(chan string, 1)
	b.OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnMessage(func(m webrtc.DataChannelMessage) { greeting <- string(m.Data) })
	})
	channel, err := a.CreateDataChannel("greetings", nil)
	if err != nil {
		return err
	}
	channel.OnOpen(func() { _ = channel.SendText("hello " + bob) })

	if err := connect(a, b); err != nil {
		return err
	}
	for _, end := range []*webrtc.PeerConnection{a, b} {
		peer, err := end.PeerIdentity(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "the other end is %s, says %s\n", peer.Name, peer.IDP)
	}
	select {
	case text := <-greeting:
		fmt.Fprintln(out, text)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// peers makes the two connections: each has its own private key and the public
// key of the other, and takes nobody else.
func peers() (a, b *webrtc.PeerConnection, err error) {
	_, aliceKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	_, bobKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if a, err = peer(alice, aliceKey, bob, bobKey.Public().(ed25519.PublicKey)); err != nil {
		return nil, nil, err
	}
	if b, err = peer(bob, bobKey, alice, aliceKey.Public().(ed25519.PublicKey)); err != nil {
		_ = a.Close()
	}
	return a, b, err
}

func peer(me string, key ed25519.PrivateKey, other string, otherKey ed25519.PublicKey) (*webrtc.PeerConnection, error) {
	provider, err := jws.New(jws.Config{
		Name: me, Key: key, KeyID: me,
		Trusted: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: otherKey, KeyID: other}}},
		Names:   map[string]string{other: other},
	})
	if err != nil {
		return nil, err
	}
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{PeerIdentity: other})
	if err != nil {
		return nil, err
	}
	return pc, pc.SetIdentityProvider(provider, webrtc.IdentityProviderOptions{})
}

// connect exchanges the descriptions, with all candidates in them.
func connect(offerer, answerer *webrtc.PeerConnection) error {
	for _, step := range [][2]*webrtc.PeerConnection{{offerer, answerer}, {answerer, offerer}} {
		from, to := step[0], step[1]
		gathered := webrtc.GatheringCompletePromise(from)
		if err := from.SetLocalDescription(webrtc.SessionDescription{}); err != nil {
			return err
		}
		<-gathered
		if err := to.SetRemoteDescription(*from.LocalDescription()); err != nil {
			return err
		}
	}
	return nil
}
