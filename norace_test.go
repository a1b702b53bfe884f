//go:build !race

package webrtc

// raceEnabled reports whether the race detector slows the tests down.
const raceEnabled = false
