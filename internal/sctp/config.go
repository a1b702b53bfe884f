package sctp

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

const (
	// DefaultMTU is the size of an SCTP packet that fits UDP payloads of 1200 bytes
	// after the DTLS record (RFC 8831 section 5, RFC 8261 section 5).
	DefaultMTU = 1160

	// rtoInitial is RFC 9260 section 16's. rtoMax is what browsers use: over ICE a
	// path that came back is to be found soon.
	rtoInitial = time.Second
	rtoMax     = 3 * time.Second
	// maxInitRetransmits is Max.Init.Retransmits (RFC 9260 section 16).
	maxInitRetransmits = 8
	// heartbeatInterval is HB.interval (RFC 9260 section 16).
	heartbeatInterval = 30 * time.Second
	// cookieLifetime is Valid.Cookie.Life (RFC 9260 section 16).
	cookieLifetime = 60 * time.Second
)

// Congestion is an algorithm of congestion control.
type Congestion = transmit.Congestion

// The algorithms.
const (
	CUBIC   = transmit.CUBIC
	NewReno = transmit.NewReno
)

// Config of an Association. The zero value of a field means its default, Secret and
// Seed excepted.
type Config struct {
	// Port is the source and destination port; 0: 5000.
	Port uint16
	// MTU is the size of the largest packet at first, in bytes; 0: DefaultMTU. MaxMTU
	// is how far probing goes (RFC 8899); up to MTU: no probing.
	MTU, MaxMTU int
	// Window and MaxWindow bound the receive window, in bytes: what INIT says, and how
	// far it may grow. 0: defaults of package receive.
	Window, MaxWindow int
	// NoInterleaving keeps I-DATA (RFC 8260) out of the negotiation.
	NoInterleaving bool
	// ZeroChecksum: packets travel in DTLS, so that a checksum of 0 is acceptable where
	// the peer agrees (RFC 9653).
	ZeroChecksum bool
	// Congestion selects the congestion control: CUBIC or NewReno.
	Congestion Congestion
	// MaxRetransmits is Association.Max.Retrans: after so many timeouts in a row the
	// association fails. 0: never, as what watches the path, ICE, is below.
	MaxRetransmits int
	// Seed is the source of tags and TSNs, which a stranger must not guess, and Secret
	// the key of state cookies. Both random.
	Seed, Secret [32]byte
}

func (c *Config) normalise() {
	if c.Port == 0 {
		c.Port = 5000
	}
	if c.MTU == 0 {
		c.MTU = DefaultMTU
	}
	if c.Window == 0 {
		c.Window = 1 << 20
	}
	if c.MaxWindow == 0 {
		c.MaxWindow = 16 << 20
	}
	c.Window = max(min(c.Window, c.MaxWindow), minWindow)
	c.MaxWindow = max(c.MaxWindow, c.Window)
}

// minWindow is the least that INIT may advertise (RFC 9260 section 3.3.2).
const minWindow = 1500
