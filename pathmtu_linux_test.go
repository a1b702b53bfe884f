package webrtc

import (
	"testing"
	"time"
)

// On real sockets, over the loopback, whose MTU is more than the limit of 1500 bytes: the first probe is answered.
func TestRealSocketsAreProbed(t *testing.T) {
	var e SettingEngine
	loopbackOnly(&e)
	e.EnableSCTPPathMTUDiscovery(true)
	api := NewAPI(WithSettingEngine(e))
	c := connect(t, api, api)
	defer c.close(t)
	const want = (probedMTU - ipv4Header - udpHeader - 37) &^ 3
	arrived := make(chan struct{})
	c.atB.OnMessage(func(DataChannelMessage) { arrived <- struct{}{} })
	for end := time.Now().Add(time.Minute); foundMTU(t, c.a) != want; { // while data is under way
		if time.Now().After(end) {
			t.Fatalf("packets of %d bytes, want %d", foundMTU(t, c.a), want)
		}
		must(t, c.atA.Send(make([]byte, 8<<10)))
		wait(t, "message", arrived, time.Minute)
	}
}
