package jsep

// CryptexPolicy is W3C's rtpHeaderEncryptionPolicy (webrtc-extensions), and Off.
type CryptexPolicy uint8

const (
	// CryptexOff writes no a=cryptex.
	CryptexOff CryptexPolicy = iota
	// CryptexNegotiate offers it, and answers it where the peer has it.
	CryptexNegotiate
	// CryptexRequire also refuses a remote description in which a section of media lacks it.
	CryptexRequire
)

// takesCryptex reports whether the writer of d takes packets of m-section i whose header extensions are encrypted: the
// attribute may stand in the session too (RFC 9335 section 4).
func (d *description) takesCryptex(i int) bool {
	m := &d.media[i]
	return m.rtp != nil && (d.cryptex || m.rtp.cryptex)
}

// headersEncrypted reports whether an answer has settled that both sides of a MID take such packets.
func (s *Session) headersEncrypted(mid string) bool {
	l, r := s.answered()
	lm, rm := l.byMID(mid), r.byMID(mid)
	return mid != "" && lm != nil && rm != nil && l.takesCryptex(lm.index) && r.takesCryptex(rm.index)
}
