package chunk

import (
	"encoding/binary"
	"fmt"
)

// ForwardTSNSize is the size of FORWARD-TSN without streams; each adds four bytes.
// The same holds for I-FORWARD-TSN, where each adds eight.
const ForwardTSNSize = HeaderSize + 4

// SkippedStream is the last ordered message of a stream that FORWARD-TSN skips.
type SkippedStream struct {
	Stream StreamID
	SSN    SSN
}

// SkippedMessage is the last message of a stream, among the ordered or the
// unordered ones, that I-FORWARD-TSN skips.
type SkippedMessage struct {
	Stream    StreamID
	Unordered bool
	MID       MID
}

// ForwardTSN is FORWARD-TSN as it was received (RFC 3758 section 3.2).
type ForwardTSN struct {
	CumulativeTSN TSN

	streams []byte
}

// ParseForwardTSN reads the value of FORWARD-TSN. Errors: ErrTruncated, ErrLength.
func ParseForwardTSN(value []byte) (ForwardTSN, error) {
	tsn, rest, err := splitForward(value, 4)
	return ForwardTSN{CumulativeTSN: tsn, streams: rest}, err
}

// NumSkipped is the number of streams.
func (f *ForwardTSN) NumSkipped() int { return len(f.streams) / 4 }

// Skipped returns stream i.
func (f *ForwardTSN) Skipped(i int) SkippedStream {
	b := f.streams[4*i:]
	return SkippedStream{StreamID(binary.BigEndian.Uint16(b)), SSN(binary.BigEndian.Uint16(b[2:]))}
}

// AppendForwardTSN appends a FORWARD-TSN chunk.
func AppendForwardTSN(b []byte, cumulative TSN, skipped []SkippedStream) []byte {
	b, start := begin(b, TypeForwardTSN, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(cumulative))
	for _, s := range skipped {
		b = binary.BigEndian.AppendUint16(b, uint16(s.Stream))
		b = binary.BigEndian.AppendUint16(b, uint16(s.SSN))
	}
	return finish(b, start)
}

// IForwardTSN is I-FORWARD-TSN as it was received (RFC 8260 section 2.3.1).
type IForwardTSN struct {
	CumulativeTSN TSN

	messages []byte
}

// ParseIForwardTSN reads the value of I-FORWARD-TSN. Errors: ErrTruncated,
// ErrLength.
func ParseIForwardTSN(value []byte) (IForwardTSN, error) {
	tsn, rest, err := splitForward(value, 8)
	return IForwardTSN{CumulativeTSN: tsn, messages: rest}, err
}

// NumSkipped is the number of entries.
func (f *IForwardTSN) NumSkipped() int { return len(f.messages) / 8 }

// Skipped returns entry i.
func (f *IForwardTSN) Skipped(i int) SkippedMessage {
	b := f.messages[8*i:]
	return SkippedMessage{
		Stream:    StreamID(binary.BigEndian.Uint16(b)),
		Unordered: b[3]&1 != 0,
		MID:       MID(binary.BigEndian.Uint32(b[4:])),
	}
}

// AppendIForwardTSN appends an I-FORWARD-TSN chunk.
func AppendIForwardTSN(b []byte, cumulative TSN, skipped []SkippedMessage) []byte {
	b, start := begin(b, TypeIForwardTSN, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(cumulative))
	for _, s := range skipped {
		b = binary.BigEndian.AppendUint16(b, uint16(s.Stream))
		flags := byte(0)
		if s.Unordered {
			flags = 1
		}
		b = append(b, 0, flags)
		b = binary.BigEndian.AppendUint32(b, uint32(s.MID))
	}
	return finish(b, start)
}

func splitForward(value []byte, each int) (TSN, []byte, error) {
	if len(value) < 4 {
		return 0, nil, fmt.Errorf("%w: FORWARD-TSN of %d bytes", ErrTruncated, len(value))
	}
	if (len(value)-4)%each != 0 {
		return 0, nil, fmt.Errorf("%w: FORWARD-TSN of %d bytes with entries of %d", ErrLength, len(value), each)
	}
	return TSN(binary.BigEndian.Uint32(value)), value[4:], nil
}
