package chunk

import (
	"encoding/binary"
	"fmt"
)

const (
	sackSize = 12
	// SACKSize is the size of a SACK chunk without gaps and duplicates; each of
	// those adds four bytes.
	SACKSize = HeaderSize + sackSize
)

// SACK is a selective acknowledgement, as it was received (RFC 9260 section
// 3.3.4).
type SACK struct {
	CumulativeTSN TSN
	// Window is the advertised receiver window credit, in bytes.
	Window uint32

	gaps, duplicates []byte
}

// ParseSACK reads the value of a SACK. Errors: ErrTruncated.
func ParseSACK(value []byte) (SACK, error) {
	if len(value) < sackSize {
		return SACK{}, fmt.Errorf("%w: SACK of %d bytes", ErrTruncated, len(value))
	}
	gaps := 4 * int(binary.BigEndian.Uint16(value[8:]))
	duplicates := 4 * int(binary.BigEndian.Uint16(value[10:]))
	if len(value) < sackSize+gaps+duplicates {
		return SACK{}, fmt.Errorf("%w: SACK with %d gaps and %d duplicates in %d bytes", ErrTruncated, gaps/4, duplicates/4, len(value))
	}
	lists := value[sackSize:]
	return SACK{
		CumulativeTSN: TSN(binary.BigEndian.Uint32(value)),
		Window:        binary.BigEndian.Uint32(value[4:]),
		gaps:          lists[:gaps], duplicates: lists[gaps : gaps+duplicates],
	}, nil
}

// NumGaps is the number of gap ack blocks.
func (s *SACK) NumGaps() int { return len(s.gaps) / 4 }

// Gap returns block i: the first and the last TSN of a run that was received. The
// peer may have put any offsets there: last may come before first.
func (s *SACK) Gap(i int) (first, last TSN) {
	b := s.gaps[4*i:]
	return s.CumulativeTSN + TSN(binary.BigEndian.Uint16(b)), s.CumulativeTSN + TSN(binary.BigEndian.Uint16(b[2:]))
}

// NumDuplicates is the number of duplicate TSNs.
func (s *SACK) NumDuplicates() int { return len(s.duplicates) / 4 }

// Duplicate returns duplicate TSN i.
func (s *SACK) Duplicate(i int) TSN { return TSN(binary.BigEndian.Uint32(s.duplicates[4*i:])) }

// Gap is a run of TSNs that were received: offsets from the cumulative TSN.
type Gap struct{ First, Last uint16 }

// AppendSACK appends a SACK chunk.
func AppendSACK(b []byte, cumulative TSN, window uint32, gaps []Gap, duplicates []TSN) []byte {
	b, start := begin(b, TypeSACK, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(cumulative))
	b = binary.BigEndian.AppendUint32(b, window)
	b = binary.BigEndian.AppendUint16(b, uint16(len(gaps)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(duplicates)))
	for _, g := range gaps {
		b = binary.BigEndian.AppendUint16(b, g.First)
		b = binary.BigEndian.AppendUint16(b, g.Last)
	}
	for _, d := range duplicates {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return finish(b, start)
}
