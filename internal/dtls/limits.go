package dtls

import "time"

// What a peer, or whoever can send from its address, may make us hold or do before anything is authenticated.
const (
	maxMessage       = 32 << 10 // bytes of one handshake message; a chain of certificates is the longest
	maxHandshake     = 64 << 10 // bytes of all handshake messages that the engine is given, and of those half received
	maxAhead         = 8        // messages after the next one that are kept when they come early
	maxHeldRecords   = 32       // records of epoch 1 kept until there are keys, and records that come before Start
	maxHeldBytes     = 32 << 10
	maxEarlyRecords  = 256 // authenticated application records kept until Connected was announced
	maxEarlyBytes    = 256 << 10
	maxFinishedParts = 8 // records that one Finished may be cut into
	maxAlertRepeats  = 5 // times that a fatal alert is sent again to a peer that did not get it
)

const (
	// DefaultRetransmitInterval is how long the first repetition of a flight waits. RFC 6347 section 4.2.4.1 gives 1 s for all
	// uses and leaves room for less; RFC 9147 section 5.8.2 recommends 400 ms for DTLS-SRTP, whose paths rarely have such
	// a round trip. It doubles from there, so a slow path sees two or three needless copies and no more.
	DefaultRetransmitInterval = 400 * time.Millisecond

	// maxRetransmitInterval bounds the doubling (RFC 6347 section 4.2.4.1: "no less than the RFC 6298 maximum of 60 seconds").
	maxRetransmitInterval = 60 * time.Second

	// alertGrace is how long the peer must stay silent after an unauthenticated fatal alert before we believe it.
	alertGrace = 2 * time.Second

	// engineNever keeps the engine from repeating flights, which the border does with back-off.
	engineNever = 1000 * time.Hour

	// engineRecord is the largest handshake fragment that the engine is given: its read buffer holds 8192 bytes.
	engineRecord   = 4000
	engineDatagram = 8192

	// DefaultMTU bounds the datagrams of the handshake, in bytes.
	DefaultMTU = 1200
	minMTU     = 256
)
