// Package pionsctp carries data channels on pion/sctp (RFC 9260, 8831): the engine
// behind the seam that Config, Handler and Association make.
//
// One Association lives on one DTLS connection. Packets from DTLS go in by
// HandlePacket; packets for DTLS come out by Config.Write; everything else that
// happens is told to the Handler. An established association keeps four
// goroutines, three of them pion/sctp's, and one more per stream that is in use.
//
// What pion/sctp does differently from the RFCs and how the border copes:
//   - RFC 6525 section 5.1.1 allows one stream reset request at a time; pion/sctp
//     sends many, which dcSCTP answers with an error. The ledger holds them back.
//   - pion/sctp says nothing when a reset is acknowledged, and performs a repeated
//     request again, on the stream that reuses the identifier. The ledger watches
//     the acknowledgements and makes repeats harmless.
//   - Unread bytes of a stream that the peer has reset no longer count against the
//     receive window. Reset requests wait while too many such streams are unread.
package pionsctp
