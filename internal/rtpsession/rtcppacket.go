package rtpsession

// RTCP packet types (RFC 3550 section 12.1, RFC 4585 section 6.1).
const (
	packetSenderReport      = 200
	packetReceiverReport    = 201
	packetDescription       = 202
	packetGoodbye           = 203
	packetTransportFeedback = 205
	packetPayloadFeedback   = 206
)

// Formats of feedback.
const (
	formatNack        = 1  // transport layer: RFC 4585 section 6.2.1
	formatTransportCC = 15 // transport layer: draft-holmer-rmcat-transport-wide-cc-extensions-01
	formatPLI         = 1  // payload-specific: RFC 4585 section 6.3.1
	formatFIR         = 4  // payload-specific: RFC 5104 section 4.3.1
	formatApplication = 15 // payload-specific: RFC 4585 section 6.4, of which REMB is one
)
