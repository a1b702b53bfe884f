package netio

import (
	"bufio"
	"encoding/binary"
	"io"
)

// Frames of packets on a TCP connection: two octets of length, and the packet
// (RFC 4571 section 2; RFC 6544 section 10.1 for what ICE sends).

const (
	frameHeader = 2
	// frameRead is a connection's read buffer: some packets of full size. It is all
	// that a connection holds of what it has not taken.
	frameRead = 8 << 10
	// frameWrite bounds what one write takes.
	frameWrite = 64 << 10
)

// A frameReader reads packets off a connection. A packet longer than MaxDatagram is
// skipped, whatever its length says: nothing is allocated for it. An empty one says
// nothing and is skipped too.
type frameReader struct{ r *bufio.Reader }

func newFrameReader(r io.Reader) frameReader {
	return frameReader{bufio.NewReaderSize(r, frameRead)}
}

// next waits for a packet.
func (f frameReader) next() (*Buffer, error) {
	for {
		head, err := f.r.Peek(frameHeader)
		if err != nil {
			return nil, err
		}
		n := int(binary.BigEndian.Uint16(head))
		_, _ = f.r.Discard(frameHeader) // it is there
		if n == 0 || n > MaxDatagram {
			if _, err := f.r.Discard(n); err != nil {
				return nil, err
			}
			continue
		}
		b := GetBuffer()
		b.SetLen(n)
		if _, err := io.ReadFull(f.r, b.Bytes()); err != nil {
			b.Release()
			return nil, err
		}
		return b, nil
	}
}

// ready reports whether next would return a packet without waiting.
func (f frameReader) ready() bool {
	have := f.r.Buffered()
	if have < frameHeader {
		return false
	}
	head, err := f.r.Peek(frameHeader)
	if err != nil {
		return false
	}
	n := int(binary.BigEndian.Uint16(head))
	return n > 0 && n <= MaxDatagram && have >= frameHeader+n
}

// appendFrame appends a packet with its length.
func appendFrame(b []byte, packet []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(packet)))
	return append(b, packet...)
}
