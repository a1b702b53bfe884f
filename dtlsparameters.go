package webrtc

// DTLSParameters are what the ends tell each other about DTLS (ORTC section
// 5.4, RTCDtlsParameters).
type DTLSParameters struct {
	// Role is the part that the end takes in the handshake.
	Role DTLSRole `json:"role"`
	// Fingerprints are those of the certificate that the end will show.
	Fingerprints []DTLSFingerprint `json:"fingerprints"`
}
