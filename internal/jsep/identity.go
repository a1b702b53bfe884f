package jsep

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxIdentity bounds an a=identity value that is read or written, in characters of base64. A line of a
// description cannot be much longer.
const maxIdentity = 12 << 10

// Identity is what an a=identity attribute says (RFC 8827 section 7.4.1).
type Identity struct {
	Domain    string // of the identity provider
	Protocol  string // of the identity provider; "default" when the attribute names none
	Assertion string // opaque to everybody but the provider
}

// identityJSON is the form of Identity in the attribute.
type identityJSON struct {
	IDP struct {
		Domain   string `json:"domain"`
		Protocol string `json:"protocol,omitempty"`
	} `json:"idp"`
	Assertion string `json:"assertion"`
}

// Encode returns the value of the attribute: JSON in base64. It fails for an identity that Decode would
// refuse.
func (id Identity) Encode() (string, error) {
	if err := id.check(); err != nil {
		return "", err
	}
	var j identityJSON
	j.IDP.Domain, j.IDP.Protocol, j.Assertion = id.Domain, id.Protocol, id.Assertion
	b, err := json.Marshal(j)
	if err != nil {
		return "", err
	}
	text := base64.StdEncoding.EncodeToString(b)
	if len(text) > maxIdentity {
		return "", fmt.Errorf("the identity assertion takes %d characters of base64, more than %d", len(text), maxIdentity)
	}
	return text, nil
}

// DecodeIdentity reads the value of an a=identity attribute, without its extensions.
func DecodeIdentity(text string) (Identity, error) {
	if len(text) > maxIdentity {
		return Identity{}, fmt.Errorf("a=identity has %d characters, more than %d", len(text), maxIdentity)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Identity{}, fmt.Errorf("a=identity is not base64: %w", err)
	}
	var j identityJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return Identity{}, fmt.Errorf("a=identity is not the JSON of an assertion: %w", err)
	}
	id := Identity{Domain: j.IDP.Domain, Protocol: j.IDP.Protocol, Assertion: j.Assertion}
	if id.Protocol == "" {
		id.Protocol = "default"
	}
	return id, id.check()
}

// check follows webrtc-identity section 4.1 and RFC 8827 section 7.5: the protocol becomes part of a path.
func (id Identity) check() error {
	switch {
	case id.Domain == "":
		return fmt.Errorf("the identity assertion names no domain of a provider")
	case id.Assertion == "":
		return fmt.Errorf("the identity assertion is empty")
	case strings.ContainsAny(id.Protocol, `/\`):
		return fmt.Errorf(`the identity provider's protocol %s has a / or \`, quote(id.Protocol))
	}
	return nil
}

// contentsJSON is what an identity assertion is bound to (RFC 8827 section 7.4).
type contentsJSON struct {
	Fingerprint []fingerprintJSON `json:"fingerprint"`
}

type fingerprintJSON struct {
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
}

// IdentityContents is the text that an identity provider binds to an identity: the fingerprints of a
// connection's certificates, as RFC 8827 section 7.4 has them.
func IdentityContents(fingerprints []Fingerprint) (string, error) {
	c := contentsJSON{Fingerprint: []fingerprintJSON{}}
	for _, f := range normal(fingerprints) {
		c.Fingerprint = append(c.Fingerprint, fingerprintJSON{f.Algorithm, f.Value})
	}
	b, err := json.Marshal(c)
	return string(b), err
}

// ParseIdentityContents returns the fingerprints that an identity assertion is bound to.
func ParseIdentityContents(contents string) ([]Fingerprint, error) {
	var c contentsJSON
	if err := json.Unmarshal([]byte(contents), &c); err != nil {
		return nil, fmt.Errorf("the contents of the identity assertion are not those of RFC 8827 section 7.4: %w", err)
	}
	var out []Fingerprint
	for _, f := range c.Fingerprint {
		out = append(out, Fingerprint{f.Algorithm, f.Digest})
	}
	return normal(out), nil
}

// RemoteIdentity is what a remote description says that concerns the peer's identity.
type RemoteIdentity struct {
	Text         string        // the value of a=identity, for DecodeIdentity; "" when there is none
	Fingerprints []Fingerprint // of every a=fingerprint in the description, each once
}

// Uncovered returns a fingerprint of the description that is not among covered.
func (r RemoteIdentity) Uncovered(covered []Fingerprint) (Fingerprint, bool) {
	for _, f := range r.Fingerprints {
		if !slices.Contains(covered, f) {
			return f, true
		}
	}
	return Fingerprint{}, false
}

// remoteIdentity is that of a parsed description.
func (d *description) remoteIdentity() RemoteIdentity {
	r := RemoteIdentity{Text: d.identity}
	seen := make(map[Fingerprint]bool)
	add := func(fs []Fingerprint) {
		for _, f := range fs {
			if !seen[f] {
				seen[f] = true
				r.Fingerprints = append(r.Fingerprints, f)
			}
		}
	}
	add(d.fingerprints)
	for i := range d.media {
		add(d.media[i].own.Fingerprints)
	}
	return r
}

// CheckRemote makes every check of SetRemote without changing anything, and returns what the description
// says of the peer's identity, so that this can be validated first.
func (s *Session) CheckRemote(t Type, sdp string) (RemoteIdentity, error) {
	d, _, err := s.checkedRemote(t, sdp)
	if err != nil {
		return RemoteIdentity{}, err
	}
	if d == nil { // a rollback
		return RemoteIdentity{}, nil
	}
	return d.remoteIdentity(), nil
}

// CanCreate reports whether the signaling state allows CreateOffer (t is Offer) or CreateAnswer (Answer,
// Pranswer).
func (s *Session) CanCreate(t Type) bool {
	switch t {
	case Offer:
		return s.state == Stable || s.state == HaveLocalOffer
	case Answer, Pranswer:
		return s.state == HaveRemoteOffer || s.state == HaveLocalPranswer
	}
	return false
}
