package ice

import (
	"crypto/rand"
	"fmt"
	"io"
)

// Lengths of RFC 8839 section 5.4, in characters.
const (
	minUfrag      = 4
	minPwd        = 22
	maxCredential = 256

	ufragLength = 8  // 48 bits; at least 24 are wanted
	pwdLength   = 24 // 144 bits; at least 128 are wanted
)

const iceChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// Credentials are the user name fragment and password of one end for one
// generation (RFC 8839 section 5.4).
type Credentials struct{ Ufrag, Pwd string }

// NewCredentials draws credentials from r, or from crypto/rand when r is nil or
// fails.
func NewCredentials(r io.Reader) Credentials {
	var b [ufragLength + pwdLength]byte
	randomBytes(r, b[:])
	for i := range b {
		b[i] = iceChars[b[i]&63] // 64 characters: no bias
	}
	return Credentials{Ufrag: string(b[:ufragLength]), Pwd: string(b[ufragLength:])}
}

// Validate checks lengths and characters (RFC 8839 section 5.4).
func (c Credentials) Validate() error {
	if !isICEString(c.Ufrag, minUfrag, maxCredential) {
		return fmt.Errorf("ice-ufrag %.20q is not %d to %d ice-chars", c.Ufrag, minUfrag, maxCredential)
	}
	if !isICEString(c.Pwd, minPwd, maxCredential) {
		return fmt.Errorf("ice-pwd of %d bytes is not %d to %d ice-chars", len(c.Pwd), minPwd, maxCredential)
	}
	return nil
}

// randomBytes fills b from r. A source that fails is replaced rather than
// trusted with a predictable rest.
func randomBytes(r io.Reader, b []byte) {
	if r != nil {
		if _, err := io.ReadFull(r, b); err == nil {
			return
		}
	}
	rand.Read(b) // never fails (crypto/rand)
}
