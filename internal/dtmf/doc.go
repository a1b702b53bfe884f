// Package dtmf plays telephone keys: W3C's DTMF playout task (webrtc-pc section
// 7.2) and the RTP events that carry it (RFC 4733). It is a machine: time comes
// in, packets and the tones that begin come out.
package dtmf
