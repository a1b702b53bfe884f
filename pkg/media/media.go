// Package media holds what the readers and writers of media files share: the
// encoded sample and the writer of RTP packets. Names and signatures are those
// of github.com/pion/webrtc/v4/pkg/media.
package media

import (
	"time"

	"github.com/pion/rtp"
)

// Sample is encoded media with its timing: a video frame, or the audio of one
// packet.
type Sample struct {
	// Data is the encoded media, without anything of RTP.
	Data []byte
	// Timestamp is the wall clock time of the sample; zero where it is not known.
	Timestamp time.Time
	// Duration is how long the sample plays.
	Duration time.Duration
	// PacketTimestamp is the RTP timestamp of a received sample, in units of the
	// codec's clock rate.
	PacketTimestamp uint32
	// PrevDroppedPackets is the number of RTP packets that are missing or were
	// given up between the sample before and this one, or, when sending, the
	// number of sequence numbers to leave out before it.
	PrevDroppedPackets uint16
	// Metadata is what the application attached, for instance through
	// samplebuilder.WithPacketHeadHandler.
	Metadata any

	// RTPHeaders are the headers of the packets that make up a received sample,
	// in order. They are there only where they were asked for.
	RTPHeaders []*rtp.Header
}

// Writer is the writer of a media file that is fed with RTP packets, as the
// packages ivfwriter, oggwriter, h264writer and h265writer have it.
type Writer interface {
	// WriteRTP adds the media of an RTP packet.
	WriteRTP(packet *rtp.Packet) error
	// Close completes the file. A second Close does nothing.
	Close() error
}
