package webrtc

// ICERole is an agent's part in ICE (RFC 8445 section 6.1.1; webrtc-pc section
// 5.6.7, RTCIceRole).
type ICERole int

const (
	// ICERoleUnknown is the zero value.
	ICERoleUnknown ICERole = iota
	// ICERoleControlling nominates the pair.
	ICERoleControlling
	// ICERoleControlled follows the other end's nomination.
	ICERoleControlled
)

var iceRoleText = enumText{
	ICERoleControlling: "controlling",
	ICERoleControlled:  "controlled",
}

// String returns W3C's name of the value, or "unknown".
func (r ICERole) String() string {
	return iceRoleText.name(int(r))
}

// MarshalText encodes the value by its name.
func (r ICERole) MarshalText() ([]byte, error) {
	return []byte(r.String()), nil
}

// UnmarshalText decodes a name; one that is not known gives ICERoleUnknown.
func (r *ICERole) UnmarshalText(b []byte) error {
	*r = ICERole(iceRoleText.valueOrUnknown(string(b)))
	return nil
}
