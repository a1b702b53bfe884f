// Package oggpage holds the page of an Ogg bitstream (RFC 3533 section 6), which
// the reader and the writer share.
package oggpage

import "encoding/binary"

// The header_type_flag of a page, and what else its header has (RFC 3533
// section 6).
const (
	Continued = 0x01 // begins with the rest of a packet of the page before
	First     = 0x02 // first page of its logical bitstream
	Last      = 0x04 // last page of its logical bitstream

	Signature   = "OggS"
	HeaderSize  = 27
	MaxSegments = 255
	// NoGranule is the granule position of a page on which no packet ends.
	NoGranule = ^uint64(0)
)

// Page is a page. The sum of Segments is the length of Body.
type Page struct {
	Flags    byte
	Granule  uint64
	Serial   uint32
	Sequence uint32
	Segments []byte
	Body     []byte
}

// Marshal returns the bytes of the page, with their checksum.
func (p *Page) Marshal() []byte {
	b := make([]byte, HeaderSize, HeaderSize+len(p.Segments)+len(p.Body))
	copy(b, Signature)
	b[5] = p.Flags
	binary.LittleEndian.PutUint64(b[6:], p.Granule)
	binary.LittleEndian.PutUint32(b[14:], p.Serial)
	binary.LittleEndian.PutUint32(b[18:], p.Sequence)
	b[26] = byte(len(p.Segments))
	b = append(append(b, p.Segments...), p.Body...)
	binary.LittleEndian.PutUint32(b[22:], Checksum(b))
	return b
}

// Checksum returns the checksum of a whole page, whatever its checksum field
// holds: CRC-32 with the polynomial 0x04c11db7, the highest bit first, which
// begins with zero and is not inverted.
func Checksum(page []byte) uint32 {
	var sum uint32
	for i, v := range page {
		if i >= 22 && i < 26 {
			v = 0
		}
		sum = sum<<8 ^ checksums[byte(sum>>24)^v]
	}
	return sum
}

var checksums = func() (table [256]uint32) {
	for i := range table {
		sum := uint32(i) << 24
		for range 8 {
			carry := sum >> 31
			sum = sum<<1 ^ carry*0x04c11db7
		}
		table[i] = sum
	}
	return table
}()
