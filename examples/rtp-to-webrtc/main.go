// Command rtp-to-webrtc shows RTP that comes over UDP, from ffmpeg, GStreamer or a
// camera, to any number of web pages.
//
//	go run ./examples/rtp-to-webrtc    # prints an ffmpeg command to try it with
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/splice"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

//go:embed page.html
var page []byte

func main() { web.Main(run) }

// encoders are what makes ffmpeg send each codec, with key frames every second,
// as nobody can ask it for one.
var encoders = map[string]string{
	"VP8":  "libvpx -deadline realtime -cpu-used 8 -b:v 1M -auto-alt-ref 0 -g 25",
	"VP9":  "libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1M -g 25 -strict experimental",
	"H264": "libx264 -preset ultrafast -tune zerolatency -profile:v baseline -b:v 1M -g 25",
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := web.NewCommand("rtp-to-webrtc", stdout, stderr)
	video := command.String("video", "127.0.0.1:5004", "take RTP with video at this `host:port`")
	audio := command.String("audio", "127.0.0.1:5006", "take RTP with Opus at this `host:port`")
	codec := command.String("codec", "VP8", "the `codec` of the video: VP8, VP9 or H264")
	code, ok := command.Parse(args, func() error {
		if encoders[*codec] == "" {
			return fmt.Errorf("-codec %s: must be VP8, VP9 or H264", *codec)
		}
		return nil
	})
	if !ok {
		return code
	}
	s := &studio{}
	s.host = web.NewHost(stdout, page, nil, s.accept)
	return command.End(s.run(ctx, command.Addr, "video/"+*codec, *video, *audio))
}

// A studio has one track of each kind, which all pages watch.
type studio struct {
	host   *web.Host
	tracks []*webrtc.TrackLocalStaticRTP
}

func (s *studio) run(ctx context.Context, addr, codec, video, audio string) error {
	var sockets []net.PacketConn
	var readers sync.WaitGroup
	defer readers.Wait()
	for _, source := range []struct{ mimeType, addr string }{{codec, video}, {webrtc.MimeTypeOpus, audio}} {
		socket, err := net.ListenPacket("udp", source.addr)
		if err != nil {
			return fmt.Errorf("cannot take RTP at %q: %w; -video and -audio choose other ports", source.addr, err)
		}
		defer socket.Close()
		kind, _, _ := strings.Cut(source.mimeType, "/")
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: source.mimeType}, kind, "studio")
		if err != nil {
			return err
		}
		sockets, s.tracks = append(sockets, socket), append(s.tracks, track)
	}
	for i, socket := range sockets {
		readers.Go(func() { s.relay(socket, s.tracks[i]) })
	}
	s.host.Printf("Send RTP with %s to %v and with Opus to %v, for instance with", codec, sockets[0].LocalAddr(), sockets[1].LocalAddr())
	s.host.Printf("  ffmpeg -re -f lavfi -i testsrc2=size=640x480:rate=25 -f lavfi -i sine \\\n"+
		"    -map 0 -pix_fmt yuv420p -c:v %s -f rtp 'rtp://%v?pkt_size=1200' \\\n"+
		"    -map 1 -ac 2 -c:a libopus -f rtp rtp://%v", encoders[strings.TrimPrefix(codec, "video/")], sockets[0].LocalAddr(), sockets[1].LocalAddr())
	return s.host.Serve(ctx, addr, "press Start")
}

// accept answers the page's offer with the tracks of the studio.
func (s *studio) accept(_ context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	if err := pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	for _, track := range s.tracks {
		if _, err := pc.AddTrack(track); err != nil {
			return err
		}
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return pc.SetLocalDescription(answer)
}

// relay writes what comes to a socket to the track, until the socket is closed.
// Streams that come one after the other, as when ffmpeg is started again, are one to
// the pages.
func (s *studio) relay(socket net.PacketConn, track *webrtc.TrackLocalStaticRTP) {
	stream := splice.Stream{Opaque: !strings.EqualFold(track.Codec().MimeType, webrtc.MimeTypeVP8)}
	if track.Kind() == webrtc.RTPCodecTypeAudio {
		stream.ClockRate = 48000
	}
	begun, source := false, uint32(0)
	datagram := make([]byte, 64<<10)
	for {
		n, from, err := socket.ReadFrom(datagram)
		if errors.Is(err, net.ErrClosed) {
			return
		} else if err != nil {
			continue // an ICMP error of an earlier packet
		}
		var packet rtp.Packet
		if err := packet.Unmarshal(datagram[:n]); err != nil {
			continue // not RTP
		}
		now := time.Now()
		if !begun || packet.SSRC != source {
			s.host.Printf("%v comes from %v", track.Kind(), from)
			begun, source = true, packet.SSRC
			stream.Begin(&packet, now)
		}
		if !stream.Rewrite(&packet, now) {
			continue // late, of the stream before
		}
		// The numbers of header extensions mean something else in a browser.
		packet.Extension, packet.Extensions = false, nil
		if err := track.WriteRTP(&packet); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			s.host.Printf("%v: %v", track.Kind(), err)
		}
	}
}
