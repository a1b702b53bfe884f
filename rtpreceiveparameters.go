package webrtc

// RTPReceiveParameters are the streams that a stand-alone receiver is to take
// (ORTC section 6.2, RTCRtpReceiver.receive).
type RTPReceiveParameters struct {
	// Encodings are the streams, one for each simulcast layer.
	Encodings []RTPDecodingParameters
}
