//go:build !race

package jsep

import "math/bits"

// slowdown is how much slower than on 64 bits things are.
const slowdown = 64 / bits.UintSize
