package webrtc

// DTLSTransportState is the state of one DTLSTransport (webrtc-pc section 5.5,
// RTCDtlsTransportState).
type DTLSTransportState int

const (
	// DTLSTransportStateUnknown is the zero value.
	DTLSTransportStateUnknown DTLSTransportState = iota
	// DTLSTransportStateNew means that the handshake has not begun.
	DTLSTransportStateNew
	// DTLSTransportStateConnecting means that the handshake is on its way.
	DTLSTransportStateConnecting
	// DTLSTransportStateConnected means that the handshake is done and the remote
	// fingerprint was verified.
	DTLSTransportStateConnected
	// DTLSTransportStateClosed means that one of the ends closed the transport.
	DTLSTransportStateClosed
	// DTLSTransportStateFailed means that the handshake failed, a fatal alert came, or
	// the remote fingerprint does not match.
	DTLSTransportStateFailed
)

var dtlsTransportStateText = enumText{
	DTLSTransportStateNew:        "new",
	DTLSTransportStateConnecting: "connecting",
	DTLSTransportStateConnected:  "connected",
	DTLSTransportStateClosed:     "closed",
	DTLSTransportStateFailed:     "failed",
}

// String returns W3C's name of the value, or "unknown".
func (s DTLSTransportState) String() string {
	return dtlsTransportStateText.name(int(s))
}

// MarshalText encodes the value by its name.
func (s DTLSTransportState) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

// UnmarshalText decodes a name; one that is not known gives DTLSTransportStateUnknown.
func (s *DTLSTransportState) UnmarshalText(b []byte) error {
	*s = DTLSTransportState(dtlsTransportStateText.valueOrUnknown(string(b)))
	return nil
}
