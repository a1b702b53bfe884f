package main

import (
	"fmt"
	"log"

	"github.com/passerelle-rtc/webrtc"
)

func main() {
	alice, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	check(err)
	defer alice.Close()
	bob, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	check(err)
	defer bob.Close()

	// Bob answers every message.
	bob.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(m webrtc.DataChannelMessage) {
			check(channel.SendText("Hello Alice, you said: " + string(m.Data)))
		})
	})

	// Alice opens a channel and says something.
	channel, err := alice.CreateDataChannel("chat", nil)
	check(err)
	reply := make(chan string)
	channel.OnOpen(func() { check(channel.SendText("Hello Bob")) })
	channel.OnMessage(func(m webrtc.DataChannelMessage) { reply <- string(m.Data) })

	// Their descriptions travel by any means you like: here both are at hand.
	offer, err := alice.CreateOffer(nil)
	check(err)
	gathered := webrtc.GatheringCompletePromise(alice)
	check(alice.SetLocalDescription(offer))
	<-gathered
	check(bob.SetRemoteDescription(*alice.LocalDescription()))
	answer, err := bob.CreateAnswer(nil)
	check(err)
	gathered = webrtc.GatheringCompletePromise(bob)
	check(bob.SetLocalDescription(answer))
	<-gathered
	check(alice.SetRemoteDescription(*bob.LocalDescription()))

	fmt.Println(<-reply)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
