// Package input reads what length fields of a file announce, without trusting
// them, and knows the offset for error messages.
package input

import (
	"errors"
	"io"

	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// step is how much is allocated ahead of what has been read, in bytes: a length
// field that lies costs no more than this.
const step = 64 << 10

// Input reads from R and counts. It may be used by one goroutine at a time.
type Input struct {
	// Format names the format in errors.
	Format string
	// R is what is read from; it may be replaced between two calls.
	R io.Reader
	// Offset is the number of bytes that have been read.
	Offset int64
}

// Take reads n bytes into a new slice. It returns io.EOF when there is none,
// io.ErrUnexpectedEOF when there are some but fewer than n.
func (i *Input) Take(n int) ([]byte, error) {
	return i.Append(make([]byte, 0, min(n, step)), n)
}

// Append reads n bytes and appends them to b, which it returns with what could
// be read. The memory grows with what arrives, not with n.
func (i *Input) Append(b []byte, n int) ([]byte, error) {
	for missing := n; missing > 0; {
		chunk := min(missing, max(step, len(b)))
		start := len(b)
		b = append(b, make([]byte, chunk)...)
		got, err := io.ReadFull(i.R, b[start:])
		i.Offset += int64(got)
		missing -= got
		if err != nil {
			b = b[:start+got]
			if errors.Is(err, io.EOF) && missing < n {
				err = io.ErrUnexpectedEOF
			}
			return b, err
		}
	}
	return b, nil
}

// Fault returns the error for a structure that begins at offset. The end of the
// input becomes io.ErrUnexpectedEOF, since it came within the structure; an
// error of the io.Reader itself is returned as it is.
func (i *Input) Fault(offset int64, reason string, err error) error {
	switch {
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return &media.FormatError{Format: i.Format, Offset: offset, Reason: reason, Err: err}
}
