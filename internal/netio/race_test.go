//go:build race

package netio

// The race detector makes sync.Pool forget things at random, so that getting
// a buffer allocates now and then.
const raceEnabled = true
