package webrtc

// RTPDecodingParameters describe a stream that a receiver takes (ORTC section
// 9.5).
type RTPDecodingParameters struct {
	RTPCodingParameters
}
