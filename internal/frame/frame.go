// Package frame makes whole frames of the RTP packets of one stream: in order,
// complete, and with what is missing before each of them marked. It is pure: time
// comes in with every call, nothing blocks, nothing is shared.
package frame

import (
	"time"

	"github.com/pion/rtp"
)

// Frame is a whole frame: a video picture with all of its layers, or the audio of
// one packet.
type Frame struct {
	// Payload is the encoded frame, in the form that Codec.Join describes. It is
	// the receiver's.
	Payload []byte
	// Timestamp is the RTP timestamp.
	Timestamp uint32
	// Keyframe says that the frame needs no other one. It is set for audio.
	Keyframe bool
	// Lost is the number of sequence numbers, between the frame before and this
	// one, whose packets are missing or belong to a frame that is not whole. It is
	// zero for the first frame.
	Lost int
	// First and Last are the sequence numbers of the first and the last packet.
	First, Last uint16
	// Layered says that the codec's payload format names the layers.
	Layered bool
	// SpatialLayer and TemporalLayer are the highest ones in the frame.
	SpatialLayer, TemporalLayer uint8
	// Arrival is when the last of the packets came in.
	Arrival time.Time
	// Header is that of the first packet: payload type, contributing sources,
	// header extensions.
	Header *rtp.Header
	// Packets are those with media, in order, with Config.KeepPackets.
	Packets []*rtp.Packet
}
