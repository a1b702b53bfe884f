//go:build race

package jsep

// slowdown is how much slower the race detector makes things.
const slowdown = 20
