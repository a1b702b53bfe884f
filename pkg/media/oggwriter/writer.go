package oggwriter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/pion/rtp"
)

// Writer writes several Opus streams, which play at the same time, into one
// file. Tracks are added before the first packet is written. Any goroutine may
// call it.
type Writer struct {
	mu     sync.Mutex
	out    output
	config config
	tracks []*Track
	begun  bool
}

// Track writes one of the streams of a Writer. Any goroutine may call it.
type Track struct {
	writer *Writer
	ssrc   uint32
	stream *opusStream
}

// NewWriter returns a writer to out. Close marks the end of each stream: on its
// last page with WithSeekableOutput, or with an empty page.
func NewWriter(out io.Writer, opts ...WriterOption) (*Writer, error) {
	if out == nil {
		return nil, errors.New("oggwriter: the output is nil")
	}
	c := defaultConfig()
	for _, opt := range opts {
		if err := opt.applyToWriter(&c); err != nil {
			return nil, err
		}
	}
	return &Writer{out: output{w: out, rewrite: c.seekable}, config: c}, nil
}

// NewTrack adds a stream for the RTP packets with this SSRC. It fails when the
// SSRC or the serial number is in use, after the first packet was written, and
// after Close.
func (w *Writer) NewTrack(ssrc uint32, opts ...TrackOption) (*Track, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out.w == nil {
		return nil, os.ErrClosed
	}
	if w.begun {
		return nil, errors.New("oggwriter: a track is added after the first packet")
	}
	c := w.config.clone()
	for _, opt := range opts {
		if err := opt.applyToTrack(&c); err != nil {
			return nil, err
		}
	}
	stream := newOpusStream(c)
	for i := 0; i < len(w.tracks); i++ {
		switch other := w.tracks[i]; {
		case other.ssrc == ssrc:
			return nil, fmt.Errorf("oggwriter: SSRC %d has a track already", ssrc)
		case other.stream.config.serial == stream.config.serial && c.serialSet:
			return nil, fmt.Errorf("oggwriter: serial number %d has a track already", c.serial)
		case other.stream.config.serial == stream.config.serial:
			stream = newOpusStream(c) // another random number
			i = -1
		}
	}
	track := &Track{writer: w, ssrc: ssrc, stream: stream}
	w.tracks = append(w.tracks, track)
	return track, nil
}

// WriteRTP appends the Opus packet that an RTP packet carries, as
// OggWriter.WriteRTP does. It fails too when the packet has another SSRC.
func (w *Track) WriteRTP(packet *rtp.Packet) error {
	parent := w.writer
	parent.mu.Lock()
	defer parent.mu.Unlock()
	switch {
	case parent.out.w == nil:
		return os.ErrClosed
	case packet == nil:
		return errNilPacket
	case packet.SSRC != w.ssrc:
		return fmt.Errorf("oggwriter: packet of SSRC %d on the track of %d", packet.SSRC, w.ssrc)
	}
	if err := parent.begin(); err != nil {
		return err
	}
	return w.stream.write(&parent.out, packet)
}

// begin writes the headers: first the first page of every stream (RFC 3533
// section 4).
func (w *Writer) begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	for _, t := range w.tracks {
		if err := t.stream.writeHead(&w.out); err != nil {
			return err
		}
	}
	for _, t := range w.tracks {
		if err := t.stream.writeTags(&w.out); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the streams, and closes the output if it is an io.Closer. A second
// Close does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out.w == nil {
		return nil
	}
	err := w.begin()
	for _, t := range w.tracks {
		err = errors.Join(err, t.stream.end(&w.out))
	}
	return errors.Join(err, w.out.close())
}
