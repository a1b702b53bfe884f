// Package annexb finds the NAL units in a byte stream: H.264 annex B and H.265
// annex B, which are the same for this purpose.
package annexb

import (
	"bytes"
	"errors"
	"io"

	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// MaxUnit is the size of the largest NAL unit that is read, in bytes: more than
// any level of H.264 or H.265 lets a picture have.
const MaxUnit = 64 << 20

// startCode is start_code_prefix_one_3bytes. A leading zero byte before it
// (zero_byte) belongs to the start code too, as trailing_zero_8bits do.
var startCode = []byte{0, 0, 1}

// Scanner reads NAL units. It may be used by one goroutine at a time.
type Scanner struct {
	r      io.Reader
	format string
	// buf holds what was read and not yet returned; offset is its position.
	buf    []byte
	offset int64
	// searched is how much of buf is known to hold no start code.
	searched int
	began    bool
	err      error
}

// NewScanner returns a scanner of the stream. Errors name the format.
func NewScanner(r io.Reader, format string) *Scanner {
	return &Scanner{r: r, format: format}
}

// Next returns the next NAL unit that is not empty, without start code and
// without the zero bytes behind it, as a slice of its own. The error is io.EOF
// after the last one; a stream that does not begin with a start code gives a
// *media.FormatError.
func (s *Scanner) Next() ([]byte, error) {
	if !s.began {
		if err := s.begin(); err != nil {
			return nil, err
		}
	}
	for {
		end, found := s.find()
		if !found && len(s.buf) > MaxUnit {
			return nil, s.fault("NAL unit of more than 64 MiB")
		}
		if !found && s.err == nil {
			s.fill()
			continue
		}
		if !found && !errors.Is(s.err, io.EOF) {
			return nil, s.err // what there is may be half a unit
		}
		unit := bytes.Clone(bytes.TrimRight(s.buf[:end], "\x00"))
		if found {
			s.drop(end + len(startCode))
		} else {
			s.drop(end)
		}
		if len(unit) > 0 {
			return unit, nil
		}
		if !found {
			return nil, s.err
		}
	}
}

// begin skips the first start code.
func (s *Scanner) begin() error {
	for {
		// leading_zero_8bits, zero_byte and the prefix's own zeros.
		zeros := len(s.buf) - len(bytes.TrimLeft(s.buf, "\x00"))
		switch {
		case zeros < len(s.buf) && (zeros < 2 || s.buf[zeros] != 1):
			return s.fault("no start code")
		case zeros < len(s.buf):
			s.drop(zeros + 1)
			s.began = true
			return nil
		case s.err != nil && errors.Is(s.err, io.EOF) && len(s.buf) > 0:
			return s.fault("no start code")
		case s.err != nil:
			return s.err
		}
		// Of any number of zeros the last two decide.
		s.drop(max(0, zeros-2))
		s.fill()
	}
}

// find returns where the next start code begins, or the length of what there is.
func (s *Scanner) find() (end int, found bool) {
	// The last two bytes seen may be the zeros of a start code.
	from := max(0, s.searched-2)
	if i := bytes.Index(s.buf[from:], startCode); i >= 0 {
		return from + i, true
	}
	s.searched = len(s.buf)
	return len(s.buf), false
}

// drop forgets the first n bytes.
func (s *Scanner) drop(n int) {
	s.buf = s.buf[n:]
	s.offset += int64(n)
	s.searched = 0
}

// fill reads once, and keeps the error for when the buffer is used up.
func (s *Scanner) fill() {
	const chunk = 4096
	if cap(s.buf)-len(s.buf) < chunk {
		grown := make([]byte, len(s.buf), 2*len(s.buf)+2*chunk)
		copy(grown, s.buf)
		s.buf = grown
	}
	s.err = io.ErrNoProgress
	for range 100 {
		n, err := s.r.Read(s.buf[len(s.buf) : len(s.buf)+chunk])
		s.buf = s.buf[:len(s.buf)+n]
		if n > 0 || err != nil {
			s.err = err
			return
		}
	}
}

func (s *Scanner) fault(reason string) error {
	return &media.FormatError{Format: s.format, Offset: s.offset, Reason: reason}
}
