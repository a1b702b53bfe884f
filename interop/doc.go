// Package interop tests Passerelle against other WebRTC stacks: Chromium and
// github.com/pion/webrtc/v4. It is a module of its own, so that the root's
// go.mod stays free of what only these tests need.
//
// A peer that is missing skips its tests and says why. With
// PASSERELLE_INTEROP_REQUIRED=1 a missing peer fails them instead.
//
// A habit of Chromium shapes the tests of negotiation. When the m-line that
// tags the bundle is rejected, it makes new ICE and DTLS transports under the
// same credentials, which Passerelle does not follow: the channels close.
package interop
