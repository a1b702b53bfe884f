// Package rtpframes gives the writers of files whole frames of the RTP packets
// that they are fed with.
package rtpframes

import (
	"bytes"
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/internal/frame"
)

// Window is how many packets a packet may come behind its place: only when as
// many have come behind a gap is it a loss. Files can wait.
const Window = 64

// epoch is the time that does not go on: what is missing is waited for by count.
var epoch = time.Unix(0, 0)

// Source puts frames together. It may be used by one goroutine at a time.
type Source struct {
	assembler *frame.Assembler
}

// New returns a source for packets of the codec.
func New(codec frame.Codec) *Source {
	return &Source{assembler: frame.New(frame.Config{Codec: codec, Target: time.Hour, MaxLate: Window})}
}

// Push takes a packet, of which it keeps a copy, and calls write for each frame
// that is whole and next.
func (s *Source) Push(packet *rtp.Packet, write func(frame.Frame) error) error {
	s.assembler.Push(epoch, &rtp.Packet{
		Header: rtp.Header{
			SequenceNumber: packet.SequenceNumber,
			Timestamp:      packet.Timestamp,
			Marker:         packet.Marker,
		},
		Payload: bytes.Clone(packet.Payload),
	})
	return s.drain(write)
}

// End calls write for what is whole behind gaps.
func (s *Source) End(write func(frame.Frame) error) error {
	s.assembler.SetTarget(epoch, 0)
	return s.drain(write)
}

func (s *Source) drain(write func(frame.Frame) error) error {
	for {
		f, ok := s.assembler.Next()
		if !ok {
			return nil
		}
		if err := write(f); err != nil {
			return err
		}
	}
}
