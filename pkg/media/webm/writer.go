package webm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"
	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/internal/frame"
	"github.com/passerelle-rtc/webrtc/internal/seqnum"
	"github.com/passerelle-rtc/webrtc/pkg/media/internal/rtpframes"
)

// maxCluster is the longest time that a cluster covers; a key frame of video
// begins a new one too.
const maxCluster = 5 * time.Second

// Writer writes a file of one or more tracks. The header is written when each
// video track has had a key frame; what comes before that is left out. Any
// goroutine may call it.
type Writer struct {
	mu     sync.Mutex
	out    io.Writer
	tracks []*TrackWriter
	now    func() time.Time

	begun, clustered bool
	start            time.Time
	cluster          time.Duration // where the last one begins
	end              time.Duration // of what was written
	// durationAt is the offset of the duration in the file.
	durationAt int64
}

// TrackWriter writes one track of a Writer. Any goroutine may call it.
type TrackWriter struct {
	writer  *Writer
	track   Track
	codec   frame.Codec
	number  uint64
	source  *rtpframes.Source
	private []byte
	ready   bool // video has had a key frame

	clock seqnum.Unwrapper32
	// origin is the first RTP timestamp, and offset when it came, from the
	// beginning of the file.
	began  bool
	origin int64
	offset time.Duration
}

// NewWriter returns a writer to out, which Close closes if it is an io.Closer.
func NewWriter(out io.Writer, tracks ...Track) (*Writer, error) {
	if out == nil {
		return nil, errors.New("webm: the output is nil")
	}
	if len(tracks) == 0 || len(tracks) > 126 {
		return nil, fmt.Errorf("webm: file of %d tracks", len(tracks))
	}
	w := &Writer{out: out, now: time.Now}
	for i, track := range tracks {
		codec, err := track.codec()
		if err != nil {
			return nil, err
		}
		w.tracks = append(w.tracks, &TrackWriter{
			writer: w, track: track, codec: codec, number: uint64(i + 1),
			source: rtpframes.New(codec), ready: codec == frame.Opus,
		})
	}
	return w, nil
}

// Track returns the writer of a track, which NewWriter got at this index.
func (w *Writer) Track(index int) *TrackWriter { return w.tracks[index] }

// WriteRTP adds a packet, and writes the frames that are whole by it. Packets may
// come up to 64 places late. A packet without a payload, which carries padding
// only, may be given too: so its number is not missed.
//
// The times of a track are those of its RTP timestamps; how far tracks are apart
// is taken from when the first frame of each came.
func (t *TrackWriter) WriteRTP(packet *rtp.Packet) error {
	t.writer.mu.Lock()
	defer t.writer.mu.Unlock()
	switch {
	case t.writer.out == nil:
		return os.ErrClosed
	case packet == nil:
		return errors.New("webm: the packet is nil")
	}
	return t.source.Push(packet, t.writeRTPFrame)
}

func (t *TrackWriter) writeRTPFrame(f frame.Frame) error {
	rate := int64(90000)
	if t.codec == frame.Opus {
		rate = 48000
	}
	timestamp := t.clock.Unwrap(f.Timestamp)
	if ok, err := t.prepare(f.Keyframe, f.Payload); !ok {
		return err
	}
	if !t.began {
		t.began, t.origin, t.offset = true, timestamp, t.writer.now().Sub(t.writer.start)
	}
	at := t.offset + time.Duration(timestamp-t.origin)*time.Second/time.Duration(rate)
	return t.writer.writeBlock(t, at, f.Keyframe, f.Payload)
}

// WriteFrame writes a frame in the form of frame.Codec's: for AV1 a temporal unit
// without temporal delimiter. The time is from the beginning of the file and must
// not go back in a track.
func (t *TrackWriter) WriteFrame(at time.Duration, keyframe bool, data []byte) error {
	t.writer.mu.Lock()
	defer t.writer.mu.Unlock()
	if t.writer.out == nil {
		return os.ErrClosed
	}
	if ok, err := t.prepare(keyframe, data); !ok {
		return err
	}
	return t.writer.writeBlock(t, at, keyframe, data)
}

