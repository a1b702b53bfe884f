package rtpdump

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"

	"github.com/passerelle-rtc/webrtc/pkg/media/internal/input"
)

// maxLine bounds the first line of a file: its magic, an address of at most 15
// characters, a port, and room for a host name that some tool may write.
const maxLine = 256

// Reader reads the packets of a file. Any goroutine may call it.
type Reader struct {
	mu sync.Mutex
	in input.Input
}

// NewReader returns a reader of a file and its header, which it reads. It fails
// with a *media.FormatError for anything that is no file of rtpdump.
func NewReader(r io.Reader) (*Reader, Header, error) {
	if r == nil {
		return nil, Header{}, errors.New("rtpdump: the stream is nil")
	}
	reader := &Reader{in: input.Input{Format: "rtpdump", R: r}}
	if err := reader.readLine(); err != nil {
		return nil, Header{}, err
	}
	start := reader.in.Offset
	b, err := reader.in.Take(headerSize)
	if err != nil {
		return nil, Header{}, reader.in.Fault(start, "file header", err)
	}
	var header Header
	if err := header.Unmarshal(b); err != nil {
		return nil, Header{}, err
	}
	return reader, header, nil
}

// readLine reads the first line: "#!rtpplay1.0 address/port\n". It goes byte by
// byte so that nothing behind the line is taken from the stream.
func (r *Reader) readLine() error {
	var line []byte
	for !bytes.HasSuffix(line, []byte("\n")) {
		if len(line) == maxLine {
			return r.in.Fault(0, fmt.Sprintf("first line has more than %d bytes", maxLine), nil)
		}
		var err error
		if line, err = r.in.Append(line, 1); err != nil {
			return r.in.Fault(0, "first line", err)
		}
		if n := min(len(line), len(magic)); string(line[:n]) != magic[:n] {
			return r.in.Fault(0, fmt.Sprintf("first line begins with %q, not %q", line, magic), nil)
		}
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(line[len(magic):]), "\n"), "\r")
	address, port, ok := strings.Cut(text, "/")
	if _, err := netip.ParseAddrPort(address + ":" + port); !ok || err != nil {
		return r.in.Fault(int64(len(magic)), fmt.Sprintf("source is %q, not address/port", text), nil)
	}
	return nil
}

// Next returns the next packet, with a payload of its own. At the end of the file
// the error is io.EOF; a file that ends within a packet gives a
// *media.FormatError that unwraps to io.ErrUnexpectedEOF.
func (r *Reader) Next() (Packet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	start := r.in.Offset
	b, err := r.in.Take(packetHeaderSize)
	if errors.Is(err, io.EOF) {
		return Packet{}, io.EOF
	} else if err != nil {
		return Packet{}, r.in.Fault(start, "packet header", err)
	}
	var packet Packet
	size := packet.readHeader(b)
	if size < 0 {
		return Packet{}, r.in.Fault(start, fmt.Sprintf("packet of %d bytes, less than its header", packetHeaderSize+size), nil)
	}
	if packet.Payload, err = r.in.Take(size); err != nil {
		return Packet{}, r.in.Fault(start, fmt.Sprintf("packet of %d bytes", packetHeaderSize+size), err)
	}
	return packet, nil
}
