// Package interop tests Passerelle against other WebRTC stacks: Chromium,
// Firefox, github.com/pion/webrtc/v4, and the programs of peers/, which hold
// GStreamer's webrtcbin, aiortc, libdatachannel, libwebrtc and werift. It is a
// module of its own, so that the root's go.mod stays free of what only these
// tests need.
//
// A peer that is missing skips its tests and says why. With
// PASSERELLE_INTEROP_REQUIRED=1 a missing peer fails them instead. .ci/run
// installs them all; by hand, those of Node come with npm ci in peers/.
//
// Every peer is driven by the same calls, those of page/peer.js: in a browser's
// page by expressions, in a program by JSON lines (program_test.go,
// peers/rpc.mjs, peers/rpc.py). Each is started once a run, by the first test
// that needs it.
package interop
