// Package mdns is the part of Multicast DNS (RFC 6762) that ICE needs
// (draft-ietf-mmusic-mdns-ice-candidates): names of one label under "local" are
// looked up, and names of this host that stand for addresses of it are answered
// for. Services are not looked for, and names are random enough to need no probing.
//
// The package does no I/O and reads no clock: messages that came in are given to a
// [Machine] with the time, and those to send are drained after each input.
package mdns
