// Package chunk reads and writes SCTP packets: the common header with its
// checksum, chunks, parameters and error causes (RFC 9260 section 3, RFC 3758,
// RFC 4820, RFC 6525, RFC 8260, RFC 9653).
//
// Parsing does not allocate and does not copy: what it returns are views of the
// packet, good for as long as the packet's bytes are. Nothing on the wire makes
// it panic. Writing is in the style of append.
package chunk
