package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) { webtest.CommandLine(t, run, "-codec MPEG") }

func TestATakenPortIsNamed(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var out strings.Builder
	code := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-video", taken.LocalAddr().String()}, &out, &out)
	if code != 1 || !strings.Contains(out.String(), "-video and -audio choose other ports") {
		t.Errorf("exit code %d: %s", code, &out)
	}
}

// Packets of UDP come to the peer, with its payload types, and go on where the
// source starts again with other numbers.
func TestPacketsOfUDPComeToThePage(t *testing.T) {
	program := webtest.Start(t, run, "-video", "127.0.0.1:0", "-audio", "127.0.0.1:0")
	program.ServesPage()
	sends := strings.Fields(program.WaitFor(`to [\d.:]+ and with Opus to [\d.:]+`))
	to := map[webrtc.RTPCodecType]string{webrtc.RTPCodecTypeVideo: sends[1], webrtc.RTPCodecTypeAudio: sends[6]}

	pc := webtest.NewPeer(t)
	type part struct {
		kind     webrtc.RTPCodecType
		sequence uint16
		text     string
	}
	parts := make(chan part, 1000)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			parts <- part{track.Kind(), packet.SequenceNumber, string(packet.Payload)}
		}
	})
	for kind := range to {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	program.Call(pc)
	program.WaitFor("call 1: connected|call 2: connected")

	last := map[webrtc.RTPCodecType]uint16{}
	for round := range 2 {
		text := string(rune('a' + round))
		for kind, addr := range to {
			socket, err := net.Dial("udp", addr)
			if err != nil {
				t.Fatal(err)
			}
			packet := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 33, SSRC: uint32(7 + round), SequenceNumber: uint16(9000 * (3 - round))}, Payload: []byte(text)}
			for came := false; !came; packet.SequenceNumber++ {
				data, _ := packet.Marshal()
				if _, err := socket.Write(data); err != nil {
					t.Fatal(err)
				}
				select {
				case p := <-parts:
					if came = p.kind == kind && p.text == text; came {
						if round == 1 && p.sequence-last[kind] > 1000 {
							t.Errorf("%v: number %d after %d, though the source only started again", kind, p.sequence, last[kind])
						}
						last[kind] = p.sequence
					}
				case <-time.After(20 * time.Millisecond): // not connected yet
				}
			}
			socket.Close()
		}
	}
	if code, _ := program.Interrupt(); code != 0 {
		t.Errorf("exit code %d of an interrupted program", code)
	}
}
