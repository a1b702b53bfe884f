// Package compare holds no code but tests: internal/sctp beside pion/sctp and beside
// TCP, in one run. The processor time of a byte over a memory pipe, goodput over an
// emulated path (docs/sctp-goodput.svg), and the same messages over the same rough
// paths.
package compare
