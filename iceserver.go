package webrtc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// ICEServer is a STUN or TURN server that an ICE gatherer may use (webrtc-pc
// section 4.2.2, RTCIceServer). One that is not valid makes NewPeerConnection
// fail. Those that fail, and stuns: servers, which are not asked, are reported to
// OnICECandidateError.
type ICEServer struct {
	// URLs holds one or more URLs of the same server: stun:, stuns: (RFC 7064),
	// turn: or turns: (RFC 7065). It must not be empty. SRV records tell where the
	// server of a domain without a port is (RFC 8489 section 8); without any, it is at
	// the domain's own addresses and the default port, as in browsers.
	URLs []string `json:"urls"`
	// Username is the user's name on a TURN server, 1 to 508 bytes of UTF-8
	// (RFC 8489 section 14.3). STUN servers do without.
	Username string `json:"username,omitempty"`
	// Credential is the password on a TURN server, a string. STUN servers do
	// without.
	Credential any `json:"credential,omitempty"`
	// CredentialType says what Credential holds. The zero value is a password,
	// the only kind that is supported.
	CredentialType ICECredentialType `json:"credentialType,omitempty"`
}

// OAuthCredential holds an OAuth 2.0 token for a TURN server (RFC 7635). W3C has
// dropped it and NewPeerConnection refuses it with a NotSupportedError.
type OAuthCredential struct {
	// MACKey is the key in base64url.
	MACKey string
	// AccessToken is the token in base64.
	AccessToken string
}

// maxTURNUsername is the longest user name in bytes: RFC 8489 section 14.3 asks
// for fewer than 509.
const maxTURNUsername = 508

// validate is W3C's "validate an ICE server" (webrtc-pc section 4.4.1.5, set a
// configuration). The error has no Op.
func (s ICEServer) validate() error {
	_, err := s.urls()
	return err
}

// urls returns the parsed URLs of a valid server.
func (s ICEServer) urls() ([]iceServerURL, error) {
	if len(s.URLs) == 0 {
		return nil, newError(KindSyntaxError, "", errors.New("ICE server without URLs"))
	}
	urls := make([]iceServerURL, 0, len(s.URLs))
	for _, raw := range s.URLs {
		u, err := parseICEServerURL(raw)
		if err != nil {
			return nil, err
		}
		if u.isTURN() {
			if err := s.validateCredentials(); err != nil {
				err.Err = fmt.Errorf("ICE server %s: %w", quoteShort(raw), err.Err)
				return nil, err
			}
			u.username, u.password = s.Username, s.Credential.(string)
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// validateCredentials checks what a TURN server needs.
func (s ICEServer) validateCredentials() *Error {
	switch s.CredentialType {
	case ICECredentialTypePassword:
	case ICECredentialTypeOauth:
		return newError(KindNotSupported, "", errors.New("OAuth credentials (RFC 7635) are not supported"))
	default:
		return errorf(KindTypeError, "", "%w: %w credential type %d", ErrTurnCredentials, ErrUnknownType, int(s.CredentialType))
	}
	if s.Username == "" || s.Credential == nil {
		return newError(KindInvalidAccess, "", ErrNoTurnCredentials)
	}
	password, ok := s.Credential.(string)
	if !ok {
		return errorf(KindInvalidAccess, "", "%w: the credential is a %T, want a string", ErrTurnCredentials, s.Credential)
	}
	if password == "" {
		return newError(KindInvalidAccess, "", ErrNoTurnCredentials)
	}
	if len(s.Username) > maxTURNUsername {
		return errorf(KindInvalidAccess, "", "%w: the username has %d bytes, at most %d are allowed", ErrTurnCredentials, len(s.Username), maxTURNUsername)
	}
	if !isOpaqueString(s.Username) {
		return errorf(KindInvalidAccess, "", "%w: the username is not UTF-8 text without control characters", ErrTurnCredentials)
	}
	if !isOpaqueString(password) {
		return errorf(KindInvalidAccess, "", "%w: the credential is not UTF-8 text without control characters", ErrTurnCredentials)
	}
	return nil
}

// isOpaqueString checks the part of RFC 8265 section 4 that needs no tables:
// valid UTF-8 without control characters (RFC 8264 section 4.3.3).
func isOpaqueString(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// clone returns a copy that shares no slice with s.
func (s ICEServer) clone() ICEServer {
	s.URLs = append([]string(nil), s.URLs...)
	return s
}

// MarshalJSON encodes the server as W3C's dictionary, with urls as an array.
func (s ICEServer) MarshalJSON() ([]byte, error) {
	urls := s.URLs
	if urls == nil {
		urls = []string{}
	}
	return json.Marshal(struct {
		URLs           []string          `json:"urls"`
		Username       string            `json:"username,omitempty"`
		Credential     any               `json:"credential,omitempty"`
		CredentialType ICECredentialType `json:"credentialType"`
	}{urls, s.Username, s.Credential, s.CredentialType})
}

// UnmarshalJSON decodes W3C's dictionary: urls may be a string or an array of
// strings. Members that are not known are ignored.
func (s *ICEServer) UnmarshalJSON(b []byte) error {
	var fields struct {
		URLs           iceServerURLs     `json:"urls"`
		Username       string            `json:"username"`
		Credential     json.RawMessage   `json:"credential"`
		CredentialType ICECredentialType `json:"credentialType"`
	}
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return newError(KindTypeError, "", errors.New("ICE server is not a JSON object"))
	}
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	decoded := ICEServer{URLs: fields.URLs, Username: fields.Username, CredentialType: fields.CredentialType}
	if decoded.URLs == nil {
		decoded.URLs = []string{}
	}
	if len(fields.Credential) > 0 {
		var err error
		if decoded.Credential, err = decodeCredential(fields.Credential, fields.CredentialType); err != nil {
			return err
		}
	}
	*s = decoded
	return nil
}

func decodeCredential(b []byte, typ ICECredentialType) (any, error) {
	if typ == ICECredentialTypeOauth {
		var token OAuthCredential
		if err := json.Unmarshal(b, &token); err != nil {
			return nil, err
		}
		return token, nil
	}
	var credential any
	if err := json.Unmarshal(b, &credential); err != nil {
		return nil, err
	}
	return credential, nil
}

// iceServerURLs decodes a string or an array of strings.
type iceServerURLs []string

func (u *iceServerURLs) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*u = iceServerURLs{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(u))
}
