package webrtc

import "github.com/pion/rtp"

// TrackLocal is media that a sender sends. Programs may implement it; the sender
// calls Bind and Unbind, never both at a time for one context.
type TrackLocal interface {
	// Bind is called when the codecs of a sender are known: at the end of
	// negotiation, and when a track replaces another. The track chooses one of
	// the context's codecs and returns it, or an error when it has none of them;
	// from then on it may write. One track may be bound to several contexts.
	Bind(TrackLocalContext) (RTPCodecParameters, error)
	// Unbind ends what Bind began. The context has the same ID.
	Unbind(TrackLocalContext) error
	// ID identifies the track within its stream.
	ID() string
	// RID is the restriction identifier of the simulcast layer that the track
	// is, or empty.
	RID() string
	// StreamID is the id of the MediaStream that the track is in.
	StreamID() string
	// Kind is audio or video.
	Kind() RTPCodecType
}

// TrackLocalContext is what a track may know of a sender that it is bound to.
type TrackLocalContext interface {
	// CodecParameters are the negotiated codecs, the preferred one first.
	CodecParameters() []RTPCodecParameters
	// HeaderExtensions are the negotiated header extensions.
	HeaderExtensions() []RTPHeaderExtensionParameter
	// SSRC is that of the packets to write.
	SSRC() SSRC
	// SSRCRetransmission is that of packets sent again, 0 without RTX.
	SSRCRetransmission() SSRC
	// SSRCForwardErrorCorrection is that of FEC packets, 0 without FEC.
	SSRCForwardErrorCorrection() SSRC
	// WriteStream takes the packets.
	WriteStream() TrackLocalWriter
	// ID is the same in Bind and Unbind, and another for each binding.
	ID() string
}

// TrackLocalWriter takes the packets of a track. It is safe for concurrent use.
type TrackLocalWriter interface {
	// WriteRTP sends a packet and returns the number of bytes of its payload and
	// header. It keeps neither argument.
	WriteRTP(header *rtp.Header, payload []byte) (int, error)
	// Write is WriteRTP for a packet that is already marshalled.
	Write(b []byte) (int, error)
}

// trackLocalContext is the TrackLocalContext of one binding. It does not change.
type trackLocalContext struct {
	id         string
	parameters RTPParameters
	coding     RTPCodingParameters
	writer     TrackLocalWriter
}

// newTrackLocalContext copies the parameters.
func newTrackLocalContext(id string, parameters RTPParameters, coding RTPCodingParameters, writer TrackLocalWriter) *trackLocalContext {
	return &trackLocalContext{id: id, parameters: parameters.clone(), coding: coding, writer: writer}
}

// CodecParameters implements TrackLocalContext.
func (c *trackLocalContext) CodecParameters() []RTPCodecParameters {
	return cloneCodecs(c.parameters.Codecs)
}

// HeaderExtensions implements TrackLocalContext.
func (c *trackLocalContext) HeaderExtensions() []RTPHeaderExtensionParameter {
	return append([]RTPHeaderExtensionParameter(nil), c.parameters.HeaderExtensions...)
}

// SSRC implements TrackLocalContext.
func (c *trackLocalContext) SSRC() SSRC { return c.coding.SSRC }

// SSRCRetransmission implements TrackLocalContext.
func (c *trackLocalContext) SSRCRetransmission() SSRC { return c.coding.RTX.SSRC }

// SSRCForwardErrorCorrection implements TrackLocalContext.
func (c *trackLocalContext) SSRCForwardErrorCorrection() SSRC { return c.coding.FEC.SSRC }

// WriteStream implements TrackLocalContext.
func (c *trackLocalContext) WriteStream() TrackLocalWriter { return c.writer }

// ID implements TrackLocalContext.
func (c *trackLocalContext) ID() string { return c.id }
