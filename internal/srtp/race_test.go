//go:build race

package srtp

// raceEnabled says that the race detector makes each packet ten times as slow.
const raceEnabled = true
