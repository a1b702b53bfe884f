package webm

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
	"github.com/passerelle-rtc/webrtc/pkg/media/oggreader"
)

var videos = map[string]struct {
	file      []byte
	payloader func() rtp.Payloader
}{
	"video/VP8": {samples.VP8, func() rtp.Payloader { return &codecs.VP8Payloader{} }},
	"video/VP9": {samples.VP9, func() rtp.Payloader { return &codecs.VP9Payloader{} }},
	"video/AV1": {samples.AV1, func() rtp.Payloader { return &codecs.AV1Payloader{} }},
}

// videoFrames returns the frames of a sample, as they are transmitted.
func videoFrames(t testing.TB, mimeType string) (frames [][]byte) {
	reader, _, err := ivfreader.NewWith(bytes.NewReader(videos[mimeType].file))
	for err == nil {
		var frame []byte
		if frame, _, err = reader.ParseNextFrame(); err == nil {
			if mimeType == "video/AV1" {
				frame = frame[2:] // the temporal delimiter
			}
			frames = append(frames, frame)
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return frames
}

func opusFrames(t testing.TB) (frames [][]byte) {
	reader, _, err := oggreader.NewWith(bytes.NewReader(samples.Opus))
	if err == nil {
		_, _, err = reader.ParseNextPacket()
	}
	for err == nil {
		var packet []byte
		if packet, _, err = reader.ParseNextPacket(); err == nil {
			frames = append(frames, packet)
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return frames
}

// record writes a video sample and the audio sample as RTP, audio 100 ms later.
func record(t testing.TB, out io.Writer, mimeType string) {
	writer, err := NewWriter(out, Track{MimeType: mimeType, Width: 320, Height: 240}, Track{MimeType: "audio/opus"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	writer.now = func() time.Time { return now }
	payloader, number := videos[mimeType].payloader(), uint16(65500)
	audio := opusFrames(t)
	for i, frame := range videoFrames(t, mimeType) {
		payloads := payloader.Payload(1000, frame)
		for j, payload := range payloads {
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(i)*6000 - 100, Marker: j == len(payloads)-1}, Payload: payload}
			if err := writer.Track(0).WriteRTP(p); err != nil {
				t.Fatal(err)
			}
			number++
		}
		now = time.Unix(1000, 0).Add(100 * time.Millisecond)
		for j := i * 10 / 3; j < (i+1)*10/3; j++ {
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(j), Timestamp: uint32(j) * 960}, Payload: audio[j]}
			if err := writer.Track(1).WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(writer.Close(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	if err := writer.Track(0).WriteRTP(&rtp.Packet{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestRecordingComesBack(t *testing.T) {
	for mimeType := range videos {
		file, err := os.Create(filepath.Join(t.TempDir(), "a.webm"))
		if err != nil {
			t.Fatal(err)
		}
		record(t, file, mimeType)
		written, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		reader, err := NewReader(bytes.NewReader(written))
		if err != nil {
			t.Fatal(err)
		}
		tracks := reader.Tracks()
		if len(tracks) != 2 || tracks[0] != (Track{mimeType, 320, 240, 0}) || tracks[1] != (Track{"audio/opus", 0, 0, 2}) {
			t.Errorf("%s: tracks %+v", mimeType, tracks)
		}
		want := [2][][]byte{videoFrames(t, mimeType), opusFrames(t)[:150]}
		counts := [2]int{}
		for {
			f, err := reader.Next()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			n := counts[f.Track]
			at := time.Duration(n) * time.Second / 15
			if f.Track == 1 {
				at = 100*time.Millisecond + time.Duration(n)*20*time.Millisecond
			}
			if n >= len(want[f.Track]) || !bytes.Equal(f.Data, want[f.Track][n]) || f.Time < at-time.Millisecond || f.Time > at ||
				f.Keyframe != (f.Track == 1 || n == 0 || n == 30) {
				t.Fatalf("%s: frame %d of track %d at %v, key %v, %d bytes", mimeType, n, f.Track, f.Time, f.Keyframe, len(f.Data))
			}
			counts[f.Track]++
		}
		if counts != [2]int{45, 150} {
			t.Errorf("%s: %d frames", mimeType, counts)
		}
	}
}

func TestFramesBeforeTheKeyFrameAreLeftOut(t *testing.T) {
	var b bytes.Buffer
	writer, err := NewWriter(&b, Track{MimeType: "video/VP8"}, Track{MimeType: "audio/opus", Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, write := range []func() error{
		func() error { return writer.Track(1).WriteFrame(0, true, []byte("a")) },
		func() error { return writer.Track(0).WriteFrame(time.Second, false, []byte("b")) },
		func() error { return writer.Track(0).WriteFrame(2*time.Second, true, []byte("c")) },
		func() error { return writer.Track(1).WriteFrame(10*time.Second, true, []byte("d")) },
		func() error { return writer.Track(0).WriteFrame(9*time.Second, false, []byte("e")) },
	} {
		if err := write(); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for {
		f, err := reader.Next()
		if err != nil {
			break
		}
		got += string(f.Data) + f.Time.String() + " "
	}
	if want := "c2s d10s e9s "; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if reader.Tracks()[1].Channels != 1 {
		t.Errorf("tracks %+v", reader.Tracks())
	}
}

func TestWhatHasNoPlaceInWebMIsRefused(t *testing.T) {
	for _, tracks := range [][]Track{nil, {{MimeType: "video/H264"}}, {{MimeType: "audio/PCMU"}}, {{MimeType: "opus"}}} {
		if _, err := NewWriter(io.Discard, tracks...); err == nil {
			t.Errorf("%+v is written", tracks)
		}
	}
	if _, err := NewWriter(nil, Track{MimeType: "video/VP8"}); err == nil {
		t.Error("a nil stream is written")
	}
	for name, file := range map[string][]byte{"nothing": nil, "an IVF file": samples.VP8, "an Ogg file": samples.Opus} {
		_, err := NewReader(bytes.NewReader(file))
		var fault *media.FormatError
		if !errors.As(err, &fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// RFC 9559 section 5.1.3.5: a block group has a key frame unless it refers to
// another block.
func TestBlockGroupsAreRead(t *testing.T) {
	file := "\x1a\x45\xdf\xa3\x87\x42\x82\x84webm" + // EBML, DocType
		"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + // Segment without size
		"\xec\x82xx" + // Void
		"\x16\x54\xae\x6b\x8c\xae\x8a\xd7\x81\x05\x86\x85V_VP8" + // Tracks, TrackEntry, TrackNumber 5, CodecID
		"\x1f\x43\xb6\x75\xff\xe7\x81\x0a" + // Cluster at 10
		"\xa0\x87\xa1\x85\x85\x00\x01\x00a" + // BlockGroup, Block at 11
		"\xa0\x8a\xa1\x85\x85\x00\x02\x00b\xfb\x81\xff" + // and one with a ReferenceBlock
		"\xa3\x85\x86\x00\x02\x80x" + // SimpleBlock of another track
		"\xa3\x85\x85\xff\xff\x80c" // at 9
	reader, err := NewReader(bytes.NewReader([]byte(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Frame{{0, 11 * time.Millisecond, true, []byte("a")}, {0, 12 * time.Millisecond, false, []byte("b")}, {0, 9 * time.Millisecond, true, []byte("c")}} {
		if f, err := reader.Next(); err != nil || f.Time != want.Time || f.Keyframe != want.Keyframe || !bytes.Equal(f.Data, want.Data) {
			t.Errorf("%+v, %v; not %+v", f, err, want)
		}
	}
	if _, err := reader.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for name, test := range map[string]struct {
		file   string
		offset int
	}{
		"cut off":       {file[:len(file)-1], len(file) - 7},
		"lacing":        {file[:len(file)-2] + "\x86c", len(file) - 7},
		"4 GB":          {file + "\xa3\x08\xff\xff\xff\xffx", len(file)},
		"endless void":  {file + "\xec\xff", len(file)},
		"no element ID": {file + "\x00", len(file)},
		"no size":       {file + "\xec\x00", len(file)},
	} {
		reader, err := NewReader(bytes.NewReader([]byte(test.file)))
		for err == nil {
			_, err = reader.Next()
		}
		var fault *media.FormatError
		if !errors.As(err, &fault) || fault.Offset != int64(test.offset) {
			t.Errorf("%s: %v, not at %d", name, err, test.offset)
		}
	}
}

func FuzzReader(f *testing.F) {
	var b bytes.Buffer
	record(f, &b, "video/VP8")
	f.Add(b.Bytes()[:3000])
	f.Add(b.Bytes()[:200])
	f.Fuzz(func(t *testing.T, file []byte) {
		reader, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		for total := 0; ; {
			frame, err := reader.Next()
			if err != nil {
				break
			}
			if total += len(frame.Data); total > len(file) {
				t.Fatal("more was returned than there is")
			}
		}
	})
}
