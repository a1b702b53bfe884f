package ice

import "net/netip"

// Datagram is a STUN message that came in, or is to be sent.
type Datagram struct {
	Local  LocalID
	Remote netip.AddrPort
	// Data belongs to whoever made it. An outgoing one must not be modified:
	// the machine may send it again.
	Data []byte
	// Verified, on an incoming datagram, says that a current Verifier has
	// accepted it, so that integrity is not computed twice.
	Verified bool
}

// maxQueuedDatagrams bounds what waits for NextDatagram when nobody drains.
const maxQueuedDatagrams = 512
