package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/internal/leak"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) {
	webtest.CommandLine(t, run, "-video nowhere", "-audio 5006")
}

// What a peer sends comes to the ports, and the SDP file describes it.
func TestPacketsComeToThePorts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.sdp")
	ports := map[string]*net.UDPConn{"video": listen(t), "audio": listen(t)}
	program := webtest.Start(t, run, "-sdp", file, "-video", ports["video"].LocalAddr().String(), "-audio", ports["audio"].LocalAddr().String())
	pc := webtest.NewPeer(t)
	done := make(chan struct{})
	for _, mimeType := range []string{webrtc.MimeTypeH264, webrtc.MimeTypeOpus} {
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mimeType}, mimeType, "camera")
		if err == nil {
			_, err = pc.AddTrack(track)
		}
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		t.Cleanup(func() { <-ended })
		go func() {
			defer close(ended)
			for ticker := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-ticker.C:
					track.WriteSample(media.Sample{Data: []byte("\x00\x00\x00\x01\x65 " + mimeType), Duration: 20 * time.Millisecond})
				case <-done:
					return
				}
			}
		}()
	}
	t.Cleanup(func() { close(done) })
	hangUp := program.Call(pc)
	program.WaitFor("To see it: ffplay .*test.sdp")

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var description sdp.SessionDescription
	if err := description.UnmarshalString(string(text)); err != nil || len(description.MediaDescriptions) != 2 {
		t.Fatalf("the file does not describe two streams: %v\n%s", err, text)
	}
	for _, m := range description.MediaDescriptions {
		kind := m.MediaName.Media
		socket := ports[kind]
		if port := socket.LocalAddr().(*net.UDPAddr).Port; m.MediaName.Port.Value != port {
			t.Errorf("%s goes to port %d by the file, want %d", kind, m.MediaName.Port.Value, port)
		}
		socket.SetReadDeadline(time.Now().Add(20 * time.Second))
		datagram := make([]byte, 1500)
		n, err := socket.Read(datagram)
		if err != nil {
			t.Fatal(err)
		}
		var packet rtp.Packet
		if err := packet.Unmarshal(datagram[:n]); err != nil {
			t.Fatal(err)
		}
		codec, err := description.GetCodecForPayloadType(packet.PayloadType)
		if want := map[string]string{"video": "H264", "audio": "opus"}[kind]; err != nil || !strings.EqualFold(codec.Name, want) || packet.Extension {
			t.Errorf("a packet of %s has payload type %d, which is %+v by the file (%v), and extensions %v", kind, packet.PayloadType, codec, err, packet.Extensions)
		}
		if !strings.HasSuffix(string(packet.Payload), map[string]string{"video": "video/H264", "audio": "audio/opus"}[kind]) {
			t.Errorf("%s: %q came", kind, packet.Payload)
		}
	}

	second := webtest.NewPeer(t)
	if _, err := second.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	if why := program.Refuses(second); !strings.Contains(why, "another page") {
		t.Errorf("the second page was refused with %q", why)
	}
	hangUp()
	program.WaitFor("the page hung up")
}

func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return socket
}
