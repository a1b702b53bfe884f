// Command save-to-disk records the camera and the microphone of a web page: VP8,
// VP9 and AV1 into IVF files, H264 and H265 into byte streams, Opus into Ogg.
// Nothing is transcoded.
//
//	go run ./examples/save-to-disk              # into recording-1, recording-2, ... here
//	go run ./examples/save-to-disk -dir /tmp
//
// A file of both, WebM, is what the module pkg/media/webm writes; with ffmpeg:
//
//	ffmpeg -i recording-1/video.ivf -i recording-1/audio.ogg -c copy recording.webm
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	command := web.NewCommand("save-to-disk", stdout, stderr)
	dir := command.String("dir", ".", "make the `directory` of each recording in this one")
	code, ok := command.Parse(args, func() error {
		if info, err := os.Stat(*dir); err != nil {
			return fmt.Errorf("-dir: %w", err)
		} else if !info.IsDir() {
			return fmt.Errorf("-dir: %s is no directory", *dir)
		}
		return nil
	})
	if !ok {
		return code
	}
	r := &recorder{dir: *dir}
	r.host = web.NewHost(stdout, page, nil, r.accept)
	err := r.host.Serve(ctx, command.Addr, "press Start to record, Stop to end")
	r.finish()
	return command.End(err)
}

// A recorder makes the Go ends of calls and writes what they receive.
type recorder struct {
	host *web.Host
	dir  string

	mu       sync.Mutex
	finished bool
	writing  sync.WaitGroup // files that are open
}

// accept answers the page's offer, and records each track that comes.
func (r *recorder) accept(_ context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	directory := sync.OnceValues(func() (string, error) { return newDirectory(r.dir) })
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if !r.begin() {
			return
		}
		defer r.writing.Done()
		if err := r.record(pc, track, directory); err != nil {
			r.host.Printf("%v: %v", track.Kind(), err)
		}
	})
	if err := pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return pc.SetLocalDescription(answer)
}

// newDirectory makes the first of recording-1, recording-2, ... that is not there.
func newDirectory(in string) (string, error) {
	for i := 1; ; i++ {
		dir := filepath.Join(in, fmt.Sprintf("recording-%d", i))
		if err := os.Mkdir(dir, 0o755); !errors.Is(err, os.ErrExist) {
			return dir, err
		}
	}
}

// begin counts a file that is being written, unless the program ends.
func (r *recorder) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.finished {
		r.writing.Add(1)
	}
	return !r.finished
}

// finish waits until all files are complete.
func (r *recorder) finish() {
	r.mu.Lock()
	r.finished = true
	r.mu.Unlock()
	r.writing.Wait()
}

// record writes a track to a file until it ends: the browser stopped it, or the
// call is over. Codec waits for the first packet, which tells which of the
// negotiated codecs the browser has chosen.
func (r *recorder) record(pc *webrtc.PeerConnection, track *webrtc.TrackRemote, directory func() (string, error)) error {
	codec := track.Codec()
	if codec.MimeType == "" {
		return nil // nothing ever came
	}
	dir, err := directory()
	if err != nil {
		return err
	}
	name, writer, err := newWriter(filepath.Join(dir, track.Kind().String()), codec)
	if err != nil {
		return err
	}
	r.host.Printf("recording %s into %s", codec.MimeType, name)
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		ended := make(chan struct{})
		defer close(ended)
		go requestKeyframes(pc, track, ended)
	}
	began, packets := time.Now(), 0
	for {
		packet, _, readErr := track.ReadRTP()
		if readErr != nil {
			err = writer.Close()
			break
		}
		if err = writer.WriteRTP(packet); err != nil {
			writer.Close()
			break
		}
		packets++
	}
	if info, statErr := os.Stat(name); statErr == nil {
		r.host.Printf("wrote %s: %d kB from %d packets in %.1f s", name, info.Size()/1000, packets, time.Since(began).Seconds())
	}
	return err
}

// requestKeyframes asks for a picture that needs no earlier one: at once, since a
// file begins with one, and every three seconds, so that players can seek and a
// lost packet does not spoil the rest.
func requestKeyframes(pc *webrtc.PeerConnection, track *webrtc.TrackRemote, ended <-chan struct{}) {
	ticker := time.NewTicker(3 * time.Second)
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
