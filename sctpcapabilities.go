package webrtc

// SCTPCapabilities are what an SCTPTransport can do (ORTC section 13.2,
// RTCSctpCapabilities).
type SCTPCapabilities struct {
	// MaxMessageSize is the largest message in bytes that the end accepts; 0
	// means that there is no limit (RFC 8841 section 6).
	MaxMessageSize uint32 `json:"maxMessageSize"`
}
