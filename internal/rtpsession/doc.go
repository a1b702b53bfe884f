// Package rtpsession is RTP and RTCP as a pure machine: packets and the time
// come in, packets, feedback and deadlines come out (RFC 3550, 3551, 4585).
//
// Nothing in it does input or output, starts a goroutine, takes a lock or reads
// the clock. A value is used by one goroutine at a time; whoever shares one
// holds a lock around each call. Packets are plain RTP and RTCP: what protects
// them comes before and after.
package rtpsession
