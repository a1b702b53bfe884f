// Package rtpdump reads and writes the files of rtpdump and rtpplay, two of the
// RTP tools (https://github.com/irtlab/rtptools), which wireshark reads and
// writes too. Names and signatures are those of
// github.com/pion/webrtc/v4/pkg/media/rtpdump.
package rtpdump

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/passerelle-rtc/webrtc/pkg/media"
)

const (
	magic            = "#!rtpplay1.0 "
	headerSize       = 16 // RD_hdr_t
	packetHeaderSize = 8  // RD_packet_t
	maxPayload       = math.MaxUint16 - packetHeaderSize
)

// Header says where and when a file was recorded: RD_hdr_t, which follows the
// first line of the file.
type Header struct {
	// Start is when the recording began, to the microsecond, from 1970 to 2106.
	Start time.Time
	// Source is the IPv4 address that the packets came from. The format has no
	// place for one of IPv6.
	Source net.IP
	// Port is the UDP port.
	Port uint16
}

// Marshal returns the 16 bytes of the header. It fails for a time that the format
// cannot hold. A Source that is nil or not an IPv4 address becomes 0.0.0.0.
func (h Header) Marshal() ([]byte, error) {
	b := make([]byte, headerSize)
	if !h.Start.IsZero() {
		seconds := h.Start.Unix()
		if seconds < 0 || seconds > math.MaxUint32 {
			return nil, fmt.Errorf("rtpdump: start %v is not between 1970 and 2106", h.Start)
		}
		binary.BigEndian.PutUint32(b, uint32(seconds))
		binary.BigEndian.PutUint32(b[4:], uint32(h.Start.Nanosecond()/1000))
	}
	copy(b[8:12], h.Source.To4())
	binary.BigEndian.PutUint16(b[12:], h.Port)
	return b, nil
}

// Unmarshal reads the 16 bytes of a header; what follows them is ignored.
func (h *Header) Unmarshal(data []byte) error {
	if len(data) < headerSize {
		return malformed(0, "file header of %d bytes, not %d", len(data), headerSize)
	}
	seconds, microseconds := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	h.Start = time.Unix(int64(seconds), int64(microseconds)*int64(time.Microsecond)).UTC()
	h.Source = net.IPv4(data[8], data[9], data[10], data[11])
	h.Port = binary.BigEndian.Uint16(data[12:])
	return nil
}

// Packet is a recorded packet.
type Packet struct {
	// Offset is the time since Header.Start. The file has milliseconds, up to 49
	// days; what is finer is cut off.
	Offset time.Duration
	// IsRTCP says that Payload is RTCP, not RTP.
	IsRTCP bool
	// Payload is the packet, at most 65527 bytes. A recording of headers only has
	// cut it off.
	Payload []byte
}

// Marshal returns the packet with the 8 bytes that stand before it. It fails for
// an RTP packet that is empty, which could not be told from RTCP, and for a
// payload or an offset that is out of range.
func (p Packet) Marshal() ([]byte, error) {
	offset := p.Offset / time.Millisecond
	switch {
	case len(p.Payload) > maxPayload:
		return nil, fmt.Errorf("rtpdump: packet of %d bytes; %d is the limit", len(p.Payload), maxPayload)
	case len(p.Payload) == 0 && !p.IsRTCP:
		return nil, fmt.Errorf("rtpdump: RTP packet without a byte")
	case offset < 0 || offset > math.MaxUint32:
		return nil, fmt.Errorf("rtpdump: offset %v is not between 0 and 49 days", p.Offset)
	}
	b := make([]byte, packetHeaderSize, packetHeaderSize+len(p.Payload))
	binary.BigEndian.PutUint16(b, uint16(packetHeaderSize+len(p.Payload)))
	if !p.IsRTCP {
		binary.BigEndian.PutUint16(b[2:], uint16(len(p.Payload)))
	}
	binary.BigEndian.PutUint32(b[4:], uint32(offset))
	return append(b, p.Payload...), nil
}

// Unmarshal reads a packet with the 8 bytes that stand before it. Payload points
// into data; what follows it is ignored.
func (p *Packet) Unmarshal(data []byte) error {
	if len(data) < packetHeaderSize {
		return malformed(0, "packet header of %d bytes, not %d", len(data), packetHeaderSize)
	}
	size := p.readHeader(data)
	if size < 0 || packetHeaderSize+size > len(data) {
		return malformed(0, "packet of %d bytes in %d", packetHeaderSize+size, len(data))
	}
	p.Payload = data[packetHeaderSize : packetHeaderSize+size]
	return nil
}

// readHeader reads RD_packet_t and returns the size of the payload, which is
// negative where the length field is less than the header's own size.
func (p *Packet) readHeader(b []byte) int {
	p.IsRTCP = binary.BigEndian.Uint16(b[2:]) == 0
	p.Offset = time.Duration(binary.BigEndian.Uint32(b[4:])) * time.Millisecond
	return int(binary.BigEndian.Uint16(b)) - packetHeaderSize
}

func malformed(offset int64, format string, values ...any) error {
	return &media.FormatError{Format: "rtpdump", Offset: offset, Reason: fmt.Sprintf(format, values...)}
}
