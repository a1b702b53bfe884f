//go:build !race

package jsep

const slowdown = 1
