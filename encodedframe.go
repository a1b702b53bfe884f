package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/frame"
	"github.com/pion/rtp"
)

// EncodedFrame is a whole encoded frame: what [TrackRemote.Frames] gives, and what
// a [FrameTransform] changes. It belongs to whoever got it.
//
// Data is, for video/VP8 and VP9, the frame without payload descriptor; for H264
// and H265 the access unit with a start code before each NAL unit (annex B); for
// AV1 the temporal unit in the low-overhead format, each OBU with its size, without
// temporal delimiter; for audio the payload of the packet.
//
// See https://www.w3.org/TR/webrtc-encoded-transform/#RTCEncodedVideoFrame-interface
type EncodedFrame struct {
	Data []byte
	// KeyFrame says that the frame can be decoded without any other. It is true
	// for audio.
	KeyFrame bool
	// Timestamp is the RTP timestamp, in units of Codec.ClockRate.
	Timestamp uint32
	// CaptureTime is when the frame was captured, on the peer's clock: as the
	// abs-capture-time extension says, else as its sender reports do (RFC 3550
	// section 6.4.1). Zero before there is one, and for what is sent.
	CaptureTime time.Time
	// ReceiveTime is when the last packet of the frame arrived. Zero for what is
	// sent.
	ReceiveTime time.Time
	// Lost is the number of packets that are missing between the frame before and
	// this one, those of frames that could not be put together or that the
	// transform refused among them. It is 0 for the first frame.
	Lost int
	// FirstSequenceNumber and LastSequenceNumber are those of the frame's packets,
	// as they arrived or were written.
	FirstSequenceNumber, LastSequenceNumber uint16
	// Codec is how the frame is encoded; its PayloadType that of the packets.
	Codec RTPCodecParameters
	// SSRC is the synchronization source; CSRC are the contributing ones.
	SSRC SSRC
	CSRC []SSRC
	// SpatialLayer and TemporalLayer are the highest ones in the frame, where
	// HasLayers says that the payload format names them.
	HasLayers                   bool
	SpatialLayer, TemporalLayer uint8
	// DependencyDescriptor is the header extension of that name (RTP Payload
	// Format For AV1, appendix A) as the first packet carries it; nil without one.
	DependencyDescriptor []byte
}

// The header extensions that frames read.
const (
	uriDependencyDescriptor = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
	uriAbsCaptureTime       = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
)

// FrameTransform changes encoded frames on their way: it encrypts them, or adds
// something. It takes and sets Data; what it changes in the other fields has no
// effect. A frame is dropped when it returns an error. Calls for one encoding, or
// one track, come one after the other, on the goroutine that writes to the local
// track, or reads from the remote one, and in the order of the frames. It must
// not write to, or read from, the track that it is called for.
//
// With spatial layers in one stream (VP9, AV1) it gets the frame of each layer on
// its own.
//
// What it makes must still be what the codec's packets can carry. VP8, VP9 and
// audio carry any bytes; browsers read the first 10 bytes of a key frame of VP8
// and the first 3 of another, so that they are left as they are. H264 and H265
// must stay NAL units behind start codes, with their headers, and without a start
// code inside of a unit: what is encrypted needs emulation prevention (0x03). AV1
// must stay OBUs with their sizes.
//
// Telephone events (RFC 4733) and comfort noise (RFC 3389) are no frames: those that
// come are left out while a receiver has a transform, and tones of [RTPSender.DTMF]
// leave as they are.
//
// See https://www.w3.org/TR/webrtc-encoded-transform/
type FrameTransform func(*EncodedFrame) error

// SetTransform makes what the sender sends pass through a transform, from the next
// frame on, or no longer with nil. What a TrackLocal writes, be it samples or RTP
// packets, is put together to frames, transformed, and put into packets anew. An
// error of the transform drops the frame and is returned to the writer, as
// OperationError. A codec of video whose frames are not known (all but VP8, VP9,
// H264, H265 and AV1) is a NotSupportedError of the writer: nothing passes by.
// Tones of [RTPSender.DTMF] are no frames.
//
// Set it before negotiation, so that every frame passes through it.
func (s *RTPSender) SetTransform(transform FrameTransform) {
	if transform == nil {
		s.transform.Store(nil)
		return
	}
	s.transform.Store(&transform)
}

// SetTransform makes what arrives pass through a transform before the program
// reads it, from the next frame on, or no longer with nil. An error of the
// transform drops the frame, as if it were lost. It is for [TrackRemote.Frames] as
// for [TrackRemote.Read] and its like, which get the frames in packets again.
//
// Set it before the tracks are read, in OnTrack at the latest.
func (r *RTPReceiver) SetTransform(transform FrameTransform) {
	if transform == nil {
		r.transform.Store(nil)
		return
	}
	r.transform.Store(&transform)
}

