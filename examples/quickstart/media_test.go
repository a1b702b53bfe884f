package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// sendFrames writes a frame to each track every 20 ms until the test ends.
func sendFrames(t *testing.T, frame []byte, tracks ...*webrtc.TrackLocalStaticSample) {
	done, ended := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(done); <-ended })
	go func() {
		defer close(ended)
		for ticker := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-ticker.C:
				for _, track := range tracks {
					track.WriteSample(media.Sample{Data: frame, Duration: 20 * time.Millisecond})
				}
			case <-done:
				ticker.Stop()
				return
			}
		}
	}()
}

// What comes over the connection is told by its bytes: the page's own frame, or a
// piece of one of the embedded files.
func TestCameraAndFilmJoinTheConnection(t *testing.T) {
	v := visit(t)
	pc, err := newAPI().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	channel, err := pc.CreateDataChannel("echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	echoes := make(chan string, 1)
	channel.OnMessage(func(m webrtc.DataChannelMessage) { echoes <- string(m.Data) })
	frame := []byte("\x30\x01\x00\x9d\x01\x2a this is what was sent")
	sources := map[string][]byte{"camera": frame, "VP8 film": samples.VP8, "Opus film": samples.Opus}
	arrivals := make(chan string, 256)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			tail := packet.Payload[max(0, len(packet.Payload)-24):]
			for name, source := range sources {
				if len(tail) == 24 && bytes.Contains(source, tail) {
					select {
					case arrivals <- track.Kind().String() + " of the " + name:
					default:
					}
				}
			}
		}
	})
	v.connect(pc)
	v.wait("state", `{"of":"channel echo","is":"open"}`)

	var tracks []*webrtc.TrackLocalStaticSample
	for _, mimeType := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mimeType}, mimeType, "camera")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pc.AddTrack(track); err != nil {
			t.Fatal(err)
		}
		tracks = append(tracks, track)
	}
	v.offer(pc, "/offer")
	sendFrames(t, frame, tracks...)
	var film []*webrtc.RTPTransceiver
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		transceiver, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			t.Fatal(err)
		}
		film = append(film, transceiver)
	}
	v.offer(pc, "/film")

	missing := map[string]bool{"audio of the camera": true, "video of the camera": true, "video of the VP8 film": true, "audio of the Opus film": true}
	for limit := time.After(20 * time.Second); len(missing) > 0; {
		select {
		case arrival := <-arrivals:
			delete(missing, arrival)
		case <-limit:
			t.Fatalf("there came no %v", missing)
		}
	}
	for _, transceiver := range film {
		if err := transceiver.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	v.offer(pc, "/offer")
	v.wait("note", "the film has stopped")
	channel.SendText("still here")
	if echo := <-echoes; echo != "still here" {
		t.Errorf("the echo is %q", echo)
	}
}

func TestAFilmWithoutAPlaceInTheOfferIsRefused(t *testing.T) {
	v := visit(t)
	pc, err := newAPI().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := pc.CreateDataChannel("echo", nil); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := v.do("POST", v.path+"/film", offer); status != 400 || body != "the offer has no place for video/VP8\n" {
		t.Errorf("%d %q", status, body)
	}
}
