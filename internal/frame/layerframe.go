package frame

import "github.com/pion/rtp"

// LayerFrames parts the packets of a picture into those of its layer frames, one
// for each spatial layer, in order: with VP9 where a payload descriptor says that
// one begins (RFC 9628 section 4.2, B), with AV1 where the first OBU of a packet
// is of another spatial layer than the ones before. Pictures of other codecs, and
// audio, are one frame.
func (c Codec) LayerFrames(packets []*rtp.Packet) [][]*rtp.Packet {
	if c != VP9 && c != AV1 {
		return [][]*rtp.Packet{packets}
	}
	var frames [][]*rtp.Packet
	from, layer := 0, uint8(0)
	for i, p := range packets {
		begins := c == VP9 && len(p.Payload) > 0 && p.Payload[0]&0x08 != 0
		d, err := c.Describe(p.Payload)
		if c == AV1 && err == nil && d.Layered {
			begins = d.SpatialLayer != layer
			layer = d.SpatialLayer
		}
		if begins && i > from {
			frames = append(frames, packets[from:i])
			from = i
		}
	}
	return append(frames, packets[from:])
}
