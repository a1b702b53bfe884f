package rtpsession

// SSRC identifies a synchronization source: one stream of packets with one
// space of sequence numbers and one of timestamps (RFC 3550 section 3).
type SSRC uint32
