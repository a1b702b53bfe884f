// Package film plays files of video and audio to a page, again and again; the
// examples that play files share it. Nothing is transcoded.
package film

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// A File is media of one codec. Any number of players may play it at a time.
type File struct {
	Name     string // as Open was told
	MimeType string // of the codec, such as video/VP8
	open     func() (io.ReadCloser, error)
	samples  func(io.Reader) (next func() (media.Sample, error), err error) // io.EOF at the end
}

var builtIn = map[string][]byte{
	"VP8": samples.VP8, "VP9": samples.VP9, "AV1": samples.AV1, "H264": samples.H264, "Opus": samples.Opus,
}

// Open finds out what is in a file, or in a sample that is built in: VP8, VP9, AV1,
// H264 or Opus. Of H264 files fps is the number of pictures per second, which they
// do not say. What cannot be played is an error.
func Open(name string, fps float64) (*File, error) {
	f := &File{Name: name, open: func() (io.ReadCloser, error) { return os.Open(name) }}
	if sample, ok := builtIn[name]; ok {
		fps = samples.FrameRate
		f.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(sample)), nil }
	}
	in, err := f.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	head := make([]byte, 12)
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, fmt.Errorf("%s is too short to be a film: %w", name, err)
	}
	switch {
	case string(head[:4]) == "DKIF":
		f.samples = ivfSamples
		f.MimeType = map[string]string{"VP80": webrtc.MimeTypeVP8, "VP90": webrtc.MimeTypeVP9, "AV01": webrtc.MimeTypeAV1}[string(head[8:12])]
	case string(head[:4]) == "OggS":
		f.samples, f.MimeType = opusSamples, webrtc.MimeTypeOpus
	case bytes.HasPrefix(head, []byte{0, 0, 1}), bytes.HasPrefix(head, []byte{0, 0, 0, 1}):
		f.samples, f.MimeType = h264Samples(time.Duration(float64(time.Second)/fps)), webrtc.MimeTypeH264
	}
	if f.MimeType == "" {
		return nil, fmt.Errorf("%s is neither IVF with VP8, VP9 or AV1, nor an H264 byte stream, nor Ogg with Opus: "+
			"ffmpeg -i %[1]s film.ivf film.ogg makes such files", name)
	}
	return f, nil
}

// Play writes the file to a track once, in the time that it takes. It returns nil
// at the end of the file and when ctx ends.
//
// Each sample waits for its own time since the beginning. Sleeping for its
// duration instead would add up what sleeping and writing take beyond that.
func (f *File) Play(ctx context.Context, track *webrtc.TrackLocalStaticSample) error {
	in, err := f.open()
	if err != nil {
		return err
	}
	defer in.Close()
	next, err := f.samples(in)
	if err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ; {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		sample, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := track.WriteSample(sample); err != nil && ctx.Err() == nil {
			return err
		}
		due = due.Add(sample.Duration)
		if late := time.Since(due); late > time.Second { // the machine slept: do not hurry after it
			due = due.Add(late)
		}
		timer.Reset(time.Until(due))
	}
}
