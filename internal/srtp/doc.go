// Package srtp protects and opens RTP and RTCP packets (RFC 3711) with keys that DTLS negotiated (RFC 5764), in place: one Outbound
// and one Inbound for a transport, an OutboundStream for each SSRC that is sent.
//
// The profiles that WebRTC endpoints negotiate have transforms of our own, AES-GCM (RFC 7714) and AES counter mode with HMAC-SHA1, which
// allocate nothing for a packet; contexts of github.com/pion/srtp/v2 serve the other profiles, and are what the tests compare ours with.
// Rollover counters, replay windows and the states of SSRCs are ours for all of them: the engine makes state for an SSRC before it
// authenticates.
package srtp
