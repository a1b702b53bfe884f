// Package turn is the machine of a TURN client: one allocation on a server
// (RFC 8656), with its permissions, channels and refreshes, over UDP or a stream,
// for peers of either address family (RFC 8656 took in RFC 6156). RFC 6062, peers
// over TCP, is not part of it.
//
// The package does no I/O and reads no clock: every input carries its time, and
// outputs are drained with NextPacket and NextEvent after each input. A [Client]
// has one owner; a [Splitter] finds the messages of a stream.
//
// Requests are authenticated with long-term credentials (RFC 8489 section 9.2), by the
// algorithm that the server prefers, MD5 or SHA-256, and with the user's name or its
// hash; time-limited credentials are such credentials. Third-party authorization (RFC
// 7635) is not offered.
//
// Messages are built and read with pion/stun, behind the checks of lengths that it
// lacks.
package turn
