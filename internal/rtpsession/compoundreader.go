package rtpsession

import (
	"encoding/binary"

	"github.com/pion/rtcp"
)

// CompoundError says what makes a datagram no RTCP.
type CompoundError string

func (e CompoundError) Error() string { return "rtpsession: " + string(e) }

// What reading RTCP refuses as a whole.
const (
	ErrShortRTCP   = CompoundError("RTCP packet is longer than its datagram")
	ErrRTCPVersion = CompoundError("RTCP version is not 2")
	ErrRTCPPadding = CompoundError("RTCP padding is not the end of a datagram, or not as long as it says")
	ErrManyPackets = CompoundError("more than 64 RTCP packets in a datagram")
)

// maxCompound is how many packets a datagram may have. Real ones have a handful;
// without a bound 64 KiB hold 16384, each of which costs an allocation.
const maxCompound = 64

const rtcpHeader = 4

// RTCPPacket is one packet of a compound packet.
type RTCPPacket struct {
	Type   uint8  // RFC 3550 section 12.1
	Count  uint8  // of blocks, chunks or sources, or the format of feedback; 0 to 31
	Data   []byte // with its header and padding; a slice of the datagram
	padded int    // octets of padding
}

// CompoundReader goes through the packets of a datagram: a compound packet, or
// feedback of reduced size (RFC 5506 section 3.4.2), which is taken without
// having been negotiated, too.
type CompoundReader struct {
	rest  []byte
	count int
}

// NewCompoundReader reads from data, which has to stay as it is.
func NewCompoundReader(data []byte) CompoundReader { return CompoundReader{rest: data} }

// Next returns the next packet; false at the end. Lengths are checked here (RFC
// 3550 appendix A.2), but nothing that a kind of packet has of its own.
func (r *CompoundReader) Next() (p RTCPPacket, ok bool, err error) {
	if len(r.rest) == 0 {
		return p, false, nil
	}
	if r.count++; r.count > maxCompound {
		return p, false, ErrManyPackets
	}
	if len(r.rest) < rtcpHeader {
		return p, false, ErrShortRTCP
	}
	if r.rest[0]>>6 != rtpVersion {
		return p, false, ErrRTCPVersion
	}
	size := 4 * (int(binary.BigEndian.Uint16(r.rest[2:])) + 1)
	if size > len(r.rest) {
		return p, false, ErrShortRTCP
	}
	p = RTCPPacket{Type: r.rest[1], Count: r.rest[0] & 0x1F, Data: r.rest[:size:size]}
	r.rest = r.rest[size:]
	if p.Data[0]&0x20 != 0 {
		// Only the last packet has padding: RFC 3550 section 6.4.1.
		p.padded = int(p.Data[size-1])
		if p.padded == 0 || p.padded > size-rtcpHeader || len(r.rest) > 0 {
			return p, false, ErrRTCPPadding
		}
	}
	return p, true, nil
}

// IsTransportFeedback reports whether the packet is for a [FeedbackReader].
func (p *RTCPPacket) IsTransportFeedback() bool {
	return p.Type == packetTransportFeedback && p.Count == formatTransportCC
}

// Parse reads the packet with pion/rtcp: nil where it is malformed, and a raw
// packet where its kind is not known. What it returns shares no memory with the
// datagram.
func (p *RTCPPacket) Parse() rtcp.Packet {
	if p.IsTransportFeedback() {
		return p.parseFeedback()
	}
	data := p.Data
	if p.padded > 0 {
		// pion/rtcp takes padding of most packets for more of their content.
		if p.padded%4 != 0 {
			return nil
		}
		data = append([]byte(nil), data[:len(data)-p.padded]...)
		data[0] &^= 0x20
		binary.BigEndian.PutUint16(data[2:], uint16(len(data)/4-1))
	}
	if !p.plausible(data) {
		return nil
	}
	packets, err := rtcp.Unmarshal(data)
	if err != nil || len(packets) != 1 {
		return nil
	}
	if raw, ok := packets[0].(*rtcp.RawPacket); ok {
		kept := rtcp.RawPacket(append([]byte(nil), *raw...))
		return &kept
	}
	return packets[0]
}

// parseFeedback reads transport-wide feedback that is whole: pion/rtcp makes a
// record of each packet that was received before it looks whether its delta is
// there, 65535 of them for 36 octets.
func (p *RTCPPacket) parseFeedback() rtcp.Packet {
	body, err := feedbackBody(p.Data)
	if err != nil {
		return nil
	}
	count := int(binary.BigEndian.Uint16(body[14:]))
	if _, _, err := feedbackParts(body[feedbackHeader:], count); err != nil {
		return nil
	}
	var feedback rtcp.TransportLayerCC
	if feedback.Unmarshal(p.Data) != nil {
		return nil
	}
	return &feedback
}

// plausible looks for what pion/rtcp does not look for.
func (p *RTCPPacket) plausible(data []byte) bool {
	switch p.Type {
	case packetTransportFeedback, packetPayloadFeedback:
		return len(data) >= rtcpHeader+8 // two SSRCs: RFC 4585 section 6.1
	}
	return true
}

// ParseCompound reads the packets of a datagram with pion/rtcp. Of a datagram
// that is RTCP, packets that are malformed in themselves are left out and the
// others kept: pion/rtcp would refuse all of them, reports included, for one
// application's message that it does not know.
func ParseCompound(data []byte) ([]rtcp.Packet, error) {
	reader := NewCompoundReader(data)
	var packets []rtcp.Packet
	for {
		p, ok, err := reader.Next()
		switch {
		case err != nil:
			return nil, err
		case !ok:
			if reader.count == 0 {
				return nil, ErrShortRTCP
			}
			return packets, nil
		}
		if parsed := p.Parse(); parsed != nil {
			packets = append(packets, parsed)
		}
	}
}
