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

func TestCommandLine(t *testing.T) { webtest.CommandLine(t, run, "-passphrase=") }

func TestTwoPeersOfOneProcessEncryptAFilm(t *testing.T) {
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-loopback"}, &out, &out); code != 0 || !strings.Contains(out.String(), "45 frames arrived, 45 of them encrypted; decrypted they are what was sent") {
		t.Errorf("exit code %d and\n%s", code, out.String())
	}
}

func frameOf(mimeType string, key bool, data string) *webrtc.EncodedFrame {
	f := &webrtc.EncodedFrame{Data: []byte(data), KeyFrame: key}
	f.Codec.MimeType = mimeType
	return f
}

func TestCipherKeepsWhatBrowsersReadAndHidesTheRest(t *testing.T) {
	one, err := newFrameCipher("one")
	if err != nil {
		t.Fatal(err)
	}
	other, err := newFrameCipher("other")
	if err != nil {
		t.Fatal(err)
	}
	const data = "0123456789the picture"
	for _, test := range []struct {
		mime  string
		key   bool
		data  string
		clear int
	}{{webrtc.MimeTypeVP8, true, data, 10}, {webrtc.MimeTypeVP8, false, data, 3}, {webrtc.MimeTypeOpus, true, data, 1}, {webrtc.MimeTypeVP8, true, "ab", 2}, {webrtc.MimeTypeOpus, true, "", 0}} {
		f := frameOf(test.mime, test.key, test.data)
		if err := one.encrypt(f); err != nil {
			t.Fatal(err)
		}
		sealed := string(f.Data)
		if len(sealed) != len(test.data)+16+12 || sealed[:test.clear] != test.data[:test.clear] || strings.Contains(sealed, "picture") {
			t.Errorf("%s: %q", test.mime, sealed)
		}
		if err := other.decrypt(frameOf(test.mime, test.key, sealed)); err == nil {
			t.Errorf("%s: another key opens it", test.mime)
		}
		for i := range sealed { // each byte is authenticated
			changed := []byte(sealed)
			changed[i] ^= 1
			if one.decrypt(frameOf(test.mime, test.key, string(changed))) == nil {
				t.Errorf("%s: byte %d can be changed", test.mime, i)
			}
		}
		if err := one.decrypt(f); err != nil || string(f.Data) != test.data {
			t.Errorf("%s: %q (%v)", test.mime, f.Data, err)
		}
	}
	if one.encrypt(frameOf(webrtc.MimeTypeH264, true, data)) == nil || one.decrypt(frameOf(webrtc.MimeTypeOpus, true, "short")) == nil {
		t.Error("H264, or a frame that is not encrypted, goes through")
	}
}

// What comes back is encrypted, and is what was sent; with another passphrase
// nothing comes back, and the program says why.
func TestFramesComeBackWithTheRightPassphraseOnly(t *testing.T) {
	program := webtest.Start(t, run, "-passphrase", "right")
	program.ServesPage()
	talk := func(passphrase string) (frames <-chan []byte, hangUp func()) {
		pc := webtest.NewPeer(t)
		c, err := newFrameCipher(passphrase)
		if err != nil {
			t.Fatal(err)
		}
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "microphone", "page")
		if err != nil {
			t.Fatal(err)
		}
		sender, err := pc.AddTrack(track)
		if err != nil {
			t.Fatal(err)
		}
		sender.SetTransform(c.encrypt)
		back := make(chan []byte, 1)
		pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
			receiver.SetTransform(c.decrypt)
			for frame, err := range remote.Frames(t.Context()) {
				if err != nil {
					return
				}
				select {
				case back <- frame.Data:
				default:
				}
			}
		})
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for ticker := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-ticker.C:
					track.WriteSample(media.Sample{Data: []byte("hello"), Duration: 20 * time.Millisecond})
				case <-stop:
					return
				}
			}
		}()
		end := program.Call(pc)
		return back, func() { close(stop); <-stopped; end() }
	}

	frames, hangUp := talk("right")
	select {
	case frame := <-frames:
		if string(frame) != "hello" {
			t.Errorf("%q came back", frame)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing came back")
	}
	program.WaitFor("audio: frames of audio/opus are decrypted")
	hangUp()

	frames, hangUp = talk("wrong")
	program.WaitFor("audio: a frame cannot be decrypted .*: is the passphrase the same")
	select {
	case frame := <-frames:
		t.Errorf("%q came back", frame)
	case <-time.After(300 * time.Millisecond):
	}
	hangUp()
	if code, _ := program.Interrupt(); code != 0 {
		t.Errorf("exit code %d of an interrupted program", code)
	}
}
