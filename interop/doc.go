// Package interop tests Passerelle against other WebRTC stacks: Chromium and
// github.com/pion/webrtc/v4. It is a module of its own, so that the root's
// go.mod stays free of what only these tests need.
//
// A peer that is missing skips its tests and says why. With
// PASSERELLE_INTEROP_REQUIRED=1 a missing peer fails them instead.
package interop
