package webrtc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// CodecStats describe a codec that RTP streams use (webrtc-stats section 8.3,
// RTCCodecStats). A report has those only; streams of one transport that use the
// same codec under the same payload type share an entry.
type CodecStats struct {
	// Timestamp is when the report was made.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeCodec.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// PayloadType is the number that RTP packets carry.
	PayloadType PayloadType `json:"payloadType"`
	// TransportID refers to the transport on which the number has this meaning.
	TransportID string `json:"transportId"`
	// MimeType is for instance "video/VP8".
	MimeType string `json:"mimeType"`
	// ClockRate is that of the RTP timestamp, in hertz.
	ClockRate uint32 `json:"clockRate,omitempty"`
	// Channels is the number of audio channels; 0 where none was signalled.
	Channels uint8 `json:"channels,omitempty"`
	// SDPFmtpLine holds the parameters of a=fmtp; "" without that line.
	SDPFmtpLine string `json:"sdpFmtpLine,omitempty"`
}

func (CodecStats) statsMarker()           {}
func (s CodecStats) entryID() string      { return s.ID }
func (s CodecStats) references() []string { return statsRefs(s.TransportID) }

// describes reports whether the entry is of c.
func (s *CodecStats) describes(c RTPCodecParameters) bool {
	return s.PayloadType == c.PayloadType && c.is(s.MimeType) && s.ClockRate == c.ClockRate && s.SDPFmtpLine == c.SDPFmtpLine
}

// addCodec adds a codec of a transport, unless it is there, and returns its ID,
// which is the same whenever the codec is used again.
func (c *statsCollector) addCodec(transportID string, codec RTPCodecParameters) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %s", codec.MimeType, codec.ClockRate, codec.Channels, codec.SDPFmtpLine))
	id := fmt.Sprintf("%s-C%d-%s", transportID, codec.PayloadType, hex.EncodeToString(sum[:6]))
	c.add(CodecStats{
		Timestamp: c.now, Type: StatsTypeCodec, ID: id,
		PayloadType: codec.PayloadType, TransportID: transportID, MimeType: codec.MimeType,
		ClockRate: codec.ClockRate, Channels: uint8(min(codec.Channels, 255)), SDPFmtpLine: codec.SDPFmtpLine,
	})
	return id
}

// codecOfType finds a codec by its payload type.
func codecOfType(codecs []RTPCodecParameters, pt PayloadType) (RTPCodecParameters, bool) {
	for _, c := range codecs {
		if c.PayloadType == pt {
			return c, true
		}
	}
	return RTPCodecParameters{}, false
}
