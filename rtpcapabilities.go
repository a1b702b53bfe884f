package webrtc

// RTPCapabilities are the codecs and header extensions that can be negotiated
// (webrtc-pc section 5.2.12).
type RTPCapabilities struct {
	// Codecs hold one entry for RTX, without parameters.
	Codecs []RTPCodecCapability
	// HeaderExtensions are those for the direction that was asked for.
	HeaderExtensions []RTPHeaderExtensionCapability
}

// GetSenderCapabilities returns what the API's connections can send: W3C's static
// RTCRtpSender.getCapabilities, which depends on the [MediaEngine] here. nil for
// what is neither audio nor video. Each call returns a new value.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpsender-getcapabilities
func (api *API) GetSenderCapabilities(kind RTPCodecType) *RTPCapabilities {
	return api.media.sendCapabilities(kind)
}

// GetReceiverCapabilities returns what the API's connections can receive: W3C's
// static RTCRtpReceiver.getCapabilities. See [API.GetSenderCapabilities].
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpreceiver-getcapabilities
func (api *API) GetReceiverCapabilities(kind RTPCodecType) *RTPCapabilities {
	return api.media.receiveCapabilities(kind)
}

// GetSenderCapabilities returns what a connection of [NewPeerConnection] can send.
// See [API.GetSenderCapabilities].
func GetSenderCapabilities(kind RTPCodecType) *RTPCapabilities {
	return defaultMediaEngine.sendCapabilities(kind)
}

// GetReceiverCapabilities returns what a connection of [NewPeerConnection] can
// receive. See [API.GetSenderCapabilities].
func GetReceiverCapabilities(kind RTPCodecType) *RTPCapabilities {
	return defaultMediaEngine.receiveCapabilities(kind)
}

// GetCapabilities returns what the sender's connection can send of a kind, which
// need not be that of the sender. See [API.GetSenderCapabilities].
func (s *RTPSender) GetCapabilities(kind RTPCodecType) *RTPCapabilities {
	return s.owner.api.GetSenderCapabilities(kind)
}

// GetCapabilities returns what the receiver's connection can receive of a kind,
// which need not be that of the receiver. See [API.GetSenderCapabilities].
func (r *RTPReceiver) GetCapabilities(kind RTPCodecType) *RTPCapabilities {
	return r.owner.api.GetReceiverCapabilities(kind)
}

// sendCapabilities is nil for what is neither audio nor video.
func (m *MediaEngine) sendCapabilities(kind RTPCodecType) *RTPCapabilities {
	return m.capabilities(kind, RTPTransceiverDirectionSendonly)
}

// receiveCapabilities is nil for what is neither audio nor video.
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
