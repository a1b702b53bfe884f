package media

import "strconv"

// FormatError says where a file breaks its format and how. The readers of the
// packages below return it for everything that the bytes themselves are to
// blame for; errors of the io.Reader come through unchanged. A file that ends
// in the middle of something unwraps to io.ErrUnexpectedEOF.
type FormatError struct {
	// Format is the name of the format: "ivf", "ogg", "rtpdump".
	Format string
	// Offset is the position of the faulty structure, in bytes from the first
	// one that the reader got.
	Offset int64
	// Reason says what is wrong.
	Reason string
	// Err is the cause, or nil.
	Err error
}

// Error returns, for instance, "ivf: byte 44: frame header: unexpected EOF".
func (e *FormatError) Error() string {
	text := e.Format + ": byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }
