package chunk

import (
	"encoding/binary"
	"fmt"
)

// ParseShutdown reads the value of SHUTDOWN: the cumulative TSN that its sender
// has received (RFC 9260 section 3.3.8). Errors: ErrTruncated.
func ParseShutdown(value []byte) (TSN, error) {
	if len(value) < 4 {
		return 0, fmt.Errorf("%w: SHUTDOWN of %d bytes", ErrTruncated, len(value))
	}
	return TSN(binary.BigEndian.Uint32(value)), nil
}

// AppendShutdown appends a SHUTDOWN chunk.
func AppendShutdown(b []byte, cumulative TSN) []byte {
	b, start := begin(b, TypeShutdown, 0)
	return finish(binary.BigEndian.AppendUint32(b, uint32(cumulative)), start)
}
