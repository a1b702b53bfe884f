// Package ice is the ICE machine of a transport: candidates (RFC 8839), their
// gathering from sockets and STUN servers (RFC 8445 section 5.1, RFC 8489), the
// checklist with its connectivity checks, nomination and role conflicts
// (RFC 8445 sections 6 to 8), trickle (RFC 8838), restarts, keepalives and
// consent (RFC 7675).
//
// The package does no I/O and reads no clock: sockets are known by a [LocalID],
// every input carries its time, and outputs are drained with NextDatagram and
// NextEvent after each input. A [Gatherer] and an [Agent] have one owner each;
// only a [Verifier] is safe for concurrent use.
//
// One data stream with one component is served: the peers of WebRTC bundle and
// multiplex everything onto it (RFC 8843, RFC 5761). Candidates of other components
// are ignored. Those of TCP are paired by RFC 6544, but for simultaneous-open ones.
//
// STUN messages of the checks are read and written by a small codec of this
// package, which allocates only the outgoing datagram; the answers of STUN
// servers are read with pion/stun behind the length checks that it lacks.
package ice
