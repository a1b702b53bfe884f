package webrtc

// RTPCapabilities are the codecs and header extensions that can be negotiated
// (webrtc-pc section 5.2.12).
type RTPCapabilities struct {
	// Codecs hold one entry for RTX, without parameters.
	Codecs []RTPCodecCapability
	// HeaderExtensions are those for the direction that was asked for.
	HeaderExtensions []RTPHeaderExtensionCapability
}

// sendCapabilities is RTCRtpSender.getCapabilities (webrtc-pc section 5.2.2); nil
// for what is neither audio nor video.
func (m *MediaEngine) sendCapabilities(kind RTPCodecType) *RTPCapabilities {
	return m.capabilities(kind, RTPTransceiverDirectionSendonly)
}

// receiveCapabilities is RTCRtpReceiver.getCapabilities (webrtc-pc section
// 5.3.2); nil for what is neither audio nor video.
func (m *MediaEngine) receiveCapabilities(kind RTPCodecType) *RTPCapabilities {
	return m.capabilities(kind, RTPTransceiverDirectionRecvonly)
}

func (m *MediaEngine) capabilities(kind RTPCodecType, direction RTPTransceiverDirection) *RTPCapabilities {
	if kind.validate() != nil {
		return nil
	}
	out := &RTPCapabilities{Codecs: []RTPCodecCapability{}, HeaderExtensions: []RTPHeaderExtensionCapability{}}
	hasRTX := false
	for _, codec := range m.codecs(kind) {
		if codec.isRTX() {
			if hasRTX {
				continue
			}
			hasRTX = true
			codec.SDPFmtpLine = ""
		}
		out.Codecs = append(out.Codecs, codec.RTPCodecCapability)
	}
	wanted := direction.jsepDirection()
	for _, e := range m.extensions(kind) {
		if e.Direction.Intersect(wanted) == wanted {
			out.HeaderExtensions = append(out.HeaderExtensions, RTPHeaderExtensionCapability{URI: e.URI})
		}
	}
	return out
}
