// Package oggwriter writes Opus from RTP packets into Ogg files (RFC 3533, RFC
// 7845, RFC 7587). Names and signatures are those of
// github.com/pion/webrtc/v4/pkg/media/oggwriter.
//
// Each Opus packet gets a page of its own, so that a file that is still being
// written can be played up to the packet that came last. Packets are expected in
// order; one that comes too late is left out. Where packets are missing, by
// their RTP timestamps, packets that ask the decoder to conceal the loss take
// their place (RFC 7845 section 4.1), so that the file is as long as the call was.
package oggwriter

import (
	"errors"
	"io"
	"os"
	"sync"

	"github.com/pion/rtp"
)

// OggWriter writes one Opus stream. Any goroutine may call it.
type OggWriter struct {
	mu     sync.Mutex
	out    output
	stream *opusStream
}

// New creates the file, or empties it, and writes the headers of a stream with
// this sample rate of the input (only informative: Opus is always played at 48
// kHz) and one or two channels.
func New(fileName string, sampleRate uint32, channelCount uint16) (*OggWriter, error) {
	if _, err := monoOrStereo(channelCount); err != nil {
		return nil, err
	}
	file, err := os.Create(fileName)
	if err != nil {
		return nil, err
	}
	writer, err := newWith(output{w: file, rewrite: file}, sampleRate, channelCount)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return writer, nil
}

// NewWith writes the headers of a stream, as New does, to out. Close closes out
// if it is an io.Closer.
func NewWith(out io.Writer, sampleRate uint32, channelCount uint16) (*OggWriter, error) {
	if out == nil {
		return nil, errors.New("oggwriter: the output is nil")
	}
	return newWith(output{w: out}, sampleRate, channelCount)
}

func newWith(out output, sampleRate uint32, channelCount uint16) (*OggWriter, error) {
	config := defaultConfig()
	config.sampleRate = sampleRate
	var err error
	if config.mapping, err = monoOrStereo(channelCount); err != nil {
		return nil, err
	}
	writer := &OggWriter{out: out, stream: newOpusStream(config)}
	if err := writer.stream.writeHead(&writer.out); err != nil {
		return nil, err
	}
	return writer, writer.stream.writeTags(&writer.out)
}

// WriteRTP appends the Opus packet that an RTP packet carries. A packet without a
// payload, which carries padding only, is left out. It fails when the payload is
// no Opus packet, and after Close.
func (w *OggWriter) WriteRTP(packet *rtp.Packet) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out.w == nil {
		return os.ErrClosed
	}
	if packet == nil {
		return errNilPacket
	}
	return w.stream.write(&w.out, packet)
}

// Close marks the end of the stream: on the last page, where the output is a
// file, or with an empty page. It closes the file, or the io.Writer if it is an
// io.Closer. A second Close does nothing.
func (w *OggWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out.w == nil {
		return nil
	}
	return errors.Join(w.stream.end(&w.out), w.out.close())
}

var errNilPacket = errors.New("oggwriter: the packet is nil")
