// Package pionexamples measures how many of the example programs of
// github.com/pion/webrtc/v4 build when nothing but the prefix of their import
// paths changes.
package pionexamples
