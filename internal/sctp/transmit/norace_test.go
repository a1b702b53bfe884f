//go:build !race

package transmit

const raceEnabled = false
