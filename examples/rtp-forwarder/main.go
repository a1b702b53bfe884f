// Command rtp-forwarder sends the camera and the microphone of a web page on as
// RTP over UDP, for ffmpeg, GStreamer or VLC, and writes the SDP file that those
// need.
//
//	go run ./examples/rtp-forwarder    # prints an ffplay command that shows it
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed page.html
var page []byte

func main() { web.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("rtp-forwarder", stdout, stderr)
	f := &forwarder{to: map[webrtc.RTPCodecType]netip.AddrPort{}}
	video := command.String("video", "127.0.0.1:5004", "send video to this `address:port`")
	audio := command.String("audio", "127.0.0.1:5006", "send audio to this `address:port`")
	command.StringVar(&f.sdpFile, "sdp", "rtp-forwarder.sdp", "write the description of the streams into this `file`")
	code, ok := command.Parse(args, func() (err error) {
		if f.to[webrtc.RTPCodecTypeVideo], err = netip.ParseAddrPort(*video); err != nil {
			return fmt.Errorf("-video: %w", err)
		}
		if f.to[webrtc.RTPCodecTypeAudio], err = netip.ParseAddrPort(*audio); err != nil {
			return fmt.Errorf("-audio: %w", err)
		}
		return nil
	})
	if !ok {
		return code
	}
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return command.End(err)
	}
	defer socket.Close()
	f.socket = socket
	f.host = web.NewHost(stdout, page, nil, f.accept)
	return command.End(f.host.Serve(ctx, command.Addr, "press Start"))
}

// A forwarder sends what one page sends to two ports.
type forwarder struct {
	host    *web.Host
	socket  *net.UDPConn
	to      map[webrtc.RTPCodecType]netip.AddrPort
	sdpFile string

	mu   sync.Mutex
	busy bool
}

// accept answers the page's offer, and forwards each track that comes. The two
// ports take one page at a time.
func (f *forwarder) accept(ctx context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	if !f.occupy(ctx) {
		return errors.New("another page is being forwarded: press Stop there")
	}
	description := &description{to: f.to}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if err := f.forward(pc, track, description); err != nil {
			f.host.Printf("%v: %v", track.Kind(), err)
		}
	})
	if err := pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	description.expect(len(pc.GetTransceivers()))
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return pc.SetLocalDescription(answer)
}

// occupy takes the ports until ctx ends.
func (f *forwarder) occupy(ctx context.Context) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy {
		return false
	}
	f.busy = true
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.busy = false
	})
	return true
}

// forward sends a track's packets on until it ends. Codec waits for the first
// packet, which tells which of the negotiated codecs the browser has chosen.
func (f *forwarder) forward(pc *webrtc.PeerConnection, track *webrtc.TrackRemote, description *description) error {
	codec, to := track.Codec(), f.to[track.Kind()]
	if codec.MimeType == "" {
		return nil // nothing ever came
	}
	f.host.Printf("%s goes to %v", codec.MimeType, to)
	if sdp, complete := description.add(track.Kind(), codec); complete {
		if err := os.WriteFile(f.sdpFile, []byte(sdp), 0o644); err != nil {
			return err
		}
		f.host.Printf("To see it: ffplay -fflags nobuffer -protocol_whitelist file,udp,rtp -i %s", f.sdpFile)
	}
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		ended := make(chan struct{})
		defer close(ended)
		go requestKeyframes(pc, track, ended)
	}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return nil // the call is over
		}
		packet.Extension, packet.Extensions = false, nil // the SDP file names none
		datagram, err := packet.Marshal()
		if err != nil {
			return err
		}
		// UDP does not know whether anybody listens; errors pass by.
		f.socket.WriteToUDPAddrPort(datagram, to)
	}
}

// requestKeyframes asks for a picture that needs no earlier one every two seconds:
// who listens at the other end cannot, and may have begun at any time.
func requestKeyframes(pc *webrtc.PeerConnection, track *webrtc.TrackRemote, ended <-chan struct{}) {
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	for {
		if err := pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}}); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ended:
			return
		}
	}
}
