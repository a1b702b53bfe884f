package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
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

func TestSamplesOfTheFiles(t *testing.T) {
	for name, want := range map[string]struct {
		mimeType string
		samples  int
		duration time.Duration
	}{
		"VP8":  {webrtc.MimeTypeVP8, 45, 3 * time.Second},
		"VP9":  {webrtc.MimeTypeVP9, 45, 3 * time.Second},
		"AV1":  {webrtc.MimeTypeAV1, 45, 3 * time.Second},
		"H264": {webrtc.MimeTypeH264, 45, 3 * time.Second},
		"Opus": {webrtc.MimeTypeOpus, 151, 3020 * time.Millisecond},
	} {
		f, err := openFile(name, 1)
		if err != nil {
			t.Fatal(err)
		}
		in, _ := f.open()
		next, err := f.samples(in)
		if err != nil {
			t.Fatal(err)
		}
		count, duration := 0, time.Duration(0)
		for {
			sample, err := next()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			count, duration = count+1, duration+sample.Duration
		}
		if f.mimeType != want.mimeType || count != want.samples || (duration-want.duration).Abs() > time.Millisecond {
			t.Errorf("%s: %d samples of %s, %v, want %+v", name, count, f.mimeType, duration, want)
		}
	}
}

// RFC 6716 section 3.1, table 2 and the codes 0 to 3.
func TestOpusDuration(t *testing.T) {
	for packet, want := range map[string]time.Duration{
		"\x00": 10 * time.Millisecond, "\x18": 60 * time.Millisecond, "\x19": 120 * time.Millisecond,
		"\x60": 10 * time.Millisecond, "\x78": 20 * time.Millisecond,
		"\x80": 2500 * time.Microsecond, "\xfa": 40 * time.Millisecond, "\xf3\x03": 30 * time.Millisecond,
	} {
		if got, err := opusDuration([]byte(packet)); err != nil || got != want {
			t.Errorf("% x: %v, %v, want %v", packet, got, err, want)
		}
	}
	for _, packet := range []string{"", "\x03"} {
		if got, err := opusDuration([]byte(packet)); err == nil {
			t.Errorf("% x: %v, want an error", packet, got)
		}
	}
}

// Ten rounds take ten times the film's duration: what sleeping takes does not add up.
func TestPlayingKeepsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := openFile("VP8", 1)
		if err != nil {
			t.Fatal(err)
		}
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: f.mimeType}, "video", "film")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 10 {
			if err := f.play(t.Context(), track); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); (took - 30*time.Second).Abs() > 10*time.Millisecond {
			t.Errorf("ten rounds of %d frames took %v, want 30 s", 10*samples.FrameRate*3, took)
		}
	})
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
