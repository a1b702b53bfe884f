package webrtc

import "encoding/json"

// ICECredentialType says what ICEServer.Credential holds.
type ICECredentialType int

const (
	// ICECredentialTypePassword is a long-term credential (RFC 8489 section 9.2):
	// Credential is a string.
	ICECredentialTypePassword ICECredentialType = iota
	// ICECredentialTypeOauth is an OAuth 2.0 token (RFC 7635). W3C has dropped it and
	// NewPeerConnection refuses it with a NotSupportedError.
	ICECredentialTypeOauth
)

var iceCredentialTypeText = enumText{
	ICECredentialTypePassword: "password",
	ICECredentialTypeOauth:    "oauth",
}

// String returns W3C's name of the value, or "unknown".
func (t ICECredentialType) String() string {
	return iceCredentialTypeText.name(int(t))
}

// MarshalJSON encodes the value as a string.
func (t ICECredentialType) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.String())
}

// UnmarshalJSON decodes a string; one that names no value is a TypeError.
func (t *ICECredentialType) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	v, err := iceCredentialTypeText.parse("credentialType", text)
	if err != nil {
		return err
	}
	*t = ICECredentialType(v)
	return nil
}
