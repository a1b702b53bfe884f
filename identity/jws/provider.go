// Package jws is an identity provider for webrtc.PeerConnection that works
// offline: an assertion is a JSON Web Signature (RFC 7515) over the name of its
// maker and what the connection binds it to, made with an Ed25519 or ECDSA P-256
// key, and checked against a JSON Web Key Set (RFC 7517) that the application
// has from where it trusts it.
package jws

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/passerelle-rtc/webrtc"
)

// protocol names this kind of assertion in a=identity, and typ in the header of
// the JWS: a signature that the key made for another purpose is not taken.
const (
	protocol = "jws"
	typ      = "webrtc-identity+jws"
)

// DefaultLifetime is how long an assertion is valid.
const DefaultLifetime = 10 * time.Minute

// skew is how far the clocks of the two ends may be apart.
const skew = time.Minute

// algorithms are those that are accepted.
var algorithms = []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256}

// Config configures a Provider.
type Config struct {
	// Name is who is at this end, as name@domain. Without it and Key, the
	// provider checks the peer and asserts nothing.
	Name string
	// Key is this end's private key: ed25519.PrivateKey, *ecdsa.PrivateKey on
	// P-256, or a crypto.Signer of such a key.
	Key crypto.Signer
	// KeyID is the "kid" of Key in the peer's Trusted.
	KeyID string
	// Trusted has the public key of each peer that is to be known: its "kid" is
	// the KeyID. Who holds a key is said by Names.
	Trusted jose.JSONWebKeySet
	// Names says for each key ID of Trusted whose key it is: the key proves
	// that name alone. A key without a name proves nothing.
	Names map[string]string
	// Lifetime is how long an assertion is valid; 0: DefaultLifetime. A
	// connection asks for one and uses it in all its descriptions; a peer
	// checks it once.
	Lifetime time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Provider is a webrtc.IdentityProvider. It is safe for concurrent use, and one
// may serve many connections.
type Provider struct {
	config Config
	signer jose.Signer // nil: asserts nothing
	domain string
}

var _ webrtc.IdentityProvider = (*Provider)(nil)

// claims is the payload of the JWS. The names are those of RFC 7519 section 4.1
// where it has them.
type claims struct {
	Subject  string `json:"sub"`
	Contents string `json:"contents"`
	Peer     string `json:"peer,omitempty"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// New makes a provider. It fails for a key that is neither Ed25519 nor ECDSA
// P-256, for a name that is not of the form name@domain, and for a trusted key
// that is private or of another kind.
func New(config Config) (*Provider, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Lifetime == 0 {
		config.Lifetime = DefaultLifetime
	}
	p := &Provider{config: config}
	for _, key := range config.Trusted.Keys {
		if _, err := algorithmOf(key.Key); err != nil || !key.IsPublic() {
			return nil, fmt.Errorf("jws: trusted key %q is not a public key of Ed25519 or P-256", key.KeyID)
		}
	}
	if config.Name == "" && config.Key == nil {
		return p, nil
	}
	at := strings.LastIndexByte(config.Name, '@')
	if at < 1 || at == len(config.Name)-1 {
		return nil, fmt.Errorf("jws: name %q is not of the form name@domain", config.Name)
	}
	p.domain = config.Name[at+1:]
	if config.Key == nil || config.KeyID == "" {
		return nil, errors.New("jws: a name needs a key and its ID")
	}
	return p, p.useKey()
}

// useKey makes the signer.
func (p *Provider) useKey() error {
	algorithm, err := algorithmOf(p.config.Key.Public())
	if err != nil {
		return err
	}
	key := jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: p.signingKey(), KeyID: p.config.KeyID}}
	p.signer, err = jose.NewSigner(key, (&jose.SignerOptions{}).WithType(typ))
	return err
}

// GenerateAssertion signs the contents with this end's name. See
// webrtc.IdentityProvider.
func (p *Provider) GenerateAssertion(_ context.Context, contents, _ string, options webrtc.IdentityProviderOptions) (webrtc.IdentityAssertionResult, error) {
	if p.signer == nil {
		return webrtc.IdentityAssertionResult{}, webrtc.ErrNoIdentity
	}
	if hint := options.UsernameHint; hint != "" && hint != p.config.Name {
		return webrtc.IdentityAssertionResult{}, fmt.Errorf("jws: an assertion for %q is wanted, the key is that of %q", hint, p.config.Name)
	}
	now := p.config.Now()
	payload, err := json.Marshal(claims{
		Subject: p.config.Name, Contents: contents, Peer: options.PeerIdentity,
		Issued: now.Unix(), Expires: now.Add(p.config.Lifetime).Unix(),
	})
	if err != nil {
		return webrtc.IdentityAssertionResult{}, err
	}
	signed, err := p.signer.Sign(payload)
	if err != nil {
		return webrtc.IdentityAssertionResult{}, err
	}
	text, err := signed.CompactSerialize()
	return webrtc.IdentityAssertionResult{
		IDP:       webrtc.IdentityProviderDetails{Domain: p.domain, Protocol: protocol},
		Assertion: text,
	}, err
}

// ValidateAssertion checks signature, time and, where the assertion is for one
// peer alone, that this end is that peer. See webrtc.IdentityProvider.
func (p *Provider) ValidateAssertion(_ context.Context, assertion, _ string) (webrtc.IdentityValidationResult, error) {
	c, err := p.verify(assertion)
	if err != nil {
		return webrtc.IdentityValidationResult{}, &webrtc.IdentityProviderError{Kind: webrtc.KindIDPTokenInvalid, Err: err}
	}
	now := p.config.Now()
	switch {
	case now.Add(-skew).Unix() >= c.Expires:
		err = fmt.Errorf("jws: the assertion expired at %v", time.Unix(c.Expires, 0).UTC())
		return webrtc.IdentityValidationResult{}, &webrtc.IdentityProviderError{Kind: webrtc.KindIDPTokenExpired, Err: err}
	case now.Add(skew).Unix() < c.Issued:
		err = fmt.Errorf("jws: the assertion is from the future: %v", time.Unix(c.Issued, 0).UTC())
	case c.Peer != "" && c.Peer != p.config.Name:
		err = fmt.Errorf("jws: the assertion is for %q, this is %q", c.Peer, p.config.Name)
	}
	if err != nil {
		return webrtc.IdentityValidationResult{}, &webrtc.IdentityProviderError{Kind: webrtc.KindIDPTokenInvalid, Err: err}
	}
	return webrtc.IdentityValidationResult{Identity: c.Subject, Contents: c.Contents}, nil
}

// verify returns what a trusted key has signed in its own name.
func (p *Provider) verify(assertion string) (claims, error) {
	signed, err := jose.ParseSignedCompact(assertion, algorithms)
	if err != nil {
		return claims{}, err
	}
	header := signed.Signatures[0].Protected
	if got, _ := header.ExtraHeaders[jose.HeaderType].(string); got != typ {
		return claims{}, fmt.Errorf("jws: type %q, not %q", got, typ)
	}
	for _, key := range p.config.Trusted.Key(header.KeyID) {
		// RFC 8725 section 3.1: the key says which algorithm is right.
		if algorithm, err := algorithmOf(key.Key); err != nil || string(algorithm) != header.Algorithm {
			continue
		}
		payload, err := signed.Verify(key.Key)
		if err != nil {
			continue
		}
		var c claims
		if err := json.Unmarshal(payload, &c); err != nil {
			return claims{}, fmt.Errorf("jws: payload: %w", err)
		}
		if name := p.config.Names[key.KeyID]; name == "" || name != c.Subject {
			return claims{}, fmt.Errorf("jws: key %q does not speak for %q", key.KeyID, c.Subject)
		}
		return c, nil
	}
	return claims{}, fmt.Errorf("jws: no trusted key %q verifies the signature", header.KeyID)
}
