package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/internal/leak"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) { webtest.CommandLine(t, run) }

// What a peer sends comes back, byte for byte, with the codec that it has.
func TestEverythingComesBack(t *testing.T) {
	program := webtest.Start(t, run)
	program.ServesPage()
	pc := webtest.NewPeer(t)
	sent := map[webrtc.RTPCodecType]string{webrtc.RTPCodecTypeAudio: webrtc.MimeTypeOpus, webrtc.RTPCodecTypeVideo: webrtc.MimeTypeVP9}
	frame := []byte("\x82\x49\x83\x42 this is what was sent")
	done := make(chan struct{})
	for _, mimeType := range sent {
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mimeType}, mimeType, "camera")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pc.AddTrack(track); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		t.Cleanup(func() { <-ended })
		go func() {
			defer close(ended)
			for ticker := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-ticker.C:
					track.WriteSample(media.Sample{Data: frame, Duration: 20 * time.Millisecond})
				case <-done:
					return
				}
			}
		}()
	}
	t.Cleanup(func() { close(done) })
	back := make(chan *webrtc.TrackRemote, len(sent))
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if bytes.HasSuffix(packet.Payload, frame) {
				back <- track
				return
			}
		}
	})
	hangUp := program.Call(pc)
	for range sent {
		select {
		case track := <-back:
			if got := track.Codec().MimeType; !strings.EqualFold(got, sent[track.Kind()]) {
				t.Errorf("%v comes back as %s", track.Kind(), got)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("not everything comes back")
		}
	}
	hangUp()
	program.WaitFor("the page hung up")
	if code, _ := program.Interrupt(); code != 0 {
		t.Errorf("exit code %d of an interrupted program", code)
	}
}