// prepare writes the header if it is time, and reports whether frames can be
// written.
func (t *TrackWriter) prepare(keyframe bool, data []byte) (bool, error) {
	w := t.writer
	if w.begun {
		return true, nil
	}
	if !t.ready && keyframe {
		t.ready = true
		if t.codec == frame.AV1 {
			t.private, t.ready = av1Config(data)
		}
	}
	for _, other := range w.tracks {
		if !other.ready {
			return false, nil
		}
	}
	w.start = w.now()
	return true, w.writeHeader()
}

// header is the beginning of a file up to the first cluster.
type header struct {
	Header  webm.EBMLHeader `ebml:"EBML"`
	Segment struct {
		Info   webm.Info
		Tracks webm.Tracks
	} `ebml:"Segment,size=unknown"`
}

func (w *Writer) writeHeader() error {
	w.begun = true
	h := header{Header: webm.EBMLHeader{
		EBMLVersion: 1, EBMLReadVersion: 1, EBMLMaxIDLength: 4, EBMLMaxSizeLength: 8,
		DocType: "webm", DocTypeVersion: 4, DocTypeReadVersion: 2,
	}}
	// The duration is written again where the output can seek.
	h.Segment.Info = webm.Info{TimecodeScale: uint64(time.Millisecond), MuxingApp: "passerelle", WritingApp: "passerelle", Duration: 1}
	for _, t := range w.tracks {
		h.Segment.Tracks.TrackEntry = append(h.Segment.Tracks.TrackEntry, t.track.entry(t.number, t.codec, t.private))
	}
	if _, ok := w.out.(io.WriteSeeker); !ok {
		h.Segment.Info.Duration = 0
	}
	var b bytes.Buffer
	if err := ebml.Marshal(&h, &b); err != nil {
		return err
	}
	if i := bytes.Index(b.Bytes(), []byte{0x44, 0x89, 0x88}); i >= 0 {
		w.durationAt = int64(i) + 3
	}
	_, err := w.out.Write(b.Bytes())
	return err
}

func (w *Writer) writeBlock(t *TrackWriter, at time.Duration, keyframe bool, data []byte) error {
	at = max(at, 0)
	relative := at - w.cluster
	video := t.codec != frame.Opus
	if !w.clustered || video && keyframe && relative > 0 || relative >= maxCluster || relative < -maxCluster {
		w.clustered, w.cluster, relative = true, at, 0
		c := struct {
			Cluster struct{ Timecode uint64 } `ebml:"Cluster,size=unknown"`
		}{}
		c.Cluster.Timecode = uint64(at.Milliseconds())
		if err := ebml.Marshal(&c, w.out); err != nil {
			return err
		}
	}
	w.end = max(w.end, at)
	b := struct {
		Block ebml.Block `ebml:"SimpleBlock"`
	}{ebml.Block{
		TrackNumber: t.number, Timecode: int16(at.Milliseconds() - w.cluster.Milliseconds()),
		Keyframe: keyframe || !video, Data: [][]byte{data},
	}}
	return ebml.Marshal(&b, w.out)
}

// Close writes what waited for missing packets, and the duration where the output
// can seek. A second Close does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out == nil {
		return nil
	}
	var err error
	for _, t := range w.tracks {
		err = errors.Join(err, t.source.End(t.writeRTPFrame))
	}
	if !w.begun {
		err = errors.Join(err, w.writeHeader())
	}
	if seeker, ok := w.out.(io.WriteSeeker); ok && w.durationAt > 0 && err == nil {
		err = w.writeDuration(seeker)
	}
	if closer, ok := w.out.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	w.out = nil
	return err
}

// writeDuration completes the header, if the output can seek after all.
func (w *Writer) writeDuration(out io.WriteSeeker) error {
	if _, err := out.Seek(w.durationAt, io.SeekStart); err != nil {
		return nil
	}
	bits := math.Float64bits(float64(w.end.Milliseconds()))
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(bits >> (56 - 8*i))
	}
	_, err := out.Write(b)
	return err
}
