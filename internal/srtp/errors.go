package srtp

import "errors"

// What Open, OpenRTCP, Protect and ProtectRTCP return. They are returned as they are, so that a flood of bad packets allocates
// nothing.
var (
	// ErrShort: the packet is shorter than its header, its trailer or its authentication tag.
	ErrShort = errors.New("srtp: packet is too short")
	// ErrHeader: the packet is not of version 2, or its header says what cannot be.
	ErrHeader = errors.New("srtp: malformed header")
	// ErrReplay: a packet of that index was opened before, or the index is older than the replay window reaches (RFC 3711 section 3.3.2).
	ErrReplay = errors.New("srtp: packet was received before or is too old")
	// ErrAuth: the packet does not authenticate: it is forged, damaged, of another key, or of an index that is too far from the last one.
	ErrAuth = errors.New("srtp: packet does not authenticate")
	// ErrSSRC: the packet is not of the stream that shall protect it.
	ErrSSRC = errors.New("srtp: packet is of another SSRC than its stream")
	// ErrReused: another packet of that index was protected before. To send it would give the keys away (RFC 7714 section 8.4, RFC 3711 section 9.1).
	ErrReused = errors.New("srtp: sequence number was used for another packet, or is too old")
	// ErrExhausted: the indexes of this key are used up (RFC 3711 section 9.2). The connection needs new keys.
	ErrExhausted = errors.New("srtp: packet indexes are exhausted")
	// ErrCleartext: the packet has CSRCs or a header extension that are not encrypted, and CryptexRequired says that they must be.
	ErrCleartext = errors.New("srtp: header extension or CSRCs are not encrypted")
	// ErrCapacity: the slice given to protect has no room for the overhead.
	ErrCapacity = errors.New("srtp: no room for the overhead behind the packet")
)
