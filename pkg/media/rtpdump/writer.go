package rtpdump

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// Writer writes a file. Any goroutine may call it.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter returns a writer and writes the first line and the header. A Source
// that is no IPv4 address is written as 0.0.0.0.
func NewWriter(w io.Writer, hdr Header) (*Writer, error) {
	if w == nil {
		return nil, errors.New("rtpdump: the stream is nil")
	}
	b, err := hdr.Marshal()
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("%s%d.%d.%d.%d/%d\n", magic, b[8], b[9], b[10], b[11], hdr.Port)
	if _, err := w.Write(append([]byte(line), b...)); err != nil {
		return nil, err
	}
	return &Writer{w: w}, nil
}

// WritePacket appends a packet, with one Write.
func (w *Writer) WritePacket(p Packet) error {
	b, err := p.Marshal()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.w.Write(b)
	return err
}
