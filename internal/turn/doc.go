// Package turn is the machine of a TURN client: one allocation on a server
// (RFC 8656), with its permissions, channels and refreshes, over UDP or a stream,
// for peers of either address family (RFC 8656 took in RFC 6156). RFC 6062, peers
// over TCP, is not part of it.
//
// The package does no I/O and reads no clock: every input carries its time, and
// outputs are drained with NextPacket and NextEvent after each input. A [Client]
// has one owner; a [Splitter] finds the messages of a stream.
//
// Requests are authenticated with long-term credentials (RFC 8489 section 9.2) and
// MESSAGE-INTEGRITY; time-limited credentials are such credentials. Password
// algorithms other than MD5, USERHASH and third-party authorization (RFC 7635) are
// not offered: no server that is in use asks for them.
//
// Messages are built and read with pion/stun, behind the checks of lengths that it
// lacks.
package turn
