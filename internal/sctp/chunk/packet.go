package chunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	// PacketHeaderSize is the size of the common header in bytes.
	PacketHeaderSize = 12
	// HeaderSize is the size of what begins every chunk: type, flags, length.
	HeaderSize = 4
)

// Errors of this package, to be matched with errors.Is.
var (
	// ErrTruncated: bytes end before the fields do.
	ErrTruncated = errors.New("sctp: truncated")
	// ErrLength: a length field is too small for what it counts.
	ErrLength = errors.New("sctp: length too small")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header is the common header of a packet (RFC 9260 section 3.1).
type Header struct {
	SourcePort, DestinationPort uint16
	// Tag is the verification tag: 0 in a packet that carries INIT.
	Tag uint32
	// Checksum as it was on the wire. AppendHeader writes 0: Seal comes last.
	Checksum uint32
}

// ParsePacket splits a packet into its header and its chunks. It does not look
// at the checksum. Errors: ErrTruncated.
func ParsePacket(packet []byte) (Header, Chunks, error) {
	if len(packet) < PacketHeaderSize {
		return Header{}, Chunks{}, fmt.Errorf("%w: packet of %d bytes", ErrTruncated, len(packet))
	}
	return Header{
		SourcePort:      binary.BigEndian.Uint16(packet),
		DestinationPort: binary.BigEndian.Uint16(packet[2:]),
		Tag:             binary.BigEndian.Uint32(packet[4:]),
		Checksum:        binary.LittleEndian.Uint32(packet[8:]),
	}, Chunks{rest: packet[PacketHeaderSize:]}, nil
}

// AppendHeader appends a common header whose checksum is 0.
func AppendHeader(b []byte, h Header) []byte {
	b = binary.BigEndian.AppendUint16(b, h.SourcePort)
	b = binary.BigEndian.AppendUint16(b, h.DestinationPort)
	b = binary.BigEndian.AppendUint32(b, h.Tag)
	return append(b, 0, 0, 0, 0)
}

// Checksum is the CRC32c of a packet of at least PacketHeaderSize bytes, as if its
// checksum field were 0 (RFC 9260 section 6.8 and appendix A).
func Checksum(packet []byte) uint32 {
	var zero [4]byte
	sum := crc32.Update(0, castagnoli, packet[:8])
	sum = crc32.Update(sum, castagnoli, zero[:])
	return crc32.Update(sum, castagnoli, packet[PacketHeaderSize:])
}

// Seal writes the checksum into a packet of at least PacketHeaderSize bytes.
func Seal(packet []byte) {
	binary.LittleEndian.PutUint32(packet[8:], Checksum(packet))
}

// Chunk is one chunk of a packet.
type Chunk struct {
	Type  Type
	Flags byte
	// Value is what follows the chunk's header, without padding.
	Value []byte
	// Raw is the chunk as it was on the wire, header included and padding not.
	Raw []byte
}

// Chunks walks over the chunks of a packet. The zero value has none.
type Chunks struct {
	rest []byte
	err  error
}

// NewChunks walks over chunks without a common header, of which b consists.
func NewChunks(b []byte) Chunks { return Chunks{rest: b} }

// Next returns the next chunk; false at the end, or where the rest cannot be read,
// which Err tells.
func (c *Chunks) Next() (Chunk, bool) {
	if len(c.rest) == 0 {
		return Chunk{}, false
	}
	raw, rest, err := cut(c.rest, HeaderSize)
	if err != nil {
		c.err, c.rest = fmt.Errorf("chunk type %d: %w", c.rest[0], err), nil
		return Chunk{}, false
	}
	c.rest = rest
	return Chunk{Type: Type(raw[0]), Flags: raw[1], Value: raw[HeaderSize:], Raw: raw}, true
}

// Err is what ended the walk early: ErrTruncated, ErrLength or nil.
func (c *Chunks) Err() error { return c.err }

// cut takes one item off b, whose bytes 2 and 3 are its length without padding.
// Chunks, parameters and causes are all laid out like that, and padded to four
// bytes. The padding of the last one may be missing.
func cut(b []byte, header int) (item, rest []byte, err error) {
	if len(b) < header {
		return nil, nil, fmt.Errorf("%w: %d bytes", ErrTruncated, len(b))
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < header {
		return nil, nil, fmt.Errorf("%w: %d", ErrLength, n)
	}
	if n > len(b) {
		return nil, nil, fmt.Errorf("%w: length %d in %d bytes", ErrTruncated, n, len(b))
	}
	return b[:n:n], b[min(padded(n), len(b)):], nil
}

func padded(n int) int { return (n + 3) &^ 3 }

// begin appends the header of a chunk whose length finish fills in.
func begin(b []byte, t Type, flags byte) ([]byte, int) {
	return append(b, byte(t), flags, 0, 0), len(b)
}

// finish writes the length of what begins at start, and pads it.
func finish(b []byte, start int) []byte {
	n := len(b) - start
	binary.BigEndian.PutUint16(b[start+2:], uint16(n))
	for ; n%4 != 0; n++ {
		b = append(b, 0)
	}
	return b
}

// AppendRaw appends a chunk that has only flags and a value: COOKIE ECHO, COOKIE
// ACK, HEARTBEAT, HEARTBEAT ACK, SHUTDOWN ACK, SHUTDOWN COMPLETE, ABORT, ERROR.
func AppendRaw(b []byte, t Type, flags byte, value []byte) []byte {
	b, start := begin(b, t, flags)
	return finish(append(b, value...), start)
}
