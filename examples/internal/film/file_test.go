package film

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/samples"
)

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
		f, err := Open(name, 1)
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
		if f.MimeType != want.mimeType || count != want.samples || (duration-want.duration).Abs() > time.Millisecond {
			t.Errorf("%s: %d samples of %s, %v, want %+v", name, count, f.MimeType, duration, want)
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
		f, err := Open("VP8", 1)
		if err != nil {
			t.Fatal(err)
		}
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: f.MimeType}, "video", "film")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 10 {
			if err := f.Play(t.Context(), track); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); (took - 30*time.Second).Abs() > 10*time.Millisecond {
			t.Errorf("ten rounds of %d frames took %v, want 30 s", 10*samples.FrameRate*3, took)
		}
	})
}
