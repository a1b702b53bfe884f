package main

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/internal/leak"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) { webtest.CommandLine(t, run, "-tones 12x", "-duration 1ms") }

// All packets of an event, its repeated end included, are one key (RFC 4733
// sections 2.2.1 and 2.5.1.4).
func TestAKeyIsReadOnce(t *testing.T) {
	var keys keypad
	got := ""
	for _, p := range []struct {
		at    uint32
		event byte
	}{{0, 5}, {0, 5}, {0, 5}, {900, 5}, {900, 5}, {1800, 11}, {2700, 15}, {3600, 99}} {
		key, err := keys.read(&rtp.Packet{Header: rtp.Header{Timestamp: p.at}, Payload: []byte{p.event, 10, 0, 160}})
		if err != nil {
			t.Fatal(err)
		}
		got += key
	}
	if got != "55#D" {
		t.Errorf("the keys are %q, want 55#D", got)
	}
	if _, err := keys.read(&rtp.Packet{Payload: []byte{1}}); err == nil {
		t.Error("an event of one byte is taken")
	}
}

// The program dials what the command line says; keys of the peer are printed and
// come back.
func TestKeysGoBothWays(t *testing.T) {
	program := webtest.Start(t, run, "-tones", "7", "-duration", "40ms")
	program.ServesPage()
	pc := webtest.NewPeer(t)
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "line", "phone")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := pc.AddTrack(track)
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan string, 100)
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		var keys keypad
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			for _, codec := range receiver.GetParameters().Codecs {
				if codec.MimeType == webrtc.MimeTypeTelephoneEvent && uint8(codec.PayloadType) == packet.PayloadType {
					if key, err := keys.read(packet); key != "" || err != nil {
						received <- key
					}
				}
			}
		}
	})
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	program.Call(pc)
	<-connected
	if err := track.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if err := sender.DTMF().InsertDTMF("4#", 40*time.Millisecond, 0); err != nil {
		t.Fatal(err)
	}
	got := ""
	for len(got) < 3 {
		select {
		case key := <-received:
			got += key
		case <-time.After(20 * time.Second):
			t.Fatalf("only %q came back", got)
		}
	}
	if got != "74#" && got != "47#" && got != "4#7" {
		t.Errorf("%q came back, want 7 of the command line, and 4#", got)
	}
	program.WaitFor("received 4")
	program.WaitFor("received #")
	program.WaitFor("all tones are sent")
}
