// Package sctp holds the machines of data channels over SCTP: the association (RFC
// 9260), the messages that open a channel (RFC 8832) and the allocation of stream
// identifiers.
//
// An association is made of parts, each with a package and tests of its own:
//   - chunk reads and writes packets.
//   - receive owns what comes in: which TSNs have arrived, SACKs, reassembly, the
//     receive window, and the messages that wait to be taken.
//   - transmit owns what goes out: queued messages and their scheduler, chunks in
//     flight, loss recovery, congestion control, partial reliability, path MTU.
//   - this package owns the states: handshake, heartbeats, stream resets, shutdown
//     and abort. It alone builds packets: control chunks first, then what transmit
//     has for the room that is left.
//
// All of it is pure: no I/O, no goroutine, no lock, no clock.
package sctp
