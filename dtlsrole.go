package webrtc

// DTLSRole is an end's part in the DTLS handshake (ORTC section 5.5,
// RTCDtlsRole; a=setup of RFC 8842 section 5.1).
type DTLSRole byte

const (
	// DTLSRoleUnknown is the zero value.
	DTLSRoleUnknown DTLSRole = iota
	// DTLSRoleAuto leaves the role to the other end or to the ICE role
	// (a=setup:actpass).
	DTLSRoleAuto
	// DTLSRoleClient sends the ClientHello (a=setup:active).
	DTLSRoleClient
	// DTLSRoleServer waits for the ClientHello (a=setup:passive).
	DTLSRoleServer
)

var dtlsRoleText = enumText{
	DTLSRoleAuto:   "auto",
	DTLSRoleClient: "client",
	DTLSRoleServer: "server",
}

// String returns W3C's name of the value, or "unknown".
func (r DTLSRole) String() string {
	return dtlsRoleText.name(int(r))
}
