package main

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) { webtest.CommandLine(t, run) }

// rids are the layers that the page sends.
var rids = []string{"q", "h", "f"}

// camera offers three layers, each a track of key frames that end with the layer's
// index, and as many places for pictures.
func camera(t *testing.T, pc *webrtc.PeerConnection, places int) {
	t.Helper()
	stop, sending := make(chan struct{}), sync.WaitGroup{}
	t.Cleanup(func() { close(stop); sending.Wait() })
	var sender *webrtc.RTPSender
	for i, rid := range rids {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", "me", webrtc.WithRTPStreamID(rid))
		if err == nil && sender == nil {
			sender, err = pc.AddTrack(track)
		} else if err == nil {
			err = sender.AddEncoding(track)
		}
		if err != nil {
			t.Fatal(err)
		}
		sending.Go(func() {
			ticker := time.NewTicker(20 * time.Millisecond)
			defer ticker.Stop()
			for n := uint32(i * 20000); ; n++ {
				select {
				case <-ticker.C:
				case <-stop:
					return
				}
				track.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: n * 1800},
					Payload: []byte{0x90, 0xe0, byte(n>>8) | 0x80, byte(n), byte(n), 0, 0, 0x77, byte(i)},
				})
			}
		})
	}
	for range places {
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
}

// An arrival is a packet that came back.
type arrival struct {
	stream   string
	layer    byte
	sequence uint16
}

// Each layer comes back on its own, and the choice is of the layer that was wanted
// last, without a jump in its numbers.
func TestLayersComeBackAndTheChoiceChanges(t *testing.T) {
	program := webtest.Start(t, run)
	program.ServesPage()
	pc := webtest.NewPeer(t)
	camera(t, pc, len(rids)+1)
	arrivals := make(chan arrival, 10000)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if len(p.Payload) > 0 { // else a probe of the network
				arrivals <- arrival{track.StreamID(), p.Payload[len(p.Payload)-1], p.SequenceNumber}
			}
		}
	})
	told := make(chan string, 100)
	channel, err := pc.CreateDataChannel("layers", nil)
	if err != nil {
		t.Fatal(err)
	}
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var s said
		if err := json.Unmarshal(m.Data, &s); err != nil {
			t.Error(err)
		}
		told <- s.Layer
	})
	hangUp := program.Call(pc)

	limit := time.After(20 * time.Second)
	came, choice, known := map[string]int{}, uint16(0), false
	next := func() arrival {
		select {
		case a := <-arrivals:
			if i := strings.Index("qhf", a.stream); i >= 0 && a.layer != byte(i) {
				t.Fatalf("layer %d came back in the place of %s", a.layer, a.stream)
			}
			if a.stream == "choice" {
				if step := int16(a.sequence - choice); known && (step > 100 || step < -100) {
					t.Errorf("the choice jumps from %d to %d", choice, a.sequence)
				}
				choice, known = a.sequence, true
			}
			came[a.stream]++
			return a
		case <-limit:
			t.Fatalf("not everything came: %v", came)
		}
		return arrival{}
	}
	for came["q"] < 10 || came["h"] < 10 || came["f"] < 10 || came["choice"] < 10 {
		next()
	}
	for _, want := range []int{2, 0, 1} {
		if err := channel.SendText(`{"layer":"` + rids[want] + `"}`); err != nil {
			t.Fatal(err)
		}
		for heard := ""; heard != rids[want]; {
			select {
			case heard = <-told:
			case <-arrivals:
				// A lost count does no harm: the numbers are looked at below.
				known = false
			case <-limit:
				t.Fatalf("layer %s was not chosen", rids[want])
			}
		}
		for a := next(); a.stream != "choice" || a.layer != byte(want); {
			a = next()
		}
	}
	if err := channel.SendText(`{"layer":"none"}`); err != nil {
		t.Fatal(err)
	}
	hangUp()
	program.WaitFor("the page hung up")
	if code, _ := program.Interrupt(); code != 0 {
		t.Errorf("exit code %d of an interrupted program", code)
	}
}

func TestAnOfferWithoutPlacesForAllIsRefused(t *testing.T) {
	program := webtest.Start(t, run)
	pc := webtest.NewPeer(t)
	camera(t, pc, 1)
	if text := program.Refuses(pc); !strings.Contains(text, "3 layers") {
		t.Errorf("refused with %q", text)
	}
}