// newEncodedFrame describes a frame. extensions are those negotiated.
func newEncodedFrame(f *frame.Frame, codec RTPCodecParameters, extensions []RTPHeaderExtensionParameter) *EncodedFrame {
	e := &EncodedFrame{
		Data: f.Payload, KeyFrame: f.Keyframe, Timestamp: f.Timestamp, ReceiveTime: f.Arrival, Lost: f.Lost,
		FirstSequenceNumber: f.First, LastSequenceNumber: f.Last, Codec: codec, SSRC: SSRC(f.Header.SSRC),
		HasLayers: f.Layered, SpatialLayer: f.SpatialLayer, TemporalLayer: f.TemporalLayer,
	}
	for _, source := range f.Header.CSRC {
		e.CSRC = append(e.CSRC, SSRC(source))
	}
	if id := extensionID(extensions, uriDependencyDescriptor); id != 0 {
		e.DependencyDescriptor = f.Header.GetExtension(id)
	}
	return e
}

// extensionID is the negotiated identifier of a header extension, 0 without.
func extensionID(extensions []RTPHeaderExtensionParameter, uri string) uint8 {
	for _, e := range extensions {
		if e.URI == uri && e.ID > 0 && e.ID < 256 {
			return uint8(e.ID)
		}
	}
	return 0
}

// layerFrame is the part of a picture that is transformed on its own, and the
// packets that it came in.
type layerFrame struct {
	*EncodedFrame
	packets []*rtp.Packet
}

// layerFrames parts a picture into the frames that are transformed.
func layerFrames(c frame.Codec, f *frame.Frame, codec RTPCodecParameters, extensions []RTPHeaderExtensionParameter) ([]layerFrame, error) {
	groups := c.LayerFrames(f.Packets)
	if len(groups) == 1 {
		return []layerFrame{{newEncodedFrame(f, codec, extensions), f.Packets}}, nil
	}
	frames := make([]layerFrame, 0, len(groups))
	for i, packets := range groups {
		part := *f
		part.First, part.Last = packets[0].SequenceNumber, packets[len(packets)-1].SequenceNumber
		part.Header, part.SpatialLayer, part.Keyframe = &packets[0].Header, 0, false
		if i > 0 {
			part.Lost = 0
		}
		for _, p := range packets {
			if d, err := c.Describe(p.Payload); err == nil {
				part.Keyframe = part.Keyframe || d.Keyframe
				part.SpatialLayer = max(part.SpatialLayer, d.SpatialLayer)
			}
		}
		var err error
		if part.Payload, err = c.Join(nil, payloadsOf(packets)); err != nil {
			return nil, err
		}
		frames = append(frames, layerFrame{newEncodedFrame(&part, codec, extensions), packets})
	}
	return frames, nil
}

func payloadsOf(packets []*rtp.Packet) [][]byte {
	payloads := make([][]byte, len(packets))
	for i, p := range packets {
		payloads[i] = p.Payload
	}
	return payloads
}

// repacketize puts a frame whose bytes have changed into packets like those that
// it came in, numbered from first on. Header extensions stay with the beginning,
// the middle and the end of the frame; the dependency descriptor is told anew
// where those are.
func (l layerFrame) repacketize(c frame.Codec, first uint16, dependencyID uint8) ([]rtp.Packet, error) {
	payloads, err := c.Split(l.Data, payloadsOf(l.packets), maxFramePayload)
	if err != nil {
		return nil, err
	}
	packets := make([]rtp.Packet, len(payloads))
	end := len(payloads) - 1
	for i, payload := range payloads {
		like := min(i, len(l.packets)-1)
		if i == end {
			like = len(l.packets) - 1
		}
		h := l.packets[like].Header.Clone()
		h.SequenceNumber, h.Padding, h.PaddingSize = first+uint16(i), false, 0
		h.Marker = l.packets[len(l.packets)-1].Marker && i == end
		if d := h.GetExtension(dependencyID); dependencyID != 0 && len(d) > 0 {
			// Appendix A.8.1: start_of_frame and end_of_frame are its first bits.
			d[0] &^= 0xc0
			if i == 0 {
				d[0] |= 0x80
			}
			if i == end {
				d[0] |= 0x40
			}
		}
		packets[i] = rtp.Packet{Header: h, Payload: payload}
	}
	return packets, nil
}

// maxFramePayload is the longest payload of a packet that is made of a frame: what
// a TrackLocalStaticSample makes without its header.
const maxFramePayload = outboundMTU - 12

// formatOf is how the payloads of a codec are laid out; false where that is not
// known. Every packet of an audio codec is a frame.
func formatOf(c RTPCodecCapability) (frame.Codec, bool) {
	if format, ok := frame.CodecOf(c.MimeType); ok {
		return format, true
	}
	kind, _ := splitMimeType(c.MimeType)
	return frame.Opaque, kind == RTPCodecTypeAudio
}
