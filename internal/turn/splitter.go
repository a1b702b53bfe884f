package turn

import (
	"encoding/binary"
	"errors"
)

// Bounds of what a Splitter takes.
const (
	// MaxFrame is the longest message that a Splitter returns, with its padding. A
	// longer one, which a peer can make the server send, is skipped.
	MaxFrame   = 4096
	splitterIn = 4 * MaxFrame
)

// ErrFraming says that a stream carries neither STUN nor ChannelData, so that
// nothing behind that place can be read.
var ErrFraming = errors.New("turn: stream has neither STUN nor ChannelData")

// Splitter finds the messages of a stream from a TURN server (RFC 8656 section
// 12.5, RFC 8489 section 6.2.2): STUN tells its length, ChannelData too and is padded
// to a multiple of 4 bytes. It keeps at most 16 KiB.
type Splitter struct {
	buf        [splitterIn]byte
	start, end int
	skip       int // bytes of a message that is too long, still to come
	err        error
	skipped    uint64
}

// Free is where the next bytes of the stream go. It is never empty after Next has
// returned false.
func (s *Splitter) Free() []byte {
	if s.start > 0 {
		s.end = copy(s.buf[:], s.buf[s.start:s.end])
		s.start = 0
	}
	return s.buf[s.end:]
}

// Commit says how many bytes were put into Free.
func (s *Splitter) Commit(n int) { s.end = min(s.end+max(n, 0), len(s.buf)) }

// Skipped counts the messages that were too long.
func (s *Splitter) Skipped() uint64 { return s.skipped }

// Next returns the next message, without its padding; false when more bytes are
// needed. It is valid until Free is called. An error is final.
func (s *Splitter) Next() ([]byte, bool, error) {
	for s.err == nil {
		if s.skip > 0 {
			n := min(s.skip, s.end-s.start)
			s.start += n
			s.skip -= n
			if s.skip > 0 {
				return nil, false, nil
			}
		}
		b := s.buf[s.start:s.end]
		if len(b) < channelHeader {
			return nil, false, nil
		}
		size, padded, err := frameSize(b)
		if err != nil {
			s.err = err
			break
		}
		if padded > MaxFrame {
			s.skip = padded
			s.skipped++
			continue
		}
		if len(b) < padded {
			return nil, false, nil
		}
		s.start += padded
		return b[:size:size], true, nil
	}
	return nil, false, s.err
}

// frameSize reads the length of a message from its first four bytes, and what it
// takes up in the stream.
func frameSize(b []byte) (size, padded int, err error) {
	n := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]>>6 == 0 && n%4 == 0:
		return stunHeader + n, stunHeader + n, nil
	case b[0]>>4 == firstChannel>>12:
		return channelHeader + n, channelHeader + n + padding(n), nil
	}
	return 0, 0, ErrFraming
}
