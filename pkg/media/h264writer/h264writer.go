// Package h264writer writes H.264 from RTP packets (RFC 6184), in packetization mode 0 or 1, into byte streams of
// annex B. Names and signatures are those of
// github.com/pion/webrtc/v4/pkg/media/h264writer.
//
// Only whole access units are written, from the first one on that has a
// sequence parameter set or an IDR picture. Packets may come up to 64 places late; an
// access unit of which a packet is missing is left out.
package h264writer

import (
	"errors"
	"io"
	"os"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/internal/frame"
	"github.com/passerelle-rtc/webrtc/pkg/media/internal/rtpframes"
)

// H264Writer writes one stream. It may be used by one goroutine at a time.
type H264Writer struct {
	out    io.Writer
	source *rtpframes.Source
	begun  bool
}

// New creates the file, or empties it.
func New(filename string) (*H264Writer, error) {
	file, err := os.Create(filename)
	if err != nil {
		return nil, err
	}
	return NewWith(file), nil
}

// NewWith returns a writer to w, which Close closes if it is an io.Closer.
func NewWith(w io.Writer) *H264Writer {
	return &H264Writer{out: w, source: rtpframes.New(frame.H264)}
}

// WriteRTP adds a packet, and writes the access units that are whole by it, each
// with one Write and each NAL unit behind a start code of four bytes. An access
// unit ends with the marker or before another timestamp. A packet without a
// payload, which carries padding only, may be given too: so its number is not
// missed. After Close it fails.
func (h *H264Writer) WriteRTP(packet *rtp.Packet) error {
	switch {
	case h.out == nil:
		return os.ErrClosed
	case packet == nil:
		return errors.New("h264writer: the packet is nil")
	}
	return h.source.Push(packet, h.writeUnit)
}

func (h *H264Writer) writeUnit(f frame.Frame) error {
	if h.begun = h.begun || f.Keyframe || begins(f.Payload); !h.begun {
		return nil
	}
	_, err := h.out.Write(f.Payload)
	return err
}

// Close writes what waited for missing packets. A second Close does nothing.
func (h *H264Writer) Close() error {
	if h.out == nil {
		return nil
	}
	err := h.source.End(h.writeUnit)
	if closer, ok := h.out.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	h.out = nil
	return err
}

// begins reports whether a sequence parameter set, of type 7, is in the access
// unit: some senders give parameter sets a timestamp of their own.
func begins(unit []byte) bool {
	for i := 4; i < len(unit); i++ {
		if unit[i-1] == 1 && unit[i-2]|unit[i-3]|unit[i-4] == 0 && unit[i]&0x1f == 7 {
			return true
		}
	}
	return false
}
