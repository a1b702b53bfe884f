package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/internal/leak"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
	"github.com/passerelle-rtc/webrtc/pkg/media/oggreader"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) {
	webtest.CommandLine(t, run, "-dir no-such-directory", "-dir main.go")
}

// The frames that were sent are in the file, byte for byte and with their codec;
// Ctrl-C completes the files.
func TestFramesAreInTheFiles(t *testing.T) {
	dir := t.TempDir()
	program := webtest.Start(t, run, "-dir", dir)
	program.ServesPage()
	frames := ivfFrames(t, samples.VP9)
	pc := webtest.NewPeer(t)
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	video, audio := track(t, pc, webrtc.MimeTypeVP9), track(t, pc, webrtc.MimeTypeOpus)
	program.Call(pc)
	select {
	case <-connected:
	case <-time.After(20 * time.Second):
		t.Fatal("no connection")
	}
	for _, frame := range frames[:10] {
		video.WriteSample(media.Sample{Data: frame, Duration: time.Second / samples.FrameRate})
		audio.WriteSample(media.Sample{Data: []byte("\xf8\xff\xfe"), Duration: 20 * time.Millisecond})
	}
	program.WaitFor(`recording video/VP9 into .*video\.ivf`)
	program.WaitFor(`recording audio/opus into .*audio\.ogg`)
	waitForSize(t, filepath.Join(dir, "recording-1", "audio.ogg"), 10*30)
	waitForSize(t, filepath.Join(dir, "recording-1", "video.ivf"), size(frames[:9]))
	code, stdout := program.Interrupt()
	if code != 0 || strings.Count(stdout, "wrote ") != 2 {
		t.Errorf("exit code %d after\n%s", code, stdout)
	}

	file, err := os.ReadFile(filepath.Join(dir, "recording-1", "video.ivf"))
	if err != nil {
		t.Fatal(err)
	}
	written := ivfFrames(t, file)
	if string(file[8:12]) != "VP90" || len(written) < 9 {
		t.Fatalf("the file has %d frames of %s, want 10 of VP90", len(written), file[8:12])
	}
	for i := range written {
		if !bytes.Equal(written[i], frames[i]) {
			t.Errorf("frame %d is not the one that was sent", i)
		}
	}
	if file, err = os.ReadFile(filepath.Join(dir, "recording-1", "audio.ogg")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := oggreader.NewWith(bytes.NewReader(file)); err != nil {
		t.Error(err)
	}
}

func track(t *testing.T, pc *webrtc.PeerConnection, mimeType string) *webrtc.TrackLocalStaticSample {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mimeType}, mimeType, "camera")
	if err == nil {
		_, err = pc.AddTrack(track)
	}
	if err != nil {
		t.Fatal(err)
	}
	return track
}

func ivfFrames(t *testing.T, file []byte) (frames [][]byte) {
	t.Helper()
	reader, _, err := ivfreader.NewWith(bytes.NewReader(file))
	for err == nil {
		var frame []byte
		if frame, _, err = reader.ParseNextFrame(); err == nil {
			frames = append(frames, frame)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return frames
}

func size(frames [][]byte) (n int64) {
	for _, f := range frames {
		n += int64(len(f))
	}
	return n
}

func waitForSize(t *testing.T, name string, least int64) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		info, err := os.Stat(name)
		if err == nil && info.Size() >= least {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s did not grow to %d bytes: %v %v", name, least, info, err)
		}
		<-time.After(5 * time.Millisecond) // a file has no event
	}
}

func TestACodecWithoutAFileIsRefused(t *testing.T) {
	codec := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU}}
	if name, _, err := newWriter("x", codec); err == nil || name != "" {
		t.Errorf("PCMU is written into %q", name)
	}
}
