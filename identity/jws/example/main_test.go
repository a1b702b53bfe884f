package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/passerelle-rtc/webrtc"
)

func TestPeersVerifyEachOther(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	want := "the other end is bob@example.net, says example.net\n" +
		"the other end is alice@example.org, says example.org\n" +
		"hello bob@example.net\n"
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}

// Somebody on the path who offers in Alice's name, with a key of his own.
func TestAnImpostorIsRefused(t *testing.T) {
	a, b, err := peers()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	impostor, err := peer(alice, key, bob, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	defer impostor.Close()
	offer, err := impostor.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	var e *webrtc.Error
	if err := b.SetRemoteDescription(offer); !errors.As(err, &e) || e.Kind != webrtc.KindIDPTokenInvalid {
		t.Errorf("the impostor's offer: %v", err)
	}
	genuine, err := a.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SetRemoteDescription(genuine); err != nil {
		t.Errorf("the genuine offer: %v", err)
	}
}
