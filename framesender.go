package webrtc

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/frame"
	"github.com/pion/rtp"
)

// frameSender is where the packets of an encoding become frames, pass through the
// sender's transform, and become packets again, which are numbered on their own.
// Once there was a transform every packet of the track goes through it, so that
// the numbers stay in one sequence.
//
// No lock is held while the transform runs: of those who write, one at a time
// works on the frames, those of the others too.
type frameSender struct {
	sender *RTPSender
	used   atomic.Bool

	mu        sync.Mutex
	format    frame.Codec
	assembler *frame.Assembler // nil before the first packet
	busy      bool             // somebody works on the frames

	// Of who is busy.
	numbered bool
	next     uint16 // sequence number
}

// senderPatience is how long packets that are written late are waited for.
const senderPatience = 100 * time.Millisecond

func newFrameSender(s *RTPSender) *frameSender { return &frameSender{sender: s} }

// engaged reports whether packets go through it.
func (s *frameSender) engaged() bool { return s.used.Load() || s.sender.transform.Load() != nil }

// write takes packets of the track and sends the frames that are whole.
func (s *frameSender) write(path *sendPath, packets []rtp.Packet) error {
	const op = "write RTP"
	codec := path.binding.codec
	format, ok := formatOf(codec.RTPCodecCapability)
	if !ok {
		return errorf(KindNotSupported, op, "the frames of %s, which a transform needs, are not known", codec.MimeType)
	}
	now := time.Now()
	s.used.Store(true)
	s.mu.Lock()
	if s.assembler == nil || s.format != format {
		s.assembler = frame.New(frame.Config{Codec: format, Target: senderPatience, KeepPackets: true})
		s.format = format
	}
	for i := range packets {
		p := &rtp.Packet{Header: packets[i].Header.Clone(), Payload: bytes.Clone(packets[i].Payload)}
		p.SSRC, p.PayloadType = uint32(path.binding.context.SSRC()), uint8(codec.PayloadType)
		s.assembler.Push(now, p)
	}
	s.assembler.Advance(now)
	if s.busy {
		s.mu.Unlock()
		return nil
	}
	s.busy = true
	s.mu.Unlock()
	return reop(op, s.work(path, format))
}

// work sends the frames that are there until there is none.
func (s *frameSender) work(path *sendPath, format frame.Codec) error {
	var errs []error
	idle := false
	defer func() { // where a transform panics and the program goes on
		if !idle {
			s.mu.Lock()
			s.busy = false
			s.mu.Unlock()
		}
	}()
	for {
		s.mu.Lock()
		f, ok := s.assembler.Next()
		if !ok {
			s.busy, idle = false, true
		}
		s.mu.Unlock()
		if !ok {
			return errors.Join(errs...)
		}
		if err := s.send(path, format, &f); err != nil {
			errs = append(errs, err)
		}
	}
}

// send transforms a picture and sends its packets. What was missing before it is
// missing in what is sent too.
func (s *frameSender) send(path *sendPath, format frame.Codec, f *frame.Frame) error {
	if !s.numbered {
		s.numbered, s.next = true, f.First
	}
	s.next += uint16(f.Lost)
	transform := s.sender.transform.Load()
	if transform == nil {
		packets := make([]rtp.Packet, len(f.Packets))
		for i, p := range f.Packets {
			packets[i] = *p
			packets[i].SequenceNumber = s.next
			s.next++
		}
		return path.writeBatch(packets)
	}
	extensions := path.binding.context.parameters.HeaderExtensions
	frames, err := layerFrames(format, f, path.binding.codec, extensions)
	if err != nil {
		return newError(KindOperation, "", err)
	}
	for _, l := range frames {
		if err := (*transform)(l.EncodedFrame); err != nil {
			return newError(KindOperation, "encoded transform", err)
		}
		packets, err := l.repacketize(format, s.next, extensionID(extensions, uriDependencyDescriptor))
		if err != nil {
			return newError(KindOperation, "encoded transform", err)
		}
		s.next += uint16(len(packets))
		if err := path.writeBatch(packets); err != nil {
			return err
		}
	}
	return nil
}
