package rtpsession

// PayloadType is the 7-bit number of a payload format in an RTP packet, whose
// meaning negotiation fixed (RFC 3550 section 5.1).
type PayloadType uint8
