package main

import (
	"strings"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) {
	webtest.CommandLine(t, run, "-video no-such-file", "-video main.go", "-fps 0", "-audio page.html")
}

func TestPagesGetTheFile(t *testing.T) {
	for _, codec := range []string{"VP8", "VP9", "AV1", "H264"} {
		t.Run(codec, func(t *testing.T) {
			program := webtest.Start(t, run, "-video", codec)
			program.ServesPage()
			pc := webtest.NewPeer(t)
			recvonly := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
			for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
				if _, err := pc.AddTransceiverFromKind(kind, recvonly); err != nil {
					t.Fatal(err)
				}
			}
			type arrival struct {
				mimeType string
				steps    int // pictures or packets of sound
				clock    time.Duration
			}
			arrivals := make(chan arrival, 2)
			pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
				first, last, a := uint32(0), uint32(0), arrival{mimeType: track.Codec().MimeType}
				for a.steps < 8 {
					packet, _, err := track.ReadRTP()
					if err != nil {
						return
					}
					if a.steps == 0 {
						first = packet.Timestamp
					}
					if a.steps == 0 || packet.Timestamp != last {
						a.steps, last = a.steps+1, packet.Timestamp
					}
				}
				a.clock = time.Duration(last-first) * time.Second / time.Duration(track.Codec().ClockRate)
				arrivals <- a
			})
			program.Call(pc)
			for range 2 {
				select {
				case a := <-arrivals:
					want, kind := 7*20*time.Millisecond, "audio/opus"
					if strings.HasPrefix(a.mimeType, "video/") {
						want, kind = 7*time.Second/samples.FrameRate, "video/"+codec
					}
					if !strings.EqualFold(a.mimeType, kind) || (a.clock-want).Abs() > 2*time.Millisecond {
						t.Errorf("%s went on by %v in seven steps, want %s by %v", a.mimeType, a.clock, kind, want)
					}
				case <-time.After(20 * time.Second):
					t.Fatal("nothing came")
				}
			}
			if code, _ := program.Interrupt(); code != 0 {
				t.Errorf("exit code %d of an interrupted program", code)
			}
		})
	}
}

func TestAPageWithoutTheCodecIsRefused(t *testing.T) {
	program := webtest.Start(t, run, "-video", "AV1", "-audio", "none")
	pc := webtest.NewPeer(t)
	transceiver, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	if err != nil {
		t.Fatal(err)
	}
	var vp8 []webrtc.RTPCodecParameters
	for _, codec := range transceiver.Receiver().GetCapabilities(webrtc.RTPCodecTypeVideo).Codecs {
		if strings.EqualFold(codec.MimeType, webrtc.MimeTypeVP8) {
			vp8 = append(vp8, webrtc.RTPCodecParameters{RTPCodecCapability: codec})
		}
	}
	if err := transceiver.SetCodecPreferences(vp8); err != nil {
		t.Fatal(err)
	}
	if text := program.Refuses(pc); !strings.Contains(text, "the browser takes no video/AV1") {
		t.Errorf("refused with %q", text)
	}
}
