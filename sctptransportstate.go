package webrtc

// SCTPTransportState is the state of one SCTPTransport (webrtc-pc section 6.1.4,
// RTCSctpTransportState).
type SCTPTransportState int

const (
	// SCTPTransportStateUnknown is the zero value.
	SCTPTransportStateUnknown SCTPTransportState = iota
	// SCTPTransportStateConnecting means that the association is being set up.
	SCTPTransportStateConnecting
	// SCTPTransportStateConnected means that the association is up.
	SCTPTransportStateConnected
	// SCTPTransportStateClosed means that the association has ended, by either end
	// or by a failure, or that the DTLS transport is closed.
	SCTPTransportStateClosed
)

var sctpTransportStateText = enumText{
	SCTPTransportStateConnecting: "connecting",
	SCTPTransportStateConnected:  "connected",
	SCTPTransportStateClosed:     "closed",
}

// String returns W3C's name of the value, or "unknown".
func (s SCTPTransportState) String() string {
	return sctpTransportStateText.name(int(s))
}
