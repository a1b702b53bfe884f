// Package h265writer writes H.265 from RTP packets (RFC 7798) into byte streams of
// annex B. Names and signatures are those of
// github.com/pion/webrtc/v4/pkg/media/h265writer.
//
// Only whole access units are written, from the first one on that has a
// parameter set or a random access point. Packets may come up to 64 places late; an
// access unit of which a packet is missing is left out.
package h265writer

import (
	"errors"
	"io"
	"os"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/internal/frame"
	"github.com/passerelle-rtc/webrtc/pkg/media/internal/rtpframes"
)

// H265Writer writes one stream. It may be used by one goroutine at a time.
type H265Writer struct {
	out    io.Writer
	source *rtpframes.Source
	begun  bool
}

// New creates the file, or empties it.
func New(filename string) (*H265Writer, error) {
	file, err := os.Create(filename)
	if err != nil {
		return nil, err
	}
	return NewWith(file), nil
}

// NewWith returns a writer to w, which Close closes if it is an io.Closer.
func NewWith(w io.Writer) *H265Writer {
	return &H265Writer{out: w, source: rtpframes.New(frame.H265)}
}

// WriteRTP adds a packet, and writes the access units that are whole by it, each
// with one Write and each NAL unit behind a start code of four bytes. An access
// unit ends with the marker or before another timestamp. A packet without a
// payload, which carries padding only, may be given too: so its number is not
// missed. After Close it fails.
func (h *H265Writer) WriteRTP(packet *rtp.Packet) error {
	switch {
	case h.out == nil:
		return os.ErrClosed
	case packet == nil:
		return errors.New("h265writer: the packet is nil")
	}
	return h.source.Push(packet, h.writeUnit)
}

func (h *H265Writer) writeUnit(f frame.Frame) error {
	if h.begun = h.begun || f.Keyframe || begins(f.Payload); !h.begun {
		return nil
	}
	_, err := h.out.Write(f.Payload)
	return err
}

// Close writes what waited for missing packets. A second Close does nothing.
func (h *H265Writer) Close() error {
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

// begins reports whether a parameter set, of type 32 to 34, is in the access unit:
// some senders give parameter sets a timestamp of their own.
func begins(unit []byte) bool {
	for i := 4; i < len(unit); i++ {
		if t := unit[i] >> 1 & 0x3f; unit[i-1] == 1 && unit[i-2]|unit[i-3]|unit[i-4] == 0 && t >= 32 && t <= 34 {
			return true
		}
	}
	return false
}
